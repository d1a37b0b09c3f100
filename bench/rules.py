"""Each rule over 1e5 and 1e6 rows as a multiple of copying its window once. To reach: at most 3."""

from collections.abc import Callable, Iterator

import numpy as np

from detectors.rule import AnyRule, RuleInput, UsageWindow, WeekReadings
from detectors.rules import RULES
from meterwatch.core.clock import elapsed

ROUNDS = 9
DAY = 738_000
CASES = {"1 % fell": 0.01, "10 % fell": 0.1, "all fell": 1.0}  # share of the rows whose last week fell to a half


def made_input(rule: AnyRule, rows: int, fallen: float) -> RuleInput:
    """Return an input of random use, 2 % of the days unknown."""
    dice = np.random.default_rng(rows)
    recent = dice.normal(100, 8, (rule.lookback + 1, rows))
    recent[dice.random(recent.shape) < 0.02] = np.nan
    recent[-7:, : int(rows * fallen)] *= 0.5
    last_year = None
    if rule.last_year:
        last_year = UsageWindow(DAY - 365, dice.normal(100, 8, (rule.lookback + 2 * rule.last_year + 1, rows)))
    last_month = UsageWindow(DAY - 30, dice.normal(100, 8, (rule.last_month, rows))) if rule.last_month else None
    week = WeekReadings.of(*dice.normal(100, 1, (4, rows))) if rule.week_readings else None
    limit = np.full(rows, 200.0)
    return RuleInput(DAY, UsageWindow(DAY, recent), last_year, dice.normal(100, 30, rows), limit, last_month, week)


def window_of(rule: AnyRule, given: RuleInput) -> list[np.ndarray]:
    """Return the arrays a rule looks at."""
    if rule.live_by:
        return [given.peak, given.limit]
    if given.week:
        return list(given.week.columns())
    return [window.use for window in (given.recent, given.last_year, given.last_month) if window]


def side_by_side(*works: Callable[[], object]) -> list[float]:
    """Return the best seconds of each work over several rounds in turn: what else the machine does hits all alike."""
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for place, work in enumerate(works):
            began = elapsed()
            work()
            best[place] = min(best[place], elapsed() - began)
    return best


def run() -> Iterator[str]:
    yield "| rule | rows | case | copying the window ms | judging ms | ratio |"
    yield "|---|---|---|---|---|---|"
    for rule in RULES:
        for rows in (100_000, 1_000_000):
            for case, fallen in CASES.items() if rule.lookback else {"any": 0.0}.items():
                given = made_input(rule, rows, fallen)
                window = window_of(rule, given)
                copying, judging = side_by_side(
                    lambda window=window: [part.copy() for part in window],
                    lambda rule=rule, given=given: rule.judge(given, rule.options),
                )
                figures = f"{copying * 1e3:.1f} | {judging * 1e3:.1f} | {judging / copying:.2f}"
                yield f"| {rule.name} | {rows:,} | {case} | {figures} |"
