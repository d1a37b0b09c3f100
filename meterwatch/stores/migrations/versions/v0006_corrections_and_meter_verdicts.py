"""Corrected readings, and what people say of meters."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import ID, Moment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    _corrections()
    _meter_verdicts()


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("reading_type", sa.Integer(), nullable=False),
        sa.Column("time", Moment(), nullable=False),
        sa.Column("raw_value", sa.Float(), nullable=True),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("withdrawn_at", Moment(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_time"), "corrections", ["time"], unique=False)


def _meter_verdicts() -> None:
    op.create_table(
        "meter_verdicts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("what_to_check", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_verdicts")),
    )
    op.create_index(op.f("ix_meter_verdicts_usage_point"), "meter_verdicts", ["usage_point"], unique=False)
