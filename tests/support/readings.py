"""Readings and meters written out by hand, and a day's totals from them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

import numpy as np

from detectors.daily import reading_range, totals
from meterwatch.core.calendar import DayScheme
from meterwatch.core.instants import to_ms
from meterwatch.core.model.reading_types import BY_NAME
from meterwatch.core.model.readings import DayTotals, ReadingBatch
from meterwatch.core.model.registry import FOREVER_MS, Meters
from meterwatch.core.registers import intervals

MINUTE = 60_000
HOUR = 60 * MINUTE
NAN = float("nan")
REGISTER, FLOW, POWER = "electricity.register", "gas.flow", "electricity.power"


class Reading(NamedTuple):
    """One reading: row, name of its type, UTC ms, value, quality bits."""

    point: int
    kind: str
    time: int
    value: float
    quality: int = 0


class Meter(NamedTuple):
    """A meter's time on a usage point."""

    point: int = 0
    digits: int = 0
    multiplier: float = 1.0
    valid_from: int = -FOREVER_MS
    valid_to: int = FOREVER_MS
    initial: float = NAN
    final: float = NAN


def batch(readings: Iterable[Reading]) -> ReadingBatch:
    """Return readings as a store returns them: each once, sorted by usage point, type, time."""
    stored = sorted({(one.point, BY_NAME[one.kind].code, one.time): one for one in readings}.items())
    if not stored:
        return ReadingBatch.empty()
    return ReadingBatch.of(*zip(*((*key, one.value, one.quality, 0) for key, one in stored), strict=True))


def meters(*found: Meter) -> Meters:
    """Return meters sorted as the registry holds them; without any, one that counts as it shows on each of ten points."""
    return Meters.of(*zip(*sorted(found or [Meter(point) for point in range(10)]), strict=True))


def series(kind: str, values: Mapping[float, float], *, start: int = 0, point: int = 0) -> list[Reading]:
    """Return readings of one type: ``values`` by hours since ``start``."""
    return [Reading(point, kind, start + round(hour * HOUR), value) for hour, value in values.items()]


def ordinal(text: str) -> int:
    """Return the ordinal of a date like 2023-03-26."""
    return date.fromisoformat(text).toordinal()


def utc(text: str) -> int:
    """Return UTC milliseconds of a moment like 2023-03-26T00:00."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


def day_totals(
    readings: Iterable[Reading], scheme: DayScheme, day: int, installed: Meters | None = None, points: int = 1
) -> DayTotals:
    """Return a day's totals of rows 0 .. ``points`` - 1 as the evaluation computes them: from the day's reading range."""
    start, end = reading_range(scheme, day)
    stored = batch(one for one in readings if start < one.time <= end)
    steps = intervals(stored, meters() if installed is None else installed)
    return totals(steps, scheme, day, np.arange(points, dtype=np.int32))
