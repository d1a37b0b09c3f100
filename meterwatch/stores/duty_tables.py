"""The tables of duties, evidence, and what people did about customers (docs/formats.md §9)."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from meterwatch.stores.column_types import DOCUMENT, ID, Moment
from meterwatch.stores.tables import metadata


def _id() -> Column[int]:
    return Column("id", ID, primary_key=True, autoincrement=True)


def _code(name: str, default: str | None = None) -> Column[str]:
    return Column(name, String(64), nullable=False, server_default=default)


duties = Table(
    "duties",
    metadata,
    _id(),
    Column("rule", String(32), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("period", String(32), nullable=False),
    Column("alert", ID, ForeignKey("alerts.id")),
    Column("opened_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("provisional", Boolean, nullable=False),
    _code("person"),
    Column("state", String(16), nullable=False),
    Column("settled_at", Moment),
    _code("customer", ""),
    _code("unit", ""),
    Column("needed", Integer, nullable=False, server_default="1"),
    Column("level", Integer, nullable=False, server_default="0"),
    _code("called_by", ""),
    Column("chain", DOCUMENT, nullable=False, server_default="[]"),
    Column("act_at", Moment),
    UniqueConstraint("rule", "subject", "period"),
    Index(None, "state", "due_at"),
    Index(None, "act_at"),
    Index(None, "person", "state"),
    Index(None, "customer", "rule"),
)
duty_steps = Table(
    "duty_steps",
    metadata,
    _id(),
    Column("duty", ID, ForeignKey("duties.id"), nullable=False),
    Column("act", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(160), nullable=False),
    _code("person"),
    Column("why", Text, nullable=False),
    Column("due_at", Moment),
    Index(None, "duty"),
)
evidence = Table(
    "evidence",
    metadata,
    _id(),
    Column("duty", ID, ForeignKey("duties.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    _code("person"),
    _code("account"),
    Column("cause", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("happened_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("outcome", String(32), nullable=False, server_default=""),
    Column("paper", String(64), nullable=False, server_default=""),
    _code("confirmed_by", ""),
    Column("confirmed_at", Moment),
    Column("record", ID),  # of contact_records; SQLite adds no column that refers to another table
    Column("taken_back_at", Moment),
    Index(None, "duty"),
)
planned = Table(
    "planned",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("question", Text, nullable=False),
)
absences = Table(
    "absences",
    metadata,
    _id(),
    _code("person"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    _code("stand_in"),
    _code("recorded_by"),
    Column("recorded_at", Moment, nullable=False),
    Column("ended_at", Moment),
)
contact_records = Table(
    "contact_records",
    metadata,
    _id(),
    _code("customer"),
    Column("kind", String(16), nullable=False),
    _code("contact"),
    Column("reached", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    _code("person"),
    _code("account"),
    Column("happened_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("corrects", ID, ForeignKey("contact_records.id")),
    Index(None, "customer"),
)
complaints = Table(
    "complaints",
    metadata,
    _id(),
    _code("customer"),
    Column("grade", String(16), nullable=False),
    Column("text", Text, nullable=False),
    _code("person"),
    _code("account"),
    Column("received_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Index(None, "customer"),
)
exclusions = Table(
    "exclusions",
    metadata,
    _id(),
    Column("rule", String(32), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("stage", String(32), nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("yearly", Boolean, nullable=False),
    Column("expires", Date, nullable=False),
    Column("reason", Text, nullable=False),
    _code("person"),
    _code("account"),
    Column("recorded_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    _code("decided_by"),
    Column("decided_at", Moment),
    _code("ended_by", ""),
    Column("ended_at", Moment),
    Index(None, "state"),
    Index(None, "subject"),
)
judgements = Table(
    "judgements",
    metadata,
    _id(),
    Column("rule", String(32), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("day", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    _code("person"),
    _code("account"),
    Column("at", Moment, nullable=False),
    Column("duty", ID, ForeignKey("duties.id")),
    _code("withdrawn_by", ""),
    Column("withdrawn_at", Moment),
    Index(None, "day"),
)
JUDGED = judgements.c.withdrawn_at.is_(None)
Index(
    None,
    *(judgements.c[name] for name in ("rule", "subject", "day")),
    unique=True,
    sqlite_where=JUDGED,
    postgresql_where=JUDGED,
)
