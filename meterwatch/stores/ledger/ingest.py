"""What the pipeline leaves behind: dirty days, rejects, conflicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from meterwatch.core.instants import from_ms, from_us, to_us
from meterwatch.core.model.packets import Packet, Position, Reason, Reject
from meterwatch.core.ports import Conflict, Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import chunks, note
from meterwatch.stores.tables import conflicts, dirty_days, evaluated_days, rejects

_WHOLE_PACKET = -1


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject with its number and when it was handed in again, if it was."""

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

    def settle(self, settlement: Settlement, now: datetime) -> None:  # noqa: ARG002 - the port says when
        """See the port."""
        with self._database.write() as connection:
            self._mark_dirty(connection, settlement)
            self._enter(connection, rejects, [_reject_row(reject) for reject in settlement.rejects])
            self._enter(connection, conflicts, [_conflict_row(conflict) for conflict in settlement.conflicts])

    def _mark_dirty(self, connection: Connection, settlement: Settlement) -> None:
        if settlement.dirty:
            statement = self._database.insert(dirty_days)
            statement = statement.on_conflict_do_update(
                index_elements=["day", "point"], set_={"mark": statement.excluded.mark}
            )
            connection.execute(statement, [entry._asdict() for entry in settlement.dirty])

    def _enter(self, connection: Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            connection.execute(self._database.insert(table).on_conflict_do_nothing(), rows)

    def rejects(self, *, reason: Reason | None = None, limit: int = 100, replayed: bool = False) -> Sequence[StoredReject]:
        """Return the newest rejects first; those handed in again only with ``replayed``."""
        query = select(rejects).order_by(rejects.c.id.desc()).limit(limit)
        if reason is not None:
            query = query.where(rejects.c.reason == reason)
        if not replayed:
            query = query.where(rejects.c.replayed_at.is_(None))
        with self._database.read() as connection:
            return [_load_reject(row) for row in connection.execute(query).mappings()]

    def reject(self, number: int) -> StoredReject | None:
        """Return one reject by its number."""
        with self._database.read() as connection:
            row = connection.execute(select(rejects).where(rejects.c.id == number)).mappings().one_or_none()
            return _load_reject(row) if row else None

    def reject_counts(self) -> Mapping[str, int]:
        """Return how many rejects wait, by reason."""
        query = select(rejects.c.reason, func.count()).where(rejects.c.replayed_at.is_(None)).group_by(rejects.c.reason)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def mark_replayed(self, numbers: Sequence[int], now: datetime, actor: str) -> None:
        """Note that rejects were handed in again."""
        with self._database.write() as connection:
            for part in chunks(numbers):
                connection.execute(update(rejects).where(rejects.c.id.in_(part)).values(replayed_at=now))
            note(connection, now, actor, [("reject.replay", str(number), {}) for number in numbers])

    def conflicts(self, limit: int = 100) -> Sequence[Conflict]:
        """Return the newest conflicts first."""
        query = select(conflicts).order_by(conflicts.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_load_conflict(row) for row in connection.execute(query).mappings()]


def _reject_row(reject: Reject) -> dict[str, Any]:
    return {
        "segment": reject.position.segment,
        "offset": reject.position.offset,
        "record": _WHOLE_PACKET if reject.record is None else reject.record,
        "reason": reject.reason.value,
        "detail": reject.detail,
        "received_at": from_us(reject.packet.received_at),
        "topic": reject.packet.topic,
        "payload": reject.packet.payload,
        "properties": reject.packet.properties,
    }


def _load_reject(row: Any) -> StoredReject:
    packet = Packet(row["topic"], row["payload"], properties=row["properties"], received_at=to_us(row["received_at"]))
    record = None if row["record"] == _WHOLE_PACKET else row["record"]
    position = Position(row["segment"], row["offset"])
    reject = Reject(position, Reason(row["reason"]), packet, record, row["detail"])
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
