"""Units and the use of important customers: a sheet each week and each month."""

from collections.abc import Iterable
from datetime import date, timedelta

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, OnCalendar, Want
from notifier.duties.periods import Period, month, week
from notifier.duties.terms import working_days
from notifier.duties.units import subject_of, units
from notifier.roster import Roster
from notifier.site import Site

_DAYS = 5  # after its end in which a sheet is asked for; one begun later would be old news


def _asked(day: date) -> list[Period]:
    """Return the last whole week and the last whole month as far as their sheets are asked for on ``day``."""
    past = (week(day - timedelta(days=7)), month(day.replace(day=1) - timedelta(days=1)))
    return [period for period in past if day <= period.last + timedelta(days=_DAYS)]


def _asks(day: date) -> str:
    return " ".join(period.name for period in _asked(day))


def _covers(period: str, day: date) -> bool:
    return period in [asked.name for asked in _asked(day)]


def wants(roster: Roster, _site: Site) -> Iterable[Want]:
    """Return the sheets asked for, for every unit."""
    for period in _asked(roster.day):
        for unit in units(roster.registry):
            yield Want(subject_of(unit), period.name, unit=unit)


DUTY = DutyRule(
    name="use-important-report",
    title=Phrase("sheet of the unit's use and of its important customers", "报送单位用量及重要客户用量报表"),
    source="RULES use-important-report (G 4(2)7)",
    trigger=OnCalendar(_asks, wants, _covers),
    role=Role.OFFICE_HEAD,
    term=working_days(3),
    evidence=(EvidenceKind.REPORT,),
)
