"""The windows rules look at, made of day totals: of points and of customers."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.daily import DailyOptions, customer_window, point_window
from detectors.rule import UsageWindow
from meterwatch.core.model.readings import DayTotals
from meterwatch.core.model.registry import FOREVER_DAY, Agreements
from tests.support.readings import (
    NAN,
    ordinal,
)

DAY = ordinal("2023-01-10")


# --- windows of points ------------------------------------------------------------------------------------------------


def stored(*rows: tuple[int, int, float, float]) -> DayTotals:
    """Day totals by (days after DAY, row, use, known)."""
    return DayTotals.of(*zip(*((DAY + day, row, use, known, NAN, 0) for day, row, use, known in rows), strict=True))


def test_a_window_holds_what_is_known_enough() -> None:
    found = stored(
        (-1, 2, 99.0, 1.0),  # before the window
        (0, 2, 10.0, 1.0),
        (1, 2, 8.0, 0.8),  # 80 % known: scaled up to a whole day
        (2, 2, 7.9, 0.79),  # less is unknown
        (0, 5, 4.0, 1.0),
        (1, 7, 6.0, 1.0),  # nobody asked for it
        (3, 5, 99.0, 1.0),  # after the window
    )
    window = point_window(found, DAY, DAY + 2, np.array([2, 5], np.int32), DailyOptions())
    assert (window.first_day, window.last_day) == (DAY, DAY + 2)
    np.testing.assert_array_equal(window.use, [[10.0, 4.0], [10.0, NAN], [NAN, NAN]])


def test_a_day_of_which_nothing_is_known_is_never_known() -> None:
    window = point_window(stored((0, 0, 0.0, 0.0)), DAY, DAY, np.zeros(1, np.int32), DailyOptions(min_known=0.0))
    assert np.isnan(window.use).all()


def test_a_window_of_nobody() -> None:
    nobody = np.empty(0, np.int32)
    assert point_window(stored((0, 0, 1.0, 1.0)), DAY, DAY + 1, nobody, DailyOptions()).use.shape == (2, 0)
    assert point_window(DayTotals.empty(), DAY, DAY, np.zeros(1, np.int32), DailyOptions()).use.shape == (1, 1)


# --- windows of customers ---------------------------------------------------------------------------------------------

ALWAYS = (0, FOREVER_DAY)


def customers(
    points: Sequence[Sequence[float]], *supplies: tuple[int, int, int, int], rows: Sequence[int] | None = None
) -> list[list[float]]:
    """Return the window of two customers over three days from ``points[day][column]`` and (point, customer, from, to)."""
    held = Agreements.of(*zip(*supplies, strict=True)) if supplies else Agreements.empty()
    use = UsageWindow(DAY + 2, np.array(points, np.float64))
    columns = np.array(range(len(points[0])) if rows is None else rows, np.int32)
    member = np.where(held.customer < 2, held.customer, -1).astype(np.int64)
    found: list[list[float]] = customer_window(use, columns, held, member, 2).use.T.tolist()
    return found


def assert_days(found: list[float], wanted: list[float]) -> None:
    np.testing.assert_array_equal(found, wanted)


def test_a_customers_use_is_the_sum_over_his_points() -> None:
    days = [[1.0, 20.0, 300.0], [2.0, 30.0, 400.0], [3.0, 40.0, 500.0]]
    first, second = customers(days, (2, 0, *ALWAYS), (0, 0, *ALWAYS), (1, 1, *ALWAYS))
    assert_days(first, [301.0, 402.0, 503.0])
    assert_days(second, [20.0, 30.0, 40.0])


def test_a_day_with_an_unknown_point_is_unknown() -> None:
    first, second = customers([[1.0, 20.0], [NAN, 30.0], [3.0, 40.0]], (0, 0, *ALWAYS), (1, 0, *ALWAYS), (1, 1, *ALWAYS))
    assert_days(first, [21.0, NAN, 43.0])
    assert_days(second, [20.0, 30.0, 40.0])


def week_then(*last: tuple[float, float], small: float = 4.0, whole: int = 7) -> list[float]:
    """Return the use of a customer of two points: ``whole`` days of ``small`` and the rest of 100 units, then ``last``."""
    points = np.array([(small, 100.0 - small)] * whole + list(last))
    held = Agreements.of([0, 1], [0, 0], [0, 0], [FOREVER_DAY] * 2)
    window = customer_window(UsageWindow(DAY, points), np.arange(2, dtype=np.int32), held, np.zeros(2, np.int64), 1)
    found: list[float] = window.use[whole:, 0].tolist()
    return found


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (week_then((NAN, 48.0)), [50.0]),  # 4 % of his use is missing on a day of half the use
        (week_then((NAN, 0.0)), [0.0]),
        (week_then((4.0, NAN)), [NAN]),  # 96 % is missing
        (week_then((NAN, NAN)), [NAN]),
        (week_then((NAN, 95.1), small=4.9), [100.0]),
        (week_then((NAN, 95.0), small=5.0), [NAN]),  # 5 % is not less than 5 %
        (week_then((NAN, 96.0), whole=6), [NAN]),  # six days make no share
        (week_then((NAN, 104.0), small=-4.0), [NAN]),  # what feeds in has no share
        (week_then((NAN, 48.0), (4.0, 96.0), (NAN, 24.0)), [50.0, 100.0, 25.0]),
    ],
)
def test_a_small_missing_part_is_estimated(days: list[float], wanted: list[float]) -> None:
    """RULES who-sum: a day with a missing point is unknown unless the missing part is estimated and small (< 5 %)."""
    np.testing.assert_allclose(days, wanted)


def test_small_parts_that_miss_together_count_together() -> None:
    """3 % each: one may be missing, two not; the customer beside him has no gap and keeps every bit of his."""
    usual = [3.0, 3.0, 94.0, 0.1, 0.2]
    points = np.array([usual] * 7 + [[NAN, 3.0, 94.0, 0.1, 0.2], [NAN, NAN, 94.0, 0.1, 0.2]])
    held = Agreements.of([0, 1, 2, 3, 4], [1, 1, 1, 0, 0], [0] * 5, [FOREVER_DAY] * 5)
    member = held.customer.astype(np.int64)
    found = customer_window(UsageWindow(DAY, points), np.arange(5, dtype=np.int32), held, member, 2).use
    np.testing.assert_allclose(found[:, 1], [100.0] * 7 + [100.0, NAN])
    assert found[:, 0].tolist() == [0.1 + 0.2] * 9


def test_nothing_is_estimated_across_a_change_of_points() -> None:
    """The days before he took the third point say nothing about its share, nor are they his window's."""
    points = np.array([[4.0, 96.0, NAN]] * 9 + [[4.0, 96.0, 1.0]] * 6 + [[4.0, 96.0, NAN]])
    held = Agreements.of([0, 1, 2], [0] * 3, [0, 0, DAY - 6], [FOREVER_DAY] * 3)
    found = customer_window(UsageWindow(DAY, points), np.arange(3, dtype=np.int32), held, np.zeros(3, np.int64), 1).use[:, 0]
    np.testing.assert_array_equal(found, [NAN] * 9 + [101.0] * 6 + [NAN])


def test_no_figure_crosses_a_change_of_customer() -> None:
    """RULES who-point: the newcomer does not inherit his predecessor's days, nor the other way round."""
    days = [[100.0], [100.0], [5.0]]
    leaving, coming = customers(days, (0, 0, 0, DAY + 2), (0, 1, DAY + 2, FOREVER_DAY))
    assert_days(leaving, [NAN, NAN, NAN])  # nobody's customer on the window's last day
    assert_days(coming, [NAN, NAN, 5.0])


def test_giving_up_a_point_is_no_drop_and_taking_one_no_rise() -> None:
    days = [[60.0, 40.0], [60.0, 40.0], [60.0, 40.0]]
    smaller, larger = customers(days, (0, 0, *ALWAYS), (1, 0, 0, DAY + 1), (0, 1, *ALWAYS), (1, 1, DAY + 1, FOREVER_DAY))
    assert_days(smaller, [NAN, 60.0, 60.0])
    assert_days(larger, [NAN, 100.0, 100.0])


def test_an_agreement_renewed_is_no_change() -> None:
    renewed, _ = customers([[1.0, 5.0]] * 3, (0, 0, 0, DAY + 1), (0, 0, DAY + 1, FOREVER_DAY), (1, 0, *ALWAYS))
    assert_days(renewed, [6.0, 6.0, 6.0])


def test_a_day_without_agreement_is_unknown() -> None:
    days = [[1.0], [2.0], [3.0]]
    away, nobody = customers(days, (0, 0, 0, DAY + 1), (0, 0, DAY + 2, FOREVER_DAY))
    assert_days(away, [1.0, NAN, 3.0])
    assert_days(nobody, [NAN, NAN, NAN])
    assert_days(customers(days)[0], [NAN, NAN, NAN])


def test_agreements_of_others_and_gaps_in_the_rows() -> None:
    """Columns stand for the rows 3, 8, 9; the agreement of a customer that is left out adds to nobody."""
    first, second = customers(
        [[1.0, 20.0, 300.0]] * 3, (9, 1, *ALWAYS), (8, 7, *ALWAYS), (3, 1, *ALWAYS), (8, 0, *ALWAYS), rows=[3, 8, 9]
    )
    assert_days(first, [20.0] * 3)
    assert_days(second, [301.0] * 3)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_customers_against_a_sum_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.round(rng.uniform(0, 100, (3, 4)), 1)
    points[rng.random(points.shape) < 0.2] = np.nan
    supplies = [
        (point, int(rng.integers(3)), first := DAY + int(rng.integers(-2, 3)), first + int(rng.integers(1, 5)))
        for point in range(4)
        for _ in range(2)
    ]
    found = customers(points.tolist(), *supplies)
    for customer in range(2):
        held = [
            {point for point, who, first, last in supplies if who == customer and first <= day < last}
            for day in range(DAY, DAY + 3)
        ]
        wanted = [
            sum((points[day, point] for point in sorted(held[day])), 0.0) if held[day] and held[day] == held[-1] else NAN
            for day in range(3)
        ]
        np.testing.assert_allclose(found[customer], wanted)
