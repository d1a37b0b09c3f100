"""Silent meter: nothing is known of a usage point for some days in a row, after it had been known (RULES use-validate;
duties, process).

A day of no use is known; a day without readings is not.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.kernels import Matrix
from detectors.rule import Column, Facts, Level, Rule, RuleInput, blocks
from meterwatch.core.bounds import require_within
from meterwatch.core.model.alerts import Episode, FactRow, Stage
from meterwatch.core.model.phrase import Phrase

LOOKBACK = 30


@dataclass(frozen=True)
class SilentOptions:
    """Bounds of the silent meter rule."""

    days: int = 2
    """Unknown days in a row after which a meter that was known before is silent."""

    def __post_init__(self) -> None:
        require_within(self, days=(1, LOOKBACK))


def judge(given: RuleInput, options: SilentOptions) -> Facts:
    """Return, for every usage point, for how many days nothing is known of it; see ``COLUMNS``."""
    rows = given.recent.use.shape[1]
    figures = {column.name: np.full(rows, np.nan) for column in COLUMNS}
    for block in blocks(rows):
        silent, known = _count(given.recent.use[:, block])
        figures["known_days"][block] = known
        np.copyto(figures["silent_days"][block], silent, where=known > 0)
    with np.errstate(invalid="ignore"):
        return Facts(given.day, figures, {"literal": figures["silent_days"] >= options.days})


def _count(window: Matrix) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return how many days at the window's end are unknown, and how many of all are known, (row,) each."""
    silent, known = (np.zeros(window.shape[1], np.uint8) for _ in range(2))
    for day in window[::-1]:
        known += ~np.isnan(day)
        silent += known == 0
    return silent, known


def step(episode: Episode | None, fact: FactRow, _: SilentOptions) -> Episode | None:
    """Return the episode after ``fact``'s day: it starts with the first silent day and ends with the next known one.

    What has been silent for longer than the window reaches back stays so: it counts no further, and nothing ends it.
    """
    if episode is not None:
        known_again = fact.figures.get("silent_days") == 0
        return replace(episode, closed_day=fact.day, closed_why="reporting again") if known_again else episode
    if "literal" not in fact.crossing:
        return None
    return Episode(
        fact.rule,
        "literal",
        fact.subject,
        opened_day=fact.day,
        start_day=fact.day - int(fact.figures["silent_days"]) + 1,
        stages=(Stage("warn", fact.day),),
        figures=fact.figures,
    )


COLUMNS = (
    Column("silent_days", "days", Phrase("days in a row of which nothing is known", "连续无数据的天数")),
    Column("known_days", "days", Phrase("known days among the 31 looked at", "所查31天中有数据的天数")),
)

RULE = Rule(
    name="silent",
    title=Phrase("silent meter", "表计失联"),
    source="RULES use-validate (duties, process)",
    level=Level.POINT,
    options=SilentOptions(),
    columns=COLUMNS,
    policies=("literal",),
    alerting="literal",
    judge=judge,
    lookback=LOOKBACK,
    step=step,
)
