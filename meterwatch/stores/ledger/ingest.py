"""What the pipeline leaves behind: dirty days, rejects with their packets, conflicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, exists, func, select, update

from meterwatch.core.instants import from_ms, from_us, to_us
from meterwatch.core.model.packets import Packet, Position, Reason, Reject
from meterwatch.core.ports import Conflict, Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import chunks, mark_dirty, note
from meterwatch.stores.tables import conflicts, evaluated_days, rejected_packets, rejects

KEEP = timedelta(days=400)
PAGE = 100  # packets handed in again at once
_WHOLE_PACKET = -1
_PLACE = ("received_at", "segment", "offset")
_PACKET = select(rejected_packets.c.id).where(*(rejected_packets.c[name] == bindparam(name) for name in _PLACE))
_REJECTS = select(rejects, *(column for column in rejected_packets.c if column.name != "id")).join(rejected_packets)


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject with its number and when its packet was handed in again, if it was."""

    id: int
    reject: Reject
    replayed_at: datetime | None


class SqlIngest:
    """The port ``IngestLedger``, and the rejects a clerk looks at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begun_days(self) -> Mapping[str, int]:
        """See the port."""
        with self._database.read() as connection:
            rows = connection.execute(select(evaluated_days.c.scheme, evaluated_days.c.begun_day))
            return {row.scheme: row.begun_day for row in rows}

    def settle(self, settlement: Settlement, now: datetime) -> None:
        """See the port. Rejects and conflicts of packets received more than ``KEEP`` ago are deleted."""
        packets = {(reject.packet.received_at, reject.position): _packet_row(reject) for reject in settlement.rejects}
        with self._database.write() as connection:
            mark_dirty(self._database, connection, settlement.dirty)
            self._enter(connection, self._database.insert(rejected_packets), [*packets.values()])
            of_packet = self._database.insert(rejects).values(packet=_PACKET.scalar_subquery())
            self._enter(connection, of_packet, [_reject_row(reject) for reject in settlement.rejects])
            self._enter(connection, self._database.insert(conflicts), [_conflict_row(c) for c in settlement.conflicts])
            # Here, as nothing else makes them grow; afterwards, so that SQLite does not give a number out again.
            connection.execute(delete(rejected_packets).where(rejected_packets.c.received_at < now - KEEP))
            connection.execute(delete(conflicts).where(conflicts.c.offered_received_at < now - KEEP))

    def _enter(self, connection: Connection, insert: Any, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            connection.execute(insert.on_conflict_do_nothing(), rows)

    # --- looking -------------------------------------------------------------------------------------------------

    def rejects(self, *, reason: Reason | None = None, limit: int = 100, replayed: bool = False) -> Sequence[StoredReject]:
        """Return the newest rejects first; those handed in again only with ``replayed``."""
        query = _REJECTS.order_by(rejects.c.id.desc()).limit(limit)
        if reason is not None:
            query = query.where(rejects.c.reason == reason)
        if not replayed:
            query = query.where(rejected_packets.c.replayed_at.is_(None))
        return self._load(query)

    def reject(self, number: int) -> StoredReject | None:
        """Return one reject by its number."""
        return next(iter(self._load(_REJECTS.where(rejects.c.id == number))), None)

    def _load(self, query: Select[Any]) -> list[StoredReject]:
        packets: dict[int, Packet] = {}  # one of a thousand rejects lies in memory once
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return [_load_reject(row, packets.setdefault(row["packet"], _load_packet(row))) for row in rows]

    def reject_counts(self) -> Mapping[str, int]:
        """Return how many rejects wait, by reason."""
        query = select(rejects.c.reason, func.count()).join(rejected_packets).group_by(rejects.c.reason)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query.where(rejected_packets.c.replayed_at.is_(None)))}

    # --- handing in again ----------------------------------------------------------------------------------------

    def waiting(self, reason: Reason | None = None) -> Iterator[Sequence[int]]:
        """Yield the packets whose rejects wait (only those with a reject of ``reason``), by number, in pages.

        A packet entered meanwhile is left out: the service may refuse what is handed in before the last page is read.
        """
        packet = rejected_packets.c.id
        query = select(packet).where(rejected_packets.c.replayed_at.is_(None)).order_by(packet).limit(PAGE)
        if reason is not None:
            query = query.where(exists().where(rejects.c.packet == packet, rejects.c.reason == reason))
        (newest,), page = self._numbers(select(func.coalesce(func.max(packet), 0))), [0]
        while page := self._numbers(query.where(packet > page[-1], packet <= newest)):
            yield page

    def _numbers(self, query: Select[Any]) -> list[int]:
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def packets_of(self, numbers: Sequence[int]) -> Mapping[int, int]:
        """Return the number of each reject's packet; a reject there is none of is absent."""
        query = select(rejects.c.id, rejects.c.packet)
        with self._database.read() as connection:
            found = (connection.execute(query.where(rejects.c.id.in_(part))) for part in chunks(numbers))
            return {row.id: row.packet for rows in found for row in rows}

    def packets(self, numbers: Sequence[int]) -> Iterator[Packet]:
        """Yield packets by number, each read when its turn comes: many may not fit the memory."""
        for number in numbers:
            with self._database.read() as connection:
                query = select(rejected_packets).where(rejected_packets.c.id == number)
                found = connection.execute(query).mappings().one_or_none()
            if found:
                yield _load_packet(found)

    def mark_replayed(self, packets: Sequence[int], now: datetime, actor: str) -> int:
        """Note that packets were handed in again; return how many rejects they had."""
        numbers: list[int] = []
        with self._database.write() as connection:
            for part in chunks(packets):
                marked = update(rejected_packets).where(rejected_packets.c.id.in_(part)).values(replayed_at=now)
                connection.execute(marked)
                numbers += connection.execute(select(rejects.c.id).where(rejects.c.packet.in_(part))).scalars()
            note(connection, now, actor, [("reject.replay", str(number), {}) for number in sorted(numbers)])
        return len(numbers)

    # --- conflicts -----------------------------------------------------------------------------------------------

    def conflicts(self, limit: int = 100) -> Sequence[Conflict]:
        """Return the newest conflicts first."""
        query = select(conflicts).order_by(conflicts.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_load_conflict(row) for row in connection.execute(query).mappings()]


def _place(reject: Reject) -> dict[str, Any]:
    return dict(zip(_PLACE, (from_us(reject.packet.received_at), *reject.position), strict=True))


def _packet_row(reject: Reject) -> dict[str, Any]:
    packet = reject.packet
    return _place(reject) | {"topic": packet.topic, "properties": packet.properties, "payload": packet.payload}


def _reject_row(reject: Reject) -> dict[str, Any]:
    return _place(reject) | {
        "record": _WHOLE_PACKET if reject.record is None else reject.record,
        "reason": reject.reason.value,
        "detail": reject.detail,
    }


def _load_packet(row: Any) -> Packet:
    return Packet(row["topic"], row["payload"], properties=row["properties"], received_at=to_us(row["received_at"]))


def _load_reject(row: Any, packet: Packet) -> StoredReject:
    record = None if row["record"] == _WHOLE_PACKET else row["record"]
    reject = Reject(Position(row["segment"], row["offset"]), Reason(row["reason"]), packet, record, row["detail"])
    return StoredReject(row["id"], reject, row["replayed_at"])


def _conflict_row(conflict: Conflict) -> dict[str, Any]:
    return {
        "usage_point": conflict.usage_point,
        "reading_type": conflict.reading_type,
        "time": from_ms(conflict.time),
        "kept_value": conflict.kept_value,
        "kept_received_at": from_us(conflict.kept_received_at),
        "offered_value": conflict.offered_value,
        "offered_received_at": from_us(conflict.offered_received_at),
        "offered_segment": conflict.offered_position.segment,
        "offered_offset": conflict.offered_position.offset,
    }


def _load_conflict(row: Any) -> Conflict:
    return Conflict(
        row["usage_point"],
        row["reading_type"],
        to_us(row["time"]) // 1000,
        row["kept_value"],
        to_us(row["kept_received_at"]),
        row["offered_value"],
        to_us(row["offered_received_at"]),
        Position(row["offered_segment"], row["offered_offset"]),
    )
