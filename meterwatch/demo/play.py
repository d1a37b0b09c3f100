"""Playing the fleet: history through the inbox, ninety days through MQTT, the clock moved from one event to the next."""

import fcntl
import logging
import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TextIO

from iotcore import Broker
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest import segments
from ingest.journal import INBOX
from meterwatch.app.parts import JOURNAL_FOLDER
from meterwatch.app.service import Service
from meterwatch.app.settings_file import load
from meterwatch.core.clock import elapsed
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.packets import Packet
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.demo.fleet import CHINA, PLAY_START, make_fleet, registry_files
from meterwatch.demo.office import Office
from meterwatch.demo.packets import SETTINGS, Reading, history, readings_at
from meterwatch.demo.script import EXCHANGED_AT, Script, at
from meterwatch.demo.usage import HOUR
from meterwatch.demo.world import World

log = logging.getLogger(__name__)

END = at(4, 1, 10)  # the last gas day of March has closed
MARK = ".meterwatch-demo"
HISTORY_FILE_PACKETS = 4000
MAX_PAYLOAD = 8 << 20
_DRAIN_S = 120.0
_HTTP_PORT = 8080

_FOREIGN = Phrase(
    "{path} is there and was not made by the demonstration; name another folder with --dir",
    "{path} 已存在且并非演示生成；请用 --dir 指定其他目录",
)
_IN_USE = Phrase(
    "a demonstration is running in {path}: stop it, or name another folder with --dir",
    "{path} 中已有演示在运行：请先停止它，或用 --dir 指定其他目录",
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with settings and registry, a broker and the service on them."""

    folder: Path
    service: Service
    broker_port: int
    address: str


@contextmanager
def set_stage(folder: Path, script: Script, account: str) -> Iterator[Stage]:
    """Prepare ``folder``, start a broker and the service, import the registry, and stop everything at the end.

    A folder that an earlier demonstration made is emptied first; any other is left alone and refused.
    """
    port = _free_port()
    http_port = _HTTP_PORT if _is_free(_HTTP_PORT) else 0
    with (
        prepare(folder),
        Broker(port=port, listen="127.0.0.1", max_payload_size=MAX_PAYLOAD),
        open_stage(folder, script, port, account, http_port=http_port) as stage,
    ):
        yield stage


def prepare(folder: Path) -> TextIO:
    """Make ``folder``, empty, and return its open mark: while that is open no other demonstration empties it.

    Raises Refusal if it holds anything a demonstration did not make or another one runs in it, OSError if it can't be had.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MARK).exists() and any(folder.iterdir()):
            raise Refusal(_FOREIGN, path=folder)
        return _take(folder)
    except BlockingIOError as problem:
        raise Refusal(_IN_USE, path=folder) from problem


def _take(folder: Path) -> TextIO:
    with ExitStack() as opened:
        mark = opened.enter_context((folder / MARK).open("a", encoding="utf-8"))
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)  # dies with the process
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != MARK:
                entry.unlink()
        mark.truncate(0)
        mark.write("made by `meterwatch demo`, which empties this folder at its next start\n")
        mark.flush()
        opened.pop_all()
        return mark


@contextmanager
def open_stage(
    folder: Path, script: Script, broker_port: int, account: str, *, start: datetime = PLAY_START, http_port: int = 0
) -> Iterator[Stage]:
    """Open the service in ``folder`` against a running broker: from ``start``, or from where an earlier run stopped.

    ``http_port`` 0 takes any that is free.
    """
    text = SETTINGS.format(mqtt_port=broker_port, http_port=http_port, account=account)
    (folder / "meterwatch.toml").write_text(text, encoding="utf-8")
    service = Service(load(folder / "meterwatch.toml"))
    try:
        if service.books.ledger.clock.moved_to() is None:
            service.books.ledger.clock.move(start)
            write_registry(folder, registry_files(script.fleet))
            import_registry(service, folder, start)
        yield Stage(folder, service, broker_port, service.start())
    finally:
        service.stop()


def write_registry(folder: Path, files: dict[str, str]) -> None:
    """Write the registry's CSV files."""
    (folder / "registry").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "registry" / name).write_text(text, encoding="utf-8")


def import_registry(service: Service, folder: Path, now: datetime) -> None:
    """Import the registry as `meterwatch registry import` does."""
    service.books.registry.import_files(folder / "registry", by="demo", now=now, default_zone=CHINA)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Publisher:
    """Sends the fleet's messages at QoS 1."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="meterwatch-demo-fleet")
        self._client.max_queued_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, packets: Iterable[Packet]) -> int:
        """Publish packets; return how many. That they arrived is seen at the other end."""
        return len([self._client.publish(packet.topic, packet.payload, qos=1) for packet in packets])

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Player:
    """Moves the play on from ``start`` to ``end``; ``watch(now)`` is called after every step."""

    stage: Stage
    script: Script
    publisher: Publisher
    watch: Callable[[datetime], None] = lambda _now: None
    start: datetime = PLAY_START
    end: datetime = END
    lang: Lang = Lang.EN
    stopping: threading.Event = field(default_factory=threading.Event)
    _expected: int = 0
    _office: Office = field(init=False)

    def __post_init__(self) -> None:
        self._expected = self._journaled()
        service = self.stage.service
        self._office = Office(service.books, service.settings, self.lang)

    def load_history(self, days: Iterable[int], progress: Callable[[int], None] = lambda _count: None) -> None:
        """Hand the readings of some days before the play in through the journal's inbox; their totals are computed."""
        inbox = self.stage.service.settings.data_dir / JOURNAL_FOLDER / INBOX
        packets = history(self.script.fleet, self.script.displays, days)
        for number, chunk in enumerate(iter(lambda: list(islice(packets, HISTORY_FILE_PACKETS)), [])):
            segments.write_file(inbox / f"{number:06d}.seg", 0, chunk)
            self._await(len(chunk))
            progress(len(chunk))
        self.stage.service.step(self.start)

    def play(self, pace_s: float = 0.0) -> None:
        """Play until the end; ``pace_s`` real seconds a day at least."""
        moment, day_began = self.start, elapsed()
        due_at = self._due_after(moment)
        fleet_at = self.start + HOUR - (self.start - PLAY_START) % HOUR
        while moment < self.end and not self.stopping.is_set():
            moment = min(fleet_at, due_at)
            self._take_in(moment, readings=moment == fleet_at)
            fleet_at += HOUR if moment == fleet_at else timedelta(0)
            self._step(moment)
            due_at = self._due_after(moment)
            if moment.astimezone(PLAY_START.tzinfo).hour == moment.minute == 0:
                self.stopping.wait(max(pace_s - (elapsed() - day_began), 0.0))
                day_began = elapsed()

    def settle(self, quiet_s: float = 0.5) -> None:
        """After a restart: wait until the broker has brought again what was not acknowledged, and that is stored."""
        engine = self.stage.service.engine
        while engine is not None and not (engine.subscriber.state.subscribed and engine.drained()):
            self.stopping.wait(0.01)
        before = -1
        while before != self._journaled():
            before = self._journaled()
            self.stopping.wait(quiet_s)
        self._expected = before

    def _due_after(self, moment: datetime) -> datetime:
        scripted = EXCHANGED_AT if moment < EXCHANGED_AT else self.end
        return min(self.stage.service.next_due(moment) or self.end, scripted, self.end)

    def _take_in(self, moment: datetime, *, readings: bool) -> None:
        """Bring business time just short of ``moment``, publish what is sent by then and wait until it is stored."""
        service = self.stage.service
        just_before = moment - timedelta(milliseconds=1)
        service.books.ledger.clock.move(max(just_before, service.books.clock.now()))
        if moment == EXCHANGED_AT:
            write_registry(self.stage.folder, registry_files(self.script.fleet, self.script.exchange))
            import_registry(service, self.stage.folder, moment)
        if readings:
            self._await(self.publisher.send(self.script.deliver(self._readings(moment), moment)))

    def _step(self, moment: datetime) -> None:
        """Bring business time to ``moment`` and do what is due."""
        self.stage.service.books.ledger.clock.move(moment)
        self.stage.service.step(moment)
        self._office.work(moment)
        self.watch(moment)

    def _readings(self, moment: datetime) -> list[Reading]:
        meters = self.script.meters(moment)
        found = readings_at(self.script.fleet, self.script.displays, moment, meters)
        return [self.script.through_new_meter(reading) if reading.point.code in meters else reading for reading in found]

    def _await(self, packets: int) -> None:
        """Wait until ``packets`` more packets are journaled and all of the journal has become readings or rejects."""
        self._expected += packets
        engine = self.stage.service.engine
        deadline = elapsed() + _DRAIN_S
        while engine is not None and not (engine.drained() and self._journaled() >= self._expected):
            if self.stage.service.crash or elapsed() > deadline:
                raise Unavailable(f"the service does not take in what is sent: {self.stage.service.health().problems}")
            self.stopping.wait(0.0005)

    def _journaled(self) -> int:
        engine = self.stage.service.engine
        return engine.journal.appended if engine is not None else 0

    def world(self) -> World:
        """Return what the service came to."""
        service = self.stage.service
        if service.engine is None:
            raise Unavailable("no engine in this process")
        engine = service.engine
        return World.of(self.script, service.books, engine.store, engine.registry, engine.journal.balance())


def make_script() -> Script:
    """Return the script of the demonstration."""
    return Script.make(make_fleet())
