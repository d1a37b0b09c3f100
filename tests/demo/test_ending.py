"""How a demonstration ends: what a shell or CI is told."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from meterwatch.core.errors import Refusal
from meterwatch.demo.play import prepare
from tests.demo import short
from tests.support.mosquitto import until

DEADLINE_S = 60


class Playing(NamedTuple):
    """A process that plays, and what it prints."""

    process: "subprocess.Popen[bytes]"
    printed: Path

    def text(self) -> str:
        return self.printed.read_text(encoding="utf-8")

    def end(self) -> int:
        return self.process.wait(DEADLINE_S)


Start = Callable[..., Playing]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what starts a module with arguments; nothing of it outlives the test."""
    started: list[Playing] = []

    def start(module: str, *arguments: str) -> Playing:
        printed = tmp_path / f"printed-{len(started)}"
        with printed.open("wb") as out:
            process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=Path(__file__).parents[2], stdout=out)
        started.append(Playing(process, printed))
        return started[-1]

    yield start
    for playing in started:
        if playing.process.poll() is None:
            playing.process.kill()
            playing.process.wait()


@pytest.mark.usefixtures("own_signals")
def test_with_once_a_missed_story_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert short.play(tmp_path / "demo", once=True) == 1
    assert "MISSED" in capsys.readouterr().out


def test_interrupted_before_the_verdict_nothing_is_proved(tmp_path: Path, start: Start) -> None:
    playing = start("meterwatch.cli.main", "demo", "--once", "--lang", "en", "--dir", str(tmp_path / "demo"))
    until((tmp_path / "demo" / "meterwatch.toml").exists, "a stage", DEADLINE_S)
    playing.process.terminate()
    assert playing.end() == 130
    assert "nothing was proved" in playing.text()
    assert "MISSED" not in playing.text()


def test_afterwards_it_stays_up_and_keeps_its_folder_until_it_is_stopped(tmp_path: Path, start: Start) -> None:
    playing = start("tests.demo.short", str(tmp_path / "demo"))
    until(lambda: "The play is over" in playing.text() or playing.process.poll() is not None, "the end", DEADLINE_S)
    assert playing.process.poll() is None
    with pytest.raises(Refusal, match="running in"):
        prepare(tmp_path / "demo")
    assert (tmp_path / "demo" / "data" / "ledger.db").exists()
    playing.process.send_signal(signal.SIGINT)
    assert playing.end() == 0
    assert playing.text().rstrip().endswith("stopped")
