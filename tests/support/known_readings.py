"""Readings a publisher knows it sent: days of a small fleet, with some packets late, twice, contradicting or poisoned.

The fleet: customer C1's gas point G1 halves its use, C2's electricity point E1 runs over its capacity on some days, others
stay as they are. Gas reports once a meter day, electricity every 15 minutes, some points four readings a packet.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meterwatch.core.instants import to_ms

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2023, 6, 1)
HISTORY = 30
DROP = 1  # days after FIRST on which C1 begins to use less
OVERLOADS = (1, 4, 6)  # days after FIRST on which E1 runs over its capacity of 315 kW
# With 450 instead of 1000 the mean of seven days falls below 70 % of the month's when four of them are such days:
# (3 * 1000 + 4 * 450) / 7 = 686. The fourth is this many days after FIRST.
CHURN_OPENS = DROP + 3
GAS, POWER = 214, 111  # reading types: use of a gas day, electricity in 15 minutes
GAS_POINTS = ("G1", "G2")
POWER_POINTS = ("E1", "E2", "E3", "E4", "E5", "E6")

CODECS = """
[[codecs]]
name = "gas"
topics = ["gas/+"]
meter = "$topic.1"
time = "t"
[[codecs.readings]]
type = "gas.interval.day"
path = "v"
unit_path = "unit"

[[codecs]]
name = "power"
topics = ["power/+"]
records = "rows"
meter = "$topic.1"
time = "t"
[[codecs.readings]]
type = "electricity.interval.15min"
path = "v"
"""
REGISTRY = {
    "customers": "customer,name,class,wheeling,unit,area\n"
    + "".join(f"C{number},Customer {number},A1,,,north\n" for number in range(1, 9)),
    "usage_points": "usage_point,commodity,time_zone,capacity,qmin,qmax\n"
    + "".join(f"{code},gas,,,,\n" for code in GAS_POINTS)
    + "".join(f"{code},electricity,,315,,\n" for code in POWER_POINTS),
    "agreements": "agreement,customer,usage_point,from,to\n"
    + "".join(f"A{n},C{n},{code},2020-01-01,\n" for n, code in enumerate(("G1", "E1", "G2", *POWER_POINTS[1:]), 1)),
    "meters": "meter,usage_point,digits,multiplier,gateway,topic_filter,valid_from,valid_to,initial_index,final_index\n"
    + "".join(f"M{code},{code},,,,,2020-01-01,,,\n" for code in (*GAS_POINTS, *POWER_POINTS)),
    "people": "person,name,role,phone,email,unit,lang,from,to\nK1,Manager,manager,13800138000,,,en,,\n",
    "assignments": "person,role,customer,class,area,from,to\nK1,manager,,,north,,\n",
}


class Sent(NamedTuple):
    """A packet, and the readings (point, type, time, value) in it that can be stored."""

    topic: str
    payload: bytes
    readings: tuple[tuple[str, int, int, float], ...] = ()


class Act(NamedTuple):
    """Move business time, then publish."""

    clock: datetime
    packets: list[Sent]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return local time on the day ``day`` days after FIRST."""
    return datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), ZONE) + timedelta(hours=hour, minutes=minute)


def day_of(point: str, time: int) -> int:
    """Return how many days after FIRST the meter day begins that an interval ending at ``time`` lies in."""
    begins = at(0, 8 if point in GAS_POINTS else 0)
    return (time - 1 - to_ms(begins)) // 86_400_000


def gas_use(point: str, day: int) -> float:
    return 450.0 if point == "G1" and day >= DROP else 1000.0


def gas(point: str, day: int) -> Sent:
    """Return a gas day's use; the day ends at 08:00 of the next."""
    time, use = to_ms(at(day + 1, 8)), gas_use(point, day)
    return Sent(f"gas/M{point}", json.dumps({"t": time, "v": use}).encode(), ((point, GAS, time, use),))


def power(point: str, day: int) -> Iterator[Sent]:
    """Yield a day's quarter hours."""
    quarters = []
    for quarter in range(1, 97):
        over = point == "E1" and day in OVERLOADS and quarter == 50
        quarters.append((point, POWER, to_ms(at(day, 0, 15 * quarter)), 100.0 if over else 10.0 + quarter % 7))
    size = 4 if point in ("E5", "E6") else 1
    for start in range(0, 96, size):
        yield power_packet(*quarters[start : start + size])


def power_packet(*readings: tuple[str, int, int, float]) -> Sent:
    rows = [{"t": time, "v": value} for _, _, time, value in readings]
    return Sent(f"power/M{readings[0][0]}", json.dumps({"rows": rows}).encode(), readings)


def poison(dice: random.Random, clock: datetime) -> Sent:
    """Return a packet of which nothing can be stored."""
    now = to_ms(clock)
    bad: dict[str, object] = dice.choice([{"t": 0}, {"t": to_ms(clock) * 2}, {"v": "NaN"}, {"unit": "kWh"}, {"t": None}])
    payloads = [b"", b"{", b"[[", b"\xff\xfe", json.dumps({"t": now, "v": 1, **bad}).encode()]
    topic = dice.choice(["gas/MG1", "gas/MG2", "gas/nobody"])
    whole = Sent("gas/nobody", json.dumps({"t": now, "v": 1}).encode())
    return dice.choice([whole, Sent(topic, dice.choice(payloads)), Sent("power/ME2", b'{"rows":[]}')])


@dataclass
class Script:
    """The days to be played; ``dice`` decides what is late, doubled, contradicted or poisoned."""

    days: int
    dice: random.Random
    _late: dict[int, list[Sent]] = field(default_factory=lambda: defaultdict(list))

    def acts(self) -> Iterator[list[Act]]:
        """Yield the acts of each day; the first brings the history, the last what is late by then."""
        history = [gas(point, day) for day in range(-HISTORY, 0) for point in GAS_POINTS]
        yield [Act(at(0, 10), self._spoilt(history, 0))]
        for day in range(self.days):
            quarters = [packet for point in POWER_POINTS for packet in power(point, day)]
            quarters.sort(key=lambda packet: packet.readings[0][2])
            gas_days = [gas(point, day) for point in GAS_POINTS]
            yield [
                Act(at(day + 1, 0, 1), self._spoilt(quarters, day)),
                Act(at(day + 1, 8, 1), self._spoilt([*gas_days, *self._late.pop(day, [])], day)),
                Act(at(day + 1, 10, 30), []),
            ]
        yield [Act(at(self.days, 11), [packet for late in self._late.values() for packet in late])]

    def _spoilt(self, packets: list[Sent], day: int) -> list[Sent]:
        found: list[Sent] = []
        for packet in packets:
            if self.dice.random() < 0.03:
                self._late[day + self.dice.randint(1, 3)].append(packet)
                continue
            found += [packet] * (1 + (self.dice.random() < 0.05))
            if self.dice.random() < 0.02:
                found.append(self._contradiction(packet))
            if self.dice.random() < 0.02:
                found.append(poison(self.dice, at(day, 0)))
        return found

    def _contradiction(self, packet: Sent) -> Sent:
        """Return one that says something else of what was said already."""
        point, kind, time, value = packet.readings[0]
        if kind == GAS:
            return Sent(packet.topic, json.dumps({"t": time, "v": value + 1}).encode(), ((point, kind, time, value + 1),))
        return power_packet((point, kind, time, value + 1))


def kept(sent: list[Sent]) -> dict[tuple[str, int, int], float]:
    """Return what must be stored once everything sent has arrived: of two values the first."""
    stored: dict[tuple[str, int, int], float] = {}
    for packet in sent:
        for point, kind, time, value in packet.readings:
            stored.setdefault((point, kind, time), value)
    return stored
