"""What can be wrong with settings, in words of both languages."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.codecs import json_mapping
from ingest.codecs.json_mapping import JsonMapping
from ingest.mqtt_options import topic_filter_problem
from meterwatch.app.settings import SECRETS, Settings
from meterwatch.core.calendar import zone_problem
from meterwatch.core.model.phrase import Lang, Phrase

Loc = tuple[str | int, ...]

_IS_MISSING = Phrase("is missing", "缺失")
_IS_EMPTY = Phrase("is empty", "为空")
_NO_CODECS = Phrase(
    "is missing: no message could be read; see `meterwatch init` for an example",
    "缺失：无法解读任何报文；示例见 `meterwatch init`",
)
_BOUND = re.compile(r"(?:^|(?<=; ))(\w+) (\S+) is not within (\S+) to ([^\s;:]+)([^;]*)")  # as every room's options say it
_LONGEST_H = 100_000
_SECTION = "应为一个设置段"
_WANTED = {  # by the first word of pydantic's error type
    "bool": "应为 true 或 false",
    "dataclass": _SECTION,
    "date": "应为日期，例如 2026-01-31",
    "dict": _SECTION,
    "float": "应为数字",
    "int": "应为整数",
    "literal": "只能是 {expected}",
    "model": _SECTION,
    "path": "应为路径",
    "string": "应为文本",
    "tuple": "应为列表",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings: where, and what; the text's figures stand in it already.

    ``variable`` is the environment's, if it comes from there.
    """

    loc: Loc
    text: Phrase
    line: int | None = None
    variable: str = ""

    def say(self, path: Path, lang: Lang) -> str:
        """Return the problem as ``file:line: setting: what``, or with the variable in place of the line."""
        line = f"{path}:{self.line}" if self.line else str(path) * (not self.variable)
        place = (" 或 " if lang is Lang.ZH else " or ").join(filter(None, (line, self.variable)))
        text = self.text.zh if lang is Lang.ZH else self.text.en
        return ": ".join(filter(None, (place, ".".join(map(str, self.loc)), text)))


def same(text: str) -> Phrase:
    """Return a text that stands in one language only."""
    return Phrase(text, text)


def joined(text: Phrase, more: Phrase) -> Phrase:
    """Return two texts as one."""
    return Phrase(text.en + more.en, text.zh + more.zh)


def missing(loc: Loc) -> Phrase:
    """Return what to say of a setting that is not there."""
    return joined(_IS_MISSING, Phrase(f" (or {loc[-1]}_file)", f"（或 {loc[-1]}_file）")) if loc in SECRETS else _IS_MISSING


def unknown(name: str, known: Sequence[str]) -> Phrase:
    """Return what to say of a setting nobody knows."""
    return joined(Phrase("unknown setting", "未知设置"), nearest(name, known))


def nearest(name: str, known: Sequence[str]) -> Phrase:
    """Return the name that was probably meant, or all that are known."""
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.5):
        return Phrase(f"; did you mean {close[0]!r}?", f"；是否应为 {close[0]!r}？")
    names = ", ".join(known)
    return Phrase(f"; known here: {names}", f"；可用：{names}") if known else same("")


def out_of_bounds(section: Loc, complaint: str) -> list[Problem]:
    """Return one problem for each setting that a section's complaint says is out of its bounds."""
    return [Problem((*section, name), _bound(*rest)) for name, *rest in _BOUND.findall(complaint)]


def _bound(value: object, low: object, high: object, why: str = "") -> Phrase:
    return Phrase(f"{value} is not within {low} to {high}{why}", f"{value} 超出允许范围 {low} 至 {high}")


def wrong_value(error: Mapping[str, Any]) -> Phrase:
    """Return what pydantic says of a value, and the value unless it is secret."""
    chinese = _WANTED.get(error["type"].partition("_")[0], error["msg"].replace("{", "{{").replace("}", "}}"))
    wanted = Phrase(error["msg"], chinese.format_map(error.get("ctx", {})))
    found = Phrase(f" (found {error['input']!r})", f"（现为 {error['input']!r}）")
    return wanted if error["loc"] in SECRETS else joined(wanted, found)


# --- what only shows when everything is known ------------------------------------------------------------------------


def cross_check(settings: Settings) -> Iterator[Problem]:
    """Yield what is wrong although each section is right by itself."""
    for index, mapping in enumerate(settings.codecs):
        yield from _mapping_problems(("codecs", index), mapping)
    yield from _routing_problems(settings)
    if settings.readings.store == "influxdb" and settings.influxdb is None:
        yield Problem(("influxdb",), joined(missing(("influxdb",)), _because("readings.store", "influxdb")))
    if settings.influxdb is not None and not settings.influxdb.url:
        yield Problem(("influxdb", "url"), _IS_EMPTY)
    if settings.mqtt is not None and not settings.codecs:
        yield Problem(("codecs",), _NO_CODECS)
    if settings.rules.churn.below > 1:  # the rule can be asked with any line; this one would warn everybody
        yield Problem(("rules", "churn", "below"), _bound(settings.rules.churn.below, 0.01, 1))


def _routing_problems(settings: Settings) -> Iterator[Problem]:
    channel, channels = settings.routing.channel, list(type(settings.channels).model_fields)
    if channel not in channels:
        text = Phrase(f"no channel is called {channel!r}", f"没有名为 {channel!r} 的通道")
        yield Problem(("routing", "channel"), joined(text, nearest(channel, channels)))
    for name in ("url", "secret"):
        if channel == "webhook" and not getattr(settings.channels.webhook, name):
            loc = ("channels", "webhook", name)
            yield Problem(loc, joined(missing(loc), _because("routing.channel", channel)))
    rules = list(type(settings.rules).model_fields)
    for rule, hours in settings.routing.valid_h.items():
        if rule not in rules:
            yield Problem(("routing", "valid_h", rule), unknown(rule, rules))
        elif not 1 <= hours <= _LONGEST_H:
            yield Problem(("routing", "valid_h", rule), _bound(hours, 1, _LONGEST_H))


def _because(setting: str, value: str) -> Phrase:
    return Phrase(f", because {setting} is {value!r}", f"，因为 {setting} 为 {value!r}")


def _mapping_problems(loc: Loc, mapping: JsonMapping) -> Iterator[Problem]:
    for name in ("topics", "readings"):
        if not getattr(mapping, name):
            yield Problem((*loc, name), _IS_EMPTY)
    for text in filter(None, map(topic_filter_problem, mapping.topics)):
        yield Problem((*loc, "topics"), same(text))
    if text := zone_problem(mapping.time_zone):
        yield Problem((*loc, "time_zone"), same(text))
    for setting, path in _paths(mapping):
        if path.startswith("$") and not path.startswith(("$root.", "$topic.")):
            text_of = Phrase(
                f"{path!r}: only $root. and $topic. begin with $", f"{path!r}：仅 $root. 与 $topic. 可以 $ 开头"
            )
            yield Problem((*loc, *setting), text_of)
    if mapping.records.startswith("$"):
        yield Problem((*loc, "records"), Phrase(f"{mapping.records!r}: no $ here", f"{mapping.records!r}：此处不能使用 $"))
    for found in json_mapping.problems(mapping):
        text_of = Phrase(found.text, f"没有 {found.name!r}" if found.known else found.text)
        yield Problem((*loc, *found.setting), joined(text_of, nearest(found.name, found.known)))


def _paths(mapping: JsonMapping) -> Iterator[tuple[Loc, str]]:
    yield ("meter",), mapping.meter
    yield ("time",), mapping.time
    for number, entry in enumerate(mapping.readings):
        yield ("readings", number, "path"), entry.path
        yield ("readings", number, "unit_path"), entry.unit_path
