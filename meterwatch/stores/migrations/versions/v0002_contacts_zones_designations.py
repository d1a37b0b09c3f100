"""Contacts, zones of the network, and who is important."""

import sqlalchemy as sa

from meterwatch.stores.migrations.registry_tables import versioned

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    _contacts()
    _designations()
    _point_zones()
    _zones()


def _contacts() -> None:
    versioned(
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
    versioned(
        "designations",
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=False),
        sa.Column("review_date", sa.Date(), nullable=False),
    )


def _point_zones() -> None:
    versioned(
        "point_zones",
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("supply", sa.String(length=8), nullable=False),
    )


def _zones() -> None:
    versioned(
        "zones",
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
    )
