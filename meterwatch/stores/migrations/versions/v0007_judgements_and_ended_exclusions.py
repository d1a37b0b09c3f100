"""Judgements that can be taken back, and exclusions ended before their time."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import ID, Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.add_column("exclusions", sa.Column("ended_by", sa.String(length=64), server_default="", nullable=False))
    op.add_column("exclusions", sa.Column("ended_at", Moment(), nullable=True))
    _judgements()


def _judgements() -> None:
    """Make the table anew: nothing has written to it before this version."""
    op.drop_table("judgements")
    op.create_table(
        "judgements",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("duty", ID, nullable=True),
        sa.Column("withdrawn_by", sa.String(length=64), server_default="", nullable=False),
        sa.Column("withdrawn_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["duty"], ["duties.id"], name=op.f("fk_judgements_duty_duties")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgements")),
    )
    op.create_index(op.f("ix_judgements_day"), "judgements", ["day"], unique=False)
    standing = sa.text("withdrawn_at IS NULL")
    op.create_index(
        op.f("ix_judgements_rule_subject_day"),
        "judgements",
        ["rule", "subject", "day"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
