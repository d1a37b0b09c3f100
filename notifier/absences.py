"""Who may say that somebody is away, and who may stand in for him (RULES who-manager)."""

from datetime import date

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Absence
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Person
from notifier.duties.closing import Desk

LONGEST_DAYS = 366
_UNKNOWN = Phrase("the registry holds nobody {person!r}", "档案中没有人员 {person!r}")
_NO_RIGHT = Phrase(
    "{viewer} may not say that {person} is away: he himself may, his office head, a supervisor or the company manager",
    "{viewer} 无权登记 {person} 离岗：可由本人、所长、督察或公司经理登记",
)
_BACKWARDS = Phrase("--to {last} lies before --from {first}", "--to {last} 早于 --from {first}")
_OVER = Phrase("{last} is past: an absence ends today or later", "{last} 已过：离岗须于今日或以后结束")
_TOO_LONG = Phrase(
    "an absence takes at most {most} days; who is away for longer leaves the registry",
    "离岗最多 {most} 天；更久者请更新人员档案",
)
_HIMSELF = Phrase("{person} can't stand in for himself", "{person} 不能代理本人")
_NOT_THERE = Phrase(
    "{person} can't stand in: he is not in office, or away himself, within these days",
    "{person} 不能代理：在此期间不在职或本人离岗",
)
_AWAY_ALREADY = Phrase(
    "{person} is away already from {first} to {last} (absence {number}): `meterwatch people back {number}` takes that back",
    "{person} 自 {first} 至 {last} 已登记离岗（记录 {number}）：用 `meterwatch people back {number}` 撤回",
)


def person_of(desk: Desk, code: str) -> Person:
    """Return somebody of the registry; raises Refusal if it holds nobody of that code."""
    found = desk.roster.registry.people.get(code)
    if found is None:
        raise Refusal(_UNKNOWN, person=code)
    return found


def require_right(desk: Desk, person: Person) -> None:
    """Raise Refusal unless whoever is at ``desk`` may say of somebody that he is away, or back."""
    if desk.viewer.person != person.code and not desk.oversees(person.unit):
        raise Refusal(_NO_RIGHT, viewer=desk.viewer.name, person=person.code)


def require_absence(desk: Desk, wanted: Absence, standing: list[Absence]) -> None:
    """Raise Refusal unless an absence is one: not past, not endless, not twice, with a stand-in who is there.

    ``standing`` are the absences that were not taken back.
    """
    last = date.fromordinal(wanted.last_day.toordinal() - 1)
    if last < wanted.first_day:
        raise Refusal(_BACKWARDS, first=wanted.first_day, last=last)
    if last < desk.roster.day:
        raise Refusal(_OVER, last=last)
    if (wanted.last_day - wanted.first_day).days > LONGEST_DAYS:
        raise Refusal(_TOO_LONG, most=LONGEST_DAYS)
    for one in standing:
        if one.person == wanted.person and _meet(one, wanted):
            upto = date.fromordinal(one.last_day.toordinal() - 1)
            raise Refusal(_AWAY_ALREADY, person=one.person, first=one.first_day, last=upto, number=one.id)
    if wanted.stand_in:
        _require_stand_in(desk, wanted, standing, last)


def _require_stand_in(desk: Desk, wanted: Absence, standing: list[Absence], last: date) -> None:
    if wanted.stand_in == wanted.person:
        raise Refusal(_HIMSELF, person=wanted.person)
    stand_in = person_of(desk, wanted.stand_in)
    away = any(one.person == stand_in.code and _meet(one, wanted) for one in standing)
    if away or not (stand_in.works_on(wanted.first_day) and stand_in.works_on(last)):
        raise Refusal(_NOT_THERE, person=stand_in.code)


def _meet(one: Absence, other: Absence) -> bool:
    return one.first_day < other.last_day and other.first_day < one.last_day
