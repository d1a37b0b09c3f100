"""Day totals and the windows made of them."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.daily import EDGE_MS, DailyOptions, point_window, reading_range
from meterwatch.core.calendar import DayScheme, meter_day
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.readings import DayTotals, Quality
from tests.support.readings import (
    FLOW,
    HOUR,
    MINUTE,
    NAN,
    REGISTER,
    Meter,
    Reading,
    batch,
    day_totals,
    meters,
    ordinal,
    series,
    utc,
)

UTC_DAY = DayScheme("UTC", 0)
ROME = DayScheme("Europe/Rome", 0)
DAY = ordinal("2023-01-10")
START = UTC_DAY.start(DAY)
POWER = "electricity.interval.hour"


def use_of(found: DayTotals, row: int = 0) -> float:
    return round(float(found.use[row]), 6)


def hourly(hours: Sequence[float], *, kind: str = REGISTER, start: int = START, point: int = 0) -> list[Reading]:
    """A register read at the given hours of the day that counts one unit an hour."""
    return series(kind, {hour: 1000.0 + hour for hour in hours}, start=start, point=point)


# --- the edges of the day ---------------------------------------------------------------------------------------------


def test_a_reading_at_the_end_of_the_day_belongs_to_it() -> None:
    """24 intervals end at 01:00 .. 24:00; the one that ends at 00:00 sharp is yesterday's last."""
    readings = series(POWER, {hour: float(2**hour) for hour in range(26)}, start=START)
    found = day_totals(readings, UTC_DAY, DAY)
    assert use_of(found) == 2.0**25 - 2.0
    assert use_of(day_totals(readings, UTC_DAY, DAY - 1)) == 1.0
    assert use_of(day_totals(readings, UTC_DAY, DAY + 1)) == 2.0**25


def test_a_whole_day_is_known_to_exactly_1() -> None:
    """Not to 0.9999999999999999: its use must not change when it is scaled up to a whole day."""
    found = day_totals(hourly(range(25)), UTC_DAY, DAY)
    assert (found.day.tolist(), found.usage_point.tolist()) == ([DAY], [0])
    assert found.known.tolist() == [1.0]
    assert found.use.tolist() == [24.0]
    assert found.quality.tolist() == [Quality.GOOD]
    (row,) = point_window(found, DAY, DAY, np.zeros(1, np.int32), DailyOptions()).use
    assert row.tolist() == [24.0]


def test_a_step_over_the_edge_is_shared_out_by_time() -> None:
    """Read at 23:30 and 00:30 with 10 units between: five on each side of midnight."""
    values = {-0.5: 100.0, 0.5: 110.0, 12: 130.0, 23.75: 140.0, 24.25: 144.0}
    found = day_totals(series(REGISTER, values, start=START), UTC_DAY, DAY)
    assert use_of(found) == 5.0 + 20.0 + 10.0 + 2.0
    assert found.known.tolist() == [1.0]
    assert Quality(int(found.quality[0])) == Quality.ESTIMATED


@pytest.mark.parametrize(("first", "known"), [(-1.99, 1.0), (-2.0, 22 / 24), (-3.0, 22 / 24)])
def test_a_step_that_reaches_two_hours_beyond_leaves_its_part_unknown(first: float, known: float) -> None:
    found = day_totals(hourly([first, 2, 24]), UTC_DAY, DAY)
    assert math.isclose(found.known[0], known)
    assert use_of(found) == round(known * 24, 6)


def test_a_register_bridges_a_long_gap_within_the_day() -> None:
    found = day_totals(hourly([0, 3, 21, 24]), UTC_DAY, DAY)
    assert (use_of(found), found.known.tolist()) == (24.0, [1.0])


def test_intervals_and_rates_do_not() -> None:
    present = [*range(1, 13), *range(19, 25)]
    intervals = day_totals(series(POWER, dict.fromkeys(present, 1.0), start=START), UTC_DAY, DAY)
    assert (use_of(intervals), intervals.known.tolist()) == (18.0, [0.75])
    rates = day_totals(series(FLOW, dict.fromkeys([0, *present], 1.0), start=START), UTC_DAY, DAY)
    assert (use_of(rates), rates.known.tolist()) == (17.0, [17 / 24])


def test_nothing_is_known_of_a_silent_day() -> None:
    found = day_totals(hourly([-30, -29]), UTC_DAY, DAY, points=2)
    assert (found.use.tolist(), found.known.tolist(), found.quality.tolist()) == ([0.0, 0.0], [0.0, 0.0], [0, 0])
    assert np.isnan(found.peak).all()
    assert len(day_totals([], UTC_DAY, DAY, points=0)) == 0


@pytest.mark.parametrize("hours", [-5, 29])
def test_an_index_far_beyond_the_edge_leaves_its_part_unknown(hours: int) -> None:
    """The register index of an exchange is no reading: it may stand further away than any reading that is looked at."""
    at = START + hours * HOUR
    if hours < 0:
        installed = meters(Meter(0, valid_from=at, initial=1000.0 + hours))
    else:
        installed = meters(Meter(0, valid_to=at, final=1000.0 + hours))
    found = day_totals(hourly(range(1, 24)), UTC_DAY, DAY, installed)
    assert (use_of(found), found.known.tolist()) == (22.0, [22 / 24])


# --- days of 23 and 25 hours, gas days --------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "hours"), [("2023-03-26", 23), ("2022-10-30", 25), ("2023-03-25", 24)])
def test_days_at_the_change_of_the_clocks(text: str, hours: int) -> None:
    day = ordinal(text)
    found = day_totals(hourly(range(-2, 30), start=ROME.start(day)), ROME, day)
    assert ROME.end(day) - ROME.start(day) == hours * HOUR
    assert (use_of(found), found.known.tolist()) == (float(hours), [1.0])
    flow = day_totals(series(FLOW, {hour / 4: 31.5 for hour in range(-4, 120)}, start=ROME.start(day)), ROME, day)
    assert (use_of(flow), flow.known.tolist()) == (31.5 * hours, [1.0])


def test_the_rome_day_starts_where_the_clock_says() -> None:
    day = ordinal("2023-03-26")
    assert ROME.start(day) == utc("2023-03-25T23:00")
    assert ROME.end(day) == utc("2023-03-26T22:00")


def test_a_gas_day_runs_from_eight_to_eight() -> None:
    gas = meter_day(Commodity.GAS, "Asia/Shanghai")
    assert (gas.start(DAY), gas.end(DAY)) == (utc("2023-01-10T00:00"), utc("2023-01-11T00:00"))
    assert meter_day(Commodity.ELECTRICITY, "Asia/Shanghai").start(DAY) == utc("2023-01-09T16:00")
    readings = series(FLOW, {0: 50.0, 1: 10.0, 24: 20.0, 23: 1.0, 25: 99.0}, start=gas.start(DAY))
    assert use_of(day_totals(readings, gas, DAY)) == 10.0 + 20.0  # 00:00-01:00 UTC and 23:00-24:00 UTC


# --- peaks, reading types ---------------------------------------------------------------------------------------------


def test_the_peak_is_the_highest_mean_rate_of_steps_that_end_in_the_day() -> None:
    values = {-0.5: 0.0, 0: 50.0, 1: 52.0, 1.25: 55.0, 23.5: 60.0, 24.5: 99.0}
    found = day_totals(series(REGISTER, values, start=START), UTC_DAY, DAY)
    assert found.peak.tolist() == [12.0]  # 3 units in a quarter of an hour, not the 100 before nor the 39 after
    assert day_totals(series(REGISTER, values, start=START), UTC_DAY, DAY + 1).peak.tolist() == [39.0]


def test_the_peak_is_the_highest_of_all_reading_types() -> None:
    """A live rule judges each reading type as it comes, so the closed day must know the same peak."""
    readings = [*hourly(range(25)), *series("electricity.power", {12: 1.0, 12.25: 7.0, 12.5: 2.0}, start=START)]
    found = day_totals(readings, UTC_DAY, DAY)
    assert (use_of(found), found.peak.tolist()) == (24.0, [7.0])


REGISTERED = hourly(range(25))
QUARTERS = series("electricity.interval.15min", {hour / 4: 0.5 for hour in range(1, 97)}, start=START)
HOURS = series(POWER, dict.fromkeys(range(1, 25), 3.0), start=START)
RATES = series("electricity.power", dict.fromkeys(range(25), 4.0), start=START)


@pytest.mark.parametrize(
    ("readings", "use"),
    [
        ([*RATES, *HOURS, *QUARTERS, *REGISTERED], 24.0),  # registers before intervals before rates …
        ([*RATES, *HOURS, *QUARTERS], 48.0),  # … short intervals before long ones …
        ([*RATES, *HOURS], 72.0),
        (RATES, 96.0),
        ([*RATES, *HOURS[1:], *REGISTERED[:20]], 69.0),  # … but what knows more wins …
        ([*RATES, *REGISTERED[1:]], 23.0),  # … unless it is only a little more: 23 of 24 hours
        ([*RATES, *REGISTERED[2:]], 96.0),
        ([*RATES[:2], *HOURS[:1]], 3.0),
    ],
)
def test_the_reading_type_that_knows_most_is_taken(readings: list[Reading], use: float) -> None:
    assert use_of(day_totals(readings, UTC_DAY, DAY)) == use


def test_only_the_chosen_types_quality_counts() -> None:
    doubtful = [one._replace(quality=int(Quality.SUSPECT)) for one in RATES]
    assert day_totals([*REGISTERED, *doubtful], UTC_DAY, DAY).quality.tolist() == [Quality.GOOD]
    assert day_totals([*REGISTERED[:5], *doubtful], UTC_DAY, DAY).quality.tolist() == [Quality.SUSPECT]


# --- registers that were exchanged or rolled over, seen as days -------------------------------------------------------


def test_rollover_and_exchange_within_a_day() -> None:
    old = Meter(0, 5, 1.0, valid_to=START + 12 * HOUR, final=3.0)
    new = Meter(0, 5, 10.0, START + 12 * HOUR, initial=0.5)
    readings = series(REGISTER, {0: 99_990.0, 8: 99_999.0, 11: 2.0, 13: 1.0, 24: 2.0}, start=START)
    found = day_totals(readings, UTC_DAY, DAY, meters(old, new))
    assert (use_of(found), found.known.tolist()) == (9.0 + 3.0 + 1.0 + 5.0 + 10.0, [1.0])
    assert Quality(int(found.quality[0])) == Quality.ROLLOVER | Quality.EXCHANGE
    without = day_totals(readings, UTC_DAY, DAY, meters(old._replace(final=NAN), new))
    assert math.isclose(without.known[0], 23 / 24)


@pytest.mark.parametrize("wrong", [0.0, 999_999.0, 12_345_678.0])
def test_two_hours_of_misread_quarters_are_no_use(wrong: float) -> None:
    """4 units an hour; from 10:00 to 12:00 the meter shows nonsense."""
    shown = {step / 4: 50_000.0 + step for step in range(97)}
    readings = series(REGISTER, shown | {step / 4: wrong for step in range(40, 48)}, start=START)
    found = day_totals(readings, UTC_DAY, DAY, meters(Meter(digits=6)))
    assert (use_of(found), found.known.tolist(), found.peak.tolist()) == (96.0, [1.0], [4.0])
    assert Quality(int(found.quality[0])) == Quality.STEP_BACK


def test_an_exchange_counts_whichever_points_are_computed_with_it() -> None:
    """The new meter was first read nine hours after its exchange; that another point was read before must not matter."""
    installed = meters(
        Meter(0, valid_to=START + 6 * HOUR, final=106.0), Meter(0, valid_from=START + 6 * HOUR, initial=0.0), Meter(1)
    )
    mine = series(REGISTER, {-1: 99.0, 2: 102.0, 15: 9.0, 24: 18.0}, start=START)
    both = day_totals([*mine, *hourly(range(-1, 26), point=1)], UTC_DAY, DAY, installed, points=2)
    alone = day_totals(mine, UTC_DAY, DAY, installed)
    assert (use_of(alone), alone.known.tolist()) == (24.0, [1.0])
    assert (use_of(both), both.known.tolist()) == (24.0, [1.0, 1.0])


def test_a_type_only_another_point_has_is_not_chosen() -> None:
    """Of point 0 one hour is known by a rate; that point 1 has a register must not turn it into nothing."""
    found = day_totals([*RATES[:2], *hourly(range(25), point=1)], UTC_DAY, DAY, points=2)
    assert found.use.tolist() == [4.0, 24.0]


# --- any order, any number of times -----------------------------------------------------------------------------------


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[Reading], int, int]:
    """A register of five digits read at random times over four days; (readings, first reading's ms, true use an hour ms)."""
    start = UTC_DAY.start(DAY) - 6 * HOUR
    gaps = draw(st.lists(st.integers(1, 119), min_size=60, max_size=120))
    advances = draw(st.lists(st.integers(0, 9_000), min_size=len(gaps), max_size=len(gaps)))
    times = [start + MINUTE * minutes for minutes in np.cumsum(gaps).tolist()]
    values = (draw(st.integers(0, 99_999)) + np.cumsum(advances)) % 100_000
    readings = [Reading(0, REGISTER, time, float(value)) for time, value in zip(times, values.tolist(), strict=True)]
    return readings, start, sum(advances)


def interpolated(readings: list[Reading], at: int) -> float:
    """The true register at a moment: straight from reading to reading, not rolled over."""
    true = [readings[0].value]
    for before, after in pairwise(readings):
        true.append(true[-1] + (after.value - before.value) % 100_000)
    return float(np.interp(at, [one.time for one in readings], true))


@given(walk=walks(), data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_known_days_add_up_to_the_true_use(walk: tuple[list[Reading], int, int], data: st.DataObject) -> None:
    """With no gap of two hours every day between the first reading and the last is known, and no unit is lost at an edge."""
    readings, _, _ = walk
    five_digits = meters(Meter(digits=5))
    shuffled = data.draw(st.permutations([*readings, *readings[::3]]))  # some came twice
    found = [day_totals(shuffled, UTC_DAY, day, five_digits) for day in range(DAY - 1, DAY + 9)]
    known = [day for day, total in enumerate(found, DAY - 1) if total.known[0] == 1.0]
    first, last = readings[0].time, readings[-1].time
    assert known == [day for day in range(DAY - 1, DAY + 9) if first <= UTC_DAY.start(day) and UTC_DAY.end(day) <= last]
    if known:
        true = interpolated(readings, UTC_DAY.end(known[-1])) - interpolated(readings, UTC_DAY.start(known[0]))
        total = sum(float(found[day - DAY + 1].use[0]) for day in known)
        assert math.isclose(total, true, rel_tol=1e-9, abs_tol=1e-6)


@given(walk=walks(), junk=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 99_999)), max_size=20))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_day_needs_no_reading_outside_its_range(walk: tuple[list[Reading], int, int], junk: list[tuple[int, int]]) -> None:
    """Whatever stands before or after the range may as well not be stored."""
    start, end = reading_range(UTC_DAY, DAY)
    assert (start, end) == (UTC_DAY.start(DAY) - EDGE_MS, UTC_DAY.end(DAY) + EDGE_MS)
    inside = [one for one in walk[0] if start < one.time <= end]
    outside = [Reading(0, REGISTER, start - MINUTE * (ago - 1), float(value)) for ago, value in junk]
    outside += [Reading(0, REGISTER, end + MINUTE * ahead, float(value)) for ahead, value in junk]
    five_digits = meters(Meter(digits=5))
    wanted = day_totals(inside, UTC_DAY, DAY, five_digits)
    found = day_totals([*outside, *inside], UTC_DAY, DAY, five_digits)
    for one, other in zip(found.columns(), wanted.columns(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_points_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(1)
    kinds = (REGISTER, POWER, "electricity.power")
    readings = [
        Reading(point, kinds[int(rng.integers(3))], START + int(minute) * MINUTE, float(rng.integers(1000)))
        for point in range(6)
        for minute in rng.choice(1600, 60, replace=False) - 90
    ]
    together = day_totals(readings, UTC_DAY, DAY, points=6)
    for point in range(6):
        alone = day_totals([one for one in readings if one.point == point], UTC_DAY, DAY, points=6)
        for one, other in zip(alone.columns(), together.columns(), strict=True):
            np.testing.assert_array_equal(one[point], other[point])


def test_no_reading_is_read_twice() -> None:
    """Stored once: the same reading offered again changes nothing that a store returns."""
    readings = hourly(range(25))
    assert len(batch([*readings, *readings])) == 25
