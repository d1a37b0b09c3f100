"""What calendar and registry call for: whose visits and call-backs, which sheets, who moved out (RULES §1, §2, §4)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import (
    COMMODITIES,
    FOREVER_DAY,
    Agreements,
    Assignment,
    Category,
    Contact,
    ContactRole,
    Customer,
    CustomerClass,
    Designation,
    Grade,
    Meters,
    Person,
    Points,
    Registry,
    Role,
)
from notifier.duties.duty import OnCalendar, Want, While
from notifier.duties.rules import BY_NAME, DUTIES
from notifier.duties.rules.contact_visit import cadence
from notifier.roster import Roster
from tests.support.desk import SITE, ZONE

FOREVER = (date(2020, 1, 1), None)
GAS = COMMODITIES.index(Commodity.GAS)
Supply = tuple[str, str, date, date | None]


def town(*supplied: Supply, kinds: str = "A1 A2 A3 B1 B2", **changes: object) -> Registry:
    """Return customers C1.. of some classes and who is supplied where: (customer, point, from, to), or all for ever."""
    customers = tuple(Customer(f"C{n}", CustomerClass(kind), unit=f"U{n % 2}") for n, kind in enumerate(kinds.split(), 1))
    found = supplied or tuple((one.code, f"P{n}", *FOREVER) for n, one in enumerate(customers, 1))
    codes = tuple(dict.fromkeys(point for _, point, *_ in found))
    none = [np.nan] * len(codes)
    points = Points.of([GAS] * len(codes), [0] * len(codes), none, none, none, [True] * len(codes))
    names = [one.code for one in customers]
    rows = [
        (codes.index(point), names.index(code), first.toordinal(), last.toordinal() if last else FOREVER_DAY)
        for code, point, first, last in found
    ]
    plain = Registry(3, codes, (ZONE,), points, Meters.empty(), (), customers, Agreements.of(*zip(*rows, strict=True)))
    return replace(plain, **changes)  # type: ignore[arg-type]


def wants(name: str, known: Registry, day: date) -> list[Want]:
    trigger = BY_NAME[name].trigger
    assert isinstance(trigger, OnCalendar | While)
    return list(trigger.wants(Roster(known, (), day), SITE))


def asked(found: Iterable[Want]) -> dict[str, list[str]]:
    """Return the subjects of some wants by their period."""
    by_period: dict[str, list[str]] = {}
    for want in found:
        by_period.setdefault(want.period, []).append(want.subject)
    return by_period


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


DAY = date(2023, 2, 10)
LARGE, IMPORTANT = "large", "important"


def marked(known: Registry, mark: str, code: str = "C1") -> Registry:
    """Return a registry in which a customer is large by his use, or designated important."""
    if mark == LARGE:
        return replace(known, large=frozenset({code}))
    return replace(
        known, designations={code: Designation(code, Category.OTHER, Grade.SECOND, date(2024, 1, 1))} if mark else {}
    )


# --- contacts ---------------------------------------------------------------------------------------------------------

CADENCE = [
    ("A1", "", "2023-Q1"),
    ("A2", "", "2023-H1"),
    ("A3", "", "2023-H1"),
    ("B1", "", "2023-Q1"),
    ("B2", "", ""),
    ("A1", LARGE, "2023-Q1"),
    ("A2", LARGE, "2023-Q1"),
    ("A3", IMPORTANT, "2023-Q1"),
    ("B2", IMPORTANT, "2023-Q1"),
]


@pytest.mark.parametrize(("kind", "mark", "period"), CADENCE)
def test_a_customer_is_seen_each_quarter_or_half_year(kind: str, mark: str, period: str) -> None:
    """RULES contact-visit: A1, B1 each quarter; A2, A3 each half-year; large ones (who-important: both kinds) quarterly."""
    known = marked(town(kinds=kind), mark)
    found = cadence(known.customers[0], known, DAY)
    assert (found.name if found else "") == period
    assert asked(wants("contact-visit", known, DAY)) == ({period: ["C1"]} if period else {})


DUES = [
    (date(2023, 2, 10), {"2023-Q1": "2023-03-31T17:30", "2023-H1": "2023-06-30T17:30"}),
    (date(2023, 7, 1), {"2023-Q3": "2023-09-28T17:30", "2023-H2": "2023-12-29T17:30"}),  # 29 and 30 September are feasts
    (date(2023, 12, 31), {"2023-Q4": "2023-12-29T17:30", "2023-H2": "2023-12-29T17:30"}),  # a Sunday
]


@pytest.mark.parametrize(("day", "dues"), DUES, ids=[str(row[0]) for row in DUES])
def test_visits_are_due_on_the_last_working_day_of_their_period(day: date, dues: dict[str, str]) -> None:
    found = {want.period: want.due for want in wants("contact-visit", town(), day)}
    assert {name: due and due.at for name, due in found.items()} == {name: local(due) for name, due in dues.items()}


def test_call_backs_are_counted_by_class() -> None:
    """RULES contact-callback: A1, B1 at least 4 a year, A2, A3 at least 2."""
    found = wants("contact-callback", town(), DAY)
    assert {want.subject: want.needed for want in found} == {"C1": 4, "C2": 2, "C3": 2, "C4": 4}
    assert {(want.period, want.due and want.due.at) for want in found} == {("2023", local("2023-12-29T17:30"))}


@pytest.mark.parametrize("name", ["contact-visit", "contact-callback", "who-manager", "out-contact"])
def test_only_who_is_supplied_today_is_owed_anything(name: str) -> None:
    before, after = DAY - timedelta(days=30), DAY + timedelta(days=1)
    known = town(
        ("C1", "P1", before, None), ("C2", "P2", before, DAY), ("C3", "P3", after, None), ("C4", "P4", before, after)
    )
    found = wants(name, replace(known, large=frozenset({"C1", "C2", "C3", "C4"})), DAY)
    assert {want.subject for want in found} == {"C1", "C4"}


# --- who looks after whom ---------------------------------------------------------------------------------------------

TWO = {code: Person(code, role) for code, role in (("M1", Role.MANAGER), ("D1", Role.DEPUTY))}


def looked_after(*assignments: Assignment, **changes: object) -> Registry:
    return town(people=TWO, assignments=assignments, **changes)


MANAGER, DEPUTY = Assignment("M1", Role.MANAGER), Assignment("D1", Role.DEPUTY)
MANAGED = [
    ([MANAGER, DEPUTY], ""),
    ([MANAGER], "C1 C2 C3 C4"),
    ([DEPUTY], "C1 C2 C3 C4"),
    ([MANAGER, Assignment("M1", Role.DEPUTY)], "C1 C2 C3 C4"),  # one person in two roles is not two people
    ([Assignment("M1", Role.MANAGER, customer_class="A1"), DEPUTY], "C2 C3 C4"),
    ([MANAGER, Assignment("D1", Role.DEPUTY, last_day=DAY)], "C1 C2 C3 C4"),
    ([MANAGER, Assignment("D1", Role.DEPUTY, last_day=DAY + timedelta(days=1))], ""),
]


@pytest.mark.parametrize(("assignments", "expected"), MANAGED)
def test_every_customer_but_b2_is_known_to_two_people(assignments: list[Assignment], expected: str) -> None:
    """RULES who-manager."""
    found = wants("who-manager", looked_after(*assignments), DAY)
    assert asked(found) == ({"2023-02-10": expected.split()} if expected else {})


OUTAGE = Contact("N1", "C1", ContactRole.OUTAGE)
CONTACTS = [
    ((OUTAGE,), False),
    ((), True),
    ((replace(OUTAGE, role=ContactRole.MAIN),), True),
    ((replace(OUTAGE, customer="C2"),), True),
    ((replace(OUTAGE, last_day=DAY),), True),  # he is gone since today
    ((replace(OUTAGE, last_day=DAY + timedelta(days=1)),), False),
    ((replace(OUTAGE, first_day=DAY + timedelta(days=1)),), True),  # he comes tomorrow
]


@pytest.mark.parametrize(("contacts", "lacking"), CONTACTS)
@pytest.mark.parametrize("mark", [LARGE, IMPORTANT])
def test_a_large_customer_names_his_outage_contact(mark: str, contacts: tuple[Contact, ...], lacking: bool) -> None:
    """RULES out-contact."""
    assert asked(wants("out-contact", marked(town(contacts=contacts), mark), DAY)) == (
        {"2023-02-10": ["C1"]} if lacking else {}
    )
    assert not wants("out-contact", town(contacts=contacts), DAY), "nobody is large"


# --- sheets -----------------------------------------------------------------------------------------------------------

SHEETS = [
    ("oversee", date(2023, 3, 1), ["2023-02"]),
    ("oversee", date(2023, 3, 10), ["2023-02"]),
    ("oversee", date(2023, 3, 11), []),
    ("oversee", date(2023, 1, 1), ["2022-12"]),
    ("use-important-report", date(2023, 3, 1), ["2023-W08", "2023-02"]),
    ("use-important-report", date(2023, 3, 4), ["2023-02"]),  # a Saturday: the week before last is past its days
    ("use-important-report", date(2023, 3, 6), ["2023-W09"]),
    ("use-important-report", date(2021, 1, 4), ["2020-W53", "2020-12"]),
    ("who-january", date(2023, 1, 1), ["2023"]),
    ("who-january", date(2023, 1, 31), ["2023"]),
    ("who-january", date(2023, 2, 1), []),
    ("who-january", date(2022, 12, 31), []),
]


@pytest.mark.parametrize(("name", "day", "periods"), SHEETS)
def test_sheets_are_asked_of_every_unit_in_their_time(name: str, day: date, periods: list[str]) -> None:
    found = wants(name, town(), day)
    assert asked(found) == {name: ["unit U0", "unit U1"] for name in periods}
    assert all(want.customer is None and want.subject == f"unit {want.unit}" for want in found)


@pytest.mark.parametrize(("year", "due"), [(2021, "2021-01-29"), (2022, "2022-01-30"), (2023, "2023-01-31")])
def test_the_classification_is_due_on_the_last_working_day_of_january(year: int, due: str) -> None:
    """RULES who-january; 30 January 2022 is a Sunday that is worked, and the 31st a feast."""
    (want, _) = wants("who-january", town(), date(year, 1, 1))
    assert want.due
    assert want.due.at == local(f"{due}T17:30")


# --- who moved out ----------------------------------------------------------------------------------------------------

D = DAY - timedelta(days=3)
SINCE = date(2020, 1, 1)
E = f"end {D}"
MOVES: list[tuple[str, list[Supply], list[str], list[str]]] = [
    ("stays", [("C1", "P1", SINCE, None)], [], []),
    ("ends", [("C1", "P1", SINCE, D)], ["C1/P1"], ["C1"]),
    ("renewed", [("C1", "P1", SINCE, D), ("C1", "P1", D, None)], [], []),
    ("renewed before it ended", [("C1", "P1", SINCE, D), ("C1", "P1", D - timedelta(1), None)], [], []),
    ("back after a day", [("C1", "P1", SINCE, D), ("C1", "P1", D + timedelta(1), None)], ["C1/P1"], []),
    ("one of two points", [("C1", "P1", SINCE, D), ("C1", "P2", SINCE, None)], ["C1/P1"], []),
    ("both points", [("C1", "P1", SINCE, D), ("C1", "P2", SINCE, D)], ["C1/P1", "C1/P2"], ["C1"]),
    ("another moves in", [("C1", "P1", SINCE, D), ("C2", "P1", D, None)], ["C1/P1"], ["C1"]),
    ("they change places", [("C1", "P1", SINCE, D), ("C2", "P2", SINCE, D), ("C2", "P1", D, None), ("C1", "P2", D, None)],
     ["C1/P1", "C2/P2"], []),
    ("split", [("C1", "P1", SINCE, D), ("C1", "P2", D, None), ("C2", "P3", D, None)], ["C1/P1"], []),
    ("merge", [("C1", "P1", SINCE, D), ("C2", "P2", SINCE, D), ("C1", "P3", D, None)], ["C1/P1", "C2/P2"], ["C2"]),
    ("change of name", [("C1", "P1", SINCE, D), ("C3", "P1", D, None)], ["C1/P1"], ["C1"]),
    ("moves in later", [("C1", "P1", SINCE, D), ("C1", "P2", DAY + timedelta(1), None)], ["C1/P1"], ["C1"]),
    ("ends today", [("C1", "P1", SINCE, DAY)], ["C1/P1"], ["C1"]),
    ("ends tomorrow", [("C1", "P1", SINCE, DAY + timedelta(1))], [], []),
    ("44 days ago", [("C1", "P1", SINCE, DAY - timedelta(44))], ["C1/P1"], ["C1"]),
    ("45 days ago", [("C1", "P1", SINCE, DAY - timedelta(45))], [], []),
]  # fmt: skip


@pytest.mark.parametrize(("supplied", "points", "customers"), [row[1:] for row in MOVES], ids=[row[0] for row in MOVES])
def test_who_moved_out(supplied: list[Supply], points: list[str], customers: list[str]) -> None:
    """RULES who-point: each place somebody left; churn-ended: who is supplied nowhere any more."""
    known = town(*supplied)
    assert sorted(want.subject for want in wants("who-point", known, DAY)) == points
    assert [want.subject for want in wants("churn-ended", known, DAY)] == customers


def test_who_left_twice_has_ended_with_the_last() -> None:
    known = town(("C1", "P1", SINCE, D - timedelta(9)), ("C1", "P2", SINCE, D), ("C1", "P3", SINCE, D - timedelta(5)))
    assert asked(wants("churn-ended", known, DAY)) == {E: ["C1"]}
    assert asked(wants("who-point", known, DAY)) == {
        f"end {D - timedelta(9)}": ["C1/P1"], E: ["C1/P2"], f"end {D - timedelta(5)}": ["C1/P3"],
    }  # fmt: skip


# --- what holds for all of them ---------------------------------------------------------------------------------------

CALENDAR = [(rule.name, rule.trigger) for rule in DUTIES if isinstance(rule.trigger, OnCalendar)]
YEAR = [date(2022, 12, 20) + timedelta(days=n) for n in range(400)]
BUSY = town(
    ("C1", "P1", SINCE, date(2023, 3, 7)),
    ("C1", "P2", date(2023, 5, 20), None),
    ("C2", "P3", SINCE, date(2023, 8, 8)),
    ("C2", "P3", date(2023, 8, 8), date(2023, 11, 30)),
    ("C4", "P4", date(2023, 2, 14), None),
)


@pytest.mark.parametrize(("name", "trigger"), CALENDAR, ids=[name for name, _ in CALENDAR])
def test_it_need_not_be_asked_but_when_its_question_changes(name: str, trigger: OnCalendar) -> None:
    """What is wanted is covered on the day it is wanted, and stays the same until the question does."""
    found = []
    for day in YEAR:
        wanted = {(want.subject, want.period) for want in wants(name, BUSY, day)}
        assert all(trigger.covers(period, day) for _, period in wanted)
        assert all(len(subject) <= 80 and len(period) <= 32 for subject, period in wanted)
        found.append((trigger.asks(day), BUSY.supply_turned(day.toordinal()), wanted))
    assert all(one[2] == other[2] for one, other in pairwise(found) if one[:2] == other[:2])
    assert len({tuple(sorted(wanted)) for *_, wanted in found}) > 1, "nothing was ever asked"


def test_supply_turns_on_the_day_an_agreement_begins_or_is_over() -> None:
    known = town(("C1", "P1", date(2023, 2, 1), date(2023, 3, 1)))
    days = [date(2023, 1, 31), date(2023, 2, 1), date(2023, 2, 28), date(2023, 3, 1), date(2024, 1, 1)]
    turned = [known.supply_turned(day.toordinal()) for day in days]
    first, last = date(2023, 2, 1).toordinal(), date(2023, 3, 1).toordinal()
    assert turned == [0, first, first, last, last]
    assert Registry.empty().supply_turned(DAY.toordinal()) == 0
