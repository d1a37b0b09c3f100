"""The same month, however it arrives: in one go, with kills in between, shuffled within the meter day, or twice."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from iotcore import Broker

from meterwatch.core.model.duties import Duty
from meterwatch.demo.script import HALVED, OVERLOADED, OVERLOADS, at
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.work import Wanted
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.registry import SqlRegistry
from tests.support.month import ENDS, START
from tests.support.mosquitto import free_port, until

KILLED_AT = (at(2, 15, 7), at(2, 18, 10), at(2, 21, 11))
DEADLINE_S = 240


NAMES = ("plain", "twice", "shuffled", "killed")


@pytest.fixture
def brokers() -> Iterator[dict[str, int]]:
    """A broker for each: they all subscribe to the same topics under the same name."""
    with ExitStack() as opened:
        running = {
            name: opened.enter_context(Broker(port=free_port(), listen="127.0.0.1", max_payload_size=8 << 20))
            for name in NAMES
        }
        yield {name: broker.port for name, broker in running.items()}


class Players:
    """The processes that play; none outlives the test."""

    def __init__(self, length: str) -> None:
        self.length = length
        self.all: list[subprocess.Popen[bytes]] = []

    def play(self, folder: Path, port: int, variant: str) -> "subprocess.Popen[bytes]":
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.support.month", str(folder), str(port), variant, self.length]
        with (folder / "errors").open("ab") as errors:
            self.all.append(subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=errors))
        return self.all[-1]

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(params=["days", pytest.param("month", marks=pytest.mark.long)])
def players(request: pytest.FixtureRequest) -> Iterator[Players]:
    found = Players(request.param)
    yield found
    for process in found.all:
        if process.poll() is None:
            found.kill(process)


def clock(folder: Path) -> datetime | None:
    if not (folder / "data" / "ledger.db").exists():
        return None
    database = Database.file(folder / "data" / "ledger.db")
    try:
        return Ledger(database).clock.moved_to()
    finally:
        database.close()


def finish(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    assert process.wait(DEADLINE_S) == 0, (folder / "errors").read_text()


def reached(folder: Path, process: "subprocess.Popen[bytes]", moment: datetime) -> bool:
    return (clock(folder) or START) >= moment or process.poll() is not None


def play_with_kills(players: Players, folder: Path, port: int) -> "subprocess.Popen[bytes]":
    process = players.play(folder, port, "plain")
    for moment in KILLED_AT:
        until(partial(reached, folder, process, moment), f"{moment}", DEADLINE_S)
        assert process.poll() is None, (folder / "errors").read_text()
        players.kill(process)
        process = players.play(folder, port, "plain")
    return process


def image(folder: Path) -> dict[str, Any]:
    """What the month came to, without surrogate numbers, real-time stamps and journal positions."""
    database = Database.file(folder / "data" / "ledger.db")
    store = SqliteReadings.read_only(folder / "data" / "readings.db")
    try:
        ledger, codes = Ledger(database), SqlRegistry(database).load().codes
        totals = store.read_totals(START.toordinal() - 30, ENDS["month"].toordinal())
        alerts = ledger.evaluation.all_alerts(closed=True, limit=10**6)
        churn = ledger.evaluation.facts("churn", 0, 10**7)
        messages = ledger.outbox.messages(limit=10**6)
        return {
            "totals": [[codes[row], *rest] for row, *rest in zip(totals.usage_point.tolist(), *_rest(totals), strict=True)],
            "facts": [[f.subject, f.day, f.crossing, dict(sorted(f.figures.items()))] for f in churn],
            "episodes": [[a.withdrawn_at, a.registry, repr(a.episode)] for a in alerts if a.episode.rule == "churn"],
            "tasks": [_task(duty) for duty in ledger.work.tasks(Wanted(finished=True), None)],
            "messages": [
                [m.key, m.channel, m.person, m.body, m.state, m.created_at, m.expires_at]
                for m in messages
                if m.template == "churn"
            ],
            "live": [[a.episode.rule, a.episode.subject, a.episode.opened_day] for a in alerts if a.episode.rule == "load"],
        }
    finally:
        store.close()
        database.close()


def _rest(totals: Any) -> list[list[Any]]:
    return [column.tolist() for column in (totals.day, totals.use, totals.known, totals.peak, totals.quality)]


def _task(duty: Duty) -> list[Any]:
    proofs = [[e.kind, e.person, e.cause, e.proposal, e.happened_at, e.recorded_at] for e in duty.evidence]
    return [duty.rule, duty.subject, duty.period, duty.person, duty.opened_at, duty.due_at, duty.state, proofs]


def as_json(part: Any) -> str:
    return json.dumps(sorted(part, key=repr), sort_keys=True, default=str, indent=1)


def test_the_same_month_gives_the_same_result(tmp_path: Path, brokers: dict[str, int], players: Players) -> None:
    folders = {name: tmp_path / name for name in NAMES}
    running = {name: players.play(folders[name], brokers[name], name) for name in NAMES[:3]}
    running["killed"] = play_with_kills(players, folders["killed"], brokers["killed"])
    for name, process in running.items():
        finish(process, folders[name])
    plain = image(folders["plain"])
    assert [entry[1] for entry in plain["live"]] == [OVERLOADED] * len(OVERLOADS)
    assert any(HALVED[-4:] in str(entry) for entry in plain["episodes"])
    assert plain["tasks"]
    assert plain["messages"]
    for name in NAMES[1:]:
        other = image(folders[name])
        for part in plain:
            assert as_json(other[part]) == as_json(plain[part]), f"{name}: {part}"
