"""Who is in charge of whom on a day: assignments, those of the customer's unit, and who stands in for who is away."""

from collections.abc import Iterable
from datetime import date

from meterwatch.core.model.duties import Absence
from meterwatch.core.model.registry import Assignment, Customer, Person, Registry, Role

LADDER = (Role.MANAGER, Role.DEPUTY, Role.OFFICE_HEAD, Role.SUPERVISOR)
"""Whom a duty climbs to when nobody acts."""
_BY_ASSIGNMENT_ONLY = frozenset({Role.MANAGER, Role.DEPUTY})


class Roster:
    """The people of one registry snapshot on one day. Absences are those that cover the day."""

    def __init__(self, registry: Registry, absences: Iterable[Absence], day: date) -> None:
        self.registry, self.day = registry, day
        self._away = {absence.person: absence for absence in absences if absence.covers(day)}
        self._own: dict[tuple[str, Role], list[Assignment]] = {}
        self._general: dict[Role, list[Assignment]] = {}
        for assignment in registry.assignments:
            person = registry.people[assignment.person]
            if assignment.first_day <= day < assignment.last_day and person.works_on(day):
                self._enter(assignment)
        self._found: dict[tuple[Role, str, str, frozenset[str]], Assignment | None] = {}
        self._officers = sorted((p for p in registry.people.values() if p.works_on(day)), key=lambda p: p.code)

    def _enter(self, assignment: Assignment) -> None:
        if assignment.customer:
            self._own.setdefault((assignment.customer, assignment.role), []).append(assignment)
        else:
            self._general.setdefault(assignment.role, []).append(assignment)

    def appointed(self, customer: Customer, role: Role) -> Person | None:
        """Return who is ``role`` for a customer, away or not: the most specific assignment, else an officer of his unit."""
        importance = self.registry.importance_of(customer.code)
        own = [a for a in self._own.get((customer.code, role), ()) if a.fits(customer, importance)]
        best = _best(own) or self._by_scope(customer, role, importance)
        if best is not None:
            return self.registry.people[best.person]
        return None if role in _BY_ASSIGNMENT_ONLY else self.officer(role, customer.unit)

    def _by_scope(self, customer: Customer, role: Role, importance: frozenset[str]) -> Assignment | None:
        key = (role, customer.customer_class.value, customer.area, importance)
        if key not in self._found:
            self._found[key] = _best(a for a in self._general.get(role, ()) if a.fits(customer, importance))
        return self._found[key]

    def officer(self, role: Role, unit: str) -> Person | None:
        """Return who holds ``role`` in a unit, else who holds it for the whole company; those who are there lead."""
        fitting = [p for p in self._officers if p.role is role and p.unit in ("", unit)]
        return min(fitting, key=lambda p: (p.code in self._away, p.unit != unit, p.code), default=None)

    def present(self, person: Person | None) -> Person | None:
        """Return who acts for a person today: himself, or whoever stands in while he is away; None if nobody does."""
        seen: set[str] = set()
        while person is not None and person.code in self._away:
            seen.add(person.code)
            stand_in = self.registry.people.get(self._away[person.code].stand_in)
            person = stand_in if stand_in and stand_in.code not in seen and stand_in.works_on(self.day) else None
        return person if person is not None and person.works_on(self.day) else None

    def acting(self, customer: Customer, role: Role) -> Person | None:
        """Return who acts as ``role`` for a customer today."""
        return self.present(self.appointed(customer, role))

    def in_charge(self, customer: Customer, role: Role) -> Person | None:
        """Return who is to act, climbing from ``role`` up the ladder until somebody is there; None if nobody is."""
        start = LADDER.index(role) if role in LADDER else len(LADDER) - 1
        roles = (role, *LADDER[start + 1 :]) if role in LADDER else (role, Role.SUPERVISOR)
        return next((found for one in roles if (found := self.acting(customer, one))), None)

    def officer_in_charge(self, role: Role, unit: str) -> Person | None:
        """Return who is to act for a unit as ``role``, else a supervisor."""
        roles = (role, Role.SUPERVISOR)
        return next((found for one in roles if (found := self.present(self.officer(one, unit)))), None)

    def available(self, code: str) -> bool:
        """Return whether a person works and is not away today."""
        person = self.registry.people.get(code)
        return person is not None and person.works_on(self.day) and code not in self._away


def _best(assignments: Iterable[Assignment]) -> Assignment | None:
    return max(assignments, key=lambda found: (found.weight, found.first_day, found.person), default=None)
