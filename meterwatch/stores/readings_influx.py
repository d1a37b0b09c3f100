"""Readings and day totals in InfluxDB 2: the reading store of the full stack.

InfluxDB overwrites silently, so what becomes of a reading is decided before it is written.
"""

import math
import threading
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.model.reading_types import BY_CODE, READING_TYPES
from meterwatch.core.model.readings import Appended, DayTotals, ReadingBatch
from meterwatch.stores.highwater import UNKNOWN, HighWater
from meterwatch.stores.influx import Influx, Series, any_of, select, tag_value
from meterwatch.stores.influx_options import InfluxOptions
from meterwatch.stores.judge import judge
from meterwatch.stores.points import require_known, unknown_codes

READINGS = "readings"
DAY_TOTALS = "day_totals"
TAG = "usage_point"

_DAY_MS = 86_400_000
_FIRST_DAY = date(1970, 1, 1).toordinal()
_LAST_MS = 9_223_372_036_854  # InfluxDB counts nanoseconds in 64 bits
_NAMED_POINTS = 10_000  # above this many a query asks for all, and we choose: the server compares every name
_CODE_OF = {reading_type.field: reading_type.code for reading_type in READING_TYPES}


class InfluxReadings:
    """A :class:`~meterwatch.core.ports.ReadingStore` in two buckets of an InfluxDB 2 server.

    It is the only writer of its buckets; any number of others may read them.
    """

    def __init__(self, options: InfluxOptions) -> None:
        """Take the options; the server is not asked before the first call that needs it."""
        self._options = options
        self._influx = Influx(options)
        self._lock = threading.Lock()
        self._marks = HighWater()
        self._codes: list[str] = []
        self._tags: list[str] = []
        self._row_of: dict[str, int] = {}

    def know(self, codes: Sequence[str]) -> None:
        """See the port. Rows are known while the store is open; in the database readings stand under their code."""
        with self._lock:
            for code in unknown_codes(self._codes, codes):
                self._row_of[code] = len(self._codes)
                self._tags.append(tag_value(code))
                self._codes.append(code)

    def append(self, batch: ReadingBatch) -> Appended:
        """See the port. REFUSED are values that are not finite, times older than the retention or beyond nanoseconds in 64
        bits, and codes a tag can't hold: empty, with a line break, or ending in a backslash.
        """
        require_known(batch.usage_point, len(self._codes))
        with self._lock:
            try:
                return self._append(batch)
            except BaseException:
                self._marks.put(batch, UNKNOWN)  # part of it may be stored, or will be when the server comes to it
                raise

    def read(self, start: int, end: int, rows: NDArray[np.int32] | None = None) -> ReadingBatch:
        """See the port. Readings under codes that were never made known are left out."""
        where = self._where(start + 1, end, rows)
        batch = self._fetch([_select_readings(field, where) for field in self._fields()])
        if rows is not None:
            batch = batch.take(np.isin(batch.usage_point, rows))
        return batch.take(np.lexsort((batch.time, batch.reading_type, batch.usage_point)))

    def write_totals(self, totals: DayTotals) -> None:
        """See the port. Totals older than their retention, or of codes a tag can't hold, are left out."""
        require_known(totals.usage_point, len(self._codes))
        with self._lock:
            self._drop_peaks(totals.take(np.isnan(totals.peak)))
            self._influx.write(self._options.totals_bucket, self._total_lines(totals))

    def read_totals(self, first_day: int, last_day: int, rows: NDArray[np.int32] | None = None) -> DayTotals:
        """See the port."""
        where = self._where(_midnight(first_day), _midnight(last_day), rows)
        statement = select(f'"use", "known", "quality", "{TAG}", "peak"', DAY_TOTALS, where)
        answer = self._influx.query(self._options.totals_bucket, [statement])
        totals = DayTotals.join([self._totals(series) for series in answer])
        if rows is not None:
            totals = totals.take(np.isin(totals.usage_point, rows))
        return totals.take(np.lexsort((totals.usage_point, totals.day)))

    def count(self) -> int:
        """See the port. The database counts every reading: it takes long."""
        counts = ", ".join(f'count("{field}_r")' for field in self._fields())
        answer = self._influx.query(self._options.bucket, [select(counts, READINGS)] if counts else [])
        return sum(int(number) for series in answer for row in series.values for number in row[1:])

    def close(self) -> None:
        """See the port."""
        self._influx.close()

    def _append(self, batch: ReadingBatch) -> Appended:
        takeable = np.isfinite(batch.value)
        self._ask_marks(batch.take(takeable & (self._marks.of(batch) == UNKNOWN)))
        stored = self._find(batch.take(takeable & (batch.time <= self._marks.of(batch))))
        judgement = judge(batch, stored, takeable)
        new = batch.take(judgement.store)
        refused = self._write(new)
        self._marks.raise_to(new)
        return judgement.without(judgement.store[refused])

    def _write(self, readings: ReadingBatch) -> NDArray[np.intp]:
        """Write readings whose keys are not stored; return the index of those the database did not take."""
        doubtful = np.array(self._influx.write(self._options.bucket, self._lines(readings)), np.intp)
        suspects = readings.take(doubtful)
        return doubtful[judge(suspects, self._find(suspects), np.ones(len(suspects), np.bool_)).store]

    def _lines(self, readings: ReadingBatch) -> list[str]:
        fields = {code: BY_CODE[code].field for code in np.unique(readings.reading_type).tolist()}
        return [
            f"{READINGS},{TAG}={self._tags[row]} {fields[code]}={value!r},{fields[code]}_q={quality},"
            f"{fields[code]}_r={received_at} {time}"
            for row, code, time, value, quality, received_at in zip(*(c.tolist() for c in readings.columns()), strict=True)
        ]

    def _ask_marks(self, batch: ReadingBatch) -> None:
        """Ask the database for the latest times of the series of ``batch``; none is as good as one before the batch."""
        statements = []
        for part in _alike(batch):
            first = int(part.time.min())
            self._marks.put(part, first - 1)
            field = BY_CODE[int(part.reading_type[0])].field
            where = self._where(first, _LAST_MS, np.unique(part.usage_point))
            statements.append(select(f'last("{field}_r") AS "{field}"', READINGS, where, f'GROUP BY "{TAG}"'))
        answer = self._influx.query(self._options.bucket, statements)
        latest = [(self._row_of.get(s.tags[TAG], -1), _CODE_OF[s.columns[1]], s.values[0][0], 0, 0, 0) for s in answer]
        if latest:
            self._marks.raise_to(_known(ReadingBatch.of(*zip(*latest, strict=True))))

    def _find(self, batch: ReadingBatch) -> ReadingBatch:
        """Return all that is stored under the keys of ``batch``, and their neighbours."""
        statements = []
        for part in _alike(batch):
            where = self._where(int(part.time.min()), int(part.time.max()), np.unique(part.usage_point))
            statements.append(_select_readings(BY_CODE[int(part.reading_type[0])].field, where))
        return self._fetch(statements)

    def _fetch(self, statements: Sequence[str]) -> ReadingBatch:
        answer = self._influx.query(self._options.bucket, statements)
        return ReadingBatch.join([self._readings(series) for series in answer])

    def _fields(self) -> list[str]:
        """Return the fields of the reading types that occur in the database."""
        answer = self._influx.query(self._options.bucket, [f'SHOW FIELD KEYS FROM "{READINGS}"'])
        found = {row[0] for series in answer for row in series.values}
        return [field for field in _CODE_OF if field in found]

    def _where(self, first: int, last: int, rows: NDArray[np.int32] | None) -> str:
        where = f"WHERE time >= {max(first, -_LAST_MS)}ms AND time <= {min(last, _LAST_MS)}ms"
        if rows is None or len(rows) > _NAMED_POINTS:
            return where
        return f'{where} AND "{TAG}" =~ {self._any_of(rows)}'

    def _any_of(self, rows: NDArray[np.int32]) -> str:
        return any_of(self._codes[row] for row in rows.tolist())

    def _readings(self, series: Series) -> ReadingBatch:
        time, value, quality, received_at, codes = _whole(series)
        kind = np.full(len(time), _CODE_OF[series.columns[1]])
        return _known(ReadingBatch.of(self._rows(codes), kind, time, value, quality, received_at))

    def _totals(self, series: Series) -> DayTotals:
        time, use, known, quality, codes, peak = _whole(series, optional=1)
        day = np.array(time, np.int64) // _DAY_MS + _FIRST_DAY
        totals = DayTotals.of(day, self._rows(codes), use, known, peak, quality)
        return totals.take(totals.usage_point >= 0)

    def _rows(self, codes: Sequence[str]) -> list[int]:
        return [self._row_of.get(code, -1) for code in codes]

    def _total_lines(self, totals: DayTotals) -> list[str]:
        return [
            f"{DAY_TOTALS},{TAG}={self._tags[row]} use={use!r},known={known!r},quality={quality}"
            f"{'' if math.isnan(peak) else f',peak={peak!r}'} {_midnight(day)}"
            for day, row, use, known, peak, quality in zip(*(c.tolist() for c in totals.columns()), strict=True)
        ]

    def _drop_peaks(self, totals: DayTotals) -> None:
        """Delete stored totals whose peak ``totals`` no longer have: a line without the field would leave it in place."""
        if not len(totals):
            return
        stored = self.read_totals(int(totals.day.min()), int(totals.day.max()), np.unique(totals.usage_point))
        stale = stored.take(~np.isnan(stored.peak) & np.isin(_day_and_point(stored), _day_and_point(totals)))
        statements = []
        for day in np.unique(stale.day).tolist():
            points = self._any_of(stale.usage_point[stale.day == day])
            statements.append(f'DELETE FROM "{DAY_TOTALS}" WHERE time = {_midnight(day)}ms AND "{TAG}" =~ {points}')  # noqa: S608
        for _ in self._influx.query(self._options.totals_bucket, statements):
            pass


def _select_readings(field: str, where: str) -> str:
    return select(f'"{field}", "{field}_q", "{field}_r", "{TAG}"', READINGS, where)


def _whole(series: Series, optional: int = 0) -> list[tuple[Any, ...]]:
    """Return the columns of a series, of rows that lack none but the last ``optional`` ones.

    A query may come between the fields of a line that is just being written: such a row is not there yet.
    """
    needed = len(series.columns) - optional
    rows = [row for row in series.values if None not in row[:needed]]
    return list(zip(*rows, strict=True)) or [()] * len(series.columns)


def _known(batch: ReadingBatch) -> ReadingBatch:
    return batch.take(batch.usage_point >= 0)


def _midnight(day: int) -> int:
    return (day - _FIRST_DAY) * _DAY_MS


def _day_and_point(totals: DayTotals) -> NDArray[np.int64]:
    return totals.day.astype(np.int64) << 32 | totals.usage_point


def _alike(batch: ReadingBatch) -> Iterator[ReadingBatch]:
    """Split a batch into parts of one reading type whose usage points span the same UTC days.

    One query then serves a part, and a meter that is a month late does not make it read a month of all the others.
    """
    if not len(batch):
        return
    batch = batch.take(np.lexsort((batch.time, batch.usage_point, batch.reading_type)))
    starts = np.flatnonzero(np.concatenate(([True], np.diff(batch.usage_point) | np.diff(batch.reading_type))))
    lengths = np.diff(np.append(starts, len(batch)))
    days = batch.time // _DAY_MS
    spans = np.stack((batch.reading_type[starts], days[starts], days[starts + lengths - 1]))
    _, span = np.unique(spans, axis=1, return_inverse=True)
    part = np.repeat(span.reshape(-1), lengths)
    order = np.argsort(part, kind="stable")
    for index in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        yield batch.take(index)
