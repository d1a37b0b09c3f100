"""A person at a terminal: a folder with settings and a ledger, and the commands called in it."""

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meterwatch.cli.main import main
from meterwatch.cli.session import account_name
from meterwatch.core.model.messages import MessageState
from meterwatch.core.model.packets import Packet, Position, Reason, Reject
from meterwatch.core.model.permissions import Grant, Right
from meterwatch.core.model.readings import DayTotals, Quality, ReadingBatch
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.core.ports import Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.registry import SqlRegistry
from tests.support.ledger import DAY, HOUR, NOW, changed, episode, load_episode, opened, withdrawn
from tests.support.registry_csv import SOUND, write_files
from tests.support.settings import CODEC

SECRETS = (
    "宏达铸造厂",
    "Bright Hotel",
    "Carried Gas",
    "张伟",
    "Anna Bo",
    "Chief",
    "8000",
    "1112222",
    "010-123",
    "example.com",
)
"""Names, phones and addresses in the registry: nothing a command prints may hold one."""


@dataclass(frozen=True)
class Printed:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Calls commands in ``folder``, in this process or as a process of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: str) -> Printed:
        self._capsys.readouterr()
        try:
            code = main([*words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = self._capsys.readouterr()
        return Printed(code, captured.out, captured.err)

    def process(self, *words: str, env: dict[str, str] | None = None) -> Printed:
        """Call a command as its own process; ``env`` adds to an environment without language."""
        plain = {n: v for n, v in os.environ.items() if n in ("PATH", "HOME", "PYTHONPATH")}
        command = [sys.executable, "-m", "meterwatch.cli.main", *words]
        done = subprocess.run(command, cwd=self.folder, env=plain | (env or {}), capture_output=True, check=False)
        return Printed(done.returncode, done.stdout.decode(), done.stderr.decode())


def set_up(folder: Path, *, mapped: bool = True) -> None:
    """Write settings and import a registry; the account that runs the tests is K1, or nobody."""
    accounts = f'[viewers.accounts]\n{account_name()} = "K1"\n' if mapped else ""
    (folder / "meterwatch.toml").write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = 1\n{CODEC}\n{accounts}', encoding="utf-8")
    with closing(Database.file(folder / "data" / "ledger.db")) as database:
        Ledger(database).clock.move(NOW)
        files = write_files(folder / "registry", SOUND)
        SqlRegistry(database).import_files(files, by="clerk", now=NOW, default_zone="Asia/Shanghai")


def fill(folder: Path) -> None:
    """Put something of everything into the ledger and the readings.

    Alerts: 1 churn open, 2 load over, 3 withdrawn, 4 recovered and found too late. Tasks: 1 open, 2 void, 3 for nobody.
    Messages: N1 accepted, N2 queued, N3 withdrawn. Rejects: 1 of a packet, 2 of a record.
    """
    with closing(Database.file(folder / "data" / "ledger.db")) as database:
        ledger = Ledger(database)
        _alerts(ledger)
        (held,) = ledger.outbox.lease("webhook", "A", NOW, HOUR, 1)
        ledger.outbox.record(held, MessageState.ACCEPTED, NOW, "", "P-77")
        packet = Packet("m/M9", b'{"ts": 1, "total": "\x1b[31mred"}', received_at=1_677_636_000_000_000)
        rejects = [
            Reject(Position(1, 16), Reason.NOT_JSON, packet, None, "\x1b]0;title\x07"),
            Reject(Position(1, 80), Reason.UNKNOWN_METER, packet, 0, "M9"),
        ]
        ledger.ingest.settle(Settlement(rejects=rejects), NOW)
        boss = Viewer.for_person("clerk", "K3", Role.SUPERVISOR, frozenset())
        grant = Grant("K1", Right.NAMES, NOW.date(), date(2023, 6, 1), "stands in for K2", customer="C3")
        ledger.permissions.grant(boss, grant, NOW)
    _readings(folder)


def _alerts(ledger: Ledger) -> None:
    churn, load = episode("C1/gas"), load_episode("P2", closed_day=DAY, closed_why="day over")
    gone, late = episode("C3/gas"), episode("C2/electricity", DAY - 30)
    ledger.evaluation.commit(opened(churn))
    ledger.evaluation.commit(opened(load, duties=[]))
    ledger.evaluation.commit(opened(gone))
    ledger.evaluation.commit(withdrawn(*ledger.evaluation.alerts("churn", DAY, ["C3/gas"])))
    ledger.evaluation.commit(
        opened(late, messages=[], suppressed={late.key: "stale"}, duties=[replace(opened(late).duties[0], person="")])
    )
    (alert,) = ledger.evaluation.alerts("churn", 0, ["C2/electricity"])
    ledger.evaluation.commit(changed(alert, replace(late, closed_day=DAY - 1, closed_why="recovered")))


def _readings(folder: Path) -> None:
    store = SqliteReadings(folder / "data" / "readings.db")
    store.know(["P1", "P2", "P3"])
    noon = int((NOW - 2 * HOUR).timestamp() * 1000)
    quality = [0, int(Quality.LATE | Quality.SUSPECT)]
    store.append(ReadingBatch.of([0, 0], [201, 221], [noon, noon + 1000], [1234.5, 31.25], quality, [noon * 1000] * 2))
    peak = [np.nan, 33.5]
    store.write_totals(DayTotals.of([DAY - 1, DAY], [0, 0], [500.25, 0.0], [1.0, 0.5], peak, [0, int(Quality.ESTIMATED)]))
    store.close()
