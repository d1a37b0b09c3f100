"""Weekly reading check: every large customer's meter is read and checked each week (RULES use-weekly-read; supply 7).

A week without a valid reading is to be looked into, and so is one whose register does not agree with the sum of its
intervals; ``read_days`` tells which it was. A meter that has not both has nothing to check its readings against.
"""

from dataclasses import dataclass

import numpy as np

from detectors.rule import Column, Facts, Level, Rule, RuleInput, WeekReadings
from meterwatch.core.bounds import require_within
from meterwatch.core.model.phrase import Phrase


@dataclass(frozen=True)
class WeeklyReadOptions:
    """How far register and intervals may differ; the wider bound counts."""

    share: float = 0.01
    """Share of the register's use of the week."""
    digits: float = 1.0
    """Whole units of the register: a display without decimals is read this much too low or too high."""
    rounding: float = 1e-6
    """Relative excess over the bound that is taken for a rounding."""

    def __post_init__(self) -> None:
        require_within(self, share=(0, 1), digits=(0, 1000), rounding=(0, 0.01))


def judge(given: RuleInput, options: WeeklyReadOptions) -> Facts:
    """Return, for every usage point, whether its meter was read in the week and agrees with itself; see ``COLUMNS``."""
    week = given.week or WeekReadings.unknown(given.recent.use.shape[1])
    difference = week.register - week.intervals
    allowed = np.fmax(options.share * np.abs(week.register), options.digits * week.step)
    with np.errstate(invalid="ignore"):
        crossing = (week.read_days == 0) | (np.abs(difference) > allowed * (1 + options.rounding))
    figures = {
        "read_days": week.read_days,
        "register": week.register,
        "intervals": week.intervals,
        "difference": difference,
        "allowed": allowed,
    }
    return Facts(given.day, figures, {"literal": crossing})


COLUMNS = (
    Column("read_days", "days", Phrase("days of the week with a valid reading", "本周有有效读数的天数")),
    Column("register", "use", Phrase("use by the register, over the time intervals know too", "同期表底示数差用量")),
    Column("intervals", "use", Phrase("sum of the intervals over that time", "同期分时用量之和")),
    Column("difference", "use", Phrase("the one less the other", "两者之差")),
    Column("allowed", "use", Phrase("by how much they may differ", "允许的差值")),
)

RULE = Rule(
    name="weekly_read",
    title=Phrase("weekly reading check", "周抄表核对"),
    source="RULES use-weekly-read (supply 7)",
    level=Level.POINT,
    options=WeeklyReadOptions(),
    columns=COLUMNS,
    policies=("literal",),
    alerting="literal",
    judge=judge,
    large=True,
    weekly=True,
    week_readings=True,
    absence=True,
)
