"""The command as a process of its own: what it imports, which language it speaks, how it ends."""

import os
import subprocess
import sys

import pytest

from meterwatch import __version__
from meterwatch.cli.main import COMMANDS
from meterwatch.core.model.phrase import Lang
from tests.support.terminal import Terminal

HEAVY = ("numpy", "sqlalchemy", "pydantic", "rich", "paho", "influxdb_client", "urllib3", "starlette", "alembic", "holidays")
UNNEEDED = ("influxdb_client", "apscheduler", "starlette", "uvicorn", "alembic", "iotcore")


def imported_by(terminal: Terminal, *words: str) -> set[str]:
    """Return which top-level packages a command has imported when it ends."""
    code = (
        "import sys\nfrom meterwatch.cli.main import main\n"
        f"try: main({list(words)!r})\nexcept SystemExit: pass\n"
        "print('|', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=terminal.folder, env=os.environ, capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("|")[2].split())


class TestImports:
    @pytest.mark.parametrize("words", [["--help"], ["--version"], []], ids=str)
    def test_help_waits_for_nothing(self, empty: Terminal, words: list[str]) -> None:
        found = imported_by(empty, *words)
        assert "meterwatch" in found
        assert not found & set(HEAVY)

    @pytest.mark.parametrize("words", [["alerts"], ["tasks", "--help"]], ids=str)
    def test_a_command_waits_for_no_more_than_it_needs(self, meterwatch: Terminal, words: list[str]) -> None:
        found = imported_by(meterwatch, *words)
        assert "sqlalchemy" in found
        assert not found & set(UNNEEDED)


class TestHelp:
    @pytest.mark.parametrize("lang", Lang)
    def test_names_every_command(self, empty: Terminal, lang: Lang) -> None:
        printed = empty("--help") if lang is Lang.EN else empty.process("--help", env={"LANG": "zh_CN.UTF-8"})
        assert (printed.code, printed.err) == (0, "")
        for name, text in COMMANDS.items():
            assert name in printed.out
            assert text.say(lang)[:12] in printed.out

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_every_command_explains_it(self, empty: Terminal, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
        for lang in Lang:
            monkeypatch.setenv("METERWATCH_LANG", lang)
            printed = empty(command, "--help")
            assert (printed.code, printed.err) == (0, "")
            assert COMMANDS[command].say(lang)[:12] in printed.out

    def test_version(self, empty: Terminal) -> None:
        assert empty("--version").out == f"meterwatch {__version__}\n"


class TestLanguage:
    @pytest.mark.parametrize(
        ("words", "env", "said"),
        [
            ([], {}, "no open alerts"),
            ([], {"LANG": "zh_CN.UTF-8"}, "没有未结束的告警"),
            ([], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "no open alerts"),
            ([], {"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "没有未结束的告警"),
            ([], {"LANG": "en_US.UTF-8", "METERWATCH_LANG": "zh-CN"}, "没有未结束的告警"),
            (["--lang", "en"], {"LANG": "zh_CN.UTF-8", "METERWATCH_LANG": "zh-CN"}, "no open alerts"),
            (["--lang=zh-CN"], {"LANG": "en_US.UTF-8"}, "没有未结束的告警"),
            (["--lang", "en", "--lang", "zh-CN"], {}, "没有未结束的告警"),
        ],
        ids=str,
    )
    def test_is_the_one_asked_for(
        self, empty: Terminal, monkeypatch: pytest.MonkeyPatch, words: list[str], env: dict[str, str], said: str
    ) -> None:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        assert empty("alerts", *words).out == f"{said}\n"
        assert empty(*words, "alerts").out == f"{said}\n"

    def test_chinese_comes_out_of_a_bare_environment(self, meterwatch: Terminal) -> None:
        printed = meterwatch.process("messages", "--lang", "zh-CN", env={"LC_ALL": "C"})
        assert (printed.code, printed.err) == (0, "")
        assert "用气减少" in printed.out


class TestPipes:
    def test_json_goes_to_another_program(self, meterwatch: Terminal) -> None:
        printed = meterwatch.process("alerts", "--all", "--json")
        assert (printed.code, printed.err) == (0, "")
        assert [row["id"] for row in printed.data] == [3, 2, 1, 4]

    def test_a_table_is_not_cut_to_a_screen(self, meterwatch: Terminal) -> None:
        printed = meterwatch.process("alerts", "--all", env={"COLUMNS": "40"})
        assert any(line.rstrip().endswith("for a message to mean anything") for line in printed.out.splitlines())

    @pytest.mark.parametrize("words", [["alerts", "--all"], ["alerts", "--all", "--json"]], ids=str)
    def test_a_reader_that_goes_away_is_no_fault(self, meterwatch: Terminal, words: list[str]) -> None:
        command, pipe = [sys.executable, "-m", "meterwatch.cli.main", *words], subprocess.PIPE
        buffered = os.environ | {"PYTHONUNBUFFERED": ""}
        with subprocess.Popen(command, cwd=meterwatch.folder, env=buffered, stdout=pipe, stderr=pipe) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.close()
            assert running.stderr.read() == b""
        assert running.returncode == 1
