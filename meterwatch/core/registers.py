"""From stored readings to use: what flowed between two moments, for registers, intervals and rates alike.

Pure arrays, always computed from readings in time order and never stored with them: a late reading changes its neighbours.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.model.columns import Columns
from meterwatch.core.model.reading_types import READING_TYPES, Accumulation
from meterwatch.core.model.readings import Quality, ReadingBatch
from meterwatch.core.model.registry import Meters

MAX_GAP_MS = 2 * 3_600_000  # most gaps are shorter; over a longer one a rate or the edge of a day says nothing
_CARRIED = np.uint32(Quality.SUSPECT | Quality.CORRECTED)  # bits of a reading that also speak of the use up to it
_INDEX_REACH_MS = 30 * 3_600_000  # no index further from a reading than that lies in the same meter day, edges included
_NEAR_TOP, _NEAR_ZERO = 0.9, 0.1  # a register rolled over if it stood above and stands below these shares of its range
_MOST = 0.4  # no register passes more of its range at once: from near zero to near the top is back over zero
_SPANS = np.append(np.nan, 10.0 ** np.arange(1, 128))  # the range of a register by its digits; 0 = not known
_LONGEST_HIGH = 8  # readings; what stands above for longer may be the true register, between two misread as zero
_LEAP = 0.25  # of how far a run strays; a register that comes back by smaller steps was reset and counted on


@dataclass(frozen=True, slots=True)
class Intervals(Columns):
    """Use between two moments, one row each, sorted by point, reading type, end.

    ``start`` < t <= ``end`` int64 UTC ms · ``use`` float64 kWh or m3 · ``quality`` uint32 bits that do not depend on when
    or in which order the readings arrived.
    """

    DTYPES: ClassVar = (np.int32, np.int32, np.int64, np.int64, np.float64, np.uint32)
    point: NDArray[np.int32]
    reading_type: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    use: NDArray[np.float64]
    quality: NDArray[np.uint32]

    def rates(self) -> NDArray[np.float64]:
        """Return the mean rate of each interval, (n,) kW or m3/h; NaN where it is longer than two hours or not finite."""
        length = self.end - self.start
        with np.errstate(over="ignore"):
            rate = self.use * 3_600_000 / length
        return np.where((length <= MAX_GAP_MS) & np.isfinite(rate), rate, np.nan)


def intervals(readings: ReadingBatch, meters: Meters) -> Intervals:
    """Return the known use between successive readings.

    ``readings`` sorted by usage point, type, time. Steps that can't be known (a register going back, a rate over more than
    two hours, a reading outside every meter's validity) or are no finite number are absent. Register readings that leap
    away and come back, or have more digits than the register, are left out: the step is taken over them.
    """
    kinds = (
        (Accumulation.BULK, _from_registers),
        (Accumulation.DELTA, _from_deltas),
        (Accumulation.INDICATING, _from_rates),
    )
    with np.errstate(over="ignore"):
        joined = Intervals.join([part(_of_kind(readings, kind), meters) for kind, part in kinds])
    known = np.isfinite(joined.use) & (joined.end > joined.start)
    order = np.lexsort((joined.end, joined.reading_type, joined.point))
    return joined.take(order[known[order]])


def meter_at(points: NDArray[np.int32], times: NDArray[np.int64], meters: Meters) -> NDArray[np.int64]:
    """Return for each (point, UTC ms) the row of ``meters`` that was installed then, (n,) int64; -1 for none."""
    if not len(meters):
        return np.full(len(points), -1, np.int64)
    found = np.searchsorted(_key(meters.point, meters.valid_from), _key(points, times), side="left") - 1
    fits = (found >= 0) & (meters.point[found] == points) & (times <= meters.valid_to[found])
    return np.where(fits, found, -1)


_TIME_BITS = 42  # milliseconds until 2109; leaves room for two million points


def _key(points: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int64]:
    return (points.astype(np.int64) << _TIME_BITS) | np.clip(times, 0, (1 << _TIME_BITS) - 1)


def _of_kind(readings: ReadingBatch, kind: Accumulation) -> ReadingBatch:
    codes = [reading_type.code for reading_type in READING_TYPES if reading_type.use and reading_type.accumulation is kind]
    return readings.take(np.isin(readings.reading_type, codes))


@dataclass(frozen=True, slots=True)
class _Shown(Columns):
    """What registers showed, one row a reading in time order: value, range (NaN = not known) and number of the register."""

    DTYPES: ClassVar = (np.float64, np.float64, np.int64)
    value: NDArray[np.float64]
    span: NDArray[np.float64]
    register: NDArray[np.int64]

    def fit(self, before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether both rows are of one register and it can have shown the one and later the other."""
        same: NDArray[np.bool_] = self.register[before] == self.register[after]
        return same & _fit(self.value[before], self.value[after], self.span[after])


def _from_registers(readings: ReadingBatch, meters: Meters) -> Intervals:
    readings, meter, edge = _with_exchange_indexes(readings, meters)
    if len(readings) < 2:
        return Intervals.empty()
    register = np.cumsum(np.append(False, _changes(readings) | (meter[1:] != meter[:-1])))
    shown = _Shown(readings.value, _SPANS[meters.digits[meter]], register)
    sound = np.flatnonzero(~_misread(shown))
    readings, meter, edge, shown = readings.take(sound), meter[sound], edge[sound], shown.take(sound)
    after, before = slice(1, None), slice(None, -1)
    same = shown.register[after] == shown.register[before]
    use, rolled = _register_steps(shown.value[before], shown.value[after], shown.span[after])
    back = np.append(False, (same & np.isnan(use))[:-1])  # marked on the next step: the step back itself is unknown
    quality = (readings.quality[after] | readings.quality[before]) & _CARRIED
    quality |= _bit(Quality.ROLLOVER, rolled)
    quality |= _bit(Quality.EXCHANGE, edge[after] | edge[before])
    quality |= _bit(Quality.STEP_BACK, back | (np.diff(sound) > 1))
    return Intervals(
        readings.usage_point[after],
        readings.reading_type[after],
        readings.time[before],
        readings.time[after],
        np.where(same, use * meters.multiplier[meter[after]], np.nan),
        quality,
    )


def _bit(quality: Quality, where: NDArray[np.bool_]) -> NDArray[np.uint32]:
    return np.where(where, np.uint32(quality), np.uint32(0))


def _changes(readings: ReadingBatch) -> NDArray[np.bool_]:
    """Return for each reading but the last whether the next one is of another usage point or type, (n - 1,)."""
    point, kind = readings.usage_point, readings.reading_type
    changes: NDArray[np.bool_] = (point[1:] != point[:-1]) | (kind[1:] != kind[:-1])
    return changes


def _register_steps(
    before: NDArray[np.float64], after: NDArray[np.float64], span: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the register's advance (NaN for a step back) and where it rolled over its last digit."""
    rolled = _rolls_over(before, after, span)
    use = after - before + np.where(rolled, span, 0.0)
    return np.where(_fit(before, after, span), use, np.nan), rolled


def _fit(before: NDArray[np.float64], after: NDArray[np.float64], span: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether a register that showed ``before`` can have shown ``after`` next: it never goes back or half round."""
    return _rolls_over(before, after, span) | ((before <= after) & ~(after - before > _MOST * span))


def _rolls_over(before: NDArray[np.float64], after: NDArray[np.float64], span: NDArray[np.float64]) -> NDArray[np.bool_]:
    rolls: NDArray[np.bool_] = (before >= _NEAR_TOP * span) & (after <= _NEAR_ZERO * span)
    return rolls


# --- misread registers ------------------------------------------------------------------------------------------------


def _misread(shown: _Shown) -> NDArray[np.bool_]:
    """Return the readings that no register showed, (n,): values beyond its last digit, and runs that leap away and back.

    A few zeros or nines among sound readings are no use; counted, the way back from them would be.
    """
    wrong = shown.value >= shown.span
    before, _ = _misfits(shown, wrong)
    if len(before):
        rows = np.flatnonzero(np.isin(shown.register, shown.register[before]))
        wrong[rows] = _with_runs(shown.take(rows), wrong[rows])
    return wrong


def _misfits(shown: _Shown, wrong: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows each misfit leads from and to: readings of one register that follow but do not fit each other.

    Those that are ``wrong`` already are passed over. Several misfits in a row are one, so that a register that runs
    backwards is not compared with all that follows at every reading.
    """
    sound = np.flatnonzero(~wrong)
    before, after = sound[:-1], sound[1:]
    odd = (shown.register[before] == shown.register[after]) & ~shown.fit(before, after)
    edges = np.diff(odd.astype(np.int8), prepend=0, append=0)
    return before[edges[:-1] > 0], after[edges[1:] < 0]


def _with_runs(shown: _Shown, wrong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return ``wrong`` and with it all that lies between the nearest two readings around a misfit that fit each other.

    The nearest, so that the fewest count as misread; of two runs as short either may be the true one, and both go.
    """
    wrong, reset = wrong.copy(), np.zeros(len(wrong), np.bool_)
    for length in range(2, int(np.bincount(shown.register).max())):
        before, after = _misfits(shown, wrong)
        before, after = before[~reset[after]], after[~reset[after]]
        if not len(before):
            break
        which, first = _fitting(shown, wrong, before, after, length)
        if not len(which):
            continue
        leaps = _leaps(shown, wrong, first, first + length)
        reset[after[which[~leaps]]] = True
        wrong[first[leaps][:, None] + np.arange(1, length)] = True
    return wrong


def _fitting(
    shown: _Shown, wrong: NDArray[np.bool_], before: NDArray[np.int64], after: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every two sound readings ``length`` apart around a misfit that fit each other: which misfit, the first's row.

    Where a register falls, what comes before may be a high run and what comes after a low one; where it leaps up it is the
    other way round. A low run may be of any length.
    """
    high = np.arange(min(length, _LONGEST_HIGH + 1))
    falls = shown.value[after] < shown.value[before]
    first = np.where(falls[:, None], before[:, None] - high, after[:, None] + high - length)
    around = (first >= 0) & (first <= before[:, None])
    around &= (first + length >= after[:, None]) & (first + length < len(wrong))
    which, column = np.nonzero(around)
    first = first[which, column]
    good = ~(wrong[first] | wrong[first + length]) & shown.fit(first, first + length)
    return which[good], first[good]


def _leaps(shown: _Shown, wrong: NDArray[np.bool_], first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether a register strayed between two rows by leaps; else it was reset and counted its way back."""
    sound = np.maximum.accumulate(np.where(wrong, 0, np.arange(len(wrong))))
    value = np.append(shown.value[sound], 0.0)  # reduceat needs a row after the last
    ends = np.stack([first, last + 1], axis=1).ravel()
    strays = np.maximum.reduceat(value, ends)[::2] - np.minimum.reduceat(value, ends)[::2]
    rises = np.maximum.reduceat(np.diff(value), np.stack([first, last], axis=1).ravel())[::2]
    leaps: NDArray[np.bool_] = (rises >= _LEAP * strays) | (value[last] < value[first])  # rolled over, it need not rise
    return leaps


def _with_exchange_indexes(
    readings: ReadingBatch, meters: Meters
) -> tuple[ReadingBatch, NDArray[np.int64], NDArray[np.bool_]]:
    """Return the readings with the initial and final indexes the registry knows, each one's meter, and which were added.

    Where the meter itself reported at the very moment of its exchange, both stand at one time and the empty step between
    them is dropped with all others of no length.
    """
    meter = meter_at(readings.usage_point, readings.time, meters)
    readings, meter = readings.take(meter >= 0), meter[meter >= 0]
    extra, extra_meter = _exchange_indexes(readings, meters)
    joined = ReadingBatch.join([readings, extra])
    owner = np.concatenate([meter, extra_meter])
    added = np.arange(len(joined)) >= len(readings)
    order = np.lexsort((joined.time, owner, joined.reading_type, joined.usage_point))
    return joined.take(order), owner[order], added[order]


def _exchange_indexes(readings: ReadingBatch, meters: Meters) -> tuple[ReadingBatch, NDArray[np.int64]]:
    """Return the indexes known of the meters of each (usage point, type) near its readings, and the meter of each.

    What is near depends on the series' own readings only: what else is asked for in one go can't change its use.
    """
    if not len(readings):
        return ReadingBatch.empty(), np.empty(0, np.int64)
    ends = np.flatnonzero(np.append(_changes(readings), True))
    series = readings.take(ends)
    low = readings.time[np.concatenate(([0], ends[:-1] + 1))] - _INDEX_REACH_MS
    high = series.time + _INDEX_REACH_MS
    meter, which = _meters_of(series.usage_point, meters)
    parts, owners = [], []
    for times, values in ((meters.valid_from, meters.initial), (meters.valid_to, meters.final)):
        near = np.isfinite(values[meter]) & (times[meter] >= low[which]) & (times[meter] <= high[which])
        owner, of = meter[near], which[near]
        nothing = np.zeros(len(owner))
        kind = series.reading_type[of]
        parts.append(ReadingBatch.of(meters.point[owner], kind, times[owner], values[owner], nothing, nothing))
        owners.append(owner)
    return ReadingBatch.join(parts), np.concatenate(owners)


def _meters_of(points: NDArray[np.int32], meters: Meters) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of ``meters`` that ever stood on each of ``points``, and for each the index of its point."""
    first = np.searchsorted(meters.point, points, side="left")
    count = np.searchsorted(meters.point, points, side="right") - first
    which = np.repeat(np.arange(len(points)), count)
    return first[which] + np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count), which


def _from_deltas(readings: ReadingBatch, meters: Meters) -> Intervals:
    lengths = np.zeros(max(kind.code for kind in READING_TYPES) + 1, np.int64)
    for kind in READING_TYPES:
        lengths[kind.code] = kind.interval_s * 1000
    length = lengths[readings.reading_type]
    # Where one overlaps the one before it, only the part that is its own counts.
    before = np.append(False, ~_changes(readings)) if len(readings) else np.empty(0, np.bool_)
    own = np.where(before, np.minimum(length, np.diff(readings.time, prepend=0)), length)
    return Intervals(
        readings.usage_point,
        readings.reading_type,
        readings.time - own,
        readings.time,
        readings.value * _multiplier(readings, meters) * (own / length),
        readings.quality & _CARRIED,
    )


def _from_rates(readings: ReadingBatch, meters: Meters) -> Intervals:
    if len(readings) < 2:
        return Intervals.empty()
    after, before = slice(1, None), slice(None, -1)
    length = readings.time[after] - readings.time[before]
    use = readings.value[after] * length / 3_600_000 * _multiplier(readings, meters)[after]
    return Intervals(
        readings.usage_point[after],
        readings.reading_type[after],
        readings.time[before],
        readings.time[after],
        np.where(~_changes(readings) & (length <= MAX_GAP_MS), use, np.nan),
        readings.quality[after] & _CARRIED,
    )


def _multiplier(readings: ReadingBatch, meters: Meters) -> NDArray[np.float64]:
    meter = meter_at(readings.usage_point, readings.time, meters)
    return np.where(meter >= 0, meters.multiplier[meter] if len(meters) else 1.0, np.nan)
