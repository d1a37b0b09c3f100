"""What meters showed in a week (RULES use-weekly-read): on which days they were read, use by register and by intervals."""

import numpy as np
from numpy.typing import NDArray

from detectors.rule import WeekReadings
from meterwatch.core.calendar import DayScheme
from meterwatch.core.model.reading_types import READING_TYPES, Accumulation
from meterwatch.core.model.readings import Quality, ReadingBatch
from meterwatch.core.model.registry import Meters
from meterwatch.core.registers import MAX_GAP_MS, Intervals, intervals, meter_at

WEEK = 7
_USE = np.array([kind.code for kind in READING_TYPES if kind.use])
_REGISTERS = [kind.code for kind in READING_TYPES if kind.use and kind.accumulation is Accumulation.BULK]
_INTERVALS = sorted(
    (kind.interval_s, kind.code) for kind in READING_TYPES if kind.use and kind.accumulation is Accumulation.DELTA
)


def reading_range(scheme: DayScheme, day: int) -> tuple[int, int]:
    """Return (start, end) in UTC ms: the readings with start < time <= end are those of the seven meter days that end with
    ``day``, and those of the moment they begin, from which a register counts."""
    return scheme.start(day - WEEK + 1) - 1, scheme.end(day)


def week_readings(
    readings: ReadingBatch, meters: Meters, scheme: DayScheme, day: int, rows: NDArray[np.int32]
) -> WeekReadings:
    """Return what the meters of ``rows`` (sorted) showed in the week that ends with meter day ``day``.

    ``readings`` are those of ``reading_range``, of these rows. A reading that its sender doubts is not valid.
    """
    start, end = scheme.start(day - WEEK + 1), scheme.end(day)
    steps = intervals(readings, meters)
    bounds = np.searchsorted(steps.point, rows, side="left"), np.searchsorted(steps.point, rows, side="right")
    uses = [_uses(steps.take(np.arange(first, last))) for first, last in zip(*bounds, strict=True)]
    register, summed = np.array(uses, np.float64).reshape(-1, 2).T
    meter = meter_at(rows, np.full(len(rows), end), meters)
    step = np.where(meter >= 0, meters.multiplier[meter] if len(meters) else np.nan, np.nan)
    return WeekReadings(_read_days(readings, scheme, start, rows), register, summed, step)


def _read_days(readings: ReadingBatch, scheme: DayScheme, start: int, rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return on how many days after ``start`` each of ``rows`` has a valid reading of its use."""
    doubted = (readings.quality & np.uint32(Quality.SUSPECT)) > 0
    valid = (readings.time > start) & np.isin(readings.reading_type, _USE) & np.isfinite(readings.value) & ~doubted
    found = np.unique(np.stack([readings.usage_point[valid], scheme.days(readings.time[valid])]), axis=1)
    return np.bincount(np.searchsorted(rows, found[0]), minlength=len(rows)).astype(np.float64)


def _uses(steps: Intervals) -> tuple[float, float]:
    """Return a usage point's use by register and by intervals over the time both know, NaN if there is none.

    Of several interval lengths the one that knows most is taken. Where a register was read inside an interval, that is
    shared out by time, but for one longer than two hours: at such a moment nothing is compared.
    """
    register = steps.take(np.isin(steps.reading_type, _REGISTERS))
    kinds = [steps.take(steps.reading_type == code) for _, code in _INTERVALS]
    summed = max(kinds, key=lambda kind: int((kind.end - kind.start).sum()))
    moments = np.union1d(register.start, register.end)
    moments = moments[~_within_a_long_one(moments, summed)]
    if len(moments) < 2 or not len(summed):
        return np.nan, np.nan
    length = np.diff(moments)
    both = np.ones(len(length), np.bool_)
    for part in (register, summed):
        both &= np.rint(_between(moments, part, part.end - part.start)) == length
    if not both.any():
        return np.nan, np.nan
    by_register, by_intervals = (float(_between(moments, part, part.use)[both].sum()) for part in (register, summed))
    return by_register, by_intervals


def _within_a_long_one(moments: NDArray[np.int64], steps: Intervals) -> NDArray[np.bool_]:
    """Return which moments lie inside, not at an edge of, a step of more than two hours."""
    long = steps.take(steps.end - steps.start > MAX_GAP_MS)
    return np.searchsorted(long.start, moments, side="left") > np.searchsorted(long.end, moments, side="right")


def _between(
    moments: NDArray[np.int64], steps: Intervals, amounts: NDArray[np.float64] | NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how much of ``amounts``, one a step, lies between successive moments: a step is shared out by time."""
    total = np.cumsum(amounts)
    edges = np.stack([steps.start, steps.end], axis=1).ravel()
    so_far = np.stack([total - amounts, total], axis=1).ravel()
    return np.diff(np.interp(moments, edges, so_far))
