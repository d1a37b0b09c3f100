"""A real influxd on loopback, and fresh buckets in it."""

# mypy: allow-untyped-calls
# The API that influxdb-client generates carries no types.

import json
import os
import shutil
import signal
import subprocess
from itertools import count
from pathlib import Path
from typing import Self

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource

from meterwatch.stores.influx import InfluxOptions
from meterwatch.stores.influx_setup import Onboarding, prepare
from tests.support.absent import absent
from tests.support.mosquitto import free_port, until

ORG = "utility"
TOKEN = "all-access"  # noqa: S105
ACCOUNT = Onboarding("admin", "admin-password")


def program() -> str:
    """Return the path of influxd; skips the test without it."""
    cache = os.environ.get("METERWATCH_CACHE") or Path.home() / ".cache/meterwatch"
    wanted = os.environ.get("METERWATCH_INFLUXD") or Path(cache, "influxd")
    return shutil.which(wanted) or shutil.which("influxd") or absent("influxd is not installed: run tests/servers/get")


def settings_text(options: InfluxOptions) -> str:
    """Return the tables of a settings file that keep the readings there."""
    names = ("url", "org", "token", "bucket", "totals_bucket", "retention_days")
    lines = (f"{name} = {json.dumps(getattr(options, name))}" for name in names)
    return "\n".join(['[readings]\nstore = "influxdb"\n\n[influxdb]', *lines, ""])


class Influxd:
    """A server with its files in ``folder``. Restarted, it has the same port and data."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        self._program = program()
        self._process: subprocess.Popen[bytes] | None = None
        self._buckets = count(1)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self.kill()

    def start(self) -> None:
        """Start and return when it answers."""
        files = {"bolt-path": "influxd.bolt", "engine-path": "engine", "sqlite-path": "influxd.sqlite"}
        places = [f"--{option}={self._folder / name}" for option, name in files.items()]
        command = [self._program, *places, f"--http-bind-address={self.url.removeprefix('http://')}", "--reporting-disabled"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("INFLUXD_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, env=clean, stdout=log, stderr=log)
        until(self._answers, "influxd to answer", 30)

    def stop(self) -> None:
        """End it as an operator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it take connections and never answer."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def bare_options(self, *, retention_days: int = 0) -> InfluxOptions:
        """Return options that name two buckets nobody has made yet."""
        number = next(self._buckets)
        return InfluxOptions(self.url, ORG, TOKEN, f"readings {number}", f"totals {number}", retention_days)

    def options(self, *, retention_days: int = 0) -> InfluxOptions:
        """Return options that name two fresh buckets; by default they keep everything for ever."""
        options = self.bare_options(retention_days=retention_days)
        prepare(options, onboard=ACCOUNT)
        return options

    def token_for_reading(self, bucket: str) -> str:
        """Return a token that may read ``bucket`` and nothing else."""
        with InfluxDBClient(self.url, TOKEN, org=ORG) as client:
            found = client.buckets_api().find_bucket_by_name(bucket)
            resource = PermissionResource(type="buckets", id=found.id, org_id=found.org_id)
            allowed = [Permission(action="read", resource=resource)]
            return str(client.authorizations_api().create_authorization(found.org_id, allowed).token)

    @property
    def _log(self) -> Path:
        return self._folder / "influxd.log"

    def _answers(self) -> bool:
        assert self._running().poll() is None, f"influxd ended: {self._log.read_text()[-500:]}"
        try:
            return urllib3.request("GET", f"{self.url}/health", retries=False, timeout=1).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._running(), None
        process.send_signal(how)
        process.wait(timeout=30)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "influxd is not running"
        return self._process
