"""What reports say (RULES use-important-report, oversee, who-important)."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from meterwatch.app.reports import (
    Compared,
    DutyFigures,
    Period,
    Recent,
    Spans,
    Standing,
    Uses,
    before,
    change,
    important_rows,
    listed,
    oversee_rows,
    use_rows,
    year_before,
)
from meterwatch.app.usage import PeriodUse, members_of
from meterwatch.core.model.duties import DutyState
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Assignment, Category, Contact, ContactRole, Designation, Grade, Registry, Role
from meterwatch.stores.ledger.figures import DutyCount
from notifier.duties.periods import named
from notifier.roster import Roster
from tests.support.office import PEOPLE
from tests.support.units import FOREVER, registry

DAY = date(2023, 3, 8)


def period(name: str) -> Period:
    found = named(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "earlier"),
    [
        *(("2023-W09", "2023-W08"), ("2023-W01", "2022-W52"), ("2021-W01", "2020-W53")),
        *(("2023-03", "2023-02"), ("2023-01", "2022-12"), ("2023-Q1", "2022-Q4"), ("2023-H2", "2023-H1"), ("2023", "2022")),
    ],
)
def test_the_period_before_is_of_the_same_kind(name: str, earlier: str) -> None:
    assert before(period(name)) == period(earlier)


@pytest.mark.parametrize(
    ("name", "lunar", "first", "last"),
    [
        ("2023-W23", True, "2022-06-05", "2022-06-11"),  # Thursday 8 June: the same date
        ("2023-W04", True, "2022-02-02", "2022-02-08"),  # Spring Festival: 22 January 2023, 1 February 2022
        ("2023-W04", False, "2022-01-23", "2022-01-29"),
        ("2023-W08", True, "2022-02-20", "2022-02-26"),  # its Monday is 29 days after the festival, its Thursday 32
        ("2023-02", True, "2022-02-01", "2022-02-28"),
        ("2024-02", True, "2023-02-01", "2023-02-28"),
        ("2024-Q1", False, "2023-01-01", "2023-03-31"),
    ],
)
def test_last_years_period(name: str, lunar: bool, first: str, last: str) -> None:
    assert year_before(period(name), lunar=lunar) == (date.fromisoformat(first), date.fromisoformat(last))


# --- use --------------------------------------------------------------------------------------------------------------


def use(*members: tuple[float, int], days: int = 7) -> PeriodUse:
    """A period of ``days`` by each member's (use, known days); all supplied throughout by one meter."""
    uses, known = zip(*members, strict=True)
    return PeriodUse.of([days] * len(members), uses, known, [days] * len(members), known, [days] * len(members))


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        (use((77.0, 7)), use((70.0, 7)), 0.1),
        (use((50.0, 5)), use((70.0, 7)), 0.0),  # a gap is no drop: 10 a day on both sides
        (use((40.0, 4)), use((70.0, 7)), None),  # 5 of 7 days must be known (RULES use-weekly-swing)
        (use((70.0, 7)), use((40.0, 4)), None),
        (use((200.0, 20), days=30), use((310.0, 31), days=31), 0.0),  # 20 of 30 (RULES churn-warn)
        (use((190.0, 19), days=30), use((310.0, 31), days=31), None),
        (use((77.0, 7), (999.0, 2)), use((70.0, 7), (70.0, 7)), 0.1),  # who is not known enough is not compared
        (use((77.0, 7), (70.0, 7)), use((70.0, 7), (0.0, 7)), 1.1),
        (use((77.0, 7)), use((0.0, 7)), None),
        (use((0.0, 7)), use((70.0, 7)), -1.0),
    ],
)
def test_change_compares_mean_days_of_those_known(now: PeriodUse, then: PeriodUse, expected: float | None) -> None:
    found = change(now, then)
    assert found == (expected if expected is None else pytest.approx(expected))


IMPORTANT = Designation("C1", Category.GOVERNMENT, Grade.FIRST, date(2023, 3, 7))


def office() -> Registry:
    """C0 takes gas and power, C1 (important) gas, both of U1; C2 of U2 gas."""
    plain = registry((0, 0, *FOREVER), (3, 0, *FOREVER), (1, 1, *FOREVER), (2, 2, *FOREVER))
    return replace(plain, designations={"C1": IMPORTANT}, large=frozenset({"C2"}))


def test_use_by_unit_and_commodity_with_important_customers_below() -> None:
    given = office()
    members = members_of(given, ["U1", "U2"])
    now, earlier = use((70.0, 7), (140.0, 7), (21.0, 6), (7.0, 7)), use((70.0, 7), (70.0, 7), (35.0, 7), (0.0, 0))
    last_year = use((0.0, 0), (280.0, 7), (0.0, 0), (7.0, 7))
    rows = use_rows(given, Uses(members, now, earlier, last_year), np.array([1, 2, 4, 8]))
    assert [(row.unit, row.customer, row.commodity, row.use, row.known, row.supplied, row.alerts) for row in rows] == [
        ("U1", "", Commodity.ELECTRICITY, 70.0, 7, 7, 1),
        ("U1", "", Commodity.GAS, 161.0, 13, 14, 6),
        ("U1", "C1", Commodity.GAS, 21.0, 6, 7, 4),
        ("U2", "", Commodity.GAS, 7.0, 7, 7, 8),
    ]
    assert [row.read for row in rows] == [1.0, 13 / 14, 6 / 7, 1.0]
    assert [row.before for row in rows] == [
        Compared(70.0, 0.0),
        Compared(105.0, pytest.approx((20 + 3.5) / (10 + 5) - 1)),
        Compared(35.0, pytest.approx(3.5 / 5 - 1)),
        Compared(None, None),
    ]
    assert [row.last_year for row in rows] == [
        Compared(None, None),
        Compared(280.0, -0.5),  # of C0 alone: of C1 nothing is known of last year
        Compared(None, None),
        Compared(7.0, 0.0),
    ]


def test_who_was_never_supplied_is_left_out_unless_an_alert_stands() -> None:
    given = office()
    members = members_of(given, ["U1"])
    nothing = PeriodUse.of(*([[7] * 3] + [[0] * 3] * 5))
    uses = Uses(members, nothing, nothing, nothing)
    assert not uses.any_read
    assert use_rows(given, uses, np.zeros(3, np.int64)) == []
    rows = use_rows(given, uses, np.array([0, 1, 0]))
    assert [(row.customer, row.commodity, row.use, row.read, row.alerts) for row in rows] == [("", "gas", None, None, 1)]
    once = Uses(members, nothing, nothing, replace(nothing, supplied=np.array([1, 0, 0])))
    assert [row.commodity for row in use_rows(given, once, np.zeros(3, np.int64))] == ["electricity"]


# --- important customers ----------------------------------------------------------------------------------------------


def test_lists_important_customers_and_with_large_the_large_ones() -> None:
    given = office()
    assert [customer.code for customer in listed(given, ["U1", "U2"], large=False)] == ["C1"]
    assert [customer.code for customer in listed(given, ["U1", "U2"], large=True)] == ["C1", "C2"]
    assert listed(given, ["U2"], large=False) == []


def test_says_who_looks_after_an_important_customer_and_what_is_open() -> None:
    assignments = (Assignment("K1", Role.MANAGER), Assignment("K2", Role.DEPUTY, customer="C1"))
    contacts = (
        Contact("N1", "C1", ContactRole.OUTAGE, DAY),
        Contact("N2", "C2", ContactRole.MAIN),
        Contact("N3", "C2", ContactRole.OUTAGE, last_day=DAY),
    )
    given = replace(office(), people=PEOPLE, assignments=assignments, contacts=contacts)
    members = members_of(given, ["U1", "U2"])
    recent = Recent(members, use(*[(0.0, 0)] * 2, (21.0, 7), (0.0, 0)), use(*[(0.0, 0)] * 3, (30.0, 3), days=28))
    standing = Standing(np.array([1, 2, 4, 8]), {"C1": 3})
    first, second = important_rows(listed(given, ["U1", "U2"], large=True), Roster(given, (), DAY), recent, standing)
    assert (first.designation, first.review_passed, first.manager, first.deputy) == (IMPORTANT, True, "K1", "K2")
    assert (first.outage_contact, first.alerts, first.duties) == (True, 4, 3)
    assert first.uses == [(Commodity.GAS, 21.0, None)]
    assert (second.designation, second.review_passed, second.manager, second.deputy) == (None, False, "K1", "")
    assert (second.outage_contact, second.alerts, second.duties) == (False, 8, 0)
    assert second.uses == [(Commodity.GAS, None, 30.0)]


def test_a_review_is_not_passed_on_its_day() -> None:
    given = office()
    nothing = use(*[(0.0, 0)] * 3)
    members = members_of(given, ["U1"])
    roster = Roster(given, (), IMPORTANT.review_day)
    standing = Standing(np.zeros(3, np.int64), {})
    (row,) = important_rows(listed(given, ["U1"], large=False), roster, Recent(members, nothing, nothing), standing)
    assert not row.review_passed


# --- duties -----------------------------------------------------------------------------------------------------------

MET, LATE, BREACHED, OPEN, VOID = (
    DutyState.MET,
    DutyState.LATE,
    DutyState.BREACHED,
    DutyState.OPEN,
    DutyState.VOID,
)


@pytest.mark.parametrize(
    ("counts", "due", "in_time"),
    [
        ({}, 0, None),
        ({OPEN: 3, VOID: 5}, 3, None),  # nothing is decided yet; what was not owed is not due
        ({MET: 6, LATE: 1, BREACHED: 1, OPEN: 4, VOID: 9}, 12, 0.75),
        ({BREACHED: 2}, 2, 0.0),
    ],
)
def test_the_share_in_time_is_of_what_is_decided(counts: dict[DutyState, int], due: int, in_time: float | None) -> None:
    assert (DutyFigures(counts).due, DutyFigures(counts).in_time) == (due, in_time)


def test_duties_by_unit_rule_and_person_rolled_forward() -> None:
    """RULES oversee: followed and rolled forward: this period, the one before, the year so far."""
    now = [
        DutyCount("churn-warn", "U1", "K1", MET, 2),
        DutyCount("churn-warn", "U1", "K1", LATE, 1),
        DutyCount("who-manager", "U2", "", OPEN, 4),
    ]
    earlier = [DutyCount("churn-warn", "U1", "K2", BREACHED, 1), DutyCount("oversee", "", "K3", MET, 1)]
    rows = oversee_rows(Spans(now, earlier, [*now, *earlier]))
    assert [(row.by, row.name, row.period.counts, row.before.due, row.year.due) for row in rows] == [
        ("all", "", {MET: 2, LATE: 1, OPEN: 4}, 2, 9),
        ("unit", "-", {}, 1, 1),
        ("unit", "U1", {MET: 2, LATE: 1}, 1, 4),
        ("unit", "U2", {OPEN: 4}, 0, 4),
        ("rule", "churn-warn", {MET: 2, LATE: 1}, 1, 4),
        ("rule", "oversee", {}, 1, 1),
        ("rule", "who-manager", {OPEN: 4}, 0, 4),
        ("person", "-", {OPEN: 4}, 0, 4),
        ("person", "K1", {MET: 2, LATE: 1}, 0, 3),
        ("person", "K2", {}, 1, 1),
        ("person", "K3", {}, 1, 1),
    ]
    assert oversee_rows(Spans([], [], [])) == []
