"""Which units' reports a viewer may see (RULES who-confidential): an office head his own, those who oversee every one."""

import difflib
from collections.abc import Sequence
from datetime import datetime

from meterwatch.app.books import Books
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Registry, Role
from meterwatch.core.model.viewer import Viewer
from notifier.duties.units import units

NAMELESS = "-"
"""How people name the unit of customers without one; duties name it so too (notifier.duties.units)."""
_EVERY_UNIT = frozenset({Role.SUPERVISOR, Role.COMPANY_MANAGER})

_NOT_ALLOWED = Phrase(
    "{viewer} may not see reports: an office head may see his unit's, a supervisor or the company manager every unit's",
    "{viewer} 无权查看报表：所长可看本单位，督察与公司经理可看所有单位",
)
_NOT_YOURS = Phrase(
    "{viewer} may not see the reports of {unit}: only a supervisor or the company manager sees every unit's; "
    "leave --unit out for your own",
    "{viewer} 无权查看 {unit} 的报表：仅督察与公司经理可看所有单位；省略 --unit 即为本单位",
)
_UNKNOWN = Phrase(
    "no customer belongs to a unit {unit!r}; the nearest is {nearest!r}", "没有客户属于单位 {unit!r}；最接近的是 {nearest!r}"
)


def units_for(books: Books, viewer: Viewer, report: str, asked: str | None, now: datetime) -> Sequence[str]:
    """Return the units a report is about: the one that was asked for, else all the viewer may see.

    Raises Refusal, in the audit too, if he may not see it, and if there is no such unit, naming the nearest.
    """
    registry = books.snapshots.newest()
    known = units(registry)
    may = _allowed(viewer, registry, known)
    unit = "" if asked == NAMELESS else asked
    if may and unit is not None and unit not in known and known:
        raise Refusal(_UNKNOWN, unit=asked, nearest=_nearest(unit, known))
    if may and (unit is None or unit in may):
        return may if unit is None else [unit]
    books.ledger.figures.note_refusal(viewer.name, report, asked or "", now)
    raise Refusal(_NOT_YOURS if may else _NOT_ALLOWED, viewer=viewer.name, unit=asked)


def sees_every_unit(viewer: Viewer) -> bool:
    """Return whether a viewer oversees the whole company."""
    return bool(viewer.roles & _EVERY_UNIT)


def _allowed(viewer: Viewer, registry: Registry, known: Sequence[str]) -> Sequence[str]:
    person = registry.people.get(viewer.person or "")
    if person is None:
        return []
    if sees_every_unit(viewer):
        return known
    return [person.unit] if Role.OFFICE_HEAD in viewer.roles else []


def _nearest(unit: str, known: Sequence[str]) -> str:
    names = [name or NAMELESS for name in known]
    return difflib.get_close_matches(unit, names, n=1, cutoff=0)[0]
