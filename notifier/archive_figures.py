"""How complete the archive is (RULES who-archive): counts by unit, of nobody in particular."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import ContactRole, Customer, CustomerClass, Role
from notifier.roster import Roster

ENTRIES: dict[str, Phrase] = {
    "unit": Phrase("unit named", "已归单位"),
    "area": Phrase("area", "区域"),
    "class": Phrase("class", "类别"),
    "manager": Phrase("manager", "客户经理"),
    "deputy": Phrase("deputy", "代理人"),
    "contact": Phrase("main contact", "主要联系人"),
    "limits": Phrase("limits", "容量限值"),
}
"""What the archive must say of a customer; of a scattered residential one (B2) nobody asks manager, deputy or contact."""
_OF_PEOPLE = frozenset({"manager", "deputy", "contact"})


@dataclass(frozen=True, slots=True)
class ArchiveFigures:
    """How many of a unit's ``customers`` have each of ENTRIES, and how many have them all."""

    unit: str
    customers: int
    have: Mapping[str, int]
    complete: int


def archive_figures(roster: Roster) -> Sequence[ArchiveFigures]:
    """Return the figures of every unit with customers supplied on the roster's day, sorted by unit (RULES who-archive).

    Limits count when each point a customer is supplied at has one: capacity (power) or Qmax (gas, water). A deputy counts
    who is not the manager himself (RULES who-manager: every customer is known to two people).
    """
    registry, day = roster.registry, roster.day
    reached = {c.customer for c in registry.contacts if c.role is ContactRole.MAIN and c.first_day <= day < c.last_day}
    unlimited = _without_limit(roster)
    customers: Counter[str] = Counter()
    complete: Counter[str] = Counter()
    have: dict[str, Counter[str]] = {}
    for index in np.flatnonzero(registry.supplied(day.toordinal())).tolist():
        customer = registry.customers[index]
        lacking = _lacking(roster, customer, reached, limited=index not in unlimited)
        customers[customer.unit] += 1
        complete[customer.unit] += not lacking
        have.setdefault(customer.unit, Counter()).update(ENTRIES.keys() - lacking)
    return [
        ArchiveFigures(unit, count, {entry: have[unit][entry] for entry in ENTRIES}, complete[unit])
        for unit, count in sorted(customers.items())
    ]


def _without_limit(roster: Roster) -> frozenset[int]:
    """Return the indexes of customers supplied somewhere without a limit."""
    agreements, day = roster.registry.agreements, roster.day.toordinal()
    in_force = (agreements.first_day <= day) & (day < agreements.last_day)
    bare = in_force & np.isnan(roster.registry.upper_limit[agreements.point])
    return frozenset(agreements.customer[bare].tolist())


def _lacking(roster: Roster, customer: Customer, reached: set[str], *, limited: bool) -> set[str]:
    manager, deputy = (roster.appointed(customer, role) for role in (Role.MANAGER, Role.DEPUTY))
    said = {
        "unit": bool(customer.unit),
        "area": bool(customer.area),
        "class": bool(customer.customer_class),
        "manager": manager is not None,
        "deputy": deputy is not None and deputy != manager,
        "contact": customer.code in reached,
        "limits": limited,
    }
    lacking = {entry for entry, there in said.items() if not there}
    return lacking - _OF_PEOPLE if customer.customer_class is CustomerClass.B2 else lacking
