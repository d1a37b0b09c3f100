"""Load over capacity: the mean rate between two readings exceeds what is contracted or what the meter can measure
(RULES use-monitor; power 15, important 9(2)).

Live: judged on each appended batch. The same function judges the whole day when it closes, so the set of alerts does not
depend on the order in which readings came.
"""

from dataclasses import dataclass

import numpy as np

from detectors.rule import Column, Facts, Level, Rule, RuleInput
from meterwatch.core.bounds import require_within
from meterwatch.core.model.phrase import Phrase


@dataclass(frozen=True)
class LoadOptions:
    """Bounds of the load rule."""

    above: float = 1.0
    """Share of the limit that must be exceeded."""
    rounding: float = 1e-6
    """Relative excess that is taken for a rounding of the register, not for load."""

    def __post_init__(self) -> None:
        require_within(self, above=(0.1, 10), rounding=(0, 0.01))


def judge(given: RuleInput, options: LoadOptions) -> Facts:
    """Return, for every usage point, the day's highest mean rate against its limit; see ``COLUMNS``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = given.peak / given.limit
        crossing = share > options.above * (1 + options.rounding)
    return Facts(given.day, {"peak": given.peak, "limit": given.limit, "share": share}, {"literal": crossing})


COLUMNS = (
    Column("peak", "rate", Phrase("highest mean rate of the day", "当日最高平均负荷")),
    Column("limit", "rate", Phrase("highest allowed rate", "允许的最高负荷")),
    Column("share", "ratio", Phrase("the one against the other", "两者之比")),
)

RULE = Rule(
    name="load",
    title=Phrase("load over capacity", "超容用能"),
    source="RULES use-monitor (power 15, important 9(2))",
    level=Level.POINT,
    options=LoadOptions(),
    columns=COLUMNS,
    policies=("literal",),
    alerting="literal",
    judge=judge,
    live_by="share",
)
