"""Corrected readings: rows beside the raw ones, only ever added or withdrawn (RULES use-validate)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, insert, select, update

from meterwatch.core.corrections import as_readings
from meterwatch.core.dirty import dirty_days
from meterwatch.core.errors import Refusal
from meterwatch.core.instants import from_ms, to_ms
from meterwatch.core.model.corrections import Author, Correction, NewCorrection
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.reading_types import BY_CODE
from meterwatch.core.model.registry import Registry
from meterwatch.stores.correction_tables import corrections
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import mark_dirty, note
from meterwatch.stores.tables import evaluated_days

_NONE = Phrase(
    "there is no correction {number}; `meterwatch readings POINT` shows those of a usage point",
    "没有修正 {number}；用 `meterwatch readings 用户点编号` 查看",
)
_WITHDRAWN = Phrase("correction {number} is withdrawn already, by {person}", "修正 {number} 已由 {person} 撤销")


class Entered(NamedTuple):
    """What was entered: the numbers of the corrections, and how many meter days of usage points it makes dirty."""

    numbers: tuple[int, ...]
    days: int


class SqlCorrections:
    """The corrections people enter and look at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, found: Sequence[NewCorrection], registry: Registry, author: Author, now: datetime) -> Entered:
        """Enter corrections, all or none, and mark the judged meter days they touch to be judged again."""
        with self._database.write() as connection:
            entered = [_enter(connection, one, author, now) for one in found]
            note(connection, now, author.account, [_audit_row("reading.correct", one, author) for one in entered])
            numbers = tuple(one.id for one in entered)
            return Entered(numbers, self._dirty(connection, entered, -2 * max(numbers, default=0), registry))

    def withdraw(
        self, number: int, registry: Registry, author: Author, now: datetime, check: Callable[[Correction], None]
    ) -> Entered:
        """Withdraw a correction: the one before it stands again, else the raw value. Its meter days are judged again.

        Raises Refusal if there is none or it is withdrawn already, or ``check`` does.
        """
        mine = corrections.c.id == number
        with self._database.write() as connection:
            row = connection.execute(select(corrections).where(mine).with_for_update()).mappings().one_or_none()
            if row is None:
                raise Refusal(_NONE, number=number)
            found = _load(row)
            check(found)
            if found.withdrawn_at is not None:
                raise Refusal(_WITHDRAWN, number=number, person=found.withdrawn_by)
            connection.execute(update(corrections).where(mine).values(withdrawn_at=now, withdrawn_by=author.person))
            note(connection, now, author.account, [_audit_row("reading.uncorrect", found, author)])
            return Entered((number,), self._dirty(connection, [found], -2 * number - 1, registry))

    def standing(self, start: int, end: int, usage_point: str) -> Sequence[Correction]:
        """Return the corrections that stand of one usage point's readings with ``start`` < time <= ``end`` (UTC ms)."""
        with self._database.read() as connection:
            return standing(connection, start, end, usage_point)

    def _dirty(self, connection: Connection, found: Sequence[Correction], mark: int, registry: Registry) -> int:
        """Mark the meter days that corrections touch; return how many.

        ``mark`` names the change as no other is named: packets have numbers above 0, each change here its own below.
        """
        touched = dirty_days(as_readings(found, registry), registry, _begun_days(connection))
        mark_dirty(self._database, connection, [entry._replace(mark=mark) for entry in touched])
        return len(touched)


def standing(connection: Connection, start: int, end: int, usage_point: str = "") -> list[Correction]:
    """Return the corrections that stand of readings with ``start`` < time <= ``end`` (UTC ms), one a reading at most.

    An empty ``usage_point`` means every one. Of those of one reading the newest that is not withdrawn stands.
    """
    table = corrections.c
    query = select(corrections).where(table.time > from_ms(start), table.time <= from_ms(end), table.withdrawn_at.is_(None))
    if usage_point:
        query = query.where(table.usage_point == usage_point)
    found = map(_load, connection.execute(query.order_by(table.id)).mappings())
    return list({(one.usage_point, one.reading_type, one.time): one for one in found}.values())


def _begun_days(connection: Connection) -> Mapping[str, int]:
    """Return per scheme the last day whose evaluation has begun; it can't move before the transaction ends.

    A day that began meanwhile would be judged without what is being entered, and nobody would mark it.
    """
    query = select(evaluated_days.c.scheme, evaluated_days.c.begun_day).with_for_update(read=True)
    return {row.scheme: row.begun_day for row in connection.execute(query)}


def _enter(connection: Connection, one: NewCorrection, author: Author, now: datetime) -> Correction:
    row = asdict(one) | author._asdict() | {"time": from_ms(one.time), "recorded_at": now}
    return _load(connection.execute(insert(corrections).values(row).returning(corrections)).mappings().one())


def _load(row: RowMapping) -> Correction:
    return Correction(**{**row, "time": to_ms(row["time"])})


def _audit_row(action: str, one: Correction, author: Author) -> tuple[str, str, dict[str, Any]]:
    detail = {
        "correction": one.id,
        "reading_type": BY_CODE[one.reading_type].name,
        "time": from_ms(one.time).isoformat(),
        "raw_value": one.raw_value,
        "value": one.value,
        "by": author.person,
    }
    return action, one.usage_point, detail
