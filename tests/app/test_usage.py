"""What customers used over a stretch of days (RULES who-sum, who-point, use-important-report)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.daily import DailyOptions
from meterwatch.app.usage import Members, alerts_of, members_of, period_use
from meterwatch.core.model.readings import DayTotals
from meterwatch.core.model.registry import COMMODITIES, FOREVER_DAY, Registry
from tests.support.readings import NAN, ordinal
from tests.support.units import FOREVER, registry

DAY = ordinal("2023-03-06")


class Stored:
    """Day totals by (days after DAY, row, use, known); remembers what was asked."""

    def __init__(self, *rows: tuple[int, int, float, float]) -> None:
        self._rows = rows
        self.asked: list[tuple[int, int, list[int]]] = []

    def __call__(self, first: int, last: int, rows: NDArray[np.int32]) -> DayTotals:
        self.asked.append((first - DAY, last - DAY, rows.tolist()))
        found = [(DAY + d, row, *more) for d, row, *more in self._rows if first <= DAY + d <= last and row in rows]
        columns: Any = zip(*found, strict=True) if found else [[]] * 4
        day, row, use, known = columns
        return DayTotals.of(day, row, use, known, [NAN] * len(day), [0] * len(day))


def used(given: Registry, stored: Stored, days: range = range(DAY, DAY + 3), units: str = "U1") -> dict[str, list[Any]]:
    members = members_of(given, [units])
    found = period_use(given, members, stored, days, DailyOptions())
    pairs = zip(members.customer, members.commodity, strict=True)
    named = [f"{given.customers[who].code}/{COMMODITIES[what]}" for who, what in pairs]
    return {name: [column[at].item() for column in found.columns()[1:]] for at, name in enumerate(named)}


def test_sums_the_points_of_each_commodity_over_the_known_days() -> None:
    given = registry((0, 0, *FOREVER), (1, 0, *FOREVER), (3, 0, *FOREVER), (2, 2, *FOREVER))
    stored = Stored(
        *((0, 0, 10.0, 1.0), (0, 1, 5.0, 1.0), (0, 3, 7.0, 1.0), (0, 2, 99.0, 1.0)),
        *((1, 0, 11.0, 1.0), (1, 3, 8.0, 1.0)),  # P1 is missing: the customer's day is unknown (RULES who-sum)
        *((2, 0, 12.0, 1.0), (2, 1, 4.0, 0.8), (2, 3, 9.0, 0.5)),  # 80 % known is scaled up, 50 % is unknown
        (3, 0, 99.0, 1.0),
    )
    #                      use         known supplied read  expected
    assert used(given, stored) == {
        "C0/gas": [15.0 + 17.0, 2, 3, 4.8, 6],
        "C0/electricity": [15.0, 2, 3, 2.5, 3],
    }
    assert used(given, stored, units="U2") == {"C2/gas": [99.0, 1, 3, 1.0, 3]}


def test_reads_one_day_at_a_time_and_nobody_elses_points() -> None:
    stored = Stored()
    used(registry((2, 2, *FOREVER), (1, 0, *FOREVER), (3, 1, *FOREVER)), stored)
    assert stored.asked == [(day, day, [1, 3]) for day in range(3)]


def test_a_day_belongs_to_who_is_supplied_then() -> None:
    """RULES who-point: nothing of the tenant before is counted, and what he used is not lost to his unit."""
    given = registry((0, 0, 1, DAY + 1), (0, 1, DAY + 1, FOREVER_DAY), (1, 1, DAY + 2, FOREVER_DAY))
    stored = Stored(*((day, 0, 10.0 + day, 1.0) for day in range(3)), (2, 1, 100.0, 1.0), (1, 1, 50.0, 1.0))
    assert used(given, stored) == {"C0/gas": [10.0, 1, 1, 1.0, 1], "C1/gas": [11.0 + 112.0, 2, 2, 3.0, 3]}


def test_a_renewed_agreement_counts_its_meter_once() -> None:
    given = registry((0, 0, 1, DAY + 2), (0, 0, DAY + 1, FOREVER_DAY))
    assert used(given, Stored(*((day, 0, 10.0, 1.0) for day in range(3)))) == {"C0/gas": [30.0, 3, 3, 3.0, 3]}


def test_nobody_and_nothing() -> None:
    assert used(registry(), Stored()) == {}
    assert used(registry((0, 0, *FOREVER), active=(False, True, True, True)), Stored()) == {}
    assert used(registry((0, 0, *FOREVER)), Stored()) == {"C0/gas": [0.0, 0, 3, 0.0, 3]}


class TestAlerts:
    GIVEN = registry((0, 0, 1, DAY), (0, 1, DAY, FOREVER_DAY), (1, 0, *FOREVER), (3, 0, *FOREVER), (2, 2, *FOREVER))

    def counted(self, day: int, **subjects: int) -> list[int]:
        members: Members = members_of(self.GIVEN, ["U1"])
        found = alerts_of(self.GIVEN, members, {name.replace("_", "/"): count for name, count in subjects.items()}, day)
        return found.tolist()

    def test_of_a_customer_concern_one_commodity(self) -> None:
        assert self.counted(DAY, C0_gas=2, C0_electricity=1, C1_gas=4, C2_gas=8, C9_gas=16) == [1, 2, 4]

    def test_of_a_point_concern_who_is_supplied_that_day(self) -> None:
        assert self.counted(DAY - 1, P0=1, P1=2, P2=8, P3=4, P9=16) == [4, 3, 0]
        assert self.counted(DAY, P0=1, P1=2, P2=8, P3=4) == [4, 2, 1]
