"""The tables of ledger and registry (docs/formats.md). SQLite and PostgreSQL hold the same."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from meterwatch.stores import audit_tables, table_parts
from meterwatch.stores.column_types import DOCUMENT, ID, Moment
from meterwatch.stores.table_parts import code as _code
from meterwatch.stores.table_parts import id_column as _id

metadata = table_parts.metadata
audit_digests, permissions = audit_tables.audit_digests, audit_tables.permissions

# --- clock ------------------------------------------------------------------------------------------------------------

clock = Table(
    "clock",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("moved_to", Moment, nullable=False),
)
steps = Table(
    "steps",
    metadata,
    Column("role", String(16), primary_key=True),
    Column("stepped_to", Moment, nullable=False),
)

# --- registry: a row is valid for the snapshots first_snapshot <= n < last_snapshot ---

snapshots = Table(
    "snapshots",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("imported_at", Moment, nullable=False),
    Column("imported_by", String(64), nullable=False),
    Column("rows", DOCUMENT, nullable=False),
)
point_rows = Table(
    "point_rows",
    metadata,
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("usage_point", String(64), nullable=False, unique=True),
)


def _versioned(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        _id(),
        *columns,
        Column("first_snapshot", Integer, nullable=False),
        Column("last_snapshot", Integer),
        Index(None, "last_snapshot"),
    )


customers = _versioned(
    "customers",
    _code("customer"),
    Column("name", Text, nullable=False),
    Column("class", String(2), nullable=False),
    Column("wheeling", Boolean, nullable=False),
    _code("unit", nullable=True),
    _code("area", nullable=True),
)
usage_points = _versioned(
    "usage_points",
    _code("usage_point"),
    Column("commodity", String(16), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("capacity", Float),
    Column("qmin", Float),
    Column("qmax", Float),
)
agreements = _versioned(
    "agreements",
    _code("agreement"),
    _code("customer"),
    _code("usage_point"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date),
)
meters = _versioned(
    "meters",
    _code("meter"),
    _code("usage_point"),
    Column("digits", Integer),
    Column("multiplier", Float, nullable=False),
    _code("gateway", nullable=True),
    Column("topic_filter", Text),
    Column("valid_from", Moment, nullable=False),
    Column("valid_to", Moment),
    Column("initial_index", Float),
    Column("final_index", Float),
)
people = _versioned(
    "people",
    _code("person"),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("phone", String(32)),
    Column("email", Text),
    _code("unit", nullable=True),
    Column("lang", String(8), nullable=False),
    Column("first_day", Date),
    Column("last_day", Date),
)
assignments = _versioned(
    "assignments",
    _code("person"),
    Column("role", String(16), nullable=False),
    _code("customer", nullable=True),
    Column("class", String(2)),
    _code("area", nullable=True),
    Column("first_day", Date),
    Column("last_day", Date),
    Column("importance", String(16)),
)

contacts = _versioned(
    "contacts",
    _code("contact"),
    _code("customer"),
    Column("name", Text, nullable=False),
    Column("phone", String(32)),
    Column("role", String(16), nullable=False),
    Column("first_day", Date),
    Column("last_day", Date),
    Column("paper_hash", String(64)),
)
zones = _versioned(
    "zones",
    _code("zone"),
    Column("kind", Text, nullable=False),
    _code("parent", nullable=True),
)
point_zones = _versioned(
    "point_zones",
    _code("usage_point"),
    _code("zone"),
    Column("supply", String(8), nullable=False),
)
designations = _versioned(
    "designations",
    _code("customer"),
    Column("category", String(16), nullable=False),
    Column("grade", String(16), nullable=False),
    Column("basis", Text, nullable=False),
    _code("approved_by"),
    Column("review_date", Date, nullable=False),
)

classifications = _versioned(
    "classifications",
    _code("customer"),
    Column("commodity", String(16), nullable=False),
    Column("year", Integer, nullable=False),
    Column("monthly_mean", Float),
    Column("months", Integer, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("large", Boolean, nullable=False),
    _code("decided_by"),
    _code("approved_by"),
)
classification_sheets = Table(  # what an office decided, until a supervisor approves it
    "classification_sheets",
    metadata,
    _id(),
    Column("year", Integer, nullable=False),
    Column("rows", DOCUMENT, nullable=False),
    _code("decided_by"),
    Column("decided_at", Moment, nullable=False),
    Column("account", String(64), nullable=False),
    _code("approved_by", nullable=True),
    Column("approved_at", Moment),
    Column("snapshot", Integer),
    Index(None, "year"),
)

# --- ingest -----------------------------------------------------------------------------------------------------------

rejected_packets = Table(
    "rejected_packets",
    metadata,
    _id(),
    Column("received_at", Moment, nullable=False),
    Column("segment", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("replayed_at", Moment),
    Column("topic", Text, nullable=False),
    Column("properties", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("received_at", "segment", "offset"),  # a position alone repeats when the journal is replaced
)
rejects = Table(
    "rejects",
    metadata,
    _id(),
    Column("packet", ID, ForeignKey("rejected_packets.id", ondelete="CASCADE"), nullable=False),
    Column("record", Integer, nullable=False),  # -1 = the whole packet
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("packet", "record"),
    Index(None, "reason"),
)
conflicts = Table(
    "conflicts",
    metadata,
    _id(),
    Column("usage_point", String(64), nullable=False),
    Column("reading_type", Integer, nullable=False),
    Column("time", Moment, nullable=False),
    Column("kept_value", Float, nullable=False),
    Column("kept_received_at", Moment, nullable=False),
    Column("offered_value", Float, nullable=False),
    Column("offered_received_at", Moment, nullable=False),
    Column("offered_segment", BigInteger, nullable=False),
    Column("offered_offset", BigInteger, nullable=False),
    UniqueConstraint("usage_point", "reading_type", "time", "offered_received_at", "offered_value"),
    Index(None, "offered_received_at"),
)

# --- evaluation -------------------------------------------------------------------------------------------------------

evaluated_days = Table(
    "evaluated_days",
    metadata,
    Column("scheme", String(80), primary_key=True),
    Column("first_day", Integer, nullable=False),
    Column("begun_day", Integer, nullable=False),
    Column("done_day", Integer, nullable=False),
    Column("begun_at", Moment, nullable=False),
)
dirty_days = Table(
    "dirty_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("point", Integer, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),
)
facts = Table(
    "facts",
    metadata,
    Column("rule", String(32), primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("crossing", String(80), nullable=False),
    Column("figures", DOCUMENT, nullable=False),
    Index(None, "day"),
)
episode_states = Table(
    "episode_states",
    metadata,
    Column("rule", String(32), primary_key=True),
    Column("policy", String(16), primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("state", DOCUMENT, nullable=False),
    Index(None, "day"),
)
alerts = Table(
    "alerts",
    metadata,
    _id(),
    Column("rule", String(32), nullable=False),
    Column("policy", String(16), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("opened_day", Integer, nullable=False),
    Column("start_day", Integer, nullable=False),
    Column("closed_day", Integer),
    Column("closed_why", String(32), nullable=False),
    Column("episode", DOCUMENT, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("registry", Integer, nullable=False),
    Column("suppressed", String(32), nullable=False),
    Column("withdrawn_at", Moment),
    Index(None, "closed_day"),
)
STANDING = alerts.c.withdrawn_at.is_(None)
Index(  # of those withdrawn there may be several: late readings can move another alert to the same day
    None,
    *(alerts.c[name] for name in ("rule", "policy", "subject", "opened_day")),
    unique=True,
    sqlite_where=STANDING,
    postgresql_where=STANDING,
)
stages = Table(
    "stages",
    metadata,
    Column("alert", ID, ForeignKey("alerts.id"), primary_key=True),
    Column("stage", String(32), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("reached_at", Moment, nullable=False),
)

# --- messages ----------------------------------------------------------------------------------------------

messages = Table(
    "messages",
    metadata,
    Column("number", ID, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("channel", String(32), nullable=False),
    Column("person", String(64), nullable=False),
    Column("lang", String(8), nullable=False),
    Column("template", String(32), nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("alert", ID, ForeignKey("alerts.id")),
    Column("state", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("not_before", Moment),
    Column("attempts", Integer, nullable=False),
    Column("reference", String(80), nullable=False),
    Column("lease_token", String(40)),
    Column("lease_until_real", Moment),
    Column("retry_at_real", Moment),
    Index(None, "state", "channel"),
    Index(None, "channel", "reference"),
    Index(None, "created_at"),
    Index(None, "alert"),
)
message_alerts = Table(
    "message_alerts",
    metadata,
    Column("message", ID, ForeignKey("messages.number"), primary_key=True),
    Column("alert", ID, ForeignKey("alerts.id"), primary_key=True),
    Index(None, "alert"),
)
message_history = Table(
    "message_history",
    metadata,
    _id(),
    Column("message", ID, ForeignKey("messages.number"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "message"),
)
receipts = Table(
    "receipts",
    metadata,
    _id(),
    Column("channel", String(32), nullable=False),
    Column("reference", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("message", ID, ForeignKey("messages.number")),
    Column("happened_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("raw", Text, nullable=False),
    UniqueConstraint("channel", "reference", "state"),
)
audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at", Moment, nullable=False),
    Column("actor", String(160), nullable=False),
    Column("action", String(48), nullable=False),
    Column("subject", String(120), nullable=False),
    Column("detail", DOCUMENT, nullable=False),
    Index(None, "at"),
)
