"""From readings to use: registers that roll over, go back or are exchanged; intervals; rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterwatch.core.model.readings import Quality
from meterwatch.core.model.registry import Meters
from meterwatch.core.registers import MAX_GAP_MS, Intervals, intervals, meter_at
from tests.support.readings import FLOW, HOUR, MINUTE, NAN, POWER, REGISTER, Meter, Reading, batch, meters, series

GAS = "gas.register"


def steps(found: Intervals) -> list[tuple[float, float, float]]:
    """Each known step as (from hour, to hour, use)."""
    return [
        (start / HOUR, end / HOUR, round(use, 6))
        for start, end, use in zip(found.start.tolist(), found.end.tolist(), found.use.tolist(), strict=True)
    ]


def of_register(values: dict[float, float], *installed: Meter) -> Intervals:
    return intervals(batch(series(REGISTER, values)), meters(*installed))


def bits(found: Intervals) -> list[Quality]:
    return [Quality(bit) for bit in found.quality.tolist()]


# --- registers --------------------------------------------------------------------------------------------------------


def test_use_is_the_advance_of_the_register() -> None:
    found = of_register({1: 100.0, 2: 103.0, 4: 103.0, 9: 110.5})
    assert steps(found) == [(1, 2, 3.0), (2, 4, 0.0), (4, 9, 7.5)]
    assert bits(found) == [Quality.GOOD] * 3


def test_a_single_reading_says_nothing() -> None:
    assert steps(of_register({1: 100.0})) == []
    assert steps(of_register({})) == []


@pytest.mark.parametrize(
    ("digits", "before", "after", "use"),
    [
        (5, 99_990.0, 15.0, 25.0),
        (5, 99_999.5, 0.0, 0.5),
        (3, 950.0, 20.0, 70.0),
        (5, 90_000.0, 10_000.0, 20_000.0),  # the most that is taken for a rollover
        (5, 89_999.0, 15.0, None),  # too far from the top
        (5, 99_990.0, 10_001.0, None),  # too far from zero
        (6, 99_990.0, 15.0, None),  # a longer register had not reached its end
        (0, 99_990.0, 15.0, None),  # the number of digits is not known
    ],
)
def test_rollover_goes_by_the_digits(digits: int, before: float, after: float, use: float | None) -> None:
    found = of_register({1: before, 2: after}, Meter(digits=digits))
    assert steps(found) == ([] if use is None else [(1, 2, use)])
    assert bits(found) == ([] if use is None else [Quality.ROLLOVER])


def test_a_rollover_is_multiplied_too() -> None:
    assert steps(of_register({1: 99_990.0, 2: 15.0}, Meter(digits=5, multiplier=40.0))) == [(1, 2, 1000.0)]


def test_a_step_back_is_unknown() -> None:
    """A register set to zero: what flowed in that hour nobody knows; from there it counts on."""
    found = of_register({1: 100.0, 2: 105.0, 3: 0.0, 4: 2.0, 5: 5.0})
    assert steps(found) == [(1, 2, 5.0), (3, 4, 2.0), (4, 5, 3.0)]
    assert bits(found) == [Quality.GOOD, Quality.STEP_BACK, Quality.GOOD]


def test_registers_of_other_points_and_types_are_no_neighbours() -> None:
    found = intervals(
        batch(
            [
                *series(REGISTER, {1: 100.0, 2: 101.0}, point=0),
                *series(REGISTER, {1: 0.0, 2: 7.0}, point=1),
                *series(GAS, {1: 500.0, 2: 502.0}, point=1),
            ]
        ),
        meters(),
    )
    assert list(zip(found.point.tolist(), found.use.tolist(), strict=True)) == [(0, 1.0), (1, 7.0), (1, 2.0)]


# --- meters: validity, multiplier, exchange ---------------------------------------------------------------------------

OLD = Meter(digits=5, multiplier=1.0, valid_from=0, valid_to=10 * HOUR)
NEW = Meter(digits=5, multiplier=40.0, valid_from=10 * HOUR)
AROUND_10: dict[float, float] = {8: 500.0, 9: 503.0, 11: 2.0, 12: 3.0}


def test_the_multiplier_is_that_of_the_meter_installed_then() -> None:
    found = of_register({8: 500.0, 9: 503.0, 11: 600.0, 12: 601.0}, OLD, NEW)
    assert steps(found) == [(8, 9, 3.0), (11, 12, 40.0)]


def test_without_indexes_the_step_over_an_exchange_is_unknown() -> None:
    assert steps(of_register(AROUND_10, OLD, NEW)) == [(8, 9, 3.0), (11, 12, 40.0)]


def test_with_final_and_initial_index_it_is_known() -> None:
    found = of_register(AROUND_10, OLD._replace(final=504.0), NEW._replace(initial=1.5))
    assert steps(found) == [(8, 9, 3.0), (9, 10, 1.0), (10, 11, 20.0), (11, 12, 40.0)]
    assert bits(found) == [Quality.GOOD, Quality.EXCHANGE, Quality.EXCHANGE, Quality.GOOD]


@pytest.mark.parametrize(
    ("final", "initial", "known"), [(504.0, NAN, (9, 10, 1.0)), (NAN, 1.5, (10, 11, 20.0))], ids=["final", "initial"]
)
def test_with_one_index_its_side_is_known(final: float, initial: float, known: tuple[float, float, float]) -> None:
    found = of_register(AROUND_10, OLD._replace(final=final), NEW._replace(initial=initial))
    assert steps(found) == sorted([(8, 9, 3.0), (11, 12, 40.0), known])


def test_a_reading_at_the_moment_of_the_exchange_is_the_old_meters() -> None:
    at_10: dict[float, float] = {8: 500.0, 10: 504.0, 11: 2.0}
    assert steps(of_register(at_10, OLD, NEW._replace(initial=1.5))) == [(8, 10, 4.0), (10, 11, 20.0)]
    both = of_register(at_10, OLD._replace(final=504.0), NEW._replace(initial=1.5))
    assert steps(both) == [(8, 10, 4.0), (10, 11, 20.0)]


def test_an_old_register_that_rolled_over_before_it_was_taken_off() -> None:
    found = of_register({9: 99_999.0, 11: 2.0}, OLD._replace(final=1.0), NEW._replace(initial=0.0))
    assert steps(found) == [(9, 10, 2.0), (10, 11, 80.0)]
    assert bits(found)[0] == Quality.ROLLOVER | Quality.EXCHANGE


def test_a_point_between_two_meters_has_no_use() -> None:
    later = NEW._replace(valid_from=12 * HOUR, initial=0.0)
    assert steps(of_register({9: 500.0, 11: 510.0, 13: 1.0}, OLD._replace(final=501.0), later)) == [
        (9, 10, 1.0),
        (12, 13, 40.0),
    ]


@pytest.mark.parametrize("kind", [REGISTER, "electricity.interval.hour", POWER])
def test_readings_outside_every_meters_validity_say_nothing(kind: str) -> None:
    only = Meter(valid_from=3 * HOUR, valid_to=5 * HOUR)
    found = intervals(batch(series(kind, {2: 1.0, 3: 1.0, 4: 2.0, 5: 3.0, 6: 4.0})), meters(only))
    assert {end for _, end, _ in steps(found)} == ({5} if kind == REGISTER else {4, 5})


def test_with_no_meters_at_all_nothing_is_known() -> None:
    readings = [
        *series(REGISTER, {1: 1.0, 2: 2.0}),
        *series(POWER, {1: 1.0, 2: 1.0}),
        *series("gas.interval.hour", {1: 1.0}),
    ]
    assert len(intervals(batch(readings), Meters.empty())) == 0


def test_what_else_is_asked_for_changes_no_point() -> None:
    """Point 0 was last read hours before its exchange; point 1, read all day, must not lend it a reach."""
    installed = meters(OLD._replace(valid_to=15 * HOUR, final=700.0), NEW._replace(valid_from=15 * HOUR), Meter(1))
    mine = series(REGISTER, {1: 500.0, 2: 503.0})
    others = series(REGISTER, {hour: float(hour) for hour in range(48)}, point=1)
    alone = intervals(batch(mine), installed)
    together = intervals(batch([*mine, *others]), installed)
    assert steps(together.take(together.point == 0)) == steps(alone)
    assert steps(alone) == [(1, 2, 3.0), (2, 15, 197.0)]


@given(
    bounds=st.lists(st.integers(0, 40), min_size=2, max_size=8, unique=True),
    asked=st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 45)), max_size=30),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_meter_installed_then(bounds: list[int], asked: list[tuple[int, int]]) -> None:
    """Against a search written out: from exclusive, to inclusive."""
    bounds = sorted(bounds)
    held = [
        Meter(point, valid_from=first, valid_to=last)
        for point in (0, 2)
        for first, last in zip(bounds[::2], bounds[1::2], strict=False)
    ]
    installed = meters(*held)
    found = meter_at(
        np.array([point for point, _ in asked], np.int32), np.array([time for _, time in asked], np.int64), installed
    )
    ordered = sorted(held)
    wanted = [
        next((i for i, m in enumerate(ordered) if m.point == point and m.valid_from < time <= m.valid_to), -1)
        for point, time in asked
    ]
    assert found.tolist() == wanted


# --- intervals and rates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "minutes"), [("gas.interval.15min", 15), ("gas.interval.30min", 30), ("gas.interval.hour", 60)]
)
def test_an_interval_meter_says_what_flowed_until_its_time(kind: str, minutes: int) -> None:
    found = intervals(batch(series(kind, {3: 12.0})), meters(Meter(multiplier=10.0)))
    assert steps(found) == [(3 - minutes / 60, 3, 120.0)]


def test_of_an_interval_over_the_end_of_another_only_its_own_part_counts() -> None:
    found = intervals(batch(series("gas.interval.hour", {3: 12.0, 3.25: 8.0, 4.5: 5.0})), meters())
    assert steps(found) == [(2, 3, 12.0), (3, 3.25, 2.0), (3.5, 4.5, 5.0)]
    apart = [*series("gas.interval.hour", {3: 12.0}), *series("gas.interval.hour", {3.25: 8.0}, point=1)]
    assert steps(intervals(batch(apart), meters())) == [(2, 3, 12.0), (2.25, 3.25, 8.0)]


def test_use_is_rate_times_interval() -> None:
    """31.5 m3/h over a quarter of an hour are 7.875 m3."""
    found = intervals(batch(series(FLOW, {1: 99.0, 1.25: 31.5, 1.5: 0.0, 3.5: 2.0})), meters())
    assert steps(found) == [(1, 1.25, 7.875), (1.25, 1.5, 0.0), (1.5, 3.5, 4.0)]


def test_a_rate_says_nothing_over_more_than_two_hours() -> None:
    readings = [Reading(0, FLOW, HOUR, 1.0), Reading(0, FLOW, HOUR + MAX_GAP_MS + 1, 2.0)]
    assert steps(intervals(batch(readings), meters())) == []
    assert len(intervals(batch([*readings, Reading(0, FLOW, 2 * HOUR, 1.0)]), meters())) == 2


def test_voltage_and_pressure_are_no_use() -> None:
    readings = [*series("electricity.voltage", {1: 230.0, 2: 231.0}), *series("gas.pressure", {1: 300.0, 2: 301.0})]
    assert len(intervals(batch(readings), meters())) == 0


def test_the_mean_rate_is_known_up_to_two_hours() -> None:
    found = of_register({1: 0.0, 1.25: 25.0, 3.25: 225.0, 5.5: 226.0})
    np.testing.assert_array_equal(found.rates(), [100.0, 100.0, np.nan])


def test_what_is_not_finite_is_not_known() -> None:
    """Beyond what floating point can hold there is neither use nor rate, and no warning."""
    most = 1.7e308
    assert steps(of_register({1: -most, 2: most, 3: most})) == [(2, 3, 0.0)]
    assert steps(of_register({1: 0.0, 2: most}, Meter(multiplier=10.0))) == []
    assert steps(intervals(batch(series(POWER, {1: 0.0, 2: most})), meters())) == []
    assert steps(intervals(batch(series("gas.interval.hour", {2: most})), meters(Meter(multiplier=10.0)))) == []
    found = of_register({1: 0.0, 2: most, 3: most})
    assert len(found) == 2
    np.testing.assert_array_equal(found.rates(), [np.nan, 0.0])


def test_a_doubtful_reading_marks_what_is_computed_from_it() -> None:
    values = [
        Reading(0, REGISTER, hour * HOUR, float(hour), int(Quality.SUSPECT | Quality.LATE) if hour == 2 else 0)
        for hour in (1, 2, 3, 4)
    ]
    assert bits(intervals(batch(values), meters())) == [Quality.SUSPECT, Quality.SUSPECT, Quality.GOOD]


def test_the_answer_is_sorted() -> None:
    kinds = (GAS, "gas.interval.15min", FLOW)
    readings = [
        Reading(point, kind, step * 15 * MINUTE, float(step))
        for point in (2, 0, 1)
        for kind in kinds
        for step in range(1, 9)
    ]
    found = intervals(batch(readings), meters())
    order = np.lexsort((found.end, found.reading_type, found.point))
    np.testing.assert_array_equal(order, np.arange(len(found)))
    assert len(found) == 3 * (7 + 8 + 7)
