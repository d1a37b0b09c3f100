"""The README's commands do what stands beside them, one after the other in an empty folder."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.known_readings import REGISTRY
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.registry_csv import write_files

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "meterwatch.cli.main"]


def commands() -> list[list[str]]:
    """Return the words of each command in the README's block, without the program's own name."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").partition("```sh\n")[2].partition("```")[0]
    lines = [re.sub(r" +#.*", "", line) for line in block.splitlines()]
    assert all(line.startswith(".venv/bin/meterwatch ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


def run_until_up(folder: Path) -> str:
    """Start `meterwatch run`, wait until it says that it is up, press Ctrl-C, and return all it said."""
    with subprocess.Popen([*PROGRAM, "run"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as up:
        assert up.stdout is not None
        said = up.stdout.readline()
        up.send_signal(signal.SIGINT)
        said += up.stdout.read()
    assert up.returncode == 0, said
    return said


def test_a_service_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path / "registry", REGISTRY)
    for name in [name for name in os.environ if name.startswith("METERWATCH_")]:
        monkeypatch.delenv(name)
    with Mosquitto(tmp_path / "broker") as broker:
        monkeypatch.setenv("METERWATCH_MQTT__PORT", str(broker.port))
        monkeypatch.setenv("METERWATCH_DESK__LISTEN", f"127.0.0.1:{free_port()}")
        said = {}
        for words in commands():
            if words == ["run"]:
                said["run"] = run_until_up(tmp_path)
            else:
                done = subprocess.run([*PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done
                said[words[0]] = done.stdout
    assert said["init"].startswith("meterwatch.toml is written")
    assert "12345.6" in said["check"]  # the sample message
    assert "snapshot 1 is in use" in said["registry"]
    assert "BAD" not in said["doctor"]
    assert said["run"].splitlines()[-1] == "meterwatch has stopped; the next start goes on from here"
