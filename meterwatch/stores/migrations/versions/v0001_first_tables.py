"""The first tables."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import DOCUMENT, ID, Moment
from meterwatch.stores.migrations import registry_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version; those another one points to come first."""
    registry_tables.create()
    _alerts()
    _audit()
    _clock()
    _conflicts()
    _dirty_days()
    _episode_states()
    _evaluated_days()
    _facts()
    _rejected_packets()
    _steps()
    _duties()
    _messages()
    _rejects()
    _stages()
    _evidence()
    _message_history()
    _receipts()


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


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("stepped_to", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_steps")),
    )


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
