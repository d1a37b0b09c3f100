"""The tables of the audit's seal and of permissions."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, String, Table, Text, UniqueConstraint

from meterwatch.stores.column_types import ID, Moment
from meterwatch.stores.table_parts import code, metadata

audit_digests = Table(
    "audit_digests",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hour", Moment, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("key", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("previous"),
)
permissions = Table(
    "permissions",
    metadata,
    Column("number", ID, primary_key=True, autoincrement=True),
    code("person"),
    Column("right", String(16), nullable=False),
    code("customer", nullable=True),
    code("unit", nullable=True),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("reason", Text, nullable=False),
    code("granted_by"),
    Column("account", String(64), nullable=False),
    Column("granted_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    code("revoked_by", nullable=True),
    Index(None, "person"),
)
