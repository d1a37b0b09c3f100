"""Arithmetic shared by rules: sums over known days. Matrices are ``[day, row]``, NaN = unknown.

Days are added one after the other, never by NumPy's own sum over an axis: that groups them differently for one column than
for many, and a customer judged alone must get the same figures, to the last bit, as among a million.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Counts = NDArray[np.uint8]
Number = TypeVar("Number", np.float64, np.uint8)


@dataclass(frozen=True, slots=True)
class Sums:
    """Use summed over known days, and of how many days each sum is made; of none where too few are known."""

    use: Matrix
    days: Counts

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.use + other.use, self.days + other.days)

    def of_at_least(self, days: int) -> "Sums":
        """Return the sums, those of fewer than ``days`` known days marked as of none."""
        return Sums(self.use, self.days * (self.days >= days))

    def means(self) -> Matrix:
        """Return the mean known day; NaN for a sum of no days."""
        return np.divide(self.use * (self.days > 0), self.days)


def ratio_of_means(upper: Sums, lower: Sums) -> Matrix:
    """Return mean over mean; NaN where either is of no days or the lower is not above 0: of nothing there is no share.

    One division of two products: means that stand exactly at a bound give exactly the bound, so bounds are compared with
    the quotient, never with ``bound * mean``.
    """
    usable = (upper.days > 0) & (lower.use > 0)
    return np.divide(upper.use * (lower.days * usable), lower.use * (upper.days * (usable & (lower.days > 0))))


class KnownDays:
    """A window with its unknown days set aside, so that sums and counts of known days are plain sums.

    ``filled`` holds 0 where ``known``, which is 1 or 0, says that nothing is known.
    """

    __slots__ = ("filled", "known")

    def __init__(self, window: Matrix) -> None:
        self.known: Counts = (~np.isnan(window)).view(np.uint8)
        # All bits of a known day and none of an unknown one: np.where guesses each branch and is slow where gaps are many.
        keep = -self.known.view(np.int8)
        self.filled: Matrix = (window.view(np.int64) & keep).view(np.float64)

    def sums(self, first: int, last: int) -> Sums:
        """Return the sums over the window's days first <= i < last, (row,)."""
        return Sums(added(self.filled[first:last]), added(self.known[first:last]))

    def sliding_sums(self, first: int, last: int, width: int) -> Sums:
        """Return the sums over every ``width`` successive days of first <= i < last, [last - first - width + 1, row]."""
        return Sums(_sliding(self.filled[first:last], width), _sliding(self.known[first:last], width))


def added(days: NDArray[Number]) -> NDArray[Number]:
    """Return the sum over axis 0, one row after the other."""
    total = days[0].copy()
    for day in days[1:]:
        total += day
    return total


def _sliding(rows: NDArray[Number], width: int) -> NDArray[Number]:
    """Sum every ``width`` successive rows.

    Each sum is made of its own days only (suffix sums of one block and running sums of the next, nothing is ever
    subtracted), so that days outside a window can't change it, not even in the last bit.
    """
    count = len(rows) - width + 1
    out = np.empty((count, *rows.shape[1:]), rows.dtype)
    suffix = np.empty((width, *rows.shape[1:]), rows.dtype)
    for start in range(0, count, width):
        suffix[-1] = rows[start + width - 1]
        for day in range(width - 2, -1, -1):
            np.add(rows[start + day], suffix[day + 1], out=suffix[day])
        out[start] = suffix[0]
        running = np.zeros(rows.shape[1:], rows.dtype)
        for day in range(1, min(width, count - start)):
            running += rows[start + width + day - 1]
            np.add(suffix[day], running, out=out[start + day])
    return out
