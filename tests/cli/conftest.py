from collections.abc import Callable
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest

from tests.support.settings import no_environment
from tests.support.terminal import Terminal, fill, set_up


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool, bool], Path]:
    """Return folders made once, to be copied: for an account that is mapped to a person or not, filled or not."""

    @cache
    def make(mapped: bool, filled: bool) -> Path:
        folder = tmp_path_factory.mktemp("prepared")
        set_up(folder, mapped=mapped)
        if filled:
            fill(folder)
        return folder

    return make


@pytest.fixture
def empty(tmp_path: Path, prepared: Callable[[bool, bool], Path], capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Settings and a registry, and nothing has happened yet."""
    return Terminal(copytree(prepared(True, False), tmp_path, dirs_exist_ok=True), capsys)


@pytest.fixture
def meterwatch(tmp_path: Path, prepared: Callable[[bool, bool], Path], capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Something of everything."""
    return Terminal(copytree(prepared(True, True), tmp_path, dirs_exist_ok=True), capsys)


@pytest.fixture
def stranger(tmp_path: Path, prepared: Callable[[bool, bool], Path], capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The same, called by an account nobody is mapped to."""
    return Terminal(copytree(prepared(False, True), tmp_path, dirs_exist_ok=True), capsys)
