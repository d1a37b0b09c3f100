"""Queueing messages, within whatever transaction calls for them."""

from datetime import datetime

from sqlalchemy import Connection

from meterwatch.core.model.messages import MessageState, NewMessage
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import note_message
from meterwatch.stores.tables import messages


def queue_message(
    database: Database, connection: Connection, message: NewMessage, now: datetime, alert: int | None
) -> int | None:
    """Queue a message and return its number; one withdrawn unsent is queued anew, any other is left as it is (None)."""
    row = {
        "key": message.key,
        "channel": message.channel,
        "person": message.person,
        "lang": message.lang,
        "template": message.template,
        "template_version": message.template_version,
        "body": message.body,
        "alert": alert,
        "state": MessageState.QUEUED,
        "created_at": now,
        "expires_at": message.expires_at,
        "not_before": message.not_before,
        "attempts": 0,
        "reference": "",
        "retry_at_real": None,
    }
    statement = (
        database.insert(messages)
        .values(row)
        .on_conflict_do_update(index_elements=["key"], set_=row, where=messages.c.state == MessageState.WITHDRAWN)
    )
    number = connection.execute(statement.returning(messages.c.number)).scalar()
    if number is not None:
        note_message(connection, number, now, MessageState.QUEUED)
    return number
