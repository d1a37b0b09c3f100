"""The yearly classification is completed in January."""

from collections.abc import Iterable
from datetime import date

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import WEEKS, DutyRule, OnCalendar, Want
from notifier.duties.periods import year
from notifier.duties.terms import by_day, working_days
from notifier.duties.units import subject_of, units
from notifier.roster import Roster
from notifier.site import Site


def _asks(day: date) -> str:
    return year(day).name


def _covers(period: str, day: date) -> bool:
    return period == year(day).name


def wants(roster: Roster, site: Site) -> Iterable[Want]:
    """Return every unit, in January only: one that is set up later classifies next year."""
    this = year(roster.day)
    if roster.day.month > 1:
        return
    for unit in units(roster.registry):
        yield Want(subject_of(unit), this.name, unit=unit, due=by_day(date(roster.day.year, 1, 31), site))


DUTY = DutyRule(
    name="who-january",
    title=Phrase("complete the yearly classification of customers", "完成年度客户分类"),
    source="RULES who-january (supply 3)",
    trigger=OnCalendar(_asks, wants, _covers),
    role=Role.OFFICE_HEAD,
    term=working_days(20),
    evidence=(EvidenceKind.APPROVAL, EvidenceKind.PAPER),
    escalation=WEEKS,
)
