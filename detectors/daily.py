"""Day totals and the windows rules look at.

A day is always recomputed from the stored readings around it, never incremented: the order and the number of times
readings arrived can't matter.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.kernels import added
from detectors.rule import UsageWindow
from meterwatch.core.bounds import require_within
from meterwatch.core.calendar import DayScheme
from meterwatch.core.model.reading_types import READING_TYPES, Accumulation
from meterwatch.core.model.readings import DayTotals, Quality
from meterwatch.core.model.registry import Agreements
from meterwatch.core.registers import MAX_GAP_MS, Intervals

EDGE_MS = MAX_GAP_MS  # a day looks this far beyond its ends, for the readings its edges are interpolated from
CLOSE_ENOUGH = 0.05  # of two reading types the preferred one is taken if it knows at most this share of the day less
SMALL_PART = 0.05  # of a customer's use: what is missing is estimated if it is less (RULES who-sum)
SHARE_DAYS = 7  # whole days a point's share is taken from: use follows the week


@dataclass(frozen=True)
class DailyOptions:
    """How much of a day must be known."""

    min_known: float = 0.8
    """Share of the meter day that must be known for its use to count; less is an unknown day."""

    def __post_init__(self) -> None:
        require_within(self, min_known=(0, 1))


def reading_range(scheme: DayScheme, day: int) -> tuple[int, int]:
    """Return (start, end) in UTC ms: the readings with start < time <= end are all that ``totals`` of ``day`` may need."""
    return scheme.start(day) - EDGE_MS, scheme.end(day) + EDGE_MS


def totals(steps: Intervals, scheme: DayScheme, day: int, rows: NDArray[np.int32]) -> DayTotals:
    """Return the use of one meter day for each of ``rows`` (sorted), in that order; known 0 where nothing is known.

    A step over an edge of the day is shared out by time if it reaches less than two hours beyond, and marks the day as
    estimated; a longer one leaves its part unknown. Of several reading types of a point the one that knows most is taken,
    registers before intervals before rates when they know about the same; the peak is the highest of them all, because a
    live rule judges each as it comes.
    """
    start, end = scheme.start(day), scheme.end(day)
    steps = _within(steps, start, end, rows)
    length = steps.end - steps.start
    inside = np.minimum(steps.end, end) - np.maximum(steps.start, start)
    cut = np.where(inside < length, np.uint32(Quality.ESTIMATED), np.uint32(0))
    kinds, kind = np.unique(_preference(steps.reading_type), return_inverse=True)
    row = np.searchsorted(rows, steps.point)
    shape = (max(len(kinds), 1), len(rows))
    cell = kind * len(rows) + row
    known = np.minimum(_summed(cell, inside, shape) / (end - start), 1.0)
    use = _summed(cell, steps.use * (inside / length), shape)
    quality = np.zeros(shape, np.uint32)
    np.bitwise_or.at(quality.reshape(-1), cell, steps.quality | cut)
    good = (known > 0) & (known >= known.max(axis=0) - CLOSE_ENOUGH)
    chosen = np.argmax(good, axis=0), np.arange(len(rows))
    peak = _highest(row, np.where(steps.end <= end, steps.rates(), np.nan), len(rows))
    return DayTotals.of(np.full(len(rows), day), rows, use[chosen], known[chosen], peak, quality[chosen])


def _within(steps: Intervals, start: int, end: int, rows: NDArray[np.int32]) -> Intervals:
    touches = (steps.end > start) & (steps.start < end)
    near = (steps.start > start - EDGE_MS) & (steps.end <= end + EDGE_MS)
    return steps.take(touches & near & np.isin(steps.point, rows))


def _summed(cell: NDArray[np.int64], weights: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Sum in row order; whole milliseconds sum exactly, so that a day without a gap is known to exactly 1."""
    return np.bincount(cell, weights, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _highest(row: NDArray[np.int64], rates: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    peak = np.full(rows, -np.inf)
    np.fmax.at(peak, row, rates)
    return np.where(np.isfinite(peak), peak, np.nan)


_ORDER = {Accumulation.BULK: 0, Accumulation.DELTA: 1, Accumulation.INDICATING: 2}
_PREFERENCE = np.zeros(max(kind.code for kind in READING_TYPES) + 1, np.int64)
for _kind in READING_TYPES:
    _PREFERENCE[_kind.code] = _ORDER[_kind.accumulation] * 1_000_000 + _kind.interval_s


def _preference(reading_type: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return a sort key: registers first, then the shortest intervals, rates last."""
    return _PREFERENCE[reading_type]


def point_window(
    found: DayTotals, first_day: int, last_day: int, rows: NDArray[np.int32], options: DailyOptions
) -> UsageWindow:
    """Return the use of ``rows`` (sorted) over ``first_day`` .. ``last_day`` from their totals.

    A day of which less than ``min_known`` is known is unknown; a day with a smaller gap is scaled up to a whole one, so
    that a gap never looks like a drop.
    """
    use = np.full((last_day - first_day + 1, len(rows)), np.nan)
    row = np.searchsorted(rows, found.usage_point).clip(max=max(len(rows) - 1, 0))
    wanted = (found.day >= first_day) & (found.day <= last_day) & (found.known >= options.min_known) & (found.known > 0)
    wanted &= rows[row] == found.usage_point if len(rows) else False
    use[found.day[wanted] - first_day, row[wanted]] = found.use[wanted] / found.known[wanted]
    return UsageWindow(last_day, use)


@dataclass(frozen=True, slots=True)
class CustomerDays:
    """Customers' days up to ``last_day`` (ordinal) as matrices ``[day, column]``.

    ``use`` float64, NaN = unknown; ``supplied`` bool: he was supplied somewhere; ``settled`` bool: at the very points he is
    supplied at on the last day.
    """

    last_day: int
    use: NDArray[np.float64]
    supplied: NDArray[np.bool_]
    settled: NDArray[np.bool_]


def customer_window(
    points: UsageWindow, rows: NDArray[np.int32], agreements: Agreements, member: NDArray[np.int64], members: int
) -> UsageWindow:
    """Return the use of customers as ``customer_days`` does, settled days only: no figure of a rule crosses a change of
    customer (RULES who-point), and a point given up or taken is no drop and no rise.
    """
    days = customer_days(points, rows, agreements, member, members)
    np.copyto(days.use, np.nan, where=~days.settled)
    return UsageWindow(days.last_day, days.use)


def customer_days(
    points: UsageWindow, rows: NDArray[np.int32], agreements: Agreements, member: NDArray[np.int64], members: int
) -> CustomerDays:
    """Return the use of customers: the sum over the points each is supplied at on the day (RULES who-sum).

    ``points`` holds the columns ``rows`` (sorted); ``member[i]`` is the result's column for agreement i, of ``members``
    columns, -1 for an agreement that is left out. A day without any agreement is unknown; one with an unknown point too,
    unless it is settled and what is missing is estimated and small.
    """
    shape = len(points.use), members
    found = CustomerDays(points.last_day, np.full(shape, np.nan), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))
    chosen = np.flatnonzero(member >= 0)
    if not len(chosen):
        return found
    chosen = chosen[np.lexsort((agreements.point[chosen], member[chosen]))]
    column, point = member[chosen], agreements.point[chosen]
    days = np.arange(points.first_day, points.last_day + 1)[:, None]
    active = (agreements.first_day[chosen] <= days) & (days < agreements.last_day[chosen])
    supplies = np.flatnonzero(_differs(column) | _differs(point))  # a customer's agreements on one point, renewed or not
    at_point = np.logical_or.reduceat(active, supplies, axis=1)
    starts = np.flatnonzero(_differs(column[supplies]))
    use = np.where(at_point, points.use[:, np.searchsorted(rows, point[supplies])], 0.0)
    supplied = np.logical_or.reduceat(at_point, starts, axis=1)
    settled = supplied & np.logical_and.reduceat(at_point == at_point[-1], starts, axis=1)
    total = np.add.reduceat(use, starts, axis=1)
    _estimate_small(total, use, starts, settled)
    place = column[supplies][starts]
    found.use[:, place] = np.where(supplied, total, np.nan)
    found.supplied[:, place], found.settled[:, place] = supplied, settled
    return found


def _estimate_small(
    total: NDArray[np.float64], use: NDArray[np.float64], starts: NDArray[np.intp], settled: NDArray[np.bool_]
) -> None:
    """Estimate in ``total`` the settled days on which points are unknown that make less than 5 % of the customer's use.

    ``use`` holds a column a point, the points of customer i beginning at ``starts[i]``. A point's part is its share over
    the whole days, of which there must be a week; one that feeds in has none.
    """
    sizes = np.diff(starts, append=use.shape[1])
    few = np.flatnonzero(sizes > 1)  # a customer of one point has no other part to estimate it by
    few = few[(settled[:, few] & np.isnan(total[:, few])).any(axis=0)]
    if not len(few):
        return
    sizes, sums = sizes[few], total[:, few]
    whole, gaps = settled[:, few] & ~np.isnan(sums), settled[:, few] & np.isnan(sums)
    first = np.cumsum(sizes) - sizes
    part = use[:, np.arange(sizes.sum()) + np.repeat(starts[few] - first, sizes)]
    every = np.repeat(added(np.where(whole, sums, 0.0)), sizes)
    usable = (every > 0) & np.repeat(np.count_nonzero(whole, axis=0) >= SHARE_DAYS, sizes)
    share = added(np.where(np.repeat(whole, sizes, axis=1), part, 0.0)) / np.where(usable, every, 1.0)
    share[~usable | (share < 0)] = 1.0
    missing = np.add.reduceat(np.where(np.isnan(part), share, 0.0), first, axis=1)
    known = np.add.reduceat(np.where(np.isnan(part), 0.0, part), first, axis=1)
    small = gaps & (missing < SMALL_PART)
    total[:, few] = np.where(small, known / np.where(small, 1.0 - missing, 1.0), sums)


def _differs(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a value differs from the one before it, the first included."""
    return np.append(True, values[1:] != values[:-1])
