from pathlib import Path

import pytest

from tests.support.settings import no_environment
from tests.support.terminal import Terminal, fill, set_up


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Settings and a registry, and nothing has happened yet."""
    set_up(tmp_path)
    return Terminal(tmp_path, capsys)


@pytest.fixture
def meterwatch(empty: Terminal) -> Terminal:
    """Something of everything."""
    fill(empty.folder)
    return empty


@pytest.fixture
def stranger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The same, called by an account nobody is mapped to."""
    set_up(tmp_path, mapped=False)
    fill(tmp_path)
    return Terminal(tmp_path, capsys)
