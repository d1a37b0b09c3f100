"""Arithmetic shared by rules: sums over known days. Matrices are ``[day, row]``, NaN = unknown.

Days are added one after the other, never by NumPy's own sum over an axis: that groups them differently for one column than
for many, and a customer judged alone must get the same figures, to the last bit, as among a million.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Counts = NDArray[np.uint8]
Number = TypeVar("Number", np.float64, np.uint8)
_FEW = 0.02  # share of unknown days up to which picking them out is faster than masking all


class Sums(NamedTuple):
    """Use summed over known days, (row,), of how many days each sum is made, and how many make a mean that counts."""

    use: Matrix
    days: Counts
    least: int

    def plus(self, other: "Sums", least: int) -> "Sums":
        """Return the sums over the days of both."""
        return Sums(self.use + other.use, self.days + other.days, least)

    def means(self) -> Matrix:
        """Return the mean known day, (row,); NaN where too few are known."""
        enough = self.days >= self.least
        return np.divide(self.use * enough, self.days * enough)


def ratio_of_means(upper: Sums, lower: Sums) -> Matrix:
    """Return mean over mean, (row,); NaN where either is not known or the lower one is not above 0: of nothing, no share.

    One division of two products: means that stand exactly at a bound give exactly the bound, so bounds are compared with
    the quotient, never with ``bound * mean``.
    """
    usable = (upper.days >= upper.least) & (lower.days >= lower.least) & (lower.use > 0)
    over, under = upper.use * (lower.days * usable), lower.use * (upper.days * usable)
    return np.divide(over, under, out=over)


class KnownDays:
    """A window with its unknown days set aside, so that sums and counts of known days are plain sums.

    ``window`` becomes its own and is written to: ``filled`` is 0 where ``known``, which is 1 or 0, says nothing is known.
    """

    __slots__ = ("filled", "known")

    def __init__(self, window: Matrix) -> None:
        unknown = np.isnan(window)
        self.known: Counts = (~unknown).view(np.uint8)
        self.filled = window
        if np.count_nonzero(unknown) < _FEW * unknown.size:
            np.copyto(window, 0.0, where=unknown)
        else:  # Keep all bits of a known day and none of an unknown one: picking out many takes six times as long.
            bits = window.view(np.int64)
            bits &= -self.known.view(np.int8)

    def sums(self, first: int, last: int, least: int = 1) -> Sums:
        """Return the sums over the window's days first <= i < last; a mean needs ``least`` known days."""
        return Sums(added(self.filled[first:last]), added(self.known[first:last]), least)

    def sliding_sums(self, first: int, last: int, width: int, least: int) -> Sums:
        """Return the sums over every ``width`` successive days of first <= i < last, (place, row)."""
        return Sums(_sliding_use(self.filled[first:last], width), _sliding_days(self.known[first:last], width), least)


def added(days: NDArray[Number]) -> NDArray[Number]:
    """Return the sum over axis 0, one row after the other."""
    total: NDArray[Number] = days[0].copy()
    for day in days[1:]:
        total += day
    return total


def _sliding_use(days: Matrix, width: int) -> Matrix:
    """Return the sum of every ``width`` successive rows, (place, row).

    Each sum is made of its own days only (up to a common day from the left, running sums from there on, nothing is ever
    subtracted), so that days outside a window can't change it, not even in the last bit.
    """
    places = len(days) - width + 1
    sums = np.empty((places, days.shape[1]))
    for start in range(0, places, width):
        newest = min(start + width, places) - 1
        sums[newest] = added(days[newest : start + width])
        for place in range(newest - 1, start - 1, -1):
            np.add(days[place], sums[place + 1], out=sums[place])
        running = np.zeros_like(days[0])
        for place in range(start + 1, newest + 1):
            running += days[place + width - 1]
            sums[place] += running
    return sums


def _sliding_days(known: Counts, width: int) -> Counts:
    """Return how many of every ``width`` successive days are known, (place, row); whole numbers may be subtracted."""
    before = np.zeros((len(known) + 1, known.shape[1]), np.uint8)
    for day, row in enumerate(known):
        np.add(before[day], row, out=before[day + 1])
    return before[width:] - before[:-width]
