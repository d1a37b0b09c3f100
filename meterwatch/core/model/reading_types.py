"""ReadingType (IEC 61968-9): what a number measures, in which unit, and whether it counts up, is an interval or a rate.

The codes are part of the storage contract (docs/formats.md): a code is never reused, a meaning never changed.
"""

from dataclasses import dataclass
from enum import StrEnum


class Commodity(StrEnum):
    """What is delivered at a usage point."""

    ELECTRICITY = "electricity"
    GAS = "gas"
    WATER = "water"
    HEAT = "heat"


class Accumulation(StrEnum):
    """How successive values of a reading type relate (CIM accumulation behaviour)."""

    BULK = "bulk"  # a cumulative register as the meter shows it
    DELTA = "delta"  # use within the interval that ends at the reading's time
    INDICATING = "indicating"  # an instantaneous rate or state


@dataclass(frozen=True, slots=True)
class ReadingType:
    """One reading type; ``interval_s`` is the interval length of a delta, else 0; ``use`` says it measures consumption."""

    code: int
    name: str
    commodity: Commodity
    unit: str
    accumulation: Accumulation
    interval_s: int = 0
    use: bool = True

    @property
    def field(self) -> str:
        """The name as a column or field name: dots become underscores."""
        return self.name.replace(".", "_")


_E, _G, _W, _H = Commodity.ELECTRICITY, Commodity.GAS, Commodity.WATER, Commodity.HEAT
_BULK, _DELTA, _RATE = Accumulation.BULK, Accumulation.DELTA, Accumulation.INDICATING

READING_TYPES: tuple[ReadingType, ...] = (
    ReadingType(101, "electricity.register", _E, "kWh", _BULK),
    ReadingType(111, "electricity.interval.15min", _E, "kWh", _DELTA, 900),
    ReadingType(112, "electricity.interval.30min", _E, "kWh", _DELTA, 1800),
    ReadingType(113, "electricity.interval.hour", _E, "kWh", _DELTA, 3600),
    ReadingType(114, "electricity.interval.day", _E, "kWh", _DELTA, 86400),
    ReadingType(121, "electricity.power", _E, "kW", _RATE),
    ReadingType(131, "electricity.voltage", _E, "V", _RATE, use=False),
    ReadingType(132, "electricity.current", _E, "A", _RATE, use=False),
    ReadingType(201, "gas.register", _G, "m3", _BULK),
    ReadingType(211, "gas.interval.15min", _G, "m3", _DELTA, 900),
    ReadingType(212, "gas.interval.30min", _G, "m3", _DELTA, 1800),
    ReadingType(213, "gas.interval.hour", _G, "m3", _DELTA, 3600),
    ReadingType(214, "gas.interval.day", _G, "m3", _DELTA, 86400),
    ReadingType(221, "gas.flow", _G, "m3/h", _RATE),
    ReadingType(231, "gas.pressure", _G, "kPa", _RATE, use=False),
    ReadingType(232, "gas.temperature", _G, "degC", _RATE, use=False),
    ReadingType(301, "water.register", _W, "m3", _BULK),
    ReadingType(311, "water.interval.15min", _W, "m3", _DELTA, 900),
    ReadingType(313, "water.interval.hour", _W, "m3", _DELTA, 3600),
    ReadingType(314, "water.interval.day", _W, "m3", _DELTA, 86400),
    ReadingType(321, "water.flow", _W, "m3/h", _RATE),
    ReadingType(401, "heat.register", _H, "kWh", _BULK),
    ReadingType(413, "heat.interval.hour", _H, "kWh", _DELTA, 3600),
    ReadingType(421, "heat.power", _H, "kW", _RATE),
)

BY_CODE = {reading_type.code: reading_type for reading_type in READING_TYPES}
BY_NAME = {reading_type.name: reading_type for reading_type in READING_TYPES}

USE_UNIT = {_E: "kWh", _G: "m3", _W: "m3", _H: "kWh"}
RATE_UNIT = {_E: "kW", _G: "m3/h", _W: "m3/h", _H: "kW"}

# Factors to the canonical unit on the right of each pair: value in unit * factor = value in canonical unit.
_FACTORS: dict[tuple[str, str], float] = {
    ("Wh", "kWh"): 1e-3,
    ("MWh", "kWh"): 1e3,
    ("MJ", "kWh"): 1 / 3.6,
    ("GJ", "kWh"): 1e3 / 3.6,
    ("W", "kW"): 1e-3,
    ("MW", "kW"): 1e3,
    ("l", "m3"): 1e-3,
    ("L", "m3"): 1e-3,
    ("Nm3", "m3"): 1.0,
    ("m³", "m3"): 1.0,
    ("l/s", "m3/h"): 3.6,
    ("L/s", "m3/h"): 3.6,
    ("l/h", "m3/h"): 1e-3,
    ("m³/h", "m3/h"): 1.0,
    ("Nm3/h", "m3/h"): 1.0,
    ("kV", "V"): 1e3,
    ("mA", "A"): 1e-3,
    ("MPa", "kPa"): 1e3,
    ("bar", "kPa"): 1e2,
    ("Pa", "kPa"): 1e-3,
    ("°C", "degC"): 1.0,
    ("C", "degC"): 1.0,
}


def unit_factor(unit: str, reading_type: ReadingType) -> float | None:
    """Return what a value in ``unit`` is multiplied by to stand in the reading type's unit; None if it can't."""
    if unit == reading_type.unit:
        return 1.0
    return _FACTORS.get((unit, reading_type.unit))


def units_for(reading_type: ReadingType) -> tuple[str, ...]:
    """Return every unit name accepted for this reading type, its own first."""
    return (reading_type.unit, *(unit for unit, canonical in _FACTORS if canonical == reading_type.unit))
