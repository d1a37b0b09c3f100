"""Who may see whom: roles, unit, own customers and permissions put together into a Viewer (RULES who-confidential)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from meterwatch.core.model.permissions import Grant, Right
from meterwatch.core.model.registry import Assignment, Customer, Person, Registry, Role
from meterwatch.core.model.viewer import Codes, Viewer
from meterwatch.stores.ledger.permissions import valid_grants
from meterwatch.stores.registry import newest_snapshot
from meterwatch.stores.registry_load import load_assignments, load_customers, load_designations, load_large, load_people

OWN_ROLES = (Role.MANAGER, Role.DEPUTY)
WORKING_ROLES = (*OWN_ROLES, Role.SUPPLY_ADMIN, Role.CALL_CENTRE, Role.DISPATCH, Role.FINANCE, Role.OPERATOR)
"""An assignment in one of these shows the customer; as an office head or above one is only told of him."""


def viewer_of(connection: Connection, account: str, person: str | None, day: date) -> Viewer:
    """Return the viewer ``account`` is on ``day`` if it stands for ``person``; who is unknown or not in office is nobody.

    He answers for the customers the newest snapshot makes him manager or deputy of, an office head also for those of his
    unit. He sees those he is assigned to in another working role, and what permissions of that day let him see.
    """
    office = _office(connection)
    found = office.people.get(person) if person else None
    if found is None or not found.works_on(day):
        return Viewer(account)
    own = assigned_customers(office, found.code, day, OWN_ROLES) | _of_his_unit(office, found)
    assigned = assigned_customers(office, found.code, day, WORKING_ROLES)
    grants = valid_grants(connection, found.code, day)
    return replace(
        Viewer.for_person(account, found.code, found.role, own),
        named=_union(assigned, *(_customers(office, grant) for grant in grants if grant.right is Right.NAMES)),
        phoned=_union(assigned, *(_customers(office, grant) for grant in grants if grant.right is Right.PHONES)),
        colleagues=_union(*(_colleagues(office, grant) for grant in grants if grant.right is Right.PHONES)),
        exports=any(grant.right is Right.EXPORT for grant in grants),
    )


def assigned_customers(office: Registry, person: str, day: date, roles: Sequence[Role]) -> frozenset[str]:
    """Return the codes of the customers for whom ``person`` is one of ``roles`` on ``day``.

    The most specific assignment of a role wins.
    """
    mine = [a for a in office.assignments if a.person == person and a.role in roles]
    named = {a.customer for a in mine}
    candidates = [c for c in office.customers if (c.code in named or "" in named) and _fits_any(mine, office, c, day)]
    codes = {customer.code for customer in candidates}
    near = replace(office, assignments=tuple(a for a in office.assignments if not a.customer or a.customer in codes))
    return frozenset(customer.code for customer in candidates if _is_assigned(near, customer, person, day, roles))


def _fits_any(assignments: Iterable[Assignment], office: Registry, customer: Customer, day: date) -> bool:
    importance = office.importance_of(customer.code)
    return any(assignment.covers(customer, importance, day) for assignment in assignments)


def _is_assigned(office: Registry, customer: Customer, person: str, day: date, roles: Sequence[Role]) -> bool:
    found = (office.responsible(customer, role, day) for role in roles)
    return any(responsible is not None and responsible.code == person for responsible in found)


def _of_his_unit(office: Registry, person: Person) -> frozenset[str]:
    if person.role is not Role.OFFICE_HEAD or not person.unit:
        return frozenset()
    return frozenset(customer.code for customer in office.customers if customer.unit == person.unit)


def _customers(office: Registry, grant: Grant) -> Codes:
    """Return the customers a grant extends to."""
    if grant.customer:
        return frozenset({grant.customer})
    return frozenset(c.code for c in office.customers if c.unit == grant.unit) if grant.unit else None


def _colleagues(office: Registry, grant: Grant) -> Codes:
    """Return the people a grant extends to; one for a customer extends to none."""
    if grant.customer:
        return frozenset()
    return frozenset(p.code for p in office.people.values() if p.unit == grant.unit) if grant.unit else None


def _union(*parts: Codes) -> Codes:
    known: list[Iterable[str]] = [part for part in parts if part is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None


def _office(connection: Connection) -> Registry:
    """Return the newest snapshot without its points: people, customers, and who is responsible for whom."""
    number = newest_snapshot(connection)
    return replace(
        Registry.empty(),
        number=number,
        customers=load_customers(connection, number),
        people=load_people(connection, number),
        assignments=load_assignments(connection, number),
        designations=load_designations(connection, number),
        large=load_large(connection, number),
    )
