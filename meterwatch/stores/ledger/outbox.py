"""Messages on their way: leased, sent, settled by receipts. Every change is one row of history in the same transaction."""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, case, func, or_, select, update

from meterwatch.core.clock import real_now
from meterwatch.core.model.messages import MESSAGE_STEPS, Lease, Message, MessageState, Receipt
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.messages import speaks_of_nothing
from meterwatch.stores.ledger.rows import chunks, note_message
from meterwatch.stores.tables import message_history, messages, receipts

_S = MessageState
_OWN_REFERENCE = re.compile(r"N([1-9][0-9]{0,17})")
_LEASE_OVER = {"lease_token": None, "lease_until_real": None}


class SqlOutbox:
    """The port ``Outbox``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lease(self, channel: str, owner: str, now: datetime, lease_for: timedelta, limit: int) -> Sequence[Lease]:
        """See the port."""
        if not self._any_open(channel):
            return []  # most steps: no need to take the write lock for nothing
        with self._database.write() as connection:
            real = real_now()  # read here: waiting for the write lock must not shorten the lease
            queued, run_out = _in_no_hands(channel, real)
            _drop(connection, queued, run_out, now)
            free = and_(
                or_(messages.c.retry_at_real.is_(None), messages.c.retry_at_real <= real),
                or_(messages.c.not_before.is_(None), messages.c.not_before <= now),
            )
            query = select(messages).where(or_(and_(queued, free), run_out)).order_by(messages.c.number).limit(limit)
            taken = [self._take(connection, row, owner, now, real + lease_for) for row in _all(connection, query)]
            return [lease for lease in taken if lease is not None]

    def next_held(self, now: datetime) -> datetime | None:
        """Return when, after ``now``, the next message that waits for the end of the quiet hours may be sent."""
        query = select(func.min(messages.c.not_before)).where(messages.c.state == _S.QUEUED, messages.c.not_before > now)
        with self._database.read() as connection:
            found: datetime | None = connection.execute(query).scalar()
            return found

    def expire(self, channel: str, now: datetime) -> None:
        """End what must not be sent any more on a channel that nobody leases from."""
        with self._database.write() as connection:
            _drop(connection, *_in_no_hands(channel, real_now()), now)

    def _any_open(self, channel: str) -> bool:
        unsettled = and_(messages.c.channel == channel, messages.c.state.in_([_S.QUEUED, _S.IN_FLIGHT]))
        with self._database.read() as connection:
            return connection.execute(select(messages.c.number).where(unsettled).limit(1)).first() is not None

    def _take(self, connection: Connection, row: RowMapping, owner: str, now: datetime, until: datetime) -> Lease | None:
        """Lease one message; None if someone was faster (a database may let two look at the same time)."""
        in_doubt = row["state"] == _S.IN_FLIGHT
        taken = {
            "state": _S.IN_FLIGHT,
            "lease_token": secrets.token_hex(8),
            "lease_until_real": until,
            "retry_at_real": None,
            "attempts": row["attempts"] + 1,
        }
        token = messages.c.lease_token
        same = token == row["lease_token"] if in_doubt else token.is_(None)
        unchanged = and_(messages.c.number == row["number"], messages.c.state == row["state"], same)
        if connection.execute(update(messages).where(unchanged).values(taken)).rowcount != 1:
            return None
        note_message(connection, row["number"], now, _S.IN_FLIGHT, f"{owner}{', in doubt' if in_doubt else ''}")
        return Lease(load_message(dict(row) | taken), str(taken["lease_token"]), in_doubt)

    def record(self, lease: Lease, state: MessageState, now: datetime, detail: str = "", reference: str = "") -> bool:
        """See the port. Where a receipt came before the channel's answer, the receipt's state stands."""
        number = lease.message.number
        with self._database.write() as connection:
            change = _LEASE_OVER | ({"reference": reference} if reference else {})
            held = and_(messages.c.number == number, messages.c.lease_token == lease.token)
            if connection.execute(update(messages).where(held).values(change)).rowcount != 1:
                return False
            _step(connection, number, state, now, detail)
            own = receipts.c.message == number
            early = and_(receipts.c.message.is_(None), receipts.c.reference == reference)
            known = and_(receipts.c.channel == lease.message.channel, or_(own, early) if reference else own)
            for row in _all(connection, select(receipts).where(known).order_by(receipts.c.id)):
                _join(connection, row["id"], number, row["state"], now)
            return True

    def postpone(self, lease: Lease, now: datetime, wait: timedelta, detail: str) -> bool:
        """See the port."""
        back = _LEASE_OVER | {"state": _S.QUEUED, "retry_at_real": real_now() + wait}
        held = and_(messages.c.number == lease.message.number, messages.c.lease_token == lease.token)
        with self._database.write() as connection:
            in_flight = and_(held, messages.c.state == _S.IN_FLIGHT)  # a receipt may have settled it already
            if connection.execute(update(messages).where(in_flight).values(back)).rowcount != 1:
                return False
            note_message(connection, lease.message.number, now, _S.QUEUED, detail)
            return True

    # --- receipts ------------------------------------------------------------------------------------------------

    def accept(self, receipt: Receipt) -> bool:
        """See the port. A receipt that names no known message is kept and joined when one turns up."""
        row = {
            "channel": receipt.channel,
            "reference": receipt.reference,
            "state": receipt.state,
            "happened_at": receipt.happened_at,
            "received_at": receipt.received_at,
            "raw": receipt.raw,
        }
        with self._database.write() as connection:
            statement = self._database.insert(receipts).values(row).on_conflict_do_nothing().returning(receipts.c.id)
            number = connection.execute(statement).scalar()
            if number is None:
                return False
            message = connection.execute(_named(receipt)).scalar()
            if message is not None:
                _join(connection, number, message, receipt.state, receipt.received_at)
            return True

    # --- looking -------------------------------------------------------------------------------------------------

    def messages(self, *, limit: int = 100, number: int | None = None) -> Sequence[Message]:
        """Return messages with their history, newest first; only the one with ``number`` if it is given."""
        query = select(messages).order_by(messages.c.number.desc()).limit(limit)
        if number is not None:
            query = query.where(messages.c.number == number)
        with self._database.read() as connection:
            rows = _all(connection, query)
            history = load_histories(connection, [row["number"] for row in rows])
            return [load_message(row, history.get(row["number"], ())) for row in rows]

    def waiting(self) -> Mapping[str, tuple[int, datetime]]:
        """Return, by channel, how many messages are not settled and when the oldest of them was queued."""
        unsettled = messages.c.state.in_([_S.QUEUED, _S.IN_FLIGHT])
        query = select(messages.c.channel, func.count(), func.min(messages.c.created_at)).where(unsettled)
        with self._database.read() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query.group_by(messages.c.channel))}


def load_message(row: Any, history: Sequence[tuple[datetime, str, str]] = ()) -> Message:
    """Return the message of a row of ``messages``."""
    return Message(
        number=row["number"],
        key=row["key"],
        channel=row["channel"],
        person=row["person"],
        lang=row["lang"],
        template=row["template"],
        template_version=row["template_version"],
        body=row["body"],
        state=MessageState(row["state"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        attempts=row["attempts"],
        reference=row["reference"],
        history=tuple(history),
    )


def _in_no_hands(channel: str, real: datetime) -> tuple[Any, Any]:
    """Return the conditions for the messages of a channel that are queued, and for those whose lease has run out."""
    mine = messages.c.channel == channel
    run_out = and_(mine, messages.c.state == _S.IN_FLIGHT, messages.c.lease_until_real <= real)
    return and_(mine, messages.c.state == _S.QUEUED), run_out


def _drop(connection: Connection, queued: Any, run_out: Any, now: datetime) -> None:
    """End what must not be sent any more: its meaning is gone, or its alert was withdrawn while it was being tried."""
    gone = speaks_of_nothing()
    ends = (
        (and_(queued, gone), _S.WITHDRAWN, "alert withdrawn"),
        (and_(run_out, gone), _S.EXPIRED, "alert withdrawn, in doubt"),
        (and_(queued, messages.c.expires_at <= now), _S.EXPIRED, ""),
        (and_(run_out, messages.c.expires_at <= now), _S.EXPIRED, "in doubt"),
    )
    for condition, state, detail in ends:
        ended = update(messages).where(condition).values(_LEASE_OVER | {"state": state}).returning(messages.c.number)
        for number in connection.execute(ended).scalars().all():
            note_message(connection, number, now, state, detail)


def _join(connection: Connection, receipt: int, message: int, state: str, now: datetime) -> None:
    connection.execute(update(receipts).where(receipts.c.id == receipt).values(message=message))
    _step(connection, message, MessageState(state), now, "receipt")


def _step(connection: Connection, number: int, state: MessageState, now: datetime, detail: str) -> None:
    """Take a message to ``state`` if that is a way it may go from where it stands; else leave it."""
    before = [step for step, after in MESSAGE_STEPS.items() if state in after]
    may = and_(messages.c.number == number, messages.c.state.in_(before))
    if connection.execute(update(messages).where(may).values(state=state)).rowcount == 1:
        note_message(connection, number, now, state, detail)


def _named(receipt: Receipt) -> Any:
    """Return the query for the message a receipt names: by the provider's id, else by our own notice number."""
    named = messages.c.reference == receipt.reference
    own = _OWN_REFERENCE.fullmatch(receipt.reference)
    either = or_(named, messages.c.number == int(own[1])) if own else named
    query = select(messages.c.number).where(messages.c.channel == receipt.channel, either)
    return query.order_by(case((named, 0), else_=1), messages.c.number.desc()).limit(1)


def load_histories(connection: Connection, numbers: Iterable[int]) -> dict[int, list[tuple[datetime, str, str]]]:
    """Return the history of messages, (at, state, detail), by their numbers."""
    found: dict[int, list[tuple[datetime, str, str]]] = {}
    for chunk in chunks(numbers):
        query = select(message_history).where(message_history.c.message.in_(chunk)).order_by(message_history.c.id)
        for row in connection.execute(query):
            found.setdefault(row.message, []).append((row.at, row.state, row.detail))
    return found


def _all(connection: Connection, query: Any) -> Sequence[RowMapping]:
    return connection.execute(query).mappings().all()
