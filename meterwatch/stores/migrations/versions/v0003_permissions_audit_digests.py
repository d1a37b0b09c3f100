"""Permissions with an end, and the digests that seal the audit."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import ID, Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    _audit_digests()
    _permissions()


def _audit_digests() -> None:
    op.create_table(
        "audit_digests",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", Moment(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_digests")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_digests_previous")),
    )


def _permissions() -> None:
    op.create_table(
        "permissions",
        sa.Column("number", ID, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("right", sa.String(length=16), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("granted_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_permissions")),
    )
    op.create_index(op.f("ix_permissions_person"), "permissions", ["person"], unique=False)
