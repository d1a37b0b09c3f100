"""A customer moved out: his final reading is taken."""

from collections.abc import Iterable
from datetime import date

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnCalendar, Want
from notifier.duties.moves import KEEP_DAYS, ended, period, recent
from notifier.duties.terms import working_days
from notifier.roster import Roster
from notifier.site import Site


def wants(roster: Roster, _site: Site) -> Iterable[Want]:
    """Return the usage points somebody moved out of within the last days, by the day he did."""
    registry = roster.registry
    return (
        Want(f"{customer.code}/{registry.codes[row]}", period(day), customer)
        for customer, row, day in ended(registry, roster.day.toordinal(), KEEP_DAYS)
    )


DUTY = DutyRule(
    name="who-point",
    title=Phrase("take the final reading at move-out", "客户迁出：抄取终止读数"),
    source="RULES who-point (moveout)",
    trigger=OnCalendar(date.isoformat, wants, recent),
    role=Role.MANAGER,
    term=working_days(3),
    evidence=(EvidenceKind.READING,),
    says=(Field.NOTE,),
)
