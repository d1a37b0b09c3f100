"""General large customers by year, the sheets they are decided on, and assignments by importance."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import DOCUMENT, ID, Moment
from meterwatch.stores.migrations.registry_tables import versioned

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.add_column("assignments", sa.Column("importance", sa.String(length=16), nullable=True))
    _classifications()
    _classification_sheets()


def _classifications() -> None:
    versioned(
        "classifications",
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("commodity", sa.String(length=16), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("monthly_mean", sa.Float(), nullable=True),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("large", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=False),
    )


def _classification_sheets() -> None:
    op.create_table(
        "classification_sheets",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("rows", DOCUMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", Moment(), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved_at", Moment(), nullable=True),
        sa.Column("snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification_sheets")),
    )
    op.create_index(op.f("ix_classification_sheets_year"), "classification_sheets", ["year"], unique=False)
