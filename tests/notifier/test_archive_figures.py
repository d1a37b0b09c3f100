"""How complete the archive is (RULES who-archive)."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from meterwatch.core.model.registry import Assignment, Contact, ContactRole, CustomerClass, Registry, Role
from notifier.archive_figures import ENTRIES, ArchiveFigures, archive_figures
from notifier.roster import Roster
from tests.support.office import PEOPLE
from tests.support.units import FOREVER, registry

DAY = date(2023, 3, 8)


def whole(**changes: Any) -> Registry:
    """C0 with all that is asked for; C1 and C2 are not supplied."""
    given = registry((0, 0, *FOREVER), (3, 0, *FOREVER))
    return replace(
        given,
        points=replace(given.points, qmax=np.array([9.0, np.nan, np.nan, np.nan]), capacity=np.array([np.nan] * 3 + [9.0])),
        customers=(replace(given.customers[0], area="north"), *given.customers[1:]),
        people=PEOPLE,
        assignments=(Assignment("K1", Role.MANAGER), Assignment("K2", Role.DEPUTY)),
        contacts=(Contact("N1", "C0", ContactRole.MAIN, DAY),),
        **changes,
    )


def figures(given: Registry) -> ArchiveFigures:
    (found,) = archive_figures(Roster(given, (), DAY))
    return found


def lacking(given: Registry) -> set[str]:
    found = figures(given)
    assert found.complete == all(found.have.values())
    return {entry for entry in ENTRIES if not found.have[entry]}


def test_a_whole_archive() -> None:
    assert figures(whole()) == ArchiveFigures("U1", 1, dict.fromkeys(ENTRIES, 1), 1)


@pytest.mark.parametrize(
    ("without", "entries"),
    [
        ({"contacts": (Contact("N1", "C0", ContactRole.OUTAGE),)}, {"contact"}),
        ({"contacts": (Contact("N1", "C0", ContactRole.MAIN, last_day=DAY),)}, {"contact"}),
        ({"contacts": (Contact("N1", "C1", ContactRole.MAIN),)}, {"contact"}),
        ({"assignments": ()}, {"manager", "deputy"}),
        ({"assignments": (Assignment("K1", Role.MANAGER),)}, {"deputy"}),
        ({"assignments": (Assignment("K1", Role.MANAGER), Assignment("K1", Role.DEPUTY))}, {"deputy"}),
        ({"assignments": (Assignment("K2", Role.DEPUTY),)}, {"manager"}),
    ],
)
def test_says_what_is_lacking(without: dict[str, Any], entries: set[str]) -> None:
    assert lacking(replace(whole(), **without)) == entries


def test_unit_and_area_may_be_lacking() -> None:
    given = whole()
    bare = replace(given, customers=(replace(given.customers[0], unit="", area=""), *given.customers[1:]))
    assert lacking(bare) == {"unit", "area"}


def test_every_point_needs_its_limit_as_long_as_it_is_supplied() -> None:
    given = whole()
    bare = replace(given, points=replace(given.points, capacity=np.array([np.nan] * 4)))
    assert lacking(bare) == {"limits"}
    moved = registry((0, 0, *FOREVER), (3, 0, 1, DAY.toordinal())).agreements
    assert lacking(replace(bare, agreements=moved)) == set()


def test_of_scattered_residential_customers_nobody_asks_people() -> None:
    given = replace(whole(), assignments=(), contacts=())
    small = replace(given.customers[0], customer_class=CustomerClass.B2)
    assert lacking(replace(given, customers=(small, *given.customers[1:]))) == set()


def test_counts_by_unit_who_is_supplied_today() -> None:
    today = DAY.toordinal()
    given = replace(
        whole(),
        agreements=registry((0, 0, *FOREVER), (1, 1, 1, today), (2, 2, today, today + 1), (1, 2, *FOREVER)).agreements,
    )
    first, second = archive_figures(Roster(given, (), DAY))
    assert (first.unit, first.customers, first.complete) == ("U1", 1, 1)
    assert (second.unit, second.customers, second.complete) == ("U2", 1, 0)
    assert {entry for entry in ENTRIES if not second.have[entry]} == {"area", "contact", "limits"}
