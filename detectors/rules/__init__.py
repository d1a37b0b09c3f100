"""The rules. A new one is a file of its own and one line here."""

from detectors.rule import AnyRule
from detectors.rules import churn, load, silent, swing, weekly_read

RULES: tuple[AnyRule, ...] = (
    churn.RULE,
    load.RULE,
    swing.RULE,
    silent.RULE,
    weekly_read.RULE,
)
