"""The tables of corrected readings and of verdicts on meters (docs/formats.md)."""

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from meterwatch.stores.column_types import ID, Moment
from meterwatch.stores.tables import metadata

corrections = Table(
    "corrections",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("usage_point", String(64), nullable=False),
    Column("reading_type", Integer, nullable=False),
    Column("time", Moment, nullable=False),
    Column("raw_value", Float),
    Column("value", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", String(64), nullable=False),
    Column("account", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("withdrawn_at", Moment),
    Column("withdrawn_by", String(64)),
    Index(None, "time"),
)
meter_verdicts = Table(
    "meter_verdicts",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("usage_point", String(64), nullable=False),
    Column("meter", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("what_to_check", Text, nullable=False),
    Column("person", String(64), nullable=False),
    Column("account", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "usage_point"),
)
