"""The roles of the service, each as a process of its own, over one folder."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import urllib3

from meterwatch.core.instants import to_ms
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.registry import SqlRegistry
from tests.support.mosquitto import free_port, until
from tests.support.registry_csv import SOUND, write_files

POWER = """\
[[codecs]]
name = "power"
topics = ["m/+"]
meter = "$topic.1"
time = "ts"

[[codecs.readings]]
type = "electricity.register"
path = "kwh"
"""
LISTEN = {"desk": "listen", "engine": "engine_listen", "notify": "notify_listen"}


class Site:
    """A folder with settings, a registry (tests.support.registry_csv), and a clock that stands at ``now``."""

    def __init__(self, folder: Path, broker: int, now: datetime, more: str = "") -> None:
        self.folder = folder
        self.addresses = {role: f"127.0.0.1:{free_port()}" for role in LISTEN}
        desk = "".join(f'{LISTEN[role]} = "{address}"\n' for role, address in self.addresses.items())
        mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker}\nreconnect_min_s = 0.05\n'
        self.settings = folder / "meterwatch.toml"
        self.settings.write_text(f"{mqtt}\n[desk]\n{desk}\n{more}\n{POWER}", encoding="utf-8")
        with self.ledger() as ledger:
            ledger.clock.move(now)
            files = write_files(folder / "registry", SOUND)
            SqlRegistry(ledger.database).import_files(files, by="clerk", now=now, default_zone="Asia/Shanghai")

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger beside whoever else has it open."""
        with closing(Database.file(self.folder / "data" / "ledger.db")) as database:
            yield Ledger(database)

    def process(self, role: str = "") -> "Process":
        """Return one role as a process, or all of them in one; not started."""
        return Process(self, role)


class Process:
    """``meterwatch run`` with its log in the site's folder."""

    def __init__(self, site: Site, role: str) -> None:
        self._site, self._role = site, role
        self._log = site.folder / f"{role or 'all'}.log"
        self._running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            self._running.kill()
            self._running.wait(20)

    def start(self) -> None:
        """Start and return when it answers."""
        self.launch()
        until(lambda: self.get("/healthz")[0] == 200, f"{self._role or 'the service'} to answer", 30)

    def launch(self) -> None:
        """Start and return at once."""
        command = [sys.executable, "-m", "meterwatch.cli.main", "run", "--settings", str(self._site.settings)]
        command += ["--role", self._role] if self._role else []
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("METERWATCH_", "LC_", "LANG"))}
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(command, env=clean, stdout=log, stderr=log)

    def end(self, how: signal.Signals | None) -> int:
        """Return the exit code after a signal, or None to wait until it ends by itself."""
        running, self._running = self._running, None
        assert running is not None, "it is not running"
        if how is not None:
            running.send_signal(how)
        return running.wait(30)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of one of its pages, status 0 while it does not answer."""
        assert self._running is not None
        assert self._running.poll() is None, self.log()[-2000:]
        address = self._site.addresses[self._role or "desk"]
        try:
            answer = urllib3.request("GET", f"http://{address}{path}", retries=False, timeout=5)
        except urllib3.exceptions.HTTPError:
            return 0, ""
        return answer.status, answer.data.decode()

    def problems(self) -> dict[str, Any]:
        """Return what each role of the process complains about."""
        return dict(json.loads(self.get("/readyz")[1])["problems"])

    def log(self) -> str:
        return self._log.read_text(errors="replace")


def reading(at: datetime, kwh: float) -> bytes:
    """Return a message with a register reading."""
    return json.dumps({"ts": to_ms(at), "kwh": kwh}).encode()
