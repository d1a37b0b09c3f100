"""Queueing messages, within whatever transaction calls for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select

from meterwatch.core.model.messages import MessageState, NewMessage, kind_of
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import chunks, note_message
from meterwatch.stores.tables import alerts, message_alerts, messages

_NEVER_SENT = (MessageState.WITHDRAWN, MessageState.HELD)


def queue_message(
    database: Database, connection: Connection, message: NewMessage, now: datetime, about: Sequence[int] = ()
) -> int | None:
    """Queue a message ``about`` some alerts, or note that it is held back, and return its number; one withdrawn unsent or
    held back before is queued anew, any other is left as it is (None).

    A single alert stands in the message's own row, several in ``message_alerts``. Who was told of all of them before, alone
    or with others, is not told again (None).
    """
    if about and set(about) <= _told(connection, message, about):
        return None
    state = MessageState.HELD if message.held else MessageState.QUEUED
    row = {
        "key": message.key,
        "channel": message.channel,
        "person": message.person,
        "lang": message.lang,
        "template": message.template,
        "template_version": message.template_version,
        "body": message.body,
        "alert": about[0] if len(about) == 1 else None,
        "state": state,
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
        .on_conflict_do_update(index_elements=["key"], set_=row, where=messages.c.state.in_(_NEVER_SENT))
    )
    number = connection.execute(statement.returning(messages.c.number)).scalar()
    if number is not None:
        if len(about) > 1:
            rows = [{"message": number, "alert": alert} for alert in about]
            connection.execute(database.insert(message_alerts).on_conflict_do_nothing(), rows)
        note_message(connection, number, now, state, message.held)
    return number


def _told(connection: Connection, message: NewMessage, about: Sequence[int]) -> set[int]:
    """Return of which alerts a message's person was told on its channel by messages that stand."""
    stands = (
        messages.c.person == message.person,
        messages.c.channel == message.channel,
        messages.c.state.not_in(_NEVER_SENT),
    )
    found: set[int] = set()
    for part in chunks(about):
        alone = select(messages.c.alert).where(*stands, messages.c.alert.in_(part))
        several = select(message_alerts.c.alert).join_from(message_alerts, messages)
        found.update(connection.execute(alone).scalars().all())
        found.update(connection.execute(several.where(*stands, message_alerts.c.alert.in_(part))).scalars().all())
    return found


def speaks_of_nothing() -> ColumnElement[bool]:
    """Return the condition for messages about alerts of which late readings left none standing."""
    withdrawn = select(alerts.c.id).where(alerts.c.withdrawn_at.is_not(None))
    mine = message_alerts.c.message == messages.c.number
    standing = exists().where(mine, message_alerts.c.alert == alerts.c.id, alerts.c.withdrawn_at.is_(None))
    return or_(messages.c.alert.in_(withdrawn), and_(exists().where(mine), ~standing))


def sent_lately(connection: Connection, now: datetime) -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many messages of each kind everybody was queued within the last hour and the last 24, by (person, kind)."""
    within = func.sum(case((messages.c.created_at > now - timedelta(hours=1), 1), else_=0))
    query = (
        select(messages.c.person, messages.c.template, within, func.count())
        .where(messages.c.created_at > now - timedelta(hours=24), messages.c.state.not_in(_NEVER_SENT))
        .group_by(messages.c.person, messages.c.template)
    )
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for person, template, hour, day in connection.execute(query):
        hourly, daily = found.get((person, kind_of(template)), (0, 0))
        found[person, kind_of(template)] = (hourly + int(hour), daily + day)
    return found
