"""The supervisor oversees the offices: how their duties stand, each month."""

from collections.abc import Iterable
from datetime import date, timedelta

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, OnCalendar, Rung, Want
from notifier.duties.periods import Period, month
from notifier.duties.terms import working_days
from notifier.duties.units import subject_of, units
from notifier.roster import Roster
from notifier.site import Site

_DAYS = 10  # after its end in which a month is asked to be looked through


def _asked(day: date) -> Period | None:
    """Return the last whole month, if it is asked for on ``day``."""
    past = month(day.replace(day=1) - timedelta(days=1))
    return past if day <= past.last + timedelta(days=_DAYS) else None


def _asks(day: date) -> str:
    asked = _asked(day)
    return asked.name if asked else ""


def _covers(period: str, day: date) -> bool:
    return period == _asks(day)


def wants(roster: Roster, _site: Site) -> Iterable[Want]:
    """Return the last whole month, for every unit."""
    asked = _asked(roster.day)
    if asked:
        for unit in units(roster.registry):
            yield Want(subject_of(unit), asked.name, unit=unit)


DUTY = DutyRule(
    name="oversee",
    title=Phrase("look through the unit's duties of the month", "督察单位当月任务完成情况"),
    source="RULES oversee (supply 5, process)",
    trigger=OnCalendar(_asks, wants, _covers),
    role=Role.SUPERVISOR,
    term=working_days(5),
    evidence=(EvidenceKind.REPORT,),
    escalation=(Rung(timedelta(0), Role.COMPANY_MANAGER),),
)
