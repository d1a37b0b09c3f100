"""Contacts, zones of the network, and who is important."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables to this version."""
    _contacts()
    _designations()
    _point_zones()
    _zones()


def _versioned(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("id", ID, autoincrement=True, nullable=False),
        *columns,
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_last_snapshot"), name, ["last_snapshot"], unique=False)


def _contacts() -> None:
    _versioned(
        "contacts",
        sa.Column("contact", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("paper_hash", sa.String(length=64), nullable=True),
    )


def _designations() -> None:
    _versioned(
        "designations",
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=False),
        sa.Column("review_date", sa.Date(), nullable=False),
    )


def _point_zones() -> None:
    _versioned(
        "point_zones",
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("supply", sa.String(length=8), nullable=False),
    )


def _zones() -> None:
    _versioned(
        "zones",
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
    )
