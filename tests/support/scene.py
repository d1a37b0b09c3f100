"""An office at work, for scenes: meters that report, people who type commands, and the provider their messages reach.

The whole service runs in one thread over real stores; the clock stands where the scene moves it. Messages go to a real
HTTP provider and are read there. A message that the scene did not read out fails it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterwatch.app.service import Service
from meterwatch.app.settings_file import load
from meterwatch.core.instants import to_ms
from meterwatch.core.model.packets import Packet
from meterwatch.core.model.reading_types import Commodity
from meterwatch.stores.ledger.work import Wanted
from tests.support.desk import at
from tests.support.ledger import migrated
from tests.support.platform import Platform
from tests.support.registry_csv import write_files
from tests.support.terminal import Printed, Terminal

CHINA = ZoneInfo("Asia/Shanghai")
_DAY_BEGINS = {Commodity.GAS: time(8), Commodity.ELECTRICITY: time(0)}
_TYPES = {
    "gas": "gas.register",
    "gas_hour": "gas.interval.hour",
    "flow": "gas.flow",
    "kwh": "electricity.register",
    "kw": "electricity.power",
}
_REGISTER = {Commodity.GAS: "gas", Commodity.ELECTRICITY: "kwh"}
_MORNING = time(9)
_SHEETS = {"use-important-report": {"W": "weekly", "-": "monthly"}, "oversee": {"-": "oversee"}}
_BEFORE = timedelta(milliseconds=1)

_SETTINGS = """\
[mqtt]
host = "127.0.0.1"
port = 1

[[codecs]]
name = "scene"
topics = ["m/+"]
meter = "$topic.1"
time = "ts"
{readings}
[channels.webhook]
url = "{url}"
secret = "scene"

[viewers.accounts]
{accounts}
[routing]
channel = "webhook"
{routing}
{more}
"""

FILES = {
    "customers": """\
customer,name,class,wheeling,unit,area
FOUNDRY,宏达铸造厂,A1,no,一所,north
HOTEL,Bright Hotel,A2,no,一所,north
MILL,长江纺织厂,A1,no,二所,south
""",
    "usage_points": """\
usage_point,commodity,time_zone,capacity,qmin,qmax
FOUNDRY-GAS,gas,,,2,100
HOTEL-POWER,electricity,,315,,
MILL-GAS,gas,,,2,100
""",
    "agreements": """\
agreement,customer,usage_point,from,to
1,FOUNDRY,FOUNDRY-GAS,2020-01-01,
2,HOTEL,HOTEL-POWER,2020-01-01,
3,MILL,MILL-GAS,2020-01-01,
""",
    "meters": """\
meter,usage_point,digits,multiplier,gateway,topic_filter,valid_from,valid_to,initial_index,final_index
M-FOUNDRY-GAS,FOUNDRY-GAS,8,1,,,2020-01-01,,,
M-HOTEL-POWER,HOTEL-POWER,8,1,,,2020-01-01,,,
M-MILL-GAS,MILL-GAS,8,1,,,2020-01-01,,,
""",
    "people": """\
person,name,role,phone,email,unit,lang,from,to
WANG,王芳,manager,13800000001,,一所,zh-CN,2020-01-01,
LI,李强,deputy,13800000002,,一所,zh-CN,2020-01-01,
ZHAO,赵敏,office_head,13800000003,,一所,zh-CN,2020-01-01,
CHEN,陈刚,manager,13800000004,,二所,en,2020-01-01,
SUN,孙丽,deputy,13800000005,,二所,en,2020-01-01,
ZHOU,周平,office_head,13800000006,,二所,en,2020-01-01,
WU,吴涛,supervisor,13800000007,,,zh-CN,2020-01-01,
MA,马超,company_manager,13800000008,,,zh-CN,2020-01-01,
HE,何静,supply_admin,13800000009,,一所,zh-CN,2020-01-01,
LIN,林娜,call_centre,13800000010,,,zh-CN,2020-01-01,
GAO,高洁,finance,13800000011,,,zh-CN,2020-01-01,
""",
    "assignments": """\
person,role,customer,class,area,importance,from,to
WANG,manager,,,north,,2020-01-01,
LI,deputy,,,north,,2020-01-01,
CHEN,manager,,,south,,2020-01-01,
SUN,deputy,,,south,,2020-01-01,
""",
    "contacts": """\
contact,customer,name,phone,role,from,to,paper_hash
N1,FOUNDRY,刘厂长,13900000001,outage,2020-01-01,,
N2,HOTEL,前台,13900000002,outage,2020-01-01,,
N3,MILL,黄主任,13900000003,outage,2020-01-01,,
""",
    "zones": None,
    "point_zones": None,
    "designations": """\
customer,category,grade,basis,approved_by,review_date
HOTEL,公共服务,2,decision 2022-5,WU,2030-12-31
""",
    "classifications": None,
}
"""Two offices: 一所 has a foundry on gas and an important hotel on power, 二所 a mill on gas."""


def shown(text: str) -> str:
    """Return a moment as the data of commands gives it as the office's clock shows it, ``2023-04-17 08:30``."""
    return f"{datetime.fromisoformat(text).astimezone(CHINA):%Y-%m-%d %H:%M}"


USED = {"FOUNDRY-GAS": 1000.0, "HOTEL-POWER": 2400.0, "MILL-GAS": 800.0}
"""What the usual points have used a day before a scene begins, and go on to use."""


@dataclass(frozen=True)
class Received:
    """One message as the provider received it: to which phone, and the text."""

    to: str
    text: str


@dataclass
class Supply:
    """A usage point whose meter reports its register at the end of each meter day."""

    commodity: Commodity
    meter: str
    daily: float | None = None
    """What is used a day; None: the meter is silent, and what is used meanwhile nobody knows."""
    register: float = 0.0


@dataclass
class Office:
    """The office of one scene."""

    terminal: Terminal
    provider: Platform
    service: Service
    accounts: pytest.MonkeyPatch
    """Under which account of the machine a command is typed: each person has one, his code in small letters."""
    files: Mapping[str, str | bytes | None]
    now: datetime
    supplies: dict[str, Supply] = field(default_factory=dict)
    routine: bool = True
    """Whether the offices file their sheets in the morning after they are asked for."""
    _read: int = 0
    _unread: list[Received] = field(default_factory=list)

    # --- time ----------------------------------------------------------------------------------------------------

    def until(self, moment: str) -> None:
        """Let time pass until ``moment``: meters report, and whatever is due is done at its own time."""
        end = at(moment)
        assert end >= self.now, f"{moment} is past"
        self._step()
        while self.now < end:
            due = self.service.next_due(self.now) or end
            reported = min(_next(self.now, _DAY_BEGINS[one.commodity]) for one in self.supplies.values())
            self._advance(min(max(due, self.now + _BEFORE), reported, _next(self.now, _MORNING), end))

    def _advance(self, moment: datetime) -> None:
        self.service.books.ledger.clock.move(max(moment - _BEFORE, self.now))
        reporting = [one for one in self.supplies.values() if _next(self.now, _DAY_BEGINS[one.commodity]) == moment]
        self._take([packet for one in reporting if (packet := _report(one, moment))])
        morning = _next(self.now, _MORNING) == moment
        self.now = moment
        self.service.books.ledger.clock.move(moment)
        self._step()
        if morning and self.routine:
            self._file_sheets()

    def _step(self) -> None:
        self.service.step(self.now)

    def _file_sheets(self) -> None:
        """Let whoever has to file the sheets of a week or a month."""
        for rule, sheets in _SHEETS.items():
            for task in self.service.books.ledger.work.tasks(Wanted(rule=rule), None):
                sheet = next(sheet for mark, sheet in sheets.items() if mark in task.period)
                words = ("report", sheet, "--unit", task.unit or "-", "--period", task.period)
                self.says(task.person, *words, "--out", f"sheet-{task.id}.txt", "--file")

    # --- meters --------------------------------------------------------------------------------------------------

    def uses(self, point: str, daily: float | None) -> None:
        """From now on ``daily`` is used each meter day at a usage point; None: its meter falls silent."""
        self.supplies[point].daily = daily

    def reads(self, point: str, moment: str, **values: float) -> None:
        """Let a meter report once, in time or late: ``gas``, ``gas_hour``, ``flow``, ``kwh``, ``kw``."""
        self._take([_packet(self.supplies[point].meter, at(moment), values)])
        self._step()

    def reads_late(self, point: str, moments: Iterable[datetime], **values: float) -> None:
        """Let a meter report the same values of many past moments at once."""
        self._take([_packet(self.supplies[point].meter, moment, values) for moment in moments])
        self._step()

    def used_before(self, days: int, daily: Mapping[str, float]) -> None:
        """Let usage points have used ``daily`` on each of the last ``days`` meter days; they go on like that."""
        packets = []
        for point, amount in daily.items():
            supply = self.supplies[point]
            supply.daily = amount
            edge = _next(self.now, _DAY_BEGINS[supply.commodity]) - timedelta(days=days + 1)
            for _ in range(days + 1):
                packets.append(_packet(supply.meter, edge, {_REGISTER[supply.commodity]: supply.register}))
                supply.register, edge = supply.register + amount, edge + timedelta(days=1)
            supply.register -= amount
        self._take(packets)
        self._step()

    def _take(self, packets: list[Packet]) -> None:
        engine = self.service.engine
        assert engine is not None
        if packets:
            engine.journal.append(packets, self.service.books.clock.now())
        while engine.pipeline.step():
            pass

    # --- people --------------------------------------------------------------------------------------------------

    def says(self, person: str, *words: str) -> Printed:
        """Let somebody type a command, and let the service do what is due then; return what was printed."""
        printed = self._types(person, *words)
        assert printed.code == 0, f"{person}: meterwatch {' '.join(words)}: {printed.err}"
        return printed

    def asks(self, person: str, *words: str) -> Any:
        """Let somebody type a command with --json; return the data."""
        return self.says(person, *words, "--json").data

    def refused(self, person: str, *words: str) -> str:
        """Let somebody type a command that is refused; return the reason he reads."""
        printed = self._types(person, *words)
        assert printed.code != 0, f"{person}: meterwatch {' '.join(words)} was not refused: {printed.out}"
        assert "Traceback" not in printed.err
        return printed.err

    def _types(self, person: str, *words: str) -> Printed:
        self.accounts.setattr("meterwatch.cli.session.account_name", person.lower)
        printed = self.terminal(*words)
        self._step()
        return printed

    def files_registry(self, person: str = "WU", **files: str) -> None:
        """Let somebody import the registry with other ``files`` in place of what stood there."""
        self.files = {**self.files, **files}
        write_files(self.terminal.folder / "registry", self.files)
        self.says(person, "registry", "import", str(self.terminal.folder / "registry"))

    # --- what came of it -----------------------------------------------------------------------------------------

    def told(self, person: str, *fragments: str) -> str:
        """Read out the oldest unread message to somebody, which holds every fragment; return its text."""
        return self._told(_phone(self.files["people"], "person", person), person, fragments)

    def told_customer(self, contact: str, *fragments: str) -> str:
        """Read out the oldest unread message to a customer's contact."""
        return self._told(_phone(self.files["contacts"], "contact", contact), contact, fragments)

    def _told(self, phone: str, whom: str, fragments: tuple[str, ...]) -> str:
        for message in self.unread():
            if message.to == phone and all(fragment in message.text for fragment in fragments):
                self._unread.remove(message)
                return message.text
        raise AssertionError(f"{whom} was not told {fragments}; unread: {self.unread()}")

    def unread(self) -> list[Received]:
        """Return the messages the provider received and the scene did not read out yet."""
        posted = self.provider.posted[self._read :]
        self._read += len(posted)
        bodies = [json.loads(one.body) for one in posted]
        self._unread += [Received(body["to"], body["text"]) for body in bodies]
        return list(self._unread)

    def nothing_more(self) -> None:
        """Fail if anybody was told anything that was not read out."""
        assert self.unread() == []

    def tasks(self, rule: str = "", **having: Any) -> list[dict[str, Any]]:
        """Return the tasks there ever were, of a rule, whose fields are as ``having`` says, by number."""
        words = ["tasks", "--all", "--limit", "10000", *(["--rule", rule] if rule else [])]
        found = [row for row in self.asks("MA", *words) if all(row[key] == value for key, value in having.items())]
        return sorted(found, key=lambda row: int(row["id"]))

    def task(self, rule: str, subject: str, **having: Any) -> dict[str, Any]:
        """Return the one task of a rule about a subject; it is an error if there is none, or more."""
        found = self.tasks(rule, subject=subject, **having)
        assert len(found) == 1, f"{len(found)} tasks {rule} about {subject}: {found}"
        return found[0]

    def alerts(self, rule: str = "") -> list[dict[str, Any]]:
        """Return the alerts there ever were, of a rule, oldest first."""
        found = self.asks("MA", "alerts", "--all", "--limit", "10000")
        return sorted((row for row in found if rule in ("", row["rule"])), key=lambda row: int(row["id"]))


@contextmanager
def opened(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    accounts_of: pytest.MonkeyPatch,
    start: str,
    files: Mapping[str, str | bytes | None],
    *,
    used: Mapping[str, float],
    days: int,
    routing: str,
    settings: str,
) -> Iterator[Office]:
    """Open an office at ``start``: with registry files in place of the usual ones, each point having ``used`` that a day."""
    with Platform() as provider:
        every = {**FILES, **files}
        accounts = "".join(f'{row["person"].lower()} = "{row["person"]}"\n' for row in _rows(every["people"]))
        text = _settings_text(provider, accounts, routing, settings)
        (folder / "meterwatch.toml").write_text(text, encoding="utf-8")
        (folder / "data").mkdir()
        (folder / "data" / "ledger.db").write_bytes(migrated())
        service = Service(load(folder / "meterwatch.toml"))
        try:
            service.books.ledger.clock.move(at(start))
            write_files(folder / "registry", every)
            service.books.registry.import_files(folder / "registry", by="clerk", now=at(start), default_zone="Asia/Shanghai")
            service.step(at(start))
            terminal = Terminal(folder, capsys)
            office = Office(terminal, provider, service, accounts_of, every, at(start))
            office.supplies = _supplies(every)
            office.used_before(days, used)
            yield office
        finally:
            service.stop()


def _settings_text(provider: Platform, accounts: str, routing: str, more: str) -> str:
    readings = "".join(f'\n[[codecs.readings]]\ntype = "{kind}"\npath = "{path}"\n' for path, kind in _TYPES.items())
    return _SETTINGS.format(readings=readings, url=provider.url, accounts=accounts, routing=routing, more=more)


def _supplies(files: Mapping[str, str | bytes | None]) -> dict[str, Supply]:
    """Return the usage points of the registry, each with the meter that is on it last."""
    points = {row["usage_point"]: Commodity(row["commodity"]) for row in _rows(files["usage_points"])}
    meters = {row["usage_point"]: row["meter"] for row in _rows(files["meters"])}
    return {point: Supply(commodity, meters[point]) for point, commodity in points.items() if point in meters}


def _rows(text: str | bytes | None) -> list[dict[str, str]]:
    assert isinstance(text, str)
    header, *lines = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return [dict(zip(header, line, strict=True)) for line in lines]


def _phone(text: str | bytes | None, column: str, code: str) -> str:
    return next(row["phone"] for row in _rows(text) if row[column] == code)


def _next(moment: datetime, hour: time) -> datetime:
    """Return when the office's clock shows ``hour`` next after ``moment``."""
    today = datetime.combine(moment.astimezone(CHINA).date(), hour, CHINA)
    return today if today > moment else today + timedelta(days=1)


def _report(supply: Supply, moment: datetime) -> Packet | None:
    if supply.daily is None:
        return None
    supply.register += supply.daily
    return _packet(supply.meter, moment, {_REGISTER[supply.commodity]: supply.register})


def _packet(meter: str, moment: datetime, values: Mapping[str, float]) -> Packet:
    return Packet(f"m/{meter}", json.dumps({"ts": to_ms(moment), **values}).encode())
