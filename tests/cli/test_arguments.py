"""The command line itself: help for everything in both languages, argparse's own words, options before and after."""

import argparse
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meterwatch.cli.arguments import WORDS
from meterwatch.cli.main import COMMANDS, VERBS, parser_of
from meterwatch.core.model.phrase import Lang
from tests.support.terminal import Terminal

CHINESE = re.compile("[\u4e00-\u9fff]")
DEFAULT = {Lang.EN: "(default: ", Lang.ZH: "（默认："}
NEEDED = {Lang.EN: "(needed)", Lang.ZH: "（必填）"}
EXAMPLE = {Lang.EN: "example:", Lang.ZH: "示例："}


def levels(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and all parsers below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from levels(below)


SPOKEN = [*COMMANDS, *(f"{command} {verb}" for command, verbs in VERBS.items() for verb in verbs)]


def command_levels(spoken: str, lang: Lang) -> list[argparse.ArgumentParser]:
    command, *verb = spoken.split()
    parser = parser_of(lang, command, *verb)
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return list(levels(subparsers.choices[command]))


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("command", SPOKEN)
class TestHelp:
    def test_explains_every_argument(self, command: str, lang: Lang) -> None:
        for level in command_levels(command, lang):
            for action in level._actions:
                if not isinstance(action, argparse._SubParsersAction):
                    assert action.help, f"{level.prog}: {action.dest} has no help"
                    assert bool(CHINESE.search(action.help)) == (lang is Lang.ZH), f"{level.prog}: {action.help}"

    def test_names_every_default(self, command: str, lang: Lang) -> None:
        for level in command_levels(command, lang):
            for action in level._actions:
                if action.nargs in (None, "?") and (action.option_strings or action.nargs):
                    said = str(action.help)
                    assert DEFAULT[lang] in said or NEEDED[lang] in said, f"{level.prog}: {said}"

    def test_ends_with_an_example(self, command: str, lang: Lang) -> None:
        for level in command_levels(command, lang):
            assert str(level.epilog).startswith(EXAMPLE[lang]), level.prog
            assert f"meterwatch {command}" in str(level.epilog)


def test_argparse_says_what_is_translated() -> None:
    source = inspect.getsource(argparse)
    for text in set(WORDS) - {"example:"}:
        assert repr(text) in source


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["alerts", "--lang", "zh"], "参数 --lang：无效选项 'zh'（可选：'en', 'zh-CN'）"),
        (["alerts", "x"], "参数 ALERT：'x' 不是 1 至 2147483647 的整数"),
        (["alerts", "--limit"], "参数 --limit：需要一个值"),
        (["alerts", "--json=1"], "参数 --json：该选项不带值：'1'"),
        (["messages", "x"], "参数 NOTICE：'x' 不是通知号，请写成 N7"),
        (["readings", "P1", "--to", "9999-12-31"], "参数 --to：'9999-12-31' 不是 1970 至 2199 年的日期，请写成 2026-01-31"),
        (["tasks", "done", "1", "--at", "x"], "参数 --at：'x' 不是 1970 至 2199 年的时间，请写成 2026-01-31T14:30"),
        (["tasks", "done"], "缺少参数：TASK"),
        (["tasks", "--foo"], "无法识别的参数：--foo"),
        ([], "缺少参数：COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_said_in_chinese(empty: Terminal, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    monkeypatch.setenv("METERWATCH_LANG", "zh-CN")
    printed = empty(*words)
    usage, *_, last = printed.err.splitlines()
    assert (printed.code, printed.out, usage[:3]) == (2, "", "用法：")
    assert last.endswith(f"：错误：{said}")
    assert empty("--help", "--lang", "en").out.startswith("usage: ")  # and no longer than it is asked to


@pytest.mark.parametrize(
    "words", [[], ["tasks"], ["tasks", "done"], ["readings", "correct"], ["readings", "health"]], ids=str
)
def test_help_is_chinese_all_through(empty: Terminal, words: list[str]) -> None:
    for line in empty("--lang", "zh-CN", *words, "--help").out.splitlines():
        plain = r" {10,}[][{}a-zA-Z., -]+| +[A-Za-z]+|  --[a-z]+ \{[a-z,]+\}|  meterwatch .*|"
        assert CHINESE.search(line) or re.fullmatch(plain, line), line


@pytest.mark.parametrize("digits", [10, 20, 5000])
def test_no_number_is_too_long_to_be_refused(empty: Terminal, digits: int) -> None:
    for words in (["alerts"], ["messages"], ["tasks", "done", "--cause", "a", "--proposal", "b"], ["alerts", "--limit"]):
        printed = empty(*words, "9" * digits)
        assert (printed.code, "Traceback" in printed.err) == (2, False)


@pytest.mark.parametrize("option", [["--lang", "zh-CN"], ["--json", "--lang", "zh-CN"]], ids=str)
def test_a_groups_options_stand_before_or_after_its_verb(empty: Terminal, option: list[str]) -> None:
    for words in (["influx", *option, "init"], ["influx", "init", *option]):
        assert empty(*words).err == "meterwatch: 设置中没有 [influxdb] 段\n"


class TestSettings:
    @pytest.mark.parametrize("name", ["other.toml", "run"])
    def test_are_named_before_or_after_the_command(self, empty: Terminal, name: str) -> None:
        (empty.folder / "meterwatch.toml").rename(empty.folder / name)
        for words in (["--settings", name, "alerts"], ["alerts", "--settings", name], [f"--settings={name}", "alerts"]):
            assert empty(*words).out == "no open alerts\n"

    def test_of_the_innermost_level_count(self, empty: Terminal) -> None:
        assert empty("--settings", "none.toml", "alerts", "--settings", "meterwatch.toml").code == 0
        assert empty("--settings", "meterwatch.toml", "registry", "--settings", "none.toml", "import", "registry").code == 1

    def test_named_before_init_are_what_it_writes(self, empty: Terminal) -> None:
        assert empty("--settings", "new.toml", "init").code == 0
        assert Path("new.toml").exists()
