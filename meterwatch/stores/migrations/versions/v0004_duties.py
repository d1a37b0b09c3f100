"""Duties with customers, units, escalation and confirmation; what people did about customers."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import DOCUMENT, ID, Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    _duties()
    op.add_column("messages", sa.Column("not_before", Moment(), nullable=True))
    _duty_steps()
    _planned()
    _absences()
    _contact_records()
    _evidence()
    _complaints()
    _exclusions()
    _judgements()


def _duties() -> None:
    op.add_column("duties", sa.Column("customer", sa.String(length=64), server_default="", nullable=False))
    op.add_column("duties", sa.Column("unit", sa.String(length=64), server_default="", nullable=False))
    op.add_column("duties", sa.Column("needed", sa.Integer(), server_default="1", nullable=False))
    op.add_column("duties", sa.Column("level", sa.Integer(), server_default="0", nullable=False))
    op.add_column("duties", sa.Column("called_by", sa.String(length=64), server_default="", nullable=False))
    op.add_column("duties", sa.Column("chain", DOCUMENT, server_default="[]", nullable=False))
    op.add_column("duties", sa.Column("act_at", Moment(), nullable=True))
    op.create_index(op.f("ix_duties_act_at"), "duties", ["act_at"], unique=False)
    op.create_index(op.f("ix_duties_person_state"), "duties", ["person", "state"], unique=False)
    op.create_index(op.f("ix_duties_customer_rule"), "duties", ["customer", "rule"], unique=False)
    duties = sa.table("duties", sa.column("id"), sa.column("subject"), sa.column("customer"), sa.column("act_at"))
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE duties SET act_at = due_at WHERE state = 'open'"))
    for number, subject in connection.execute(sa.select(duties.c.id, duties.c.subject)).all():
        customer = subject.rpartition("/")[0]
        connection.execute(sa.update(duties).where(duties.c.id == number).values(customer=customer))


def _evidence() -> None:
    op.add_column("evidence", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.add_column("evidence", sa.Column("outcome", sa.String(length=32), server_default="", nullable=False))
    op.add_column("evidence", sa.Column("paper", sa.String(length=64), server_default="", nullable=False))
    op.add_column("evidence", sa.Column("confirmed_by", sa.String(length=64), server_default="", nullable=False))
    op.add_column("evidence", sa.Column("confirmed_at", Moment(), nullable=True))
    op.add_column("evidence", sa.Column("record", ID, nullable=True))
    op.add_column("evidence", sa.Column("taken_back_at", Moment(), nullable=True))


def _duty_steps() -> None:
    op.create_table(
        "duty_steps",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("duty", ID, nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(length=160), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["duty"], ["duties.id"], name=op.f("fk_duty_steps_duty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_steps")),
    )
    op.create_index(op.f("ix_duty_steps_duty"), "duty_steps", ["duty"], unique=False)


def _planned() -> None:
    op.create_table(
        "planned",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_planned")),
    )


def _absences() -> None:
    op.create_table(
        "absences",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("stand_in", sa.String(length=64), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )


def _contact_records() -> None:
    op.create_table(
        "contact_records",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("contact", sa.String(length=64), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("happened_at", Moment(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("corrects", ID, nullable=True),
        sa.ForeignKeyConstraint(["corrects"], ["contact_records.id"], name=op.f("fk_contact_records_corrects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_records")),
    )
    op.create_index(op.f("ix_contact_records_customer"), "contact_records", ["customer"], unique=False)


def _complaints() -> None:
    op.create_table(
        "complaints",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("grade", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
    )
    op.create_index(op.f("ix_complaints_customer"), "complaints", ["customer"], unique=False)


def _exclusions() -> None:
    op.create_table(
        "exclusions",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("yearly", sa.Boolean(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusions")),
    )
    op.create_index(op.f("ix_exclusions_state"), "exclusions", ["state"], unique=False)
    op.create_index(op.f("ix_exclusions_subject"), "exclusions", ["subject"], unique=False)


def _judgements() -> None:
    op.create_table(
        "judgements",
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject", "day", name=op.f("pk_judgements")),
    )
