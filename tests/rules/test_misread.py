"""Register readings that no register showed: runs that leap away and come back, values beyond the last digit."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterwatch.core.model.readings import Quality
from meterwatch.core.registers import Intervals, intervals
from tests.support.readings import HOUR, REGISTER, Meter, batch, meters, series


def hourly(*values: float, digits: int = 0) -> Intervals:
    """The use of a register that shows ``values`` at 1, 2, 3 … o'clock."""
    return intervals(batch(series(REGISTER, dict(enumerate(values, 1)))), meters(Meter(digits=digits)))


def steps(found: Intervals) -> list[tuple[float, float, float]]:
    """Each known step as (from hour, to hour, use)."""
    columns = found.start / HOUR, found.end / HOUR, found.use.round(6)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def bits(found: Intervals) -> list[Quality]:
    return [Quality(bit) for bit in found.quality.tolist()]


@pytest.mark.parametrize("wrong", [0.0, 99.9, 107.1, 9_999.0])
def test_a_single_misread_register_is_no_use(wrong: float) -> None:
    found = hourly(100.0, 105.0, wrong, 106.0, 107.0)
    assert steps(found) == [(1, 2, 5.0), (2, 4, 1.0), (4, 5, 1.0)]
    assert bits(found) == [Quality.GOOD, Quality.STEP_BACK, Quality.GOOD]


NINES = 9_999_999.0


@pytest.mark.parametrize(
    "run",
    [
        [0.0, 0.0],
        [0.0] * 24,
        [3.0, 40_000.0, 7.0],
        [NINES, NINES],
        [NINES] * 8,
        [60_000.0, NINES, 70_000.0],
        [NINES, 0.0],
        [0.0, NINES, 0.0, 0.0, NINES],
        [40_000.0, 60_000.0, 30_000.0, 70_000.0],  # what is left of it once the nearest are dropped goes too
    ],
)
@pytest.mark.parametrize("digits", [0, 7])
def test_a_run_of_misread_registers_is_no_use(run: list[float], digits: int) -> None:
    found = hourly(50_000.0, 50_001.0, *run, 50_003.0, 50_004.0, digits=digits)
    back = len(run) + 3
    assert steps(found) == [(1, 2, 1.0), (2, back, 2.0), (back, back + 1, 1.0)]
    assert bits(found) == [Quality.GOOD, Quality.STEP_BACK, Quality.GOOD]


def test_a_register_that_shows_more_for_long_is_believed() -> None:
    """Nine readings between two zeros: rather these are misread."""
    assert steps(hourly(0.0, *[50_000.0] * 9, 0.0))[0] == (1, 2, 50_000.0)


def test_where_either_of_two_may_be_misread_the_step_is_taken_over_both() -> None:
    assert steps(hourly(100.0, 105.0, 104.9, 106.0, 107.0)) == [(1, 4, 6.0), (4, 5, 1.0)]


def test_the_fewest_readings_are_taken_for_misread() -> None:
    """101 .. 103 lie below the 9000 before and the 9500 after: these two are wrong, not those three."""
    found = hourly(100.0, 9_000.0, 101.0, 102.0, 103.0, 9_500.0, 104.0)
    assert steps(found) == [(1, 3, 1.0), (3, 4, 1.0), (4, 5, 1.0), (5, 7, 1.0)]


def test_a_register_that_trembles_at_its_last_digit_stands_still() -> None:
    assert steps(hourly(*[100.01, 100.0] * 12, 100.01)) == [(1, 25, 0.0)]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([99_990.0, 5.0, 99_995.0, 7.0], [(1, 4, 17.0)]),
        ([99_990.0, 0.0, 99_992.0, 5.0], [(1, 4, 15.0)]),
        ([99_990.0, 5.0, 50_000.0, 7.0], [(1, 2, 15.0), (2, 4, 2.0)]),
        ([99_980.0, 50_000.0, 99_990.0, 5.0], [(1, 3, 10.0), (3, 4, 15.0)]),
        ([99_990.0, 50_000.0, 5.0, 6.0], [(1, 3, 15.0), (3, 4, 1.0)]),
        ([99_990.0, 5.0, 6.0, 7.0, 99_999.0, 99_999.0, 8.0], [(1, 2, 15.0), (2, 3, 1.0), (3, 4, 1.0), (4, 7, 1.0)]),
        ([99_990.0, 0.0, 99_992.0, 99_993.0, 99_994.0, 1.0], [(1, 3, 2.0), (3, 4, 1.0), (4, 5, 1.0), (5, 6, 7.0)]),
    ],
)
def test_beside_a_misread_register_a_rollover_stays_one(values: list[float], wanted: list[tuple[float, ...]]) -> None:
    found = hourly(*values, digits=5)
    assert steps(found) == wanted
    assert sum(Quality.ROLLOVER in quality for quality in bits(found)) == 1


@pytest.mark.parametrize("zeros", [1, 2, 24])
def test_zeros_near_the_top_are_no_rollover(zeros: int) -> None:
    found = hourly(999_990.0, *[0.0] * zeros, 999_992.0, 999_993.0, digits=6)
    assert steps(found) == [(1, zeros + 2, 2.0), (zeros + 2, zeros + 3, 1.0)]
    assert bits(found) == [Quality.STEP_BACK, Quality.GOOD]


def test_nines_and_zeros_are_not_once_round_the_register() -> None:
    assert steps(hourly(50_000.0, 99_999.0, 0.0, 50_001.0, digits=5)) == [(1, 4, 1.0)]


@pytest.mark.parametrize(("after", "wanted"), [(40_005.0, [(1, 2, 40_000.0)]), (40_006.0, []), (99_999.0, [])])
def test_no_register_goes_half_round_at_once(after: float, wanted: list[tuple[float, ...]]) -> None:
    assert steps(hourly(5.0, after, digits=5)) == wanted
    assert steps(hourly(5.0, after)) == [(1, 2, after - 5.0)]  # its digits are not known


@pytest.mark.parametrize("beyond", [100_000.0, 99_999_999.0])
def test_a_register_shows_no_more_than_its_digits(beyond: float) -> None:
    assert steps(hourly(100.0, beyond, beyond, 101.0, 102.0, beyond, digits=5)) == [(1, 4, 1.0), (4, 5, 1.0)]
    assert steps(hourly(beyond, 100.0, 101.0, digits=5)) == [(2, 3, 1.0)]
    assert steps(hourly(99_999.0, 99_999.9, digits=5)) == [(1, 2, 0.9)]


def test_a_register_that_was_reset_counts_on_from_there() -> None:
    """It never comes back to 50000; another misread reading after the reset changes nothing."""
    counted = [float(value) for value in range(30)]
    found = hourly(50_000.0, 50_001.0, *counted, NINES, NINES, 30.0)
    assert steps(found) == [(1, 2, 1.0), *((at, at + 1, 1.0) for at in range(3, 32)), (32, 35, 1.0)]
    assert bits(found)[1] == Quality.STEP_BACK


def test_a_register_set_to_zero_every_day_still_counts() -> None:
    """It comes back to what it showed at midnight, but by counting: use, although in the end it stands no higher."""
    counted = [float(hour) for hour in range(25)]
    misread = [*counted[:12], 0.0, *counted[13:]]
    assert [use for _, _, use in steps(hourly(23.0, 24.0, *counted))] == [1.0] * 25
    assert sum(use for _, _, use in steps(hourly(23.0, 24.0, *misread))) == 25.0
    assert [use for _, _, use in steps(hourly(23.0, 24.0, *counted, 200.0))] == [1.0] * 25 + [176.0]


def test_a_register_reset_to_where_it_began_has_counted() -> None:
    found = hourly(*range(7), *range(3))
    assert [use for _, _, use in steps(found)] == [1.0] * 8


def test_a_register_that_only_leaps_says_nothing() -> None:
    assert steps(hourly(0.0, 80_000.0, 10_000.0, 90_000.0, digits=5)) == []


def test_a_register_that_runs_backwards_and_on_again_counts_on_its_way_up() -> None:
    found = hourly(*range(60, 40, -1), *range(40, 61))
    assert [use for _, _, use in steps(found)] == [1.0] * 20


@st.composite
def misread(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    """What a register showed, and which of it was right: at most eight readings of junk after every nine or more."""
    junk = st.lists(st.one_of(st.integers(0, 30_000), st.integers(4_000_000, 9_999_999)), min_size=1, max_size=8)
    runs = draw(st.lists(junk, min_size=1, max_size=4))
    shown: list[float] = []
    right: list[int] = []
    true = 50_000.0
    for run in [*runs, []]:
        for advance in draw(st.lists(st.integers(0, 99), min_size=9, max_size=12)):
            true += advance
            right.append(len(shown))
            shown.append(true)
        shown += map(float, run)
    return shown, right


@given(register=misread())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_only_what_was_misread_is_left_out(register: tuple[list[float], list[int]]) -> None:
    shown, right = register
    wanted = [(before + 1, after + 1, shown[after] - shown[before]) for before, after in pairwise(right)]
    assert steps(hourly(*shown)) == wanted
    assert steps(hourly(*shown, digits=6)) == wanted


def test_what_one_register_misreads_changes_no_other() -> None:
    rng = np.random.default_rng(1)
    kinds = [0.0, NINES, 100.0, 101.0, 102.0, 50.0, 99_995.0]
    readings = [series(REGISTER, dict(enumerate(rng.choice(kinds, 5 + 3 * point), 1)), point=point) for point in range(10)]
    installed = meters(*(Meter(point, digits=5 if point % 2 else 0) for point in range(10)))
    together = intervals(batch(one for register in readings for one in register), installed)
    for point, alone in enumerate(readings):
        found = intervals(batch(alone), installed)
        for one, other in zip(found.columns(), together.take(together.point == point).columns(), strict=True):
            np.testing.assert_array_equal(one, other)
