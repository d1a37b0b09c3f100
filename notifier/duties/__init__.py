"""The duty rules. A new one is a file of its own and one line here."""

from notifier.duties import churn_warn
from notifier.duties.duty import DutyRule

DUTIES: tuple[DutyRule, ...] = (churn_warn.DUTY,)
BY_NAME = {duty.name: duty for duty in DUTIES}
