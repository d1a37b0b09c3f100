"""Churn: a customer uses less than 70 % of what he used in the month before (RULES churn-warn, churn-potential; G 19).

*literal*: the day against the mean of the 30 days before it. One fact a day for the judgement list, no episode.
*guarded*: the 7-day mean against the 30 days before it, divided by last year's same ratio; opens an episode with a frozen
baseline. A gap is never churn: unknown days count neither as use nor as loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.kernels import Counts, KnownDays, Matrix, added, ratio_of_means
from detectors.rule import Column, Facts, Level, Rule, RuleInput, blocks
from meterwatch.core.bounds import beyond
from meterwatch.core.model.alerts import Episode, FactRow, Stage
from meterwatch.core.model.phrase import Phrase

Mask = NDArray[np.bool_]
Rows = slice | NDArray[np.int64]
Named = tuple[str, Matrix | Counts]

WEEK, MONTH = 7, 30
LOOKBACK = WEEK - 1 + MONTH
LAST_YEAR = 10


@dataclass(frozen=True)
class ChurnOptions:
    """Bounds of the churn rule; the defaults are the rule book's and the measured ones."""

    below: float = 0.70
    """The warning line: use below this share of the month before (G 19(1))."""
    month_known: int = 20
    """Known days needed among the 30 the mean is taken over."""
    week_known: int = 5
    """Known days needed among the 7 judged by the guarded policy."""
    stage_day: int = 30
    """Day of the episode on which potential churn is decided (G 19(2): one month)."""
    stage_share: float = 0.80
    """Share of known days below the line that makes it potential churn."""
    recovered: float = 0.75
    """A day at or above this share of the frozen baseline counts as recovered."""
    recovered_days: int = 7
    """Recovered days in a row that close the episode; unknown days neither count nor break the row."""
    rebase_day: int = 45
    """Day of the episode on which the lower use becomes the new normal."""
    rounding: float = 1e-6
    """Relative difference that is taken for a rounding of the register: exactly 70 % stays exactly 70 %."""

    def __post_init__(self) -> None:
        found = beyond(
            self,
            below=(0.01, 10),  # data may be tried with a line above every use; a site's settings stop at 1
            month_known=(1, MONTH),
            week_known=(1, WEEK),
            stage_day=(WEEK + 1, 365),
            stage_share=(0.01, 1),
            recovered=(0.01, 1),
            recovered_days=(1, 365),
            rebase_day=(WEEK + 1, 365),
            rounding=(0, 0.01),
        )
        if self.stage_day > self.rebase_day:
            found.append(f"stage_day {self.stage_day} is later than rebase_day {self.rebase_day}: it would never come")
        if found:
            raise ValueError("; ".join(found))

    @property
    def line(self) -> float:
        """The share of the month before that a use must stay under to be below the warning line."""
        return self.below * (1 - self.rounding)

    @property
    def level(self) -> float:
        """The share of the baseline that a use must reach to be recovered."""
        return self.recovered * (1 - self.rounding)


def judge(given: RuleInput, options: ChurnOptions) -> Facts:
    """Return the churn facts of the judged day for every customer; see ``COLUMNS``."""
    rows = given.recent.use.shape[1]
    figures = {column.name: np.full(rows, np.nan) for column in COLUMNS}
    with np.errstate(invalid="ignore", divide="ignore"):
        for block in blocks(rows):
            _judge_days(given.recent.use[:, block], {name: out[block] for name, out in figures.items()}, options)
        low = figures["week_ratio"] < options.line
        dropped = np.flatnonzero(low)
        for block in blocks(len(dropped)):
            _fill_dropped(given, dropped[block], low, figures, options)
        crossing = {
            "literal": figures["day_ratio"] < options.line,
            "guarded": figures["judged_ratio"] < options.line,
        }
    return Facts(given.day, figures, crossing)


def _judge_days(window: Matrix, out: dict[str, Matrix], options: ChurnOptions) -> None:
    """Fill the figures that need this year only. Each day of the window is summed once and shared by both policies."""
    days = KnownDays(window.copy())
    oldest, middle, newest = days.sums(0, WEEK - 1), days.sums(WEEK - 1, MONTH), days.sums(MONTH, LOOKBACK)
    today = days.sums(LOOKBACK, LOOKBACK + 1)
    month = middle.plus(newest, options.month_known)
    base = oldest.plus(middle, options.month_known)
    week = newest.plus(today, options.week_known)
    out["use"][:] = window[-1]
    out["month_mean"][:] = month.means()
    out["day_ratio"][:] = ratio_of_means(today, month)
    out["baseline"][:] = base.means()
    out["week_ratio"][:] = ratio_of_means(week, base)
    out["known_days"][:] = base.days + week.days


def _fill_dropped(
    given: RuleInput, rows: NDArray[np.int64], low: Mask, out: dict[str, Matrix], options: ChurnOptions
) -> None:
    """Fill the rest for some of the rows whose own ratio is ``low``: dividing by last year's can only raise it.

    Where most of a stretch has dropped, as on a holiday, all of it is judged: copying it takes a third of picking columns.
    """
    stretch = slice(int(rows[0]), int(rows[-1]) + 1)
    if 4 * len(rows) < 3 * (stretch.stop - stretch.start):
        for name, values in _judge_dropped(given, rows, out, options):
            out[name][rows] = values
        return
    for name, values in _judge_dropped(given, stretch, out, options):
        np.copyto(out[name][stretch], values, where=low[stretch])


def _judge_dropped(given: RuleInput, rows: Rows, so_far: dict[str, Matrix], options: ChurnOptions) -> Iterator[Named]:
    """Yield the name and values of each figure that looks at last year or at the single days of the week."""
    judged = so_far["week_ratio"][rows]
    if given.last_year is not None:
        last = _smallest_ratio(_columns(given.last_year.use, rows), options)
        yield "last_year_ratio", last
        divisor = np.fmin(last, 1.0)
        judged = np.where(divisor > 0, judged / divisor, np.nan)
    yield "judged_ratio", judged
    yield from _count_week(_columns(given.recent.use[-WEEK:], rows) / so_far["baseline"][rows], options)


def _columns(window: Matrix, rows: Rows) -> Matrix:
    """Return a copy of some columns."""
    return window[:, rows].copy() if isinstance(rows, slice) else np.take(window, rows, axis=1)


def _smallest_ratio(window: Matrix, options: ChurnOptions) -> Matrix:
    """Return the smallest week-to-month ratio of the 21 days around last year's day, (row,); NaN if none is known."""
    days = KnownDays(window)
    weeks = days.sliding_sums(MONTH, len(window), WEEK, options.week_known)
    months = days.sliding_sums(0, len(window) - WEEK, MONTH, options.month_known)
    smallest: Matrix = np.fmin.reduce(ratio_of_means(weeks, months), axis=0)
    return smallest


def _count_week(shares: Matrix, options: ChurnOptions) -> Iterator[Named]:
    """Yield what an episode that opens today has already counted over its first seven days; ``shares`` of the baseline."""
    recovered, short = shares >= options.level, shares < options.level  # an unknown day is neither
    run = np.zeros(shares.shape[1], np.uint8)
    broken = np.zeros(shares.shape[1], np.bool_)
    for day in range(WEEK - 1, -1, -1):
        broken |= short[day]
        run += recovered[day] & ~broken
    yield "week_known", added((recovered | short).view(np.uint8))
    yield "week_below", added((shares < options.line).view(np.uint8))
    yield "week_recovered", run


def step(episode: Episode | None, fact: FactRow, options: ChurnOptions) -> Episode | None:
    """Return the episode after ``fact``'s day: opened, counted on, staged or closed; None if there is none."""
    if episode is None:
        return _opened(fact) if "guarded" in fact.crossing else None
    number = fact.day - episode.start_day + 1
    episode = _counted(episode, fact, options)
    if episode.recovered >= options.recovered_days:
        return replace(episode, closed_day=fact.day, closed_why="recovered")
    if number == options.stage_day and episode.known and episode.below / episode.known >= options.stage_share:
        episode = replace(episode, stages=(*episode.stages, Stage("potential", fact.day)))
    if number >= options.rebase_day:
        return replace(episode, closed_day=fact.day, closed_why="rebased")
    return episode


def _opened(fact: FactRow) -> Episode:
    figures = fact.figures
    return Episode(
        fact.rule,
        "guarded",
        fact.subject,
        opened_day=fact.day,
        start_day=fact.day - WEEK + 1,
        baseline=figures["baseline"],
        known=int(figures["week_known"]),
        below=int(figures["week_below"]),
        recovered=int(figures["week_recovered"]),
        stages=(Stage("warn", fact.day),),
        figures=figures,
    )


def _counted(episode: Episode, fact: FactRow, options: ChurnOptions) -> Episode:
    if "use" not in fact.figures:
        return episode
    share = fact.figures["use"] / episode.baseline
    return replace(
        episode,
        known=episode.known + 1,
        below=episode.below + (share < options.line),
        recovered=episode.recovered + 1 if share >= options.level else 0,
    )


COLUMNS = (
    Column("use", "use", Phrase("use of the day", "当日用量")),
    Column("month_mean", "use", Phrase("mean day of the 30 days before", "前30天日均用量")),
    Column("day_ratio", "ratio", Phrase("use against that mean", "当日用量与前30天日均之比")),
    Column("baseline", "use", Phrase("mean day of the 30 days before the last 7", "近7天之前30天的日均用量")),
    Column("week_ratio", "ratio", Phrase("mean of the last 7 days against the baseline", "近7天日均与基准之比")),
    Column(
        "last_year_ratio", "ratio", Phrase("smallest same ratio around this day last year", "去年同期前后10天的最小比值")
    ),
    Column("judged_ratio", "ratio", Phrase("the ratio after last year's is taken out", "剔除去年同期影响后的比值")),
    Column("known_days", "days", Phrase("known days among the 37 looked at", "所查37天中有数据的天数")),
    Column("week_known", "days", Phrase("known days among the last 7", "近7天有数据的天数")),
    Column("week_below", "days", Phrase("days of the last 7 below the line", "近7天低于预警线的天数")),
    Column("week_recovered", "days", Phrase("recovered days in a row at their end", "近7天末尾连续恢复的天数")),
)

RULE = Rule(
    name="churn",
    title=Phrase("churn", "用量流失"),
    source="RULES churn-warn, churn-potential (G 19, M 5(3))",
    level=Level.CUSTOMER,
    options=ChurnOptions(),
    columns=COLUMNS,
    policies=("literal", "guarded"),
    alerting="guarded",
    judge=judge,
    lookback=LOOKBACK,
    last_year=LAST_YEAR,
    step=step,
    residential=False,
    wheeling=False,
)
