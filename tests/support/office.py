"""A small registry in memory: two customers, their points, and the people who look after them."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import (
    COMMODITIES,
    FOREVER_DAY,
    Agreements,
    Assignment,
    Customer,
    CustomerClass,
    Meters,
    Person,
    Points,
    Registry,
    Role,
)

PEOPLE = {code: Person(code, Role.MANAGER) for code in ("K1", "K2", "K3", "K4")} | {
    "K9": Person("K9", Role.MANAGER, lang="en")
}


def office(*assignments: Assignment, people: dict[str, Person] | None = None) -> Registry:
    """Return a registry: C1 (A1, north) has gas at P1, C2 (A2, south) electricity at P2, nobody is supplied at P3."""
    points = Points.of(
        [COMMODITIES.index(Commodity.GAS), *[COMMODITIES.index(Commodity.ELECTRICITY)] * 2],
        *([0] * 3, [np.nan] * 3, [np.nan] * 3, [100.0] * 3, [True] * 3),
    )
    customers = (Customer("C1", CustomerClass.A1, area="north"), Customer("C2", CustomerClass.A2, area="south"))
    agreements = Agreements.of([0, 1], [0, 1], [1, 1], [FOREVER_DAY, FOREVER_DAY])
    codes, zones = ("P1", "P2", "P3"), ("Asia/Shanghai",)
    plain = Registry(7, codes, zones, points, Meters.empty(), (), customers, agreements, people or PEOPLE)
    return replace(plain, assignments=assignments)


def manager(person: str, **scope: Any) -> Assignment:
    return Assignment(person, Role.MANAGER, **scope)


EVERYONE = manager("K1")
FROM_TODAY = date(2023, 1, 20)
