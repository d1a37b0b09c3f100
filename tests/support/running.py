"""``meterwatch run`` as a process of its own, over a folder of the test's."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from meterwatch.core.clock import elapsed
from tests.support.mosquitto import free_port, until

SETTINGS = """\
data_dir = "data"

[mqtt]
host = "127.0.0.1"
port = {broker}
reconnect_min_s = 0.05
reconnect_max_s = 0.2

[desk]
listen = "127.0.0.1:{desk}"

"""


class RunningService:
    """The service with its settings and data in ``folder``; ``more`` is further TOML. Started again, it goes on there."""

    def __init__(self, folder: Path, broker: int, more: str) -> None:
        self.folder, self.data = folder, folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self._desk = f"127.0.0.1:{free_port()}"
        self._settings = folder / "meterwatch.toml"
        self._settings.write_text(SETTINGS.format(broker=broker, desk=self._desk.rpartition(":")[2]) + more)
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at = elapsed()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._end(signal.SIGKILL)

    def start(self) -> None:
        """Start and return at once."""
        command = [sys.executable, "-m", "meterwatch.cli.main", "run", "--settings", str(self._settings), "--lang", "en"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("METERWATCH_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=clean, stdout=log, stderr=log)
        self.started_at = elapsed()

    def kill(self) -> None:
        """End it as a power cut does; it must not have ended by itself."""
        assert self._end(signal.SIGKILL) == -signal.SIGKILL, f"it had ended before: {self.log()[-2000:]}"

    def stop(self) -> None:
        """End it as an operator does, and cleanly."""
        assert self._end(signal.SIGTERM) == 0, self.log()[-2000:]

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of one of its pages; status 0 while it does not answer."""
        assert self._process is not None
        assert self._process.poll() is None, f"it ended: {self.log()[-2000:]}"
        try:
            answer = urllib3.request("GET", f"http://{self._desk}{path}", retries=False, timeout=5)
        except urllib3.exceptions.HTTPError:
            return 0, ""
        return answer.status, answer.data.decode()

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def wait_until_ready(self) -> None:
        until(self.ready, "the service to be ready", 30)

    def problems(self) -> dict[str, Any]:
        """Return what keeps each role from its work, as the health page says."""
        _, body = self.get("/readyz")
        return dict(json.loads(body)["problems"]) if body else {}

    def metrics(self) -> dict[str, float]:
        """Return every metric by name, those with labels summed over them."""
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / "service.log"

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None, "it is not running"
        process.send_signal(how)
        return process.wait(timeout=30)
