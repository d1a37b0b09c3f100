"""What the fleet's gateways and flow computers send, and the settings that read it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from meterwatch.core.instants import to_ms
from meterwatch.core.model.packets import Packet
from meterwatch.core.model.reading_types import Commodity
from meterwatch.demo.fleet import CHINA, HISTORY_START, Fleet, Kind, Point, topic_of
from meterwatch.demo.usage import HOUR, Displays

SETTINGS = """\
# The settings of the demonstration, written anew by every `meterwatch demo`.
data_dir = "data"

[mqtt]
host = "127.0.0.1"
port = {mqtt_port}
protocol = "3.1.1"

[site]
time_zone = "Asia/Shanghai"

[routing]
channel = "spool"

[desk]
listen = "127.0.0.1:{http_port}"

[viewers.accounts]
{account} = "S-01"

[[codecs]]
name = "gas gateways"
topics = ["gas/+/up"]
records = "data"
meter = "sn"
time = "ts"
time_format = "ms"
readings = [{{ type = "gas.register", path = "total", unit_path = "unit" }}]
sample = '{{"data": [{{"sn": "GM00001", "ts": 1672531200000, "total": 1234.56, "unit": "m3"}}]}}'
sample_topic = "gas/G01/up"

[[codecs]]
name = "flow computers"
topics = ["flow/+/rt"]
meter = "$topic.1"
time = "time"
time_format = "iso"
readings = [{{ type = "gas.flow", path = "flow", unit = "m3/h" }}]
sample = '{{"time": "2023-01-01T08:00:00", "flow": 31.5}}'
sample_topic = "flow/GM00021/rt"

[[codecs]]
name = "power gateways"
topics = ["power/+/up"]
records = "list"
meter = "meter"
time = "t"
time_format = "s"
readings = [
    {{ type = "electricity.register", path = "values.kwh" }},
    {{ type = "electricity.interval.hour", path = "values.used" }},
]
sample = '{{"list": [{{"meter": "EM00001", "t": 1672531200, "values": {{"kwh": 5321.07}}}}]}}'
sample_topic = "power/E01/up"
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value a meter sends."""

    point: Point
    meter: str
    at: datetime
    value: float


def messages(readings: Iterable[Reading]) -> Iterator[Packet]:
    """Yield the messages that carry ``readings``: one a gateway, one a flow computer."""
    by_topic: dict[str, list[Reading]] = {}
    for reading in readings:
        by_topic.setdefault(topic_of(reading.point, reading.meter), []).append(reading)
    for topic, own in by_topic.items():
        yield Packet(topic, json.dumps(_payload(own), separators=(",", ":")).encode())


def _payload(readings: Sequence[Reading]) -> Any:
    point = readings[0].point
    if point.kind is Kind.FLOW:
        records = [{"time": _local(reading.at), "flow": reading.value} for reading in readings]
        return records if len(records) > 1 else records[0]
    if point.commodity is Commodity.GAS:
        return {"data": [{"sn": r.meter, "ts": to_ms(r.at), "total": r.value, "unit": "m3"} for r in readings]}
    field = "kwh" if point.kind is Kind.REGISTER else "used"
    return {"list": [{"meter": r.meter, "t": to_ms(r.at) // 1000, "values": {field: r.value}} for r in readings]}


def _local(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(CHINA)).strftime("%Y-%m-%dT%H:%M:%S")


def history(fleet: Fleet, displays: Displays, days: Iterable[int]) -> Iterator[Packet]:
    """Yield the hourly readings of some days since HISTORY_START (0 is the first), one message a gateway and day."""
    shown = displays.hourly
    for day in days:
        hours = range(day * 24, day * 24 + 24)
        values = shown[hours.start : hours.stop].tolist()
        for points in fleet.gateways.values():
            yield from messages(
                Reading(point, point.meter, HISTORY_START + (hour + 1) * HOUR, values[hour - hours.start][point.index])
                for hour in hours
                for point in points
            )


def readings_at(fleet: Fleet, displays: Displays, at: datetime, meters: Mapping[str, str]) -> list[Reading]:
    """Return what the fleet's meters send at the full hour ``at``: what they showed since the last, some each quarter.

    ``meters`` names the meter of points where it was exchanged.
    """
    found = []
    for minutes in (45, 30, 15, 0):
        moment = at - timedelta(minutes=minutes)
        shown = displays.at(moment).tolist()
        found += [
            Reading(point, meters.get(point.code, point.meter), moment, shown[point.index])
            for point in fleet.points
            if minutes % point.minutes == 0
        ]
    return found
