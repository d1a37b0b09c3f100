"""Weekly swing (RULES use-weekly-swing; supply 7): mean daily use +30 % or -20 % against last week or the same period last
month, bounds inclusive, at least 5 valid days on both sides, large and important customers only.

Weeks are written as lists of seven days, Monday first; None = nothing is known of that day.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from detectors import episodes
from detectors.evaluate import Judged, evaluate, subjects_by_rule
from detectors.rules.swing import RULE, SwingOptions
from meterwatch.core.model.alerts import FactRow
from meterwatch.core.model.registry import Category, Customer, CustomerClass, Designation, Grade, Registry
from tests.support.rules import Days, Supply, given, material, registry, window

SUNDAY = date(2023, 6, 18).toordinal()
SUBJECT = "C1/electricity"


def judge(week: Days, last_week: Days, last_month: Days = (None,) * 7, options: SwingOptions = RULE.options) -> FactRow:
    made = given(RULE, window([*last_week, *week], last_day=SUNDAY))
    made = replace(made, last_month=window(last_month, last_day=date(2023, 5, 18).toordinal()))
    return RULE.judge(made, options).rows(RULE.name, [SUBJECT], [0])[0]


def crosses(week: Days, last_week: Days, last_month: Days = (None,) * 7) -> bool:
    return judge(week, last_week, last_month).crossing == ("literal",)


@pytest.mark.parametrize(
    ("week", "other", "expected"),
    [
        ([130.0] * 7, [100.0] * 7, True),  # exactly +30 %
        ([129.9] * 7, [100.0] * 7, False),
        ([80.0] * 7, [100.0] * 7, True),  # exactly -20 %
        ([80.1] * 7, [100.0] * 7, False),
        ([42.9] * 7, [33.0] * 7, True),  # the same bounds in figures that binary fractions don't hold
        ([26.4] * 7, [33.0] * 7, True),
        ([0.13] * 7, [0.1] * 7, True),
        ([0.08] * 7, [0.1] * 7, True),
        ([60.0, 200.0] * 3 + [130.0], [100.0] * 7, True),  # the mean, not each day
        ([60.0, 199.0] * 3 + [130.0], [100.0] * 7, False),
        ([0.0] * 7, [100.0] * 7, True),
        ([100.0] * 7, [0.0] * 7, True),  # from nothing: more than any share
        ([0.0] * 7, [0.0] * 7, False),
        ([None, None, *[130.0] * 5], [None, None, *[100.0] * 5], True),  # at least 5 of the 7 known, on both sides
        ([None, None, None, *[0.0] * 4], [100.0] * 7, False),
        ([0.0] * 7, [*[100.0] * 4, None, None, None], False),
        ([100.0] * 7, [*[0.0] * 4, None, None, None], False),
        ([None, *[100.0] * 6], [100.0] * 7, False),  # an unknown day is no zero
        ([None] * 7, [100.0] * 7, False),
        ([100.0] * 7, [None] * 7, False),
        ([-50.0] * 7, [-100.0] * 7, False),  # of a week that fed in there is no share
    ],
)
def test_either_comparison_triggers_at_its_bounds(week: Days, other: Days, expected: bool) -> None:
    assert crosses(week, other) is expected
    assert crosses(week, week, other) is expected
    assert crosses(week, other, other) is expected


def test_the_fact_carries_both_comparisons() -> None:
    found = judge([120.0] * 7, [100.0] * 7, [None, *[160.0] * 6])
    assert found.crossing == ("literal",)
    assert dict(found.figures) == {
        "week_mean": 120.0,
        "week_known": 7.0,
        "last_week_mean": 100.0,
        "last_week_known": 7.0,
        "last_week_ratio": 1.2,
        "last_month_mean": 160.0,
        "last_month_known": 6.0,
        "last_month_ratio": 0.75,
    }


def test_a_comparison_that_can_not_be_made_is_not_told() -> None:
    figures = judge([120.0] * 7, [100.0] * 7, [*[160.0] * 4, None, None, None]).figures
    assert figures["last_month_known"] == 4
    assert not {"last_month_mean", "last_month_ratio"} & figures.keys()


def test_the_bounds_are_settings() -> None:
    tighter = SwingOptions(above=1.1, below=0.9, known=7)
    assert judge([110.0] * 7, [100.0] * 7, options=tighter).crossing
    assert judge([90.0] * 7, [100.0] * 7, options=tighter).crossing
    assert not judge([0.0] * 7, [None, *[100.0] * 6], options=tighter).crossing


def test_it_is_an_alert_of_one_day() -> None:
    (alert,) = episodes.run(RULE, RULE.options, {}, [judge([130.0] * 7, [100.0] * 7)]).seen
    assert (alert.subject, alert.opened_day, alert.closed_day) == (SUBJECT, SUNDAY, SUNDAY)


@pytest.mark.parametrize(("day", "judged"), [("2023-06-17", False), ("2023-06-18", True), ("2023-06-19", False)])
def test_weeks_are_judged_on_their_sundays(day: str, judged: bool) -> None:
    assert RULE.judges(date.fromisoformat(day).toordinal()) is judged


# --- the same period last month, and a change of customer -------------------------------------------------------------


def on(day: str, use_of: dict[str, float], held: Registry | None = None) -> Judged:
    """Judge ``day`` where use is 100 a day and point, but on the days named."""
    held = held or registry([Supply("C1", "P1")], large=["C1"])
    rows = np.arange(len(held.codes), dtype=np.int32)
    subjects = subjects_by_rule([RULE], held, rows, held.scheme_order[0])[RULE.name]
    made = material(held, lambda at, _: use_of.get(date.fromordinal(at).isoformat(), 100.0))
    return evaluate(RULE, RULE.options, subjects, date.fromisoformat(day).toordinal(), made)


@pytest.mark.parametrize(
    ("sunday", "first", "last"),
    [
        ("2023-06-18", "2023-05-12", "2023-05-18"),  # the same date
        ("2023-12-31", "2023-11-24", "2023-11-30"),  # November has no 31st
        ("2024-03-31", "2024-02-23", "2024-02-29"),
        ("2023-04-30", "2023-03-24", "2023-03-30"),  # not the month's end: the date is there
        ("2023-01-01", "2022-11-25", "2022-12-01"),
    ],
)
def test_the_same_period_last_month_ends_on_the_same_date(sunday: str, first: str, last: str) -> None:
    for day, counts in ((first, True), (last, True), (_moved(first, -1), False), (_moved(last, 1), False)):
        assert on(sunday, {day: 800.0}).facts.figures["last_month_mean"].tolist() == [200.0 if counts else 100.0]


def _moved(day: str, days: int) -> str:
    return date.fromordinal(date.fromisoformat(day).toordinal() + days).isoformat()


@pytest.mark.parametrize(
    ("moved_in", "known"),
    [
        ("2023-05-12", (7, 7, 7)),
        ("2023-05-15", (7, 7, 4)),
        ("2023-06-01", (7, 7, 0)),
        ("2023-06-07", (7, 5, 0)),
        ("2023-06-13", (6, 0, 0)),
    ],
)
def test_no_comparison_crosses_a_change_of_customer(moved_in: str, known: tuple[int, int, int]) -> None:
    """RULES who-point: what was used there before is somebody else's."""
    first = date.fromisoformat(moved_in).toordinal()
    held = registry([Supply("C2", "P1", 0, first), Supply("C1", "P1", first)], large=["C1"])
    found = on("2023-06-18", {}, held)
    assert found.subjects.names == (SUBJECT,)
    assert tuple(found.facts.figures[f"{name}_known"][0] for name in ("week", "last_week", "last_month")) == known


def test_nor_a_move_to_another_point() -> None:
    """He was supplied elsewhere last month, and at both places for a while."""
    first, last = (date.fromisoformat(day).toordinal() for day in ("2023-06-05", "2023-05-20"))
    held = registry([Supply("C1", "P1", 0, last), Supply("C1", "P2", first)], large=["C1"])
    assert on("2023-06-18", {}, held).facts.figures["last_month_known"].tolist() == [0.0]
    assert on("2023-06-18", {}, held).facts.figures["last_week_known"].tolist() == [7.0]


# --- whom it judges ---------------------------------------------------------------------------------------------------


def test_only_large_and_important_customers_are_judged() -> None:
    supplies = [Supply(f"C{number}", f"P{number}") for number in (1, 2, 3, 4)]
    important = {"C2": Designation("C2", Category.GOVERNMENT, Grade.SPECIAL, date(2024, 1, 1))}
    held = replace(
        registry(supplies, large=["C1", "C4"], customers={"C4": Customer("C4", CustomerClass.B1, wheeling=True)}),
        designations=important,
    )
    assert [held.is_large(f"C{number}") for number in (1, 2, 3, 4)] == [True, True, False, True]
    assert on("2023-06-18", {}, held).subjects.names == ("C1/electricity", "C2/electricity", "C4/electricity")
