"""The demonstration fleet: 200 gas and power points of 170 customers, their meters, gateways and people.

Everything is derived from fixed numbers; two runs make the same fleet.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from meterwatch.core.model.reading_types import Commodity

CHINA, ROME = "Asia/Shanghai", "Europe/Rome"
HISTORY_START = datetime(2021, 10, 1, tzinfo=ZoneInfo(CHINA))
PLAY_START = datetime(2023, 1, 1, tzinfo=ZoneInfo(CHINA))
PLAY_END = datetime(2023, 4, 1, tzinfo=ZoneInfo(CHINA))
DAYS = 90
HISTORY_DAYS = (PLAY_START - HISTORY_START).days

GAS_POINTS, POWER_POINTS, ROMAN_POINTS = 120, 72, 8
POINTS_A_GATEWAY = 10
QUARTER_HOURLY = 10  # power points with a reading every 15 minutes in the played part, sent once an hour
_CLASSES = ("A1", "A1", "A2", "A1", "A2", "A3", "A1", "B1", "A2", "A3")
DEPUTY, HEAD = "D-01", "H-01"
_MANAGERS = ("M-01", "M-02", "M-03", "M-04", "M-05")
MULTIPLIER = 40.0


class Kind(StrEnum):
    """How a point's meter reports."""

    REGISTER = "register"
    INTERVAL = "interval"
    FLOW = "flow"


@dataclass(frozen=True, slots=True)
class Point:
    """One usage point with the meter that stands on it when the play begins."""

    index: int
    code: str
    meter: str
    gateway: str
    customer: str
    customer_class: str
    commodity: Commodity
    zone: str
    kind: Kind
    base: float
    """Mean use of a working hour, kWh or m3."""
    minutes: int = 60

    @property
    def multiplier(self) -> float:
        """What a power register is multiplied by (current transformers); gas registers count m3."""
        return MULTIPLIER if self.commodity is Commodity.ELECTRICITY and self.kind is Kind.REGISTER else 1.0

    @property
    def limit(self) -> float:
        """Contract capacity in kW or largest flow in m3/h: well above anything the unscripted model reaches."""
        return float(round(self.base * 3))


@dataclass(frozen=True)
class Fleet:
    """All points; the registry's files follow from them."""

    points: tuple[Point, ...]

    @cached_property
    def gateways(self) -> dict[str, tuple[Point, ...]]:
        """The points behind each gateway."""
        found: dict[str, list[Point]] = {}
        for point in self.points:
            found.setdefault(point.gateway, []).append(point)
        return {gateway: tuple(points) for gateway, points in found.items()}

    def point(self, code: str) -> Point:
        """Return a point by its code."""
        return next(point for point in self.points if point.code == code)


def make_fleet() -> Fleet:
    """Return the fleet."""
    points = [_gas(index) for index in range(GAS_POINTS)]
    points += [_power(index, CHINA) for index in range(GAS_POINTS, GAS_POINTS + POWER_POINTS)]
    first = GAS_POINTS + POWER_POINTS
    points += [_power(index, ROME) for index in range(first, first + ROMAN_POINTS)]
    return Fleet(tuple(points))


def _gas(index: int) -> Point:
    kind = (Kind.REGISTER, Kind.REGISTER, Kind.FLOW)[index // POINTS_A_GATEWAY % 3]
    return Point(
        index,
        code=f"GP-{index + 1:04d}",
        meter=f"GM{index + 1:05d}",
        gateway=f"G{index // POINTS_A_GATEWAY + 1:02d}",
        customer=f"C-{index + 1:04d}",
        customer_class=_CLASSES[index % len(_CLASSES)],
        commodity=Commodity.GAS,
        zone=CHINA,
        kind=kind,
        base=40.0 + 13.0 * (index % 17),
    )


def _power(index: int, zone: str) -> Point:
    number = index - GAS_POINTS
    quarter = number < QUARTER_HOURLY
    # Thirty customers take gas and power, so that customers with two commodities exist.
    customer = number + 1 if QUARTER_HOURLY <= number < QUARTER_HOURLY + 30 else index + 1
    return Point(
        index,
        code=f"EP-{number + 1:04d}",
        meter=f"EM{number + 1:05d}",
        gateway=f"E{number // POINTS_A_GATEWAY + 1:02d}" if zone == CHINA else "R01",
        customer=f"C-{customer:04d}",
        customer_class=_CLASSES[(customer - 1) % len(_CLASSES)],
        commodity=Commodity.ELECTRICITY,
        zone=zone,
        kind=Kind.INTERVAL if number // POINTS_A_GATEWAY % 3 == 1 else Kind.REGISTER,
        base=120.0 + 31.0 * (number % 13),
        minutes=15 if quarter else 60,
    )


def manager_of(customer: str) -> str:
    """Return the code of the customer's manager."""
    return _MANAGERS[int(customer.removeprefix("C-")) % len(_MANAGERS)]


# --- the registry's files ---------------------------------------------------------------------------------------------

NEW_METER = "EM90001"


def registry_files(fleet: Fleet, exchange: "Exchange | None" = None) -> dict[str, str]:
    """Return the registry's CSV files by name; with ``exchange`` as they stand after that meter was exchanged."""
    customers = {point.customer: point.customer_class for point in fleet.points}
    return {
        "customers.csv": _csv(
            "customer,name,class,wheeling,unit,area",
            [
                f"{code},演示客户{code[2:]},{kind},no,U1,AREA-{int(code[2:]) % 4 + 1}"
                for code, kind in sorted(customers.items())
            ],
        ),
        "usage_points.csv": _csv(
            "usage_point,commodity,time_zone,capacity,qmin,qmax",
            [_point_row(point) for point in fleet.points],
        ),
        "agreements.csv": _csv(
            "agreement,customer,usage_point,from,to",
            [f"A-{point.index + 1:04d},{point.customer},{point.code},2020-01-01," for point in fleet.points],
        ),
        "meters.csv": _csv(
            "meter,usage_point,digits,multiplier,gateway,topic_filter,valid_from,valid_to,initial_index,final_index",
            [row for point in fleet.points for row in _meter_rows(point, exchange)],
        ),
        "people.csv": _csv("person,name,role,phone,email,unit,lang,from,to", _people()),
        "assignments.csv": _csv(
            "person,role,customer,class,area,from,to",
            [f"{manager_of(code)},manager,{code},,,2020-01-01," for code in sorted(customers)]
            + [f"{DEPUTY},deputy,,,,2020-01-01,", f"{HEAD},office_head,,,,2020-01-01,", "S-01,supervisor,,,,2020-01-01,"],
        ),
    }


@dataclass(frozen=True, slots=True)
class Exchange:
    """A meter taken off a point: when, and what both registers showed."""

    point: str
    at: datetime
    final: float
    initial: float


def _csv(head: str, rows: list[str]) -> str:
    return "\n".join([head, *rows]) + "\n"


def _point_row(point: Point) -> str:
    limits = f"{point.limit:g},," if point.commodity is Commodity.ELECTRICITY else f",{point.limit / 60:g},{point.limit:g}"
    return f"{point.code},{point.commodity},{point.zone},{limits}"


def _meter_rows(point: Point, exchange: Exchange | None) -> list[str]:
    def row(meter: str, first: str, last: str, initial: str, final: str) -> str:
        topic = topic_of(point, meter)
        return f"{meter},{point.code},6,{point.multiplier:g},{point.gateway},{topic},{first},{last},{initial},{final}"

    if exchange is None or exchange.point != point.code:
        return [row(point.meter, "2020-01-01", "", "", "")]
    at = exchange.at.isoformat()
    return [
        row(point.meter, "2020-01-01", at, "", f"{exchange.final:.2f}"),
        row(NEW_METER, at, "", f"{exchange.initial:.2f}", ""),
    ]


def topic_of(point: Point, meter: str) -> str:
    """Return the topic a meter reports on: flow computers speak for themselves, other meters through their gateway."""
    if point.kind is Kind.FLOW:
        return f"flow/{meter}/rt"
    return f"{'gas' if point.commodity is Commodity.GAS else 'power'}/{point.gateway}/up"


def _people() -> list[str]:
    names = ("演示经理甲", "演示经理乙", "演示经理丙", "演示经理丁", "Demo manager E")
    people = [
        f"{code},{name},manager,1380000000{number},,U1,{'en' if number == 5 else 'zh-CN'},2020-01-01,"
        for number, (code, name) in enumerate(zip(_MANAGERS, names, strict=True), 1)
    ]
    return [
        *people,
        f"{DEPUTY},演示代理,deputy,13900000003,,U1,zh-CN,,",
        f"{HEAD},演示所长,office_head,13900000001,,U1,zh-CN,,",
        "S-01,演示督察,supervisor,13900000002,,U1,zh-CN,,",
    ]
