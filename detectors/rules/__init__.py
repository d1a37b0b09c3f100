"""The rules. A new one is a file of its own and one line here."""

from detectors.rule import AnyRule
from detectors.rules import churn, load

RULES: tuple[AnyRule, ...] = (
    churn.RULE,
    load.RULE,
)
