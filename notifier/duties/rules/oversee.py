"""The supervisor oversees the offices: how their duties stand, each month."""

from collections.abc import Iterable
from datetime import date, timedelta

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, OnCalendar, Want
from notifier.duties.periods import Period, month
from notifier.duties.terms import by_day, working_days
from notifier.duties.units import subject_of, units
from notifier.roster import Roster
from notifier.site import Site

_DAYS_AFTER = 10  # calendar days after its end by which a month is looked through


def _past(day: date) -> Period:
    return month(day.replace(day=1) - timedelta(days=1))


def _asks(day: date) -> str:
    return _past(day).name


def _covers(period: str, day: date) -> bool:
    return period == _past(day).name


def wants(roster: Roster, site: Site) -> Iterable[Want]:
    """Return the last whole month, for every unit."""
    past = _past(roster.day)
    last = past.last + timedelta(days=_DAYS_AFTER)
    if last >= roster.day:
        for unit in units(roster.registry):
            yield Want(subject_of(unit), past.name, unit=unit, due=by_day(last, site))


DUTY = DutyRule(
    name="oversee",
    title=Phrase("look through the unit's duties of the month", "督察单位当月任务完成情况"),
    source="RULES oversee (supply 5, process)",
    trigger=OnCalendar(_asks, wants, _covers),
    role=Role.SUPERVISOR,
    term=working_days(5),
    evidence=(EvidenceKind.REPORT,),
)
