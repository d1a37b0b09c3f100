"""The registry's tables as the first version made them, and the shape that all of them share."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import DOCUMENT, ID, Moment


def create() -> None:
    """Make them."""
    _agreements()
    _assignments()
    _customers()
    _meters()
    _people()
    _usage_points()
    _point_rows()
    _snapshots()


def versioned(name: str, *columns: sa.Column[object]) -> None:
    """Make a table whose rows say from which to which snapshot they hold."""
    op.create_table(
        name,
        sa.Column("id", ID, autoincrement=True, nullable=False),
        *columns,
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_last_snapshot"), name, ["last_snapshot"], unique=False)


def _agreements() -> None:
    versioned(
        "agreements",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
    )


def _assignments() -> None:
    versioned(
        "assignments",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=True),
        sa.Column("class", sa.String(length=2), nullable=True),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
    )


def _customers() -> None:
    versioned(
        "customers",
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("class", sa.String(length=2), nullable=False),
        sa.Column("wheeling", sa.Boolean(), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("area", sa.String(length=64), nullable=True),
    )


def _meters() -> None:
    versioned(
        "meters",
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=True),
        sa.Column("multiplier", sa.Float(), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=True),
        sa.Column("topic_filter", sa.Text(), nullable=True),
        sa.Column("valid_from", Moment(), nullable=False),
        sa.Column("valid_to", Moment(), nullable=True),
        sa.Column("initial_index", sa.Float(), nullable=True),
        sa.Column("final_index", sa.Float(), nullable=True),
    )


def _people() -> None:
    versioned(
        "people",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
    )


def _usage_points() -> None:
    versioned(
        "usage_points",
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("commodity", sa.String(length=16), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("capacity", sa.Float(), nullable=True),
        sa.Column("qmin", sa.Float(), nullable=True),
        sa.Column("qmax", sa.Float(), nullable=True),
    )


def _point_rows() -> None:
    op.create_table(
        "point_rows",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_point_rows")),
        sa.UniqueConstraint("usage_point", name=op.f("uq_point_rows_usage_point")),
    )


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("imported_at", Moment(), nullable=False),
        sa.Column("imported_by", sa.String(length=64), nullable=False),
        sa.Column("rows", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_snapshots")),
    )
