"""Messages about several alerts."""

import sqlalchemy as sa
from alembic import op

from meterwatch.stores.column_types import ID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "message_alerts",
        sa.Column("message", ID, nullable=False),
        sa.Column("alert", ID, nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_message_alerts_alert_alerts")),
        sa.ForeignKeyConstraint(["message"], ["messages.number"], name=op.f("fk_message_alerts_message_messages")),
        sa.PrimaryKeyConstraint("message", "alert", name=op.f("pk_message_alerts")),
    )
    op.create_index(op.f("ix_message_alerts_alert"), "message_alerts", ["alert"], unique=False)
    op.create_index(op.f("ix_messages_created_at"), "messages", ["created_at"], unique=False)
    op.create_index(op.f("ix_messages_alert"), "messages", ["alert"], unique=False)
