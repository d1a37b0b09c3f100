"""Swing: a large customer's mean daily use of a week against last week and the same period last month (RULES
use-weekly-swing; supply 7).

A rise of 30 % or more or a fall of 20 % or more in either comparison is to be explained in a fluctuation analysis. The same
period last month are the seven whole days that end on the same date one month earlier.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.kernels import KnownDays, Matrix, Sums, ratio_of_means
from detectors.rule import Column, Facts, Level, Rule, RuleInput, blocks
from meterwatch.core.bounds import require_within
from meterwatch.core.model.phrase import Phrase

WEEK = 7


@dataclass(frozen=True)
class SwingOptions:
    """Bounds of the swing rule; the defaults are the rule book's."""

    above: float = 1.30
    """A mean day of this share of the other week's, or more, is a swing (supply 7: +30 %)."""
    below: float = 0.80
    """A mean day of this share of the other week's, or less, is a swing (supply 7: -20 %)."""
    known: int = 5
    """Known days needed among the 7 of each week."""
    rounding: float = 1e-6
    """Relative difference that is taken for a rounding of the register: exactly 130 % and 80 % are swings."""

    def __post_init__(self) -> None:
        require_within(self, above=(1, 10), below=(0.01, 1), known=(1, WEEK), rounding=(0, 0.01))


def judge(given: RuleInput, options: SwingOptions) -> Facts:
    """Return, for every customer, the week that ends with the judged day against the two others; see ``COLUMNS``."""
    rows = given.recent.use.shape[1]
    figures = {column.name: np.full(rows, np.nan) for column in COLUMNS}
    crossing = np.zeros(rows, np.bool_)
    month = np.full((WEEK, rows), np.nan) if given.last_month is None else given.last_month.use
    with np.errstate(invalid="ignore", divide="ignore"):
        for block in blocks(rows):
            out = {name: column[block] for name, column in figures.items()}
            week = _sums(given.recent.use[-WEEK:, block], options)
            out["week_mean"][:], out["week_known"][:] = week.means(), week.days
            for name, use in (("last_week", given.recent.use[:WEEK, block]), ("last_month", month[:, block])):
                other = _sums(use, options)
                out[f"{name}_mean"][:], out[f"{name}_known"][:] = other.means(), other.days
                out[f"{name}_ratio"][:] = ratio_of_means(week, other)
                crossing[block] |= _swings(out, name, options)
    return Facts(given.day, figures, {"literal": crossing})


def _sums(use: Matrix, options: SwingOptions) -> Sums:
    return KnownDays(use.copy()).sums(0, WEEK, options.known)


def _swings(out: dict[str, Matrix], other: str, options: SwingOptions) -> NDArray[np.bool_]:
    """Return who crosses a bound against the ``other`` week, (row,)."""
    ratio = out[f"{other}_ratio"]
    rises: NDArray[np.bool_] = ratio >= options.above * (1 - options.rounding)
    rises |= (out[f"{other}_mean"] == 0) & (out["week_mean"] > 0)  # from nothing: there is no share, and it is above any
    return rises | (ratio <= options.below * (1 + options.rounding))


COLUMNS = (
    Column("week_mean", "use", Phrase("mean day of the week", "本周日均用量")),
    Column("week_known", "days", Phrase("known days of the week", "本周有数据的天数")),
    Column("last_week_mean", "use", Phrase("mean day of last week", "上周日均用量")),
    Column("last_week_known", "days", Phrase("known days of last week", "上周有数据的天数")),
    Column("last_week_ratio", "ratio", Phrase("the week against last week", "本周与上周日均之比")),
    Column("last_month_mean", "use", Phrase("mean day of the same period last month", "上月同期日均用量")),
    Column("last_month_known", "days", Phrase("known days of the same period last month", "上月同期有数据的天数")),
    Column("last_month_ratio", "ratio", Phrase("the week against the same period last month", "本周与上月同期日均之比")),
)

RULE = Rule(
    name="swing",
    title=Phrase("weekly swing", "周用量波动"),
    source="RULES use-weekly-swing (supply 7)",
    level=Level.CUSTOMER,
    options=SwingOptions(),
    columns=COLUMNS,
    policies=("literal",),
    alerting="literal",
    judge=judge,
    lookback=2 * WEEK - 1,
    last_month=WEEK,
    large=True,
    weekly=True,
)
