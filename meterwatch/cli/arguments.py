"""How arguments are read, and argparse's own words in the caller's language."""

import argparse
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from meterwatch.core.model.phrase import Lang, Phrase

_MOST = 2**31 - 1  # no database has trouble with it
_FIRST, _LAST = date(1970, 1, 1), date(2199, 12, 31)  # nor any store or time zone with what lies between
_NO_NUMBER = Phrase("{text!r} is no number from 1 to 2147483647", "{text!r} 不是 1 至 2147483647 的整数")
_NO_DAY = Phrase(
    "{text!r} is no date from 1970 to 2199, write 2026-01-31", "{text!r} 不是 1970 至 2199 年的日期，请写成 2026-01-31"
)
_NO_MOMENT = Phrase(
    "{text!r} is no time from 1970 to 2199, write 2026-01-31T14:30",
    "{text!r} 不是 1970 至 2199 年的时间，请写成 2026-01-31T14:30",
)
_NO_VALUE = Phrase("{text!r} is no number a meter can show, write 1234.5", "{text!r} 不是表计可能显示的数值，请写成 1234.5")
WORDS = {
    "usage: ": "用法：",
    "positional arguments": "位置参数",
    "options": "选项",
    "show this help message and exit": "显示帮助并退出",
    "%(prog)s: error: %(message)s\n": "%(prog)s：错误：%(message)s\n",
    "argument %(argument_name)s: %(message)s": "参数 %(argument_name)s：%(message)s",
    "invalid choice: %(value)r (choose from %(choices)s)": "无效选项 %(value)r（可选：%(choices)s）",
    "invalid %(type)s value: %(value)r": "无效的值 %(value)r",
    "the following arguments are required: %s": "缺少参数：%s",
    "unrecognized arguments: %s": "无法识别的参数：%s",
    "ambiguous option: %(option)s could match %(matches)s": "选项 %(option)s 有歧义，可能是 %(matches)s",
    "expected one argument": "需要一个值",
    "expected at least one argument": "至少需要一个值",
    "ignored explicit argument %r": "该选项不带值：%r",
    "example:": "示例：",
}
"""What argparse says in our commands, and the word above their examples."""

_T = TypeVar("_T")


def speak(lang: Lang) -> None:
    """Let argparse speak ``lang`` from now on: it takes its words through the name ``_``, as gettext asks of programs."""
    known = WORDS if lang is Lang.ZH else {}
    vars(argparse)["_"] = lambda text: known.get(text, text)


def word(text: str) -> str:
    """Return one of ``WORDS`` in the language argparse speaks."""
    return str(vars(argparse)["_"](text))


def number(lang: Lang, wrong: Phrase = _NO_NUMBER, prefix: str = "") -> Callable[[str], int]:
    """Return what reads a whole number above 0, with or without ``prefix``; argparse says ``wrong`` to anything else."""
    return _reader(lambda text: int(text.removeprefix(prefix)), lambda found: 0 < found <= _MOST, lang, wrong)


def day(lang: Lang) -> Callable[[str], date]:
    """Return what reads a date."""
    return _reader(date.fromisoformat, lambda found: _FIRST <= found <= _LAST, lang, _NO_DAY)


def moment(lang: Lang) -> Callable[[str], datetime]:
    """Return what reads a date with or without time of day and offset; naive where no offset is written."""
    return _reader(datetime.fromisoformat, lambda found: _FIRST <= found.date() <= _LAST, lang, _NO_MOMENT)


def value(lang: Lang, most: float) -> Callable[[str], float]:
    """Return what reads a number that is not further from 0 than ``most``."""
    return _reader(float, lambda found: abs(found) <= most, lang, _NO_VALUE)


def _reader(parse: Callable[[str], _T], good: Callable[[_T], bool], lang: Lang, wrong: Phrase) -> Callable[[str], _T]:
    def read(text: str) -> _T:
        try:
            found = parse(text)
        except ValueError:
            found = None
        if found is None or not good(found):
            raise argparse.ArgumentTypeError(wrong.say(lang, text=text))
        return found

    return read
