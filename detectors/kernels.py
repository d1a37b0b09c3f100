"""Arithmetic shared by rules: sums over known days. Matrices are ``[day, row]``, NaN = unknown."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Counts = NDArray[np.uint8]
Number = TypeVar("Number", np.float64, np.uint8)


class KnownDays:
    """A window with its unknown days set aside, so that sums and counts of known days are plain sums."""

    __slots__ = ("filled", "known")

    def __init__(self, window: Matrix) -> None:
        self.known = ~np.isnan(window)
        self.filled = np.where(self.known, window, 0.0)

    def sums(self, first: int, last: int) -> tuple[Matrix, Counts]:
        """Return the sum of known use and the number of known days over the window's days first <= i < last, (row,)."""
        return self.filled[first:last].sum(axis=0), self.known[first:last].sum(axis=0, dtype=np.uint8)


def enough(days: Counts, at_least: int) -> Matrix:
    """Return the counts as float64, NaN where fewer than ``at_least`` (or no) days are known."""
    counts = days.astype(np.float64)
    np.copyto(counts, np.nan, where=days < max(at_least, 1))
    return counts


def ratio_of_means(upper: Matrix, upper_days: Matrix, lower: Matrix, lower_days: Matrix) -> Matrix:
    """Return (upper / upper_days) / (lower / lower_days); NaN or infinite where either mean is unknown or the lower is 0.

    One division of two products: means that stand exactly at a bound give exactly the bound, so bounds are compared with
    the quotient, never with ``bound * mean``.
    """
    return np.divide(upper * lower_days, lower * upper_days)


def sliding_sums(rows: NDArray[Number], width: int) -> NDArray[Number]:
    """Return the sums over every ``width`` successive days, [len - width + 1, row].

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
