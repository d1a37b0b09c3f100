"""Two units in memory: who is supplied where, for figures of use."""

from dataclasses import replace

from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import (
    COMMODITIES,
    FOREVER_DAY,
    Agreements,
    Customer,
    CustomerClass,
    Meters,
    Points,
    Registry,
)
from tests.support.readings import NAN

FOREVER = (1, FOREVER_DAY)
GAS, POWER = COMMODITIES.index(Commodity.GAS), COMMODITIES.index(Commodity.ELECTRICITY)


def registry(*agreements: tuple[int, int, int, int], active: tuple[bool, ...] = (True,) * 4) -> Registry:
    """Customers C0 and C1 of unit U1, C2 of U2, by row; P0..P2 gas, P3 power. Agreements: point, customer, days."""
    points = Points.of([GAS, GAS, GAS, POWER], [0] * 4, [NAN] * 4, [NAN] * 4, [NAN] * 4, active)
    customers = [Customer(f"C{n}", CustomerClass.A1, unit=unit) for n, unit in enumerate(("U1", "U1", "U2"))]
    plain = Registry(1, ("P0", "P1", "P2", "P3"), ("Asia/Shanghai",), points, Meters.empty(), (), (), Agreements.empty())
    dated = Agreements.of(*zip(*agreements, strict=True)) if agreements else Agreements.empty()
    return replace(plain, customers=tuple(customers), agreements=dated)
