"""Who is in charge of whom on a day (RULES who-manager): assignments, officers of the unit, who stands in for whom."""

from dataclasses import replace
from datetime import date

import pytest

from meterwatch.core.model.duties import Absence
from meterwatch.core.model.registry import Assignment, Customer, CustomerClass, Person, Registry, Role
from notifier.roster import Roster
from tests.support.office import office

DAY = date(2023, 3, 1)
CUSTOMER = Customer("C1", CustomerClass.A1, unit="U1", area="north")
PEOPLE = {
    "M1": Person("M1", Role.MANAGER),
    "M2": Person("M2", Role.MANAGER),
    "D1": Person("D1", Role.DEPUTY),
    "H1": Person("H1", Role.OFFICE_HEAD, unit="U1"),
    "H2": Person("H2", Role.OFFICE_HEAD, unit="U2"),
    "S1": Person("S1", Role.SUPERVISOR),
}
MANAGED = (Assignment("M1", Role.MANAGER, customer="C1"), Assignment("D1", Role.DEPUTY, area="north"))


def roster(*assignments: Assignment, away: tuple[Absence, ...] = (), people: dict[str, Person] | None = None) -> Roster:
    registry = office(*assignments, people=people or PEOPLE)
    return Roster(replace(registry, customers=(CUSTOMER,)), away, DAY)


def away(person: str, stand_in: str = "", *, first: date = DAY, last: date = date(2023, 3, 8)) -> Absence:
    return Absence(person, first, last, stand_in)


def in_charge(found: Roster, role: Role = Role.MANAGER) -> str:
    person = found.in_charge(CUSTOMER, role)
    return person.code if person else ""


@pytest.mark.parametrize(
    ("absences", "expected"),
    [
        ((), "M1"),
        ((away("M1", "M2"),), "M2"),  # who was named stands in
        ((away("M1"),), "D1"),  # nobody was named: the deputy
        ((away("M1", "M2"), away("M2", "D1")), "D1"),  # he who stands in is away himself
        ((away("M1", "M2"), away("M2", "M1")), "D1"),  # they stand in for each other, and both are away
        ((away("M1"), away("D1")), "H1"),  # the head of the customer's own unit
        ((away("M1"), away("D1"), away("H1")), "S1"),
        ((away("M1"), away("D1"), away("H1"), away("S1")), ""),
        ((away("M1", "M2", first=date(2023, 2, 1), last=DAY),), "M1"),  # he is back today
        ((away("M1", "M2", first=date(2023, 3, 2)),), "M1"),  # he leaves tomorrow
        ((away("M1", "XX"),), "D1"),  # a stand-in the registry does not know
    ],
)
def test_a_task_goes_up_the_ladder_until_somebody_is_there(absences: tuple[Absence, ...], expected: str) -> None:
    assert in_charge(roster(*MANAGED, away=absences)) == expected


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ([Assignment("M1", Role.MANAGER), Assignment("M2", Role.MANAGER, customer_class="A1")], "M2"),
        ([Assignment("M1", Role.MANAGER, area="north"), Assignment("M2", Role.MANAGER, customer_class="A1")], "M1"),
        ([Assignment("M1", Role.MANAGER, customer="C1"), Assignment("M2", Role.MANAGER, area="north")], "M1"),
        ([Assignment("M1", Role.MANAGER, customer="C2"), Assignment("M2", Role.MANAGER, area="south")], "H1"),
        ([Assignment("M1", Role.MANAGER, last_day=DAY)], "H1"),  # his time is over
        ([Assignment("M1", Role.MANAGER, first_day=date(2023, 3, 2))], "H1"),  # and his has not come
    ],
)
def test_the_most_specific_assignment_in_force_wins(assignments: list[Assignment], expected: str) -> None:
    assert in_charge(roster(*assignments)) == expected


def test_a_manager_who_left_without_a_successor_leaves_his_tasks_to_the_deputy() -> None:
    gone = PEOPLE | {"M1": replace(PEOPLE["M1"], last_day=DAY)}
    found = roster(*MANAGED, people=gone)
    assert (in_charge(found), found.available("M1"), found.available("D1")) == ("D1", False, True)


def test_managers_and_deputies_are_appointed_only_by_assignment() -> None:
    found = roster()
    assert [found.appointed(CUSTOMER, role) for role in (Role.MANAGER, Role.DEPUTY)] == [None, None]
    assert found.appointed(CUSTOMER, Role.OFFICE_HEAD) == PEOPLE["H1"]
    assert found.appointed(CUSTOMER, Role.SUPERVISOR) == PEOPLE["S1"]


def test_an_officer_of_the_unit_comes_before_one_of_the_company() -> None:
    found = roster(people=PEOPLE | {"S0": Person("S0", Role.SUPERVISOR), "S9": Person("S9", Role.SUPERVISOR, unit="U1")})
    assert [found.officer(Role.SUPERVISOR, unit) for unit in ("U1", "U2")] == [
        Person("S9", Role.SUPERVISOR, unit="U1"),
        Person("S0", Role.SUPERVISOR),
    ]


def test_nobody_is_in_charge_of_an_empty_registry() -> None:
    assert Roster(Registry.empty(), (), DAY).in_charge(CUSTOMER, Role.MANAGER) is None
