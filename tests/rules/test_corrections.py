"""Corrected values laid over readings (RULES use-validate): what is computed takes them, what is stored stays raw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.daily import reading_range, totals
from meterwatch.core.calendar import DayScheme
from meterwatch.core.corrections import as_readings, overlay
from meterwatch.core.model.readings import DayTotals, Quality, ReadingBatch
from meterwatch.core.registers import intervals
from tests.support.corrections import held, new
from tests.support.readings import FLOW, HOUR, POWER, REGISTER, Reading, batch, meters, ordinal, series
from tests.support.rules import Supply, registry

UTC_DAY = DayScheme("UTC", 0)
DAY = ordinal("2023-01-10")
START = UTC_DAY.start(DAY)
SUSPECT, LATE, NEGATIVE, CORRECTED = (
    int(bit) for bit in (Quality.SUSPECT, Quality.LATE, Quality.NEGATIVE, Quality.CORRECTED)
)


def corrected(*found: Reading) -> ReadingBatch:
    return batch(one._replace(quality=CORRECTED) for one in found)


def rows(found: ReadingBatch) -> list[tuple[int, int, float, int]]:
    return list(
        zip(
            found.usage_point.tolist(),
            found.time.tolist(),
            found.value.tolist(),
            found.quality.tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("quality", "wanted"),
    [
        (0, CORRECTED),
        (SUSPECT | NEGATIVE, CORRECTED),  # they spoke of the value that is replaced
        (LATE | SUSPECT, CORRECTED | LATE),
    ],
)
def test_a_correction_takes_the_place_of_the_value(quality: int, wanted: int) -> None:
    raw = batch([Reading(0, REGISTER, 1, 5.0), Reading(0, REGISTER, 2, -9.0, quality), Reading(0, REGISTER, 3, 7.0)])
    found = overlay(raw, corrected(Reading(0, REGISTER, 2, 6.0)))
    assert rows(found) == [(0, 1, 5.0, 0), (0, 2, 6.0, wanted), (0, 3, 7.0, 0)]
    assert raw.value.tolist() == [5.0, -9.0, 7.0]
    assert raw.quality.tolist() == [0, quality, 0]


def test_one_where_nothing_was_metered_is_added_in_order() -> None:
    raw = batch([Reading(1, REGISTER, 2, 5.0), Reading(0, FLOW, 2, 1.0)])
    added = corrected(Reading(0, REGISTER, 9, 3.0), Reading(2, REGISTER, 1, 4.0), Reading(1, REGISTER, 1, 2.0))
    found = overlay(raw, added)
    assert rows(found) == [
        (0, 9, 3.0, CORRECTED),
        (0, 2, 1.0, 0),
        (1, 1, 2.0, CORRECTED),
        (1, 2, 5.0, 0),
        (2, 1, 4.0, CORRECTED),
    ]
    assert rows(overlay(ReadingBatch.empty(), added)) == rows(batch(()).join([added]))


def test_without_any_the_readings_are_as_they_were() -> None:
    raw = batch([Reading(0, REGISTER, 1, 5.0)])
    assert overlay(raw, ReadingBatch.empty()) is raw


KEY = st.tuples(st.integers(0, 2), st.sampled_from([REGISTER, FLOW]), st.integers(1, 4))


@given(st.dictionaries(KEY, st.floats(0, 9)), st.dictionaries(KEY, st.floats(0, 9)))
def test_it_is_as_if_the_meter_had_said_so(
    raw: dict[tuple[int, str, int], float], said: dict[tuple[int, str, int], float]
) -> None:
    found = overlay(
        batch(Reading(*key, value) for key, value in raw.items()), corrected(*(Reading(*k, v) for k, v in said.items()))
    )
    wanted = batch(Reading(*key, value, CORRECTED if key in said else 0) for key, value in (raw | said).items())
    assert [column.tolist() for column in found.columns()[:5]] == [column.tolist() for column in wanted.columns()[:5]]


def test_of_a_point_the_registry_does_not_know_there_is_none() -> None:
    known = registry([Supply("C1", "S0"), Supply("C1", "S1")])
    found = as_readings([held(new(7, 2.5)), held(new(7, 9.0, point="S9"), 2)], known)
    assert rows(found) == [(1, 7, 2.5, CORRECTED)]
    assert len(as_readings([], known)) == 0


# --- in the totals of a day -------------------------------------------------------------------------------------------


def day(readings: list[Reading], *said: Reading) -> DayTotals:
    start, end = reading_range(UTC_DAY, DAY)
    stored = batch(one for one in readings if start < one.time <= end)
    return totals(intervals(overlay(stored, corrected(*said)), meters()), UTC_DAY, DAY, np.arange(1, dtype=np.int32))


@pytest.mark.parametrize(
    ("kind", "values", "hour", "value", "use"),
    [
        (REGISTER, {hour: 1000.0 + hour for hour in range(25)} | {24: 6000.0}, 24, 1024.0, 24.0),
        (POWER, dict.fromkeys(range(1, 25), 2.0) | {3: 500.0}, 3, 2.0, 48.0),
        ("electricity.interval.hour", dict.fromkeys(range(1, 25), 1.0) | {5: 900.0}, 5, 1.0, 24.0),
    ],
)
def test_a_corrected_value_counts_and_the_day_says_so(
    kind: str, values: dict[float, float], hour: int, value: float, use: float
) -> None:
    readings = series(kind, {0: values.get(0, 2.0)} | values, start=START)
    wild, mended = day(readings), day(readings, Reading(0, kind, START + hour * HOUR, value))
    assert round(float(mended.use[0]), 6) == use
    assert float(wild.use[0]) > 100 + use
    assert [int(found.quality[0]) & CORRECTED for found in (wild, mended)] == [0, CORRECTED]
    assert (float(mended.peak[0]) < 3, float(wild.peak[0]) > 400) == (True, True)


def test_a_register_corrected_at_either_end_of_a_step_marks_it() -> None:
    readings = series(REGISTER, {hour: 1000.0 + hour for hour in range(4)}, start=START)
    found = intervals(overlay(batch(readings), corrected(Reading(0, REGISTER, START + HOUR, 1001.5))), meters())
    assert found.use.tolist() == [1.5, 0.5, 1.0]
    assert found.quality.tolist() == [CORRECTED, CORRECTED, 0]
