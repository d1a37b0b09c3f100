"""Messages on their way: leased, sent, settled by receipts. Every change is one row of history in the same transaction."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from meterwatch.core.clock import real_now
from meterwatch.core.model.work import MESSAGE_STEPS, Lease, Message, MessageState, Receipt
from meterwatch.stores.database import Database
from meterwatch.stores.tables import message_history, messages, receipts

_S = MessageState


class SqlOutbox:
    """The port ``Outbox``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lease(self, channel: str, owner: str, now: datetime, lease_for: timedelta, limit: int) -> Sequence[Lease]:
        """See the port."""
        real = real_now()
        free = or_(messages.c.retry_at_real.is_(None), messages.c.retry_at_real <= real)
        queued = and_(messages.c.state == _S.QUEUED, free)
        run_out = and_(messages.c.state == _S.IN_FLIGHT, messages.c.lease_until_real <= real)
        mine = messages.c.channel == channel
        with self._database.write() as connection:
            self._expire(connection, and_(mine, or_(messages.c.state == _S.QUEUED, run_out)), now)
            query = select(messages).where(mine, or_(queued, run_out)).order_by(messages.c.number).limit(limit)
            rows = connection.execute(query).mappings().all()
            return [self._take(connection, row, owner, now, real + lease_for) for row in rows]

    def _expire(self, connection: Connection, unsent: Any, now: datetime) -> None:
        gone = and_(unsent, messages.c.expires_at <= now)
        expired = update(messages).where(gone).values(state=_S.EXPIRED).returning(messages.c.number)
        for number in connection.execute(expired).scalars().all():
            _note(connection, number, now, _S.EXPIRED, "")

    def _take(self, connection: Connection, row: Any, owner: str, now: datetime, until: datetime) -> Lease:
        in_doubt = row["state"] == _S.IN_FLIGHT
        token = secrets.token_hex(8)
        taken = {
            "state": _S.IN_FLIGHT,
            "lease_token": token,
            "lease_until_real": until,
            "retry_at_real": None,
            "attempts": row["attempts"] + 1,
        }
        connection.execute(update(messages).where(messages.c.number == row["number"]).values(taken))
        _note(connection, row["number"], now, _S.IN_FLIGHT, f"{owner}{', in doubt' if in_doubt else ''}")
        return Lease(load_message(dict(row) | taken), token, in_doubt)

    def record(self, lease: Lease, state: MessageState, now: datetime, detail: str = "", reference: str = "") -> bool:
        """See the port."""
        change: dict[str, Any] = {"state": state, "lease_token": None, "lease_until_real": None}
        if reference:
            change["reference"] = reference
        with self._database.write() as connection:
            if not self._change(connection, lease, change):
                return False
            _note(connection, lease.message.number, now, state, detail)
            self._join_early(connection, lease.message, reference, now)
            return True

    def postpone(self, lease: Lease, now: datetime, wait: timedelta, detail: str) -> bool:
        """See the port."""
        back = {"state": _S.QUEUED, "lease_token": None, "lease_until_real": None, "retry_at_real": real_now() + wait}
        with self._database.write() as connection:
            changed = self._change(connection, lease, back)
            if changed:
                _note(connection, lease.message.number, now, _S.QUEUED, detail)
            return changed

    def _change(self, connection: Connection, lease: Lease, change: Mapping[str, Any]) -> bool:
        """Change a message if the lease is still the holder's: exactly one row, or someone was faster."""
        held = and_(messages.c.number == lease.message.number, messages.c.lease_token == lease.token)
        return connection.execute(update(messages).where(held).values(change)).rowcount == 1

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
            found = connection.execute(select(messages).where(_named(receipt))).mappings().first()
            if found is not None:
                self._join(connection, number, found, receipt.state, receipt.received_at)
            return True

    def _join(self, connection: Connection, receipt: int, message: Any, state: str, now: datetime) -> None:
        connection.execute(update(receipts).where(receipts.c.id == receipt).values(message=message["number"]))
        if MessageState(state) in MESSAGE_STEPS[MessageState(message["state"])]:
            change = {"state": state, "lease_token": None, "lease_until_real": None}
            connection.execute(update(messages).where(messages.c.number == message["number"]).values(change))
            _note(connection, message["number"], now, MessageState(state), "receipt")

    def _join_early(self, connection: Connection, message: Message, reference: str, now: datetime) -> None:
        """Join receipts that came before the channel's answer told us the provider's reference."""
        if not reference:
            return
        orphan = and_(receipts.c.channel == message.channel, receipts.c.reference == reference, receipts.c.message.is_(None))
        for row in connection.execute(select(receipts).where(orphan).order_by(receipts.c.id)).mappings().all():
            query = select(messages).where(messages.c.number == message.number)
            self._join(connection, row["id"], connection.execute(query).mappings().one(), row["state"], now)

    # --- looking -------------------------------------------------------------------------------------------------

    def messages(self, *, limit: int = 100, number: int | None = None) -> Sequence[Message]:
        """Return messages with their history, newest first; only the one with ``number`` if it is given."""
        query = select(messages).order_by(messages.c.number.desc()).limit(limit)
        if number is not None:
            query = query.where(messages.c.number == number)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            history = _histories(connection, [row["number"] for row in rows])
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


def _named(receipt: Receipt) -> Any:
    own = receipt.reference.removeprefix("N")
    if receipt.reference.startswith("N") and own.isdigit():
        return and_(messages.c.channel == receipt.channel, messages.c.number == int(own))
    return and_(messages.c.channel == receipt.channel, messages.c.reference == receipt.reference)


def _histories(connection: Connection, numbers: Sequence[int]) -> dict[int, list[tuple[datetime, str, str]]]:
    found: dict[int, list[tuple[datetime, str, str]]] = {}
    query = select(message_history).where(message_history.c.message.in_(numbers)).order_by(message_history.c.id)
    for row in connection.execute(query):
        found.setdefault(row.message, []).append((row.at, row.state, row.detail))
    return found


def _note(connection: Connection, number: int, at: datetime, state: MessageState, detail: str) -> None:
    connection.execute(insert(message_history).values(message=number, at=at, state=state.value, detail=detail))
