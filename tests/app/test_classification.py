"""The yearly sheet: whose use is looked at, and over which of his days (RULES who-large, who-point, who-sum)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from detectors.daily import DailyOptions
from detectors.yearly import ClassOptions
from meterwatch.app.classification import Classification
from meterwatch.core.model.classes import ClassRow
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Customer, CustomerClass, Registry
from tests.support.rules import Supply, material, registry

JULY, LAST, NEW_YEAR = (date(*day).toordinal() for day in ((2022, 7, 1), (2022, 12, 31), (2023, 1, 1)))


def sheet(held: Registry, use_of: Callable[[int, str], float | None], classes: ClassOptions | None = None) -> list[ClassRow]:
    read = material(held, use_of).read
    return Classification(held, read, DailyOptions(), classes or ClassOptions()).rows(2022)


def daily(monthly: float) -> float:
    """Return the daily use that makes this monthly mean in a year of 365 days."""
    return monthly * 12 / 365


def summary(rows: list[ClassRow]) -> dict[str, tuple[float | None, int, bool, bool]]:
    return {row.customer: (row.monthly_mean, row.months, row.provisional, row.proposed) for row in rows}


def test_a_customers_points_are_summed() -> None:
    held = registry([Supply("C1", "P1"), Supply("C1", "P2"), Supply("C2", "P3")])
    use = {"P1": daily(1500.0), "P2": daily(2500.0), "P3": daily(3999.9)}
    assert sheet(held, lambda _, point: use[point]) == [
        ClassRow("C1", "electricity", "A1", 4000.0, 12, False, False, True),
        ClassRow("C2", "electricity", "A1", 3999.9, 12, False, False, False),
    ]


def test_the_newcomer_does_not_inherit_his_predecessors_use() -> None:
    """RULES who-point: no mean crosses a change of customer, and who has left is not classified."""
    held = registry([Supply("C1", "P1", 0, JULY), Supply("C2", "P1", JULY)])
    found = sheet(held, lambda day, _: 300.0 if day < JULY else 100.0)
    assert summary(found) == {"C2": (round(100.0 * 184 / 6, 3), 6, True, False)}


@pytest.mark.parametrize(
    ("first", "last", "classified"),
    [(0, NEW_YEAR, False), (0, NEW_YEAR + 1, True), (LAST, NEW_YEAR + 99, True), (NEW_YEAR, NEW_YEAR + 99, False)],
)
def test_who_is_classified(first: int, last: int, *, classified: bool) -> None:
    """Whoever was supplied in the year and is on the day after."""
    assert bool(sheet(registry([Supply("C1", "P1", first, last)]), lambda *_: 1.0)) is classified


def test_a_point_taken_during_the_year_adds_to_his_use() -> None:
    """Both days count: a point more is no unknown half-year, as it is for a rule that compares days."""
    held = registry([Supply("C1", "P1"), Supply("C1", "P2", JULY)])
    ((mean, months, provisional, large),) = summary(sheet(held, lambda *_: 100.0)).values()
    assert (mean, months, provisional, large) == (round((181 * 100.0 + 184 * 200.0) / 12, 3), 12, False, True)


def test_a_renewed_agreement_is_one_service() -> None:
    for day in (JULY, NEW_YEAR):
        held = registry([Supply("C1", "P1", 0, day), Supply("C1", "P1", day)])
        assert summary(sheet(held, lambda *_: daily(4000.0))) == {"C1": (4000.0, 12, False, True)}


def test_gas_is_classified_by_a_threshold_of_its_own() -> None:
    """The rules name none: without one nobody is classified by gas."""
    gas = {"P1": Commodity.GAS, "P2": Commodity.ELECTRICITY, "P3": Commodity.WATER}
    held = registry([Supply("C1", "P1"), Supply("C1", "P2"), Supply("C2", "P3")], commodity=gas)
    assert [row.key for row in sheet(held, lambda *_: 10.0)] == [("C1", "electricity")]
    found = sheet(held, lambda *_: 10.0, ClassOptions(large_m3=300.0))
    assert [(row.key, row.monthly_mean, row.proposed) for row in found] == [
        (("C1", "electricity"), 304.167, False),
        (("C1", "gas"), 304.167, True),
    ]


def test_nothing_known_is_no_zero() -> None:
    held = registry([Supply("C1", "P1")])
    assert summary(sheet(held, lambda *_: None)) == {"C1": (None, 0, True, False)}


def test_the_row_says_his_class_and_what_he_was() -> None:
    held = replace(
        registry([Supply("C1", "P1")], customers={"C1": Customer("C1", CustomerClass.B1)}), large=frozenset({"C1"})
    )
    (row,) = sheet(held, lambda *_: 1.0)
    assert (row.customer_class, row.old_large, row.proposed, row.large) == ("B1", True, False, None)


def test_a_small_missing_point_makes_no_day_unknown() -> None:
    """RULES who-sum: 4 % missing on one day is estimated, so that the year is whole."""
    held = registry([Supply("C1", "P1"), Supply("C1", "P2")])
    use = {"P1": daily(3840.0), "P2": daily(160.0)}
    found = sheet(held, lambda day, point: None if (day, point) == (JULY, "P2") else use[point])
    assert summary(found) == {"C1": (4000.0, 12, False, True)}
