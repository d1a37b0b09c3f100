"""The churn rule asked about one customer."""

from detectors.rules.churn import RULE, ChurnOptions
from meterwatch.core.model.alerts import FactRow
from tests.support.rules import Days, given, window

OPTIONS = RULE.options
SUBJECT = "C1/electricity"


def judge(days: Days, last_year: Days | None = None, options: ChurnOptions = OPTIONS) -> FactRow:
    """Return what the rule says of one customer: 37 days, or only the 31 of the literal policy; 57 days of last year."""
    padded = [*[None] * (37 - len(days)), *days]
    made = given(RULE, window(padded), window(last_year) if last_year else None)
    return RULE.judge(made, options).rows(RULE.name, [SUBJECT], [0])[0]
