"""Arithmetic shared by rules: sums over known days. Matrices are ``[day, row]``, NaN = unknown.

Days are added one after the other, never by NumPy's own sum over an axis: that groups them differently for one column than
for many, and a customer judged alone must get the same figures, to the last bit, as among a million.
"""

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Counts = NDArray[np.uint8]
Number = TypeVar("Number", np.float64, np.uint8)


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
        self.known: Counts = (~np.isnan(window)).view(np.uint8)
        self.filled = window
        # Keep all bits of a known day and none of an unknown one: where many are, np.where takes six times as long.
        bits = window.view(np.int64)
        bits &= -self.known.view(np.int8)

    def sums(self, first: int, last: int, least: int = 1) -> Sums:
        """Return the sums over the window's days first <= i < last; a mean needs ``least`` known days."""
        return Sums(added(self.filled[first:last]), added(self.known[first:last]), least)

    def sliding_sums(self, first: int, last: int, width: int, least: int) -> Iterator[Sums]:
        """Yield the sums over every ``width`` successive days of first <= i < last, each good until the next."""
        use, days = _sliding(self.filled[first:last], width), _sliding(self.known[first:last], width)
        return map(Sums, use, days, repeat(least))


def added(days: NDArray[Number]) -> NDArray[Number]:
    """Return the sum over axis 0, one row after the other."""
    total: NDArray[Number] = days[0].copy()
    for day in days[1:]:
        total += day
    return total


def _sliding(days: NDArray[Number], width: int) -> Iterator[NDArray[Number]]:
    """Yield the sum of every ``width`` successive rows.

    Each sum is made of its own days only (suffix sums of one block and running sums of the next, nothing is ever
    subtracted), so that days outside a window can't change it, not even in the last bit.
    """
    for start in range(0, len(days) - width + 1, width):
        block = days[start : start + width]
        suffix = np.empty_like(block)
        suffix[-1] = block[-1]
        for day in range(width - 2, -1, -1):
            np.add(block[day], suffix[day + 1], out=suffix[day])
        yield suffix[0]
        running = np.zeros_like(suffix[0])
        for rest, day in zip(suffix[1:], days[start + width :], strict=False):
            running += day
            yield np.add(rest, running, out=rest)
