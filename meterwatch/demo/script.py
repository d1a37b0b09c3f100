"""What happens to the fleet, and when: the changes of use, the meters, the packets that go astray."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from meterwatch.core.model.packets import Packet, Reason
from meterwatch.demo.fleet import CHINA, NEW_METER, PLAY_END, PLAY_START, Exchange, Fleet
from meterwatch.demo.packets import Reading, messages
from meterwatch.demo.usage import HOUR, Change, Displays, Truth, make_truth


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2023) -> datetime:
    """Return a moment of the play, local time in China."""
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(CHINA))


HALVED, FESTIVAL, OVERLOADED = "GP-0007", "EP-0051", "EP-0003"
ROLLED, EXCHANGED, SILENT = "GP-0013", "EP-0022", "GP-0031"
LATE_GATEWAY, TWICE_GATEWAY, ROMAN_GATEWAY = "G05", "E05", "R01"

HALVED_FROM = at(2, 13)
FESTIVAL_FROM, FESTIVAL_TO = at(1, 18), at(2, 4)
ROLLS_AT = at(1, 20, 12)
EXCHANGED_AT = at(3, 7, 10, 30)
SILENT_FROM = at(2, 27, 12)
OFFLINE, ONLINE = at(3, 13), at(3, 15, 9)
TWICE_FROM, TWICE_TO = at(2, 6), at(2, 7)
POISON_AT = at(3, 1, 12)
SUMMER_TIME = date(2023, 3, 26)
OVERLOADS = ((at(2, 21, 10), at(2, 21, 14)), (at(2, 22, 10), at(2, 22, 14)))
OVERLOAD = 1.12
_NEW_INDEX = 12.5


def changes(fleet: Fleet) -> tuple[Change, ...]:
    """Return the scripted changes of use."""
    limit = fleet.point(OVERLOADED).limit
    return (
        Change(HALVED, HALVED_FROM, PLAY_END + timedelta(days=2), factor=0.5),
        Change(FESTIVAL, at(1, 28, year=2022), at(2, 14, year=2022), to=0.0),
        Change(FESTIVAL, FESTIVAL_FROM, FESTIVAL_TO, to=0.0),
        *(Change(OVERLOADED, start, end, to=limit * OVERLOAD) for start, end in OVERLOADS),
    )


@dataclass
class Script:
    """The play: the fleet's truth and what each moment brings on the wire."""

    fleet: Fleet
    truth: Truth
    displays: Displays
    exchange: Exchange
    held_back: list[Reading] = field(default_factory=list)
    sent_twice: int = 0

    @classmethod
    def make(cls, fleet: Fleet) -> "Script":
        """Return the script for a fleet."""
        truth = make_truth(fleet, changes(fleet))
        rolled, exchanged = fleet.point(ROLLED), fleet.point(EXCHANGED)
        displays = Displays(truth, {ROLLED: 1e6 - truth.since_start(rolled, ROLLS_AT)})
        final = float(displays.at(EXCHANGED_AT)[exchanged.index])
        return cls(fleet, truth, displays, Exchange(EXCHANGED, EXCHANGED_AT, final, _NEW_INDEX))

    def meters(self, moment: datetime) -> Mapping[str, str]:
        """Return the meters that stand on exchanged points at ``moment``."""
        return {EXCHANGED: NEW_METER} if moment > EXCHANGED_AT else {}

    def through_new_meter(self, reading: Reading) -> Reading:
        """Return what the new meter sends when the old one would have sent ``reading``."""
        return replace(reading, value=round(self.exchange.initial + reading.value - self.exchange.final, 2))

    def deliver(self, readings: list[Reading], moment: datetime) -> list[Packet]:
        """Return the messages that reach the broker at ``moment``, after everything the script does to them."""
        readings = [reading for reading in readings if not _silent(reading)]
        away = [r for r in readings if r.point.gateway == LATE_GATEWAY and OFFLINE < moment < ONLINE]
        self.held_back += away
        readings = [reading for reading in readings if reading not in away]
        if moment == ONLINE:
            readings, self.held_back = self.held_back + readings, []
        packets = [packet for hour in _by_hour(readings) for packet in messages(hour)]
        again = [
            packet for packet in packets if packet.topic.split("/")[1] == TWICE_GATEWAY and TWICE_FROM < moment <= TWICE_TO
        ]
        self.sent_twice += sum(r.point.gateway == TWICE_GATEWAY for r in readings) if again else 0
        return packets + again + (self.poison() if moment == POISON_AT else [])

    def poison(self) -> list[Packet]:
        """Return messages nobody can turn into readings, and one that contradicts what was read before."""
        first = self.fleet.points[0]
        stamp = int((POISON_AT - timedelta(hours=1)).timestamp() * 1000)
        shown = float(self.displays.at(POISON_AT - timedelta(hours=1))[first.index])
        record = '{{"data":[{{"sn":"{sn}","ts":{ts},"total":{total},"unit":"{unit}"}}]}}'
        good = {"sn": first.meter, "ts": stamp, "total": shown, "unit": "m3"}
        return [
            Packet("gas/G01/up", b""),
            Packet("gas/G01/up", b"\x00\x17 nonsense"),
            Packet("gas/G01/up", b'{"data":[]}'),
            Packet("gas/G01/up", b'{"data":[{"sn":"' + first.meter.encode() + b'","ts":1677636000000,"total":NaN}]}'),
            Packet("gas/G01/up", b"[" + b" " * (5 * 1024 * 1024) + b"]"),
            Packet("gas/G01/up", record.format(**good | {"sn": "GM99999"}).encode()),
            Packet("gas/G01/up", record.format(**good | {"ts": 0}).encode()),
            Packet("gas/G01/up", record.format(**good | {"ts": 4_073_000_000_000}).encode()),
            Packet("gas/G01/up", record.format(**good | {"unit": "kWh"}).encode()),
            Packet("gas/G01/up", record.format(**good | {"total": round(shown + 55, 2)}).encode()),
        ]


POISON_REASONS: Mapping[Reason, int] = {
    Reason.EMPTY: 1,
    Reason.NOT_JSON: 2,
    Reason.NO_RECORDS: 1,
    Reason.TOO_LARGE: 1,
    Reason.UNKNOWN_METER: 1,
    Reason.TOO_OLD: 1,
    Reason.IN_FUTURE: 1,
    Reason.WRONG_UNIT: 1,
}
POISON_CONFLICTS = 1


def _silent(reading: Reading) -> bool:
    return reading.point.code == SILENT and reading.at > SILENT_FROM


def _by_hour(readings: list[Reading]) -> list[list[Reading]]:
    """Return the readings of each hour: what a gateway collected in it is one message."""
    found: dict[int, list[Reading]] = {}
    for reading in readings:
        found.setdefault((PLAY_START - reading.at) // HOUR, []).append(reading)
    return list(found.values())
