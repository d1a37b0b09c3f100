"""A customer has ended his use: the unit collects receivables, finance supervises."""

from collections.abc import Iterable
from datetime import date

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnCalendar, Want
from notifier.duties.moves import KEEP_DAYS, moved_out, period, recent
from notifier.duties.terms import working_days
from notifier.roster import Roster
from notifier.site import Site


def wants(roster: Roster, _site: Site) -> Iterable[Want]:
    """Return the customers whose last agreement ended within the last days, by the day it ended."""
    return (
        Want(customer.code, period(day), customer)
        for customer, day in moved_out(roster.registry, roster.day.toordinal(), KEEP_DAYS)
    )


DUTY = DutyRule(
    name="churn-ended",
    title=Phrase("collect receivables of a customer who has ended his use", "客户终止用能：催收应收款项"),
    source="RULES churn-ended (G 19(3), 4(3))",
    trigger=OnCalendar(date.isoformat, wants, recent),
    role=Role.OFFICE_HEAD,
    term=working_days(5),
    evidence=(EvidenceKind.TEXT, EvidenceKind.PAPER),
    says=(Field.NOTE,),
    copies=(Role.FINANCE,),
)
