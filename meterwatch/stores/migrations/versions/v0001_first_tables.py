"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from meterwatch.stores.tables import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the tables to this version; those another one points to come first."""
    _agreements()
    _alerts()
    _assignments()
    _audit()
    _clock()
    _conflicts()
    _customers()
    _dirty_days()
    _episode_states()
    _evaluated_days()
    _facts()
    _meters()
    _people()
    _point_rows()
    _rejected_packets()
    _snapshots()
    _steps()
    _usage_points()
    _duties()
    _messages()
    _rejects()
    _stages()
    _evidence()
    _message_history()
    _receipts()


def _agreements() -> None:
    op.create_table(
        "agreements",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
    )
    op.create_index(op.f("ix_agreements_last_snapshot"), "agreements", ["last_snapshot"], unique=False)


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("opened_day", sa.Integer(), nullable=False),
        sa.Column("start_day", sa.Integer(), nullable=False),
        sa.Column("closed_day", sa.Integer(), nullable=True),
        sa.Column("closed_why", sa.String(length=32), nullable=False),
        sa.Column("episode", DOCUMENT, nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("registry", sa.Integer(), nullable=False),
        sa.Column("suppressed", sa.String(length=32), nullable=False),
        sa.Column("withdrawn_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_closed_day"), "alerts", ["closed_day"], unique=False)
    op.create_index(
        op.f("ix_alerts_rule_policy_subject_opened_day"),
        "alerts",
        ["rule", "policy", "subject", "opened_day"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def _assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=True),
        sa.Column("class", sa.String(length=2), nullable=True),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_last_snapshot"), "assignments", ["last_snapshot"], unique=False)


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(length=160), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)


def _clock() -> None:
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moved_to", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )


def _conflicts() -> None:
    op.create_table(
        "conflicts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("reading_type", sa.Integer(), nullable=False),
        sa.Column("time", Moment(), nullable=False),
        sa.Column("kept_value", sa.Float(), nullable=False),
        sa.Column("kept_received_at", Moment(), nullable=False),
        sa.Column("offered_value", sa.Float(), nullable=False),
        sa.Column("offered_received_at", Moment(), nullable=False),
        sa.Column("offered_segment", sa.BigInteger(), nullable=False),
        sa.Column("offered_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
        sa.UniqueConstraint(
            "usage_point",
            "reading_type",
            "time",
            "offered_received_at",
            "offered_value",
            name=op.f("uq_conflicts_usage_point_reading_type_time_offered_received_at_offered_value"),
        ),
    )
    op.create_index(op.f("ix_conflicts_offered_received_at"), "conflicts", ["offered_received_at"], unique=False)


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("class", sa.String(length=2), nullable=False),
        sa.Column("wheeling", sa.Boolean(), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_index(op.f("ix_customers_last_snapshot"), "customers", ["last_snapshot"], unique=False)


def _dirty_days() -> None:
    op.create_table(
        "dirty_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("point", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "point", name=op.f("pk_dirty_days")),
    )


def _episode_states() -> None:
    op.create_table(
        "episode_states",
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("rule", "policy", "subject", "day", name=op.f("pk_episode_states")),
    )
    op.create_index(op.f("ix_episode_states_day"), "episode_states", ["day"], unique=False)


def _evaluated_days() -> None:
    op.create_table(
        "evaluated_days",
        sa.Column("scheme", sa.String(length=80), nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("begun_day", sa.Integer(), nullable=False),
        sa.Column("done_day", sa.Integer(), nullable=False),
        sa.Column("begun_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("scheme", name=op.f("pk_evaluated_days")),
    )


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("crossing", sa.String(length=80), nullable=False),
        sa.Column("figures", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject", "day", name=op.f("pk_facts")),
    )
    op.create_index(op.f("ix_facts_day"), "facts", ["day"], unique=False)


def _meters() -> None:
    op.create_table(
        "meters",
        sa.Column("id", ID, autoincrement=True, nullable=False),
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
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meters")),
    )
    op.create_index(op.f("ix_meters_last_snapshot"), "meters", ["last_snapshot"], unique=False)


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_index(op.f("ix_people_last_snapshot"), "people", ["last_snapshot"], unique=False)


def _point_rows() -> None:
    op.create_table(
        "point_rows",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_point_rows")),
        sa.UniqueConstraint("usage_point", name=op.f("uq_point_rows_usage_point")),
    )


def _rejected_packets() -> None:
    op.create_table(
        "rejected_packets",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("replayed_at", Moment(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("properties", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_packets")),
        sa.UniqueConstraint("received_at", "segment", "offset", name=op.f("uq_rejected_packets_received_at_segment_offset")),
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


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("stepped_to", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_steps")),
    )


def _usage_points() -> None:
    op.create_table(
        "usage_points",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("usage_point", sa.String(length=64), nullable=False),
        sa.Column("commodity", sa.String(length=16), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("capacity", sa.Float(), nullable=True),
        sa.Column("qmin", sa.Float(), nullable=True),
        sa.Column("qmax", sa.Float(), nullable=True),
        sa.Column("first_snapshot", sa.Integer(), nullable=False),
        sa.Column("last_snapshot", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_points")),
    )
    op.create_index(op.f("ix_usage_points_last_snapshot"), "usage_points", ["last_snapshot"], unique=False)


def _duties() -> None:
    op.create_table(
        "duties",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=32), nullable=False),
        sa.Column("alert", ID, nullable=True),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("settled_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_duties_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duties")),
        sa.UniqueConstraint("rule", "subject", "period", name=op.f("uq_duties_rule_subject_period")),
    )
    op.create_index(op.f("ix_duties_state_due_at"), "duties", ["state", "due_at"], unique=False)


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("number", ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("template", sa.String(length=32), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("alert", ID, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until_real", Moment(), nullable=True),
        sa.Column("retry_at_real", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_messages_alert")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_messages_key")),
    )
    op.create_index(op.f("ix_messages_channel_reference"), "messages", ["channel", "reference"], unique=False)
    op.create_index(op.f("ix_messages_state_channel"), "messages", ["state", "channel"], unique=False)


def _rejects() -> None:
    op.create_table(
        "rejects",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("packet", ID, nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["packet"], ["rejected_packets.id"], name=op.f("fk_rejects_packet"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejects")),
        sa.UniqueConstraint("packet", "record", name=op.f("uq_rejects_packet_record")),
    )
    op.create_index(op.f("ix_rejects_reason"), "rejects", ["reason"], unique=False)


def _stages() -> None:
    op.create_table(
        "stages",
        sa.Column("alert", ID, nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("reached_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_stages_alert")),
        sa.PrimaryKeyConstraint("alert", "stage", name=op.f("pk_stages")),
    )


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("duty", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=False),
        sa.Column("happened_at", Moment(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["duty"], ["duties.id"], name=op.f("fk_evidence_duty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_duty"), "evidence", ["duty"], unique=False)


def _message_history() -> None:
    op.create_table(
        "message_history",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("message", ID, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.number"], name=op.f("fk_message_history_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_history")),
    )
    op.create_index(op.f("ix_message_history_message"), "message_history", ["message"], unique=False)


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", ID, nullable=True),
        sa.Column("happened_at", Moment(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.number"], name=op.f("fk_receipts_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("channel", "reference", "state", name=op.f("uq_receipts_channel_reference_state")),
    )
