"""The churn rule against hand-written tables (RULES churn-warn, churn-potential) and against the two policies in words.

Uses are written as lists of days, oldest first, the judged day last; None = nothing is known of that day.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from math import isclose

import numpy as np
import pytest

from detectors.evaluate import evaluate, subjects_by_rule
from detectors.rules.churn import RULE
from meterwatch.core.calendar import DayScheme, meter_day, spring_festival
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Customer, CustomerClass, Registry
from tests.support.churn import OPTIONS, SUBJECT, judge
from tests.support.rules import Supply, material, registry

# --- literal: "daily use below 70 % of the mean daily use of the month before that day" --------------------------------


@pytest.mark.parametrize(
    ("month", "today", "crosses"),
    [
        ([100.0] * 30, 69.9, True),
        ([100.0] * 30, 70.0, False),  # strict <: exactly 70 % does not cross
        ([100.0] * 30, 70.1, False),
        ([100.0] * 30, 0.0, True),
        ([33.3] * 30, 23.31, False),  # the same line in figures that binary fractions don't hold
        ([0.1] * 30, 0.07, False),
        ([0.1] * 30, 0.0699, True),
        ([90.0, 110.0] * 15, 70.0, False),  # the mean, not each day
        ([200.0] + [100.0] * 29, 72.0, True),  # mean 103.3, line 72.3
        ([None] * 10 + [100.0] * 20, 69.0, True),  # at least 20 of the 30 known
        ([None] * 11 + [100.0] * 19, 0.0, False),  # 19 are not enough
        ([None] * 10 + [100.0] * 20, 70.0, False),  # mean over the known ones: unknown days are no zeros
        ([100.0, None, 100.0] * 10, 69.0, True),
        ([100.0] * 30, None, False),  # today unknown: a gap is never churn
        ([None] * 30, 50.0, False),
        ([0.0] * 30, 0.0, False),  # nothing before, nothing now
        ([-10.0] * 30, -5.0, False),  # a month that fed in has no 70 %
        ([100.0] * 30, -5.0, True),
    ],
)
def test_literal_crosses_below_70_percent_of_the_month_before(
    month: list[float | None], today: float, crosses: bool
) -> None:
    fact = judge([*month, today])
    assert ("literal" in fact.crossing) is crosses


def test_the_month_before_is_the_30_days_before_that_day() -> None:
    """Neither the day itself nor the 31st day before it counts."""
    assert judge([*[1000.0] * 6, *[100.0] * 30, 70.0]).figures["month_mean"] == 100.0
    assert judge([1000.0, *[100.0] * 29, 70.0]).figures["month_mean"] == 130.0


def test_the_fact_carries_its_evidence() -> None:
    figures = judge([*[100.0] * 34, None, None, 50.0]).figures
    assert figures["use"] == 50.0
    assert figures["day_ratio"] == 0.5
    assert figures["known_days"] == 35


def test_a_mean_of_too_few_days_is_not_told() -> None:
    figures = judge([*[None] * 17, *[100.0] * 19, 50.0]).figures
    assert figures.keys() == {"use", "known_days"}
    assert judge([*[None] * 11, *[100.0] * 25, 50.0]).figures.keys() == {"use", "month_mean", "day_ratio", "known_days"}


def test_literal_opens_no_episode() -> None:
    fact = judge([*[100.0] * 36, 0.0])
    assert fact.crossing == ("literal",)
    assert RULE.step is not None
    assert RULE.step(None, fact, OPTIONS) is None


def test_the_line_is_a_setting() -> None:
    assert "literal" not in judge([*[100.0] * 30, 65.0], options=replace(OPTIONS, below=0.6)).crossing


# --- guarded: "opens on day D when q = (mean of the known days of D-6..D, at least 5) / (mean of the known days of
# --- D-36..D-7, at least 20), divided by min(1, the smallest same ratio within ±10 days of last year's day), is < 0.70" --


@pytest.mark.parametrize(
    ("before", "week", "crosses"),
    [
        ([100.0] * 30, [69.9] * 7, True),
        ([100.0] * 30, [70.0] * 7, False),  # exactly 0.70
        ([33.3] * 30, [23.31] * 7, False),
        ([100.0] * 30, [100.0, 100.0, 58.0, 58.0, 58.0, 58.0, 58.0], False),  # exactly 490 / 7
        ([100.0] * 30, [100.0, 100.0, 57.0, 58.0, 58.0, 58.0, 58.0], True),
        ([100.0] * 30, [None, None, 69.0, 69.0, 69.0, 69.0, 69.0], True),  # at least 5 of the 7 known
        ([100.0] * 30, [None, None, None, 0.0, 0.0, 0.0, 0.0], False),  # 4 are not enough
        ([100.0] * 30, [69.0, 69.0, 69.0, 69.0, 69.0, None, None], True),  # the day itself may be unknown
        ([None] * 10 + [100.0] * 20, [69.0] * 7, True),  # at least 20 of the 30 known
        ([None] * 11 + [100.0] * 19, [0.0] * 7, False),  # 19 are not enough
        ([300.0] * 10 + [None] * 10 + [0.0] * 10, [100.0] * 7, True),  # mean of the known ones: 150
        ([0.0] * 30, [0.0] * 7, False),
        ([0.0] * 30, [-5.0] * 7, False),  # of nothing there is no share
    ],
)
def test_guarded_compares_a_week_with_the_month_before_it(
    before: list[float | None], week: list[float | None], crosses: bool
) -> None:
    assert ("guarded" in judge([*before, *week]).crossing) is crosses


def last_year(ends: int = 0, dip: float = 100.0, normal: float = 100.0) -> list[float | None]:
    """57 days of last year, from 46 before its day to 10 after, and the seven that end ``ends`` days after it are a dip."""
    return [dip if ends - 6 <= day <= ends else normal for day in range(-46, 11)]


@pytest.mark.parametrize(
    ("this_year", "then", "judged", "crosses"),
    [
        (60.0, last_year(), 0.60, True),  # last year was level
        (60.0, last_year(0, 80.0), 0.75, False),  # last year fell to 0.8 by itself
        (56.0, last_year(0, 80.0), 0.70, False),  # exactly 0.70
        (35.0, last_year(0, 50.0), 0.70, False),
        (55.0, last_year(0, 80.0), 0.6875, True),
        (60.0, last_year(10, 80.0), 0.75, False),  # ten days later last year
        (60.0, last_year(-10, 80.0), 0.75, False),  # ten days earlier
        (60.0, [100.0] * 30 + [150.0] * 27, 0.60, True),  # min(1, …): a rise last year takes nothing away
        (60.0, [None] * 57, 0.60, True),  # without last year undivided
        (60.0, [0.0] * 57, 0.60, True),  # no use last year: no ratio, undivided
        (60.0, last_year(0, 0.0), None, False),  # closed for a week last year: any drop is what last year did
        (0.0, last_year(0, 0.0), None, False),
        (60.0, last_year(0, -20.0), None, False),
        (60.0, last_year(0, -20.0, -100.0), 0.60, True),  # a year that fed in has no ratio
    ],
)
def test_guarded_takes_out_what_last_year_did_by_itself(
    this_year: float, then: list[float | None], judged: float | None, crosses: bool
) -> None:
    fact = judge([*[100.0] * 30, *[this_year] * 7], then)
    assert ("guarded" in fact.crossing) is crosses
    found = fact.figures.get("judged_ratio")
    assert (found is None) is (judged is None)
    assert found is None or judged is None or isclose(found, judged)


@pytest.mark.parametrize(("ends", "crosses"), [(-11, True), (-10, False), (10, False), (11, True)])
def test_guarded_looks_ten_days_about_last_years_day_and_no_further(ends: int, crosses: bool) -> None:
    """A week at half: seen whole, the ratio is 0.5 and 0.36 becomes 0.72; seen but for a day it is 0.57 and 0.36 crosses."""
    today, then = date(2023, 6, 15).toordinal(), date(2022, 6, 15).toordinal()

    def use(day: int) -> float:
        return 36.0 if today - 7 < day <= today else 50.0 if then + ends - 7 < day <= then + ends else 100.0

    at = date.fromordinal(today)
    assert guarded_days(use, at, at, lunar=True) == ([at] if crosses else [])


@pytest.mark.parametrize(
    ("month", "week", "divided"),
    [
        (range(-26, -6), range(-6, -1), True),  # 20 and 5 days known, and only on last year's own day
        (range(-25, -6), range(-6, -1), False),  # 19 of the month
        (range(-26, -6), range(-6, -2), False),  # 4 of the week
    ],
)
def test_last_years_ratio_needs_as_many_known_days(month: range, week: range, divided: bool) -> None:
    then = [100.0 if day in month else 80.0 if day in week else None for day in range(-46, 11)]
    fact = judge([*[100.0] * 30, *[60.0] * 7], then)
    assert isclose(fact.figures["judged_ratio"], 0.75 if divided else 0.60)


def test_guarded_needs_no_literal_crossing_and_the_other_way_round() -> None:
    assert judge([*[100.0] * 30, *[0.0] * 6, 100.0]).crossing == ("guarded",)
    assert judge([*[100.0] * 36, 0.0]).crossing == ("literal",)


# --- Spring Festival --------------------------------------------------------------------------------------------------


def closed_for_the_festival(day: int) -> float:
    """A factory that closes from six days before Spring Festival to nine days after it, every year."""
    today = date.fromordinal(day)
    return 5.0 if any(-6 <= (today - spring_festival(year)).days <= 9 for year in (2022, 2023)) else 100.0


def guarded_days(use_of: Callable[[int], float | None], first: date, last: date, *, lunar: bool) -> list[date]:
    held = registry([Supply("C1", "P1")])
    rows = np.arange(1, dtype=np.int32)
    judged = subjects_by_rule([RULE], held, rows, held.scheme_order[0])[RULE.name]
    made = material(held, lambda day, _: use_of(day), lunar=lunar)
    days = range(first.toordinal(), last.toordinal() + 1)
    crossed = (day for day in days if evaluate(RULE, OPTIONS, judged, day, made).facts.crossing["guarded"][0])
    return [date.fromordinal(day) for day in crossed]


def test_a_factory_closed_every_spring_festival_opens_nothing() -> None:
    span = (date(2022, 12, 15), date(2023, 4, 1))
    assert spring_festival(2022) == date(2022, 2, 1)
    assert spring_festival(2023) == date(2023, 1, 22)
    assert guarded_days(closed_for_the_festival, *span, lunar=True) == []


def test_without_alignment_it_would_open() -> None:
    """In 2024 the festival came nineteen days later than in 2023: by the date, the factory worked last year."""

    def closed(day: int) -> float:
        today = date.fromordinal(day)
        return 5.0 if any(-6 <= (today - spring_festival(year)).days <= 9 for year in (2023, 2024)) else 100.0

    span = (date(2024, 1, 1), date(2024, 3, 31))
    assert guarded_days(closed, *span, lunar=True) == []
    assert date(2024, 2, 4) < guarded_days(closed, *span, lunar=False)[0] < date(2024, 2, 19)  # while it is closed


def test_a_factory_that_stays_closed_after_the_festival_opens_all_the_same() -> None:
    """Last year it was back after nine days; this year it is not."""

    def use(day: int) -> float:
        return 5.0 if day >= date(2023, 1, 16).toordinal() else closed_for_the_festival(day)

    found = guarded_days(use, date(2022, 12, 15), date(2023, 4, 1), lunar=True)
    assert found
    assert found[0] > date(2023, 1, 31)


# --- whom it judges ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customer", "judged"),
    [
        (Customer("C1", CustomerClass.A1), True),
        (Customer("C1", CustomerClass.A2), True),
        (Customer("C1", CustomerClass.A3), True),
        (Customer("C1", CustomerClass.B1), False),
        (Customer("C1", CustomerClass.B2), False),
        (Customer("C1", CustomerClass.A1, wheeling=True), False),
    ],
)
def test_residential_and_wheeling_customers_are_left_out(customer: Customer, judged: bool) -> None:
    held = registry([Supply("C1", "P1")], customers={"C1": customer})
    assert subjects(held, held.scheme_order[0]) == ((SUBJECT,) if judged else ())


def subjects(held: Registry, scheme: DayScheme) -> tuple[str, ...]:
    return subjects_by_rule([RULE], held, held.schemes[scheme], scheme)[RULE.name].names


def test_a_customer_is_judged_once_for_each_commodity() -> None:
    held = registry(
        [Supply("C1", "E1"), Supply("C1", "E2"), Supply("C1", "G1"), Supply("C2", "G2")],
        commodity={"G1": Commodity.GAS, "G2": Commodity.GAS},
    )
    power, gas = meter_day(Commodity.ELECTRICITY, "Asia/Shanghai"), meter_day(Commodity.GAS, "Asia/Shanghai")
    assert subjects(held, power) == ("C1/electricity",)
    assert subjects(held, gas) == ("C1/gas", "C2/gas")


def test_a_customer_in_two_zones_is_judged_when_the_later_day_has_closed() -> None:
    held = registry([Supply("C1", "E1"), Supply("C1", "E2"), Supply("C2", "E1", 0, 1)], zones={"E2": "Europe/Rome"})
    shanghai, rome = held.scheme_order
    assert (shanghai.zone, rome.zone) == ("Asia/Shanghai", "Europe/Rome")
    assert subjects(held, shanghai) == ("C2/electricity",)
    assert subjects(held, rome) == ("C1/electricity",)
