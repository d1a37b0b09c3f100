"""The yearly classification is completed in January."""

from collections.abc import Iterable
from datetime import date

from meterwatch.core.model.classes import DUTY as CLASSIFICATION
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
    """Return the year in January; a unit that is set up later classifies next year."""
    return year(day).name if day.month == 1 else ""


def _covers(period: str, day: date) -> bool:
    return period == _asks(day)


def wants(roster: Roster, site: Site) -> Iterable[Want]:
    """Return every unit in January, due on its last working day."""
    asked = _asks(roster.day)
    if asked:
        for unit in units(roster.registry):
            yield Want(subject_of(unit), asked, unit=unit, due=by_day(date(roster.day.year, 1, 31), site))


DUTY = DutyRule(
    name=CLASSIFICATION,
    title=Phrase("complete the yearly classification of customers", "完成年度客户分类"),
    source="RULES who-january (supply 3)",
    trigger=OnCalendar(_asks, wants, _covers),
    role=Role.OFFICE_HEAD,
    term=working_days(20),
    evidence=(EvidenceKind.APPROVAL, EvidenceKind.PAPER),
    escalation=WEEKS,
)
