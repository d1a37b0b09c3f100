"""What goes wrong outside the commands ends in a sentence, never in a traceback."""

import os
import subprocess
import sys
from contextlib import closing
from io import BytesIO, TextIOWrapper
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from meterwatch.cli import alerts
from meterwatch.cli.main import main
from meterwatch.core.errors import Unavailable
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from tests.support.ledger import queue
from tests.support.terminal import Terminal

PROGRAM = [sys.executable, "-m", "meterwatch.cli.main"]


def breaks(monkeypatch: pytest.MonkeyPatch, problem: Exception, cause: Exception | None = None) -> None:
    """Let `meterwatch alerts` end with ``problem``."""

    def run(*_: object) -> int:
        raise problem from cause

    monkeypatch.setattr(alerts, "run", run)


class TestTheSystem:
    @pytest.mark.parametrize("command", ["alerts", "tasks", "messages", "readings P1", "rejects list", "run"])
    def test_a_file_where_the_data_should_be(self, empty: Terminal, command: str) -> None:
        folder = empty.folder / "data"
        rmtree(folder)
        folder.write_text("")
        printed = empty(*command.split())
        assert (printed.code, printed.out) == (1, "")
        assert printed.err == (
            f"meterwatch: {folder}: a file stands where a folder is needed; move it away, or name another folder\n"
        )
        assert "此处需要目录" in empty(*command.split(), "--lang", "zh-CN").err

    @pytest.mark.parametrize(
        ("problem", "english", "chinese"),
        [
            (
                PermissionError(13, "Permission denied", "/srv/x"),
                "/srv/x: this account may not",
                "/srv/x: 当前账号没有读写权限",
            ),
            (OSError(30, "Read-only file system", "/srv/x"), "/srv/x: this account may not", "/srv/x: 当前账号没有读写权限"),
            (NotADirectoryError(20, "Not a directory", "/a"), "/a: a file stands where a folder", "/a: 此处需要目录"),
            (OSError(28, "No space left on device"), "the disk is full; make room", "磁盘已满"),
            (OSError(5, "Input/output error", "/a"), "/a: Input/output error; mend that", "/a: Input/output error；请处理"),
        ],
        ids=repr,
    )
    def test_what_it_refuses_is_said(
        self, empty: Terminal, monkeypatch: pytest.MonkeyPatch, problem: OSError, english: str, chinese: str
    ) -> None:
        breaks(monkeypatch, problem)
        for lang, wanted in (("en", english), ("zh-CN", chinese)):
            printed = empty("alerts", "--lang", lang)
            assert (printed.code, printed.out) == (1, "")
            assert printed.err.startswith(f"meterwatch: {wanted}")

    def test_what_stands_behind_something_unavailable_is_said(
        self, empty: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        breaks(monkeypatch, Unavailable("/srv: Permission denied"), PermissionError(13, "Permission denied", "/srv"))
        assert empty("alerts").err.startswith("meterwatch: /srv: this account may not read or write there")
        breaks(monkeypatch, Unavailable("http 127.0.0.1:80: taken"), OSError(98, "Address already in use"))
        assert empty("alerts").err == "meterwatch: http 127.0.0.1:80: taken\n"

    @pytest.mark.parametrize("words", [["alerts", "--all"], ["alerts", "--all", "--json"]], ids=str)
    def test_a_full_disk_below_the_output(self, meterwatch: Terminal, words: list[str]) -> None:
        buffered: dict[str, Any] = {"env": os.environ | {"PYTHONUNBUFFERED": ""}, "cwd": meterwatch.folder}
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, check=False, **buffered)
        assert (done.returncode, done.stderr) == (1, b"meterwatch: the disk is full; make room and call again\n")


@pytest.mark.parametrize("encoding", ["gbk", "latin-1", "ascii"])
@pytest.mark.parametrize("words", [["messages"], ["messages", "--json"], ["messages", "N99"]], ids=str)
def test_a_terminal_that_lacks_a_character(
    meterwatch: Terminal, monkeypatch: pytest.MonkeyPatch, words: list[str], encoding: str
) -> None:
    with closing(Database.file(meterwatch.folder / "data" / "ledger.db")) as database:
        queue(Ledger(database), "note", body="日均 623 m³")
    written = BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, TextIOWrapper(written, encoding=encoding, write_through=True))
    assert main([*words, "--lang", "zh-CN"]) == ("N99" in words)
    assert ("623 m" if "N99" not in words else "N99") in written.getvalue().decode(encoding)


class TestOurFaults:
    def test_are_confessed_without_what_they_may_hold(self, empty: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        breaks(monkeypatch, ValueError("13800138000"))
        for lang, wanted in (
            ("en", "this is a fault of meterwatch itself (ValueError)"),
            ("zh-CN", "自身出错（ValueError）"),
        ):
            printed = empty("alerts", "--lang", lang)
            assert (printed.code, printed.out) == (70, "")
            assert wanted in printed.err
            assert "METERWATCH_DEBUG=1" in printed.err
            assert len(printed.err.splitlines()) == 1
            assert "138" not in printed.err

    def test_are_shown_to_who_asks(self, empty: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("METERWATCH_DEBUG", "1")
        breaks(monkeypatch, ValueError("13800138000"))
        printed = empty("alerts")
        assert printed.code == 70
        assert printed.err.startswith("Traceback")
        assert "ValueError: 13800138000" in printed.err

    def test_an_interrupt_is_none(self, empty: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        def run(*_: object) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(alerts, "run", run)
        assert empty("alerts").code == 130
