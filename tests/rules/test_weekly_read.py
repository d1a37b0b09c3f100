"""Weekly reading check (RULES use-weekly-read; supply 7): every large customer's meter is read and checked each week.

Readings are written by hours since the week began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from detectors.evaluate import Judged, evaluate, subjects_by_rule
from detectors.rules.weekly_read import RULE, WeeklyReadOptions
from meterwatch.core.model.alerts import FactRow
from meterwatch.core.model.readings import Quality
from meterwatch.core.model.registry import Meters, Registry
from tests.support.readings import REGISTER, Meter, Reading, batch, meters, series
from tests.support.rules import Supply, material, registry

SUNDAY = date(2023, 6, 18).toordinal()
HELD = replace(registry([Supply("C1", "P1")], large=["C1"]), meters=meters())
START = HELD.scheme_order[0].start(SUNDAY - 6)
HOURS, DAY = "electricity.interval.hour", "electricity.interval.day"
WEEK = 168


def registers(every: int, use: float = 10.0, *, first: int = 0, last: int = WEEK) -> list[Reading]:
    """Return a register read every so many hours that advances by ``use`` an hour."""
    return series(REGISTER, {hour: 5000.0 + use * hour for hour in range(first, last + 1, every)}, start=START)


def intervals(every: int, use: float = 10.0, *, kind: str = HOURS, last: int = WEEK) -> list[Reading]:
    """Return the week's intervals of so many hours, of ``use`` an hour."""
    return series(kind, dict.fromkeys(range(every, last + 1, every), use * every), start=START)


def judged(
    readings: Sequence[Reading], held: Registry = HELD, options: WeeklyReadOptions = RULE.options, day: int = SUNDAY
) -> Judged:
    rows = np.arange(len(held.codes), dtype=np.int32)
    subjects = subjects_by_rule([RULE], held, rows, held.scheme_order[0])[RULE.name]

    def read(start: int, end: int, wanted: np.ndarray) -> object:
        return batch(one for one in readings if start < one.time <= end and one.point in wanted)

    made = replace(material(held, lambda *_: None), readings=read)  # type: ignore[arg-type]
    return evaluate(RULE, options, subjects, day, made)


def fact(readings: Sequence[Reading], **changes: object) -> FactRow:
    found = judged(readings, **changes)  # type: ignore[arg-type]
    return found.facts.rows(RULE.name, found.subjects.names, [0])[0]


# --- read -------------------------------------------------------------------------------------------------------------


def at(hour: float, value: float = 5000.0, kind: str = REGISTER, quality: int = 0) -> Reading:
    return Reading(0, kind, START + round(hour * 3_600_000), value, quality)


@pytest.mark.parametrize(
    ("readings", "days"),
    [
        ([], 0),
        ([at(50.0)], 1),
        ([at(50.0), at(51.0), at(WEEK)], 2),
        ([at(0.0)], 0),  # 00:00 sharp on Monday still belongs to Sunday
        ([at(WEEK)], 1),
        ([at(WEEK + 0.1)], 0),
        ([at(50.0, quality=Quality.SUSPECT)], 0),  # its sender doubts it
        ([at(50.0, quality=Quality.LATE)], 1),
        ([at(50.0, float("inf"))], 0),  # no figure
        ([at(50.0, kind="electricity.voltage")], 0),  # not of its use
        ([at(50.0, kind="electricity.power")], 1),
        (intervals(24, kind=DAY), 7),
    ],
)
def test_a_week_without_a_valid_reading_crosses(readings: Sequence[Reading], days: int) -> None:
    found = fact(readings)
    assert found.figures["read_days"] == days
    assert found.crossing == (("literal",) if days == 0 else ())


# --- and checked ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "crosses"),
    [
        (10.0, False),
        (9.9, False),  # exactly 1 % of the register's use
        (10.1, False),
        (9.89, True),
        (10.11, True),
        (0.0, True),
    ],
)
@pytest.mark.parametrize(
    ("every", "length", "kind"), [(1, 1, HOURS), (24, 1, HOURS), (1, 24, DAY), (24, 24, DAY), (168, 1, HOURS)]
)
def test_register_and_intervals_may_differ_by_one_percent(
    use: float, crosses: bool, every: int, length: int, kind: str
) -> None:
    found = fact([*registers(every), *intervals(length, use, kind=kind)])
    assert found.figures["register"] == 1680
    assert found.figures["intervals"] == pytest.approx(use * WEEK)
    assert (found.crossing == ("literal",)) is crosses


@pytest.mark.parametrize(("missing", "crosses"), [(1.0, False), (1.1, True)])
@pytest.mark.parametrize("multiplier", [1.0, 80.0])
def test_or_by_a_whole_unit_of_the_register(missing: float, crosses: bool, multiplier: float) -> None:
    """Of a use of 16.8 one percent is less than what a display without decimals hides."""
    held = replace(HELD, meters=Meters.of(*zip(Meter(multiplier=multiplier), strict=True)))
    readings = [at(0.0, 5000.0), at(WEEK, 5016.8), *intervals(1, (16.8 - missing) / WEEK)]
    found = fact(readings, held=held)
    assert found.figures["allowed"] == pytest.approx(multiplier)
    assert found.figures["difference"] == pytest.approx(missing * multiplier)
    assert (found.crossing == ("literal",)) is crosses


def test_the_bounds_are_settings() -> None:
    readings = [*registers(24), *intervals(1, 9.5)]
    assert fact(readings).crossing
    assert not fact(readings, options=WeeklyReadOptions(share=0.05)).crossing
    assert not fact(readings, options=WeeklyReadOptions(digits=84.0)).crossing


@pytest.mark.parametrize("readings", [registers(24), intervals(1), [*registers(1, last=48), *intervals(1)[60:]]])
def test_nothing_is_compared_where_not_both_are_known(readings: Sequence[Reading]) -> None:
    found = fact(readings)
    assert found.crossing == ()
    assert not {"register", "intervals", "difference"} & found.figures.keys()


def test_only_what_both_know_is_compared() -> None:
    """Of the register's week the intervals know all but Wednesday: three days and two, between its daily readings."""
    known = [one for one in intervals(1, 10.0) if not 48 < (one.time - START) / 3_600_000 <= 60]
    found = fact([*registers(24), *known])
    assert (found.figures["register"], found.figures["intervals"]) == (1440.0, 1440.0)


def test_a_register_read_inside_short_intervals_is_met_by_sharing_them_out() -> None:
    late = [replace_time(one, 3_000) for one in registers(24, last=144)]
    found = fact([*late, *intervals(1)])
    assert found.figures["register"] == 1440.0
    assert found.figures["intervals"] == pytest.approx(1440.0)


def test_an_interval_over_the_edge_of_the_week_counts_with_its_part() -> None:
    half_past = [
        replace_time(one, -1_800_000) for one in series(HOURS, dict.fromkeys(range(1, WEEK + 1), 10.0), start=START)
    ]
    found = fact([*registers(24), *half_past])
    assert found.figures["register"] == 1440.0  # but on Sunday half an hour is unknown
    assert found.figures["intervals"] == pytest.approx(1440.0)


def replace_time(one: Reading, later: int) -> Reading:
    return one._replace(time=one.time + later)


def test_inside_a_long_interval_nothing_is_compared() -> None:
    """Read at ten every day, its edges stand in intervals of a day, and nobody knows how much of that day was before."""
    found = fact([*registers(24, first=10), *intervals(24, 5.0, kind=DAY)])
    assert "register" not in found.figures
    assert found.crossing == ()


def test_of_several_interval_lengths_the_one_that_knows_most_counts() -> None:
    found = fact([*registers(24), *intervals(1, 9.0, last=100), *intervals(24, 10.0, kind=DAY)])
    assert found.figures["intervals"] == 1680


def test_a_register_that_rolls_over_still_agrees() -> None:
    held = replace(HELD, meters=Meters.of(*zip(Meter(digits=4), strict=True)))
    shown = [at(hour, (9500.0 + 10 * hour) % 10_000) for hour in range(0, WEEK + 1, 24)]
    found = fact([*shown, *intervals(1)], held=held)
    assert found.figures["register"] == pytest.approx(1680)
    assert found.crossing == ()


# --- whose meters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("supplies", "judged_points", "missing"),
    [
        ([Supply("C1", "P1")], ("P1",), [True]),
        ([Supply("C2", "P1")], (), []),
        ([Supply("C1", "P1"), Supply("C1", "P2"), Supply("C2", "P3")], ("P1", "P2"), [True, True]),
        ([Supply("C1", "P1", SUNDAY - 6)], ("P1",), [True]),
        ([Supply("C1", "P1", SUNDAY - 5)], ("P1",), [False]),  # his since Tuesday: the week is not his alone
        ([Supply("C1", "P1", 0, SUNDAY)], ("P1",), [False]),
        ([Supply("C1", "P1", 0, SUNDAY - 50), Supply("C2", "P1", SUNDAY - 50)], ("P1",), [False]),
    ],
)
def test_large_customers_points_are_asked_for_the_weeks_they_are_his(
    supplies: Sequence[Supply], judged_points: Sequence[str], missing: Sequence[bool]
) -> None:
    held = replace(registry(supplies, large=["C1"]), meters=meters())
    found = judged([], held)
    assert found.subjects.names == tuple(judged_points)
    assert found.facts.crossing["literal"].tolist() == list(missing)


def test_each_point_is_judged_by_its_own_readings() -> None:
    held = replace(registry([Supply("C1", f"P{row}") for row in range(4)], large=["C1"]), meters=meters())
    of: Mapping[int, float] = {0: 10.0, 2: 5.0, 3: 10.0}
    found = judged(
        [one._replace(point=row) for row, use in of.items() for one in (*registers(24), *intervals(1, use))], held
    )
    assert found.facts.crossing["literal"].tolist() == [False, True, True, False]
    assert found.facts.figures["read_days"].tolist() == [7, 0, 7, 7]
