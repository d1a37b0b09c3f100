"""Reading ``meterwatch.toml``: every problem at once, each with its place and the nearest known name."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pydantic_settings
from pydantic import BaseModel, ValidationError

from ingest.mqtt_options import topic_filter_problem
from meterwatch.app.settings import ENV_DELIMITER, ENV_PREFIX, AuditOptions, LedgerOptions, Settings
from meterwatch.app.settings_problems import (
    Loc,
    Problem,
    cross_check,
    joined,
    missing,
    out_of_bounds,
    same,
    unknown,
    wrong_value,
)
from meterwatch.core.errors import MeterwatchError
from meterwatch.core.model.phrase import Lang, Phrase

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\"' -]+?)\s*\]\]?")
_KEY = re.compile(r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]+\")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]+\"))*)\s*=")
_NOTHING = object()
_FILLING = "missing"
_ROUNDS = 20
_MISSING = frozenset({"missing", "missing_argument"})
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_EMPTY_FILE = Phrase("the file is empty", "文件为空")
_NOT_UTF_8 = Phrase("the file is not UTF-8", "文件不是 UTF-8 编码")
_NO_FILE = Phrase(
    "; write one with `meterwatch init`, or name it with --settings or METERWATCH_SETTINGS",
    "；请用 `meterwatch init` 生成，或用 --settings 或 METERWATCH_SETTINGS 指定",
)
_WRITE_LIKE = Phrase(f": write {ENV_PREFIX}SECTION{ENV_DELIMITER}NAME", f"：请写作 {ENV_PREFIX}SECTION{ENV_DELIMITER}NAME")


class SettingsError(MeterwatchError):
    """The settings can't be used; ``problems`` holds all that is wrong with them."""

    def __init__(self, path: Path, found: Sequence[Problem]) -> None:
        self.path, self.problems = path, tuple(found)
        super().__init__(self.say(Lang.EN))

    def say(self, lang: Lang) -> str:
        """Return the problems in ``lang``, one a line."""
        return "\n".join(problem.say(self.path, lang) for problem in self.problems)


def load(path: Path) -> Settings:
    """Return the settings in ``path`` and the environment; raises SettingsError with every problem at once.

    Relative paths in the file are taken from the folder the file lies in.
    """
    text = _text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(path, [_syntax_problem(str(problem))]) from problem
    variables, found = _add_environment(data)
    found += _read_secrets(data, Settings, path.parent, variables)
    _subscribe_to_codecs(data)
    settings, wrong = _validate(data)
    found += wrong
    if found or settings is None:
        places = _places(text)
        placed = [_placed(problem, places, variables) for problem in found]
        raise SettingsError(path, sorted(placed, key=lambda problem: problem.line or 0))
    return _rooted(settings, path.parent.resolve())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise SettingsError(path, [Problem((), joined(same(problem.strerror or ""), _NO_FILE))]) from problem
    except UnicodeDecodeError as problem:
        raise SettingsError(path, [Problem((), _NOT_UTF_8)]) from problem


def _placed(problem: Problem, places: Mapping[Loc, int], variables: Mapping[Loc, str]) -> Problem:
    """Return the problem with the line it stands on and the environment's variables that may have caused it."""
    if not problem.loc:
        return problem
    if problem.loc in variables:
        return replace(problem, variable=variables[problem.loc])
    within = [name for loc, name in variables.items() if loc[: len(problem.loc)] == problem.loc]
    return replace(problem, line=_line(problem.loc, places), variable=", ".join(within))


def _syntax_problem(text: str) -> Problem:
    line = re.search(r"\(at line (\d+)", text)
    return Problem((), same(text), int(line[1]) if line else None)


# --- validation -------------------------------------------------------------------------------------------------------


def _validate(data: dict[str, Any]) -> tuple[Settings | None, list[Problem]]:
    """Return the settings of what is right in ``data``, and every problem.

    What is wrong is taken out, what is missing stood in for, and the rest validated again, because many checks only run
    when nothing else is wrong. None if even that comes to nothing.
    """
    found: list[Problem] = []
    mended: set[Loc] = set()
    for _ in range(_ROUNDS):
        try:
            settings = Settings(**data)
        except ValidationError as problem:
            for error in problem.errors():
                found += _mend(data, error, mended)
        else:
            found += [known for known in cross_check(settings) if not any(known.loc[: len(at)] == at for at in mended)]
            return settings, found
    return None, found


def _mend(data: dict[str, Any], error: Mapping[str, Any], mended: set[Loc]) -> list[Problem]:
    """Stand in for what ``error`` misses, or take out what it complains of; return what is to be said of it."""
    loc: Loc = error["loc"]
    if error["type"] in _MISSING:
        return _fill_in(data, loc, mended)
    if error["type"] in _UNKNOWN:
        _take_out(data, loc)
        return [Problem(loc, unknown(str(loc[-1]), _names(loc[:-1])))]
    if error["type"] == "value_error":
        return _mend_section(data, loc, error["msg"].removeprefix("Value error, "), mended)
    _cut_out(data, loc, mended)
    return [Problem(loc, wrong_value(error))]


def _fill_in(data: dict[str, Any], loc: Loc, mended: set[Loc]) -> list[Problem]:
    table, taken_out = _reach(data, loc[:-1]), loc in mended
    if isinstance(table, dict):
        table[loc[-1]] = [] if get_origin(_kind(loc)) is tuple else _FILLING
        mended.add(loc)
    return [] if taken_out else [Problem(loc, missing(loc))]


def _mend_section(data: dict[str, Any], loc: Loc, complaint: str, mended: set[Loc]) -> list[Problem]:
    """Take out the settings that are out of bounds, so that the section is judged again; if none is, all of it.

    What speaks of a setting that was mended before is no news: it is not what was written.
    """
    if found := out_of_bounds(loc, complaint):
        for problem in found:
            _cut_out(data, problem.loc, mended)
        return found
    gone = [name for *section, name in mended if tuple(section) == loc]
    news = [part for part in complaint.split("; ") if not any(re.search(rf"\b{name}\b", part) for name in gone)]
    _cut_out(data, loc, mended)
    return [Problem(loc, same("; ".join(news)))] if news else []


def _cut_out(data: dict[str, Any], loc: Loc, mended: set[Loc]) -> None:
    """Take out the setting at ``loc``, or the smallest around it that can be: what is left of a list keeps its place."""
    while loc and loc not in mended:
        if _take_out(data, loc):
            mended.add(loc)
        else:
            loc = loc[:-1]


def _take_out(data: Any, loc: Loc) -> bool:
    """Remove the setting at ``loc``; False if there is nothing to remove."""
    table = _reach(data, loc[:-1])
    return isinstance(table, dict) and table.pop(loc[-1], _NOTHING) is not _NOTHING


def _reach(data: Any, loc: Loc) -> Any:
    """Return what stands at ``loc``, None if nothing does."""
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _kind(loc: Loc) -> Any:
    """Return the type of the setting at ``loc``."""
    kind: Any = Settings
    for step in loc:
        kind = _plain(kind)
        kind = kind if isinstance(step, int) else _members(kind).get(step)
    return kind


def _names(loc: Loc) -> list[str]:
    """Return the names known in the section at ``loc``."""
    return [str(name) for name in _members(_plain(_kind(loc)))]


def _plain(kind: Any) -> Any:
    """Return the class behind ``X | None`` or ``tuple[X, ...]``."""
    if get_origin(kind) in (Union, UnionType, tuple):
        return _plain(next(arg for arg in get_args(kind) if arg not in (type(None), Ellipsis)))
    return kind


def _members(kind: Any) -> dict[str | int, Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: info.annotation for name, info in kind.model_fields.items()}
    return {entry.name: entry.type for entry in fields(kind)} if is_dataclass(kind) else {}


# --- environment, secrets, defaults, paths ----------------------------------------------------------------------------


def _add_environment(data: dict[str, Any]) -> tuple[dict[Loc, str], list[Problem]]:
    """Put what the environment sets over ``data``; return the variable of each such setting, and what can't be read."""
    try:
        given = Settings.environment()
    except pydantic_settings.SettingsError as problem:
        advice = Phrase(
            f": write {ENV_PREFIX}SECTION{ENV_DELIMITER}NAME", f"：请写作 {ENV_PREFIX}SECTION{ENV_DELIMITER}NAME"
        )
        return {}, [Problem((), joined(same(str(problem)), advice), variable="the environment")]
    return {loc: ENV_PREFIX + ENV_DELIMITER.join(map(str, loc)).upper() for loc in _overlay(data, given)}, []


def _overlay(data: dict[str, Any], given: Mapping[str, Any], loc: Loc = ()) -> Iterator[Loc]:
    for name, value in given.items():
        own = (*loc, name)
        if isinstance(value, dict):
            data[name] = data[name] if isinstance(data.get(name), dict) else {}
            yield from _overlay(data[name], value, own)
        else:
            data[name] = _listed(value)
            yield own


def _listed(value: Any) -> Any:
    """Return the list behind its JSON: a variable can hold no other."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError):
            return json.loads(value)
    return value


def _read_secrets(data: Any, kind: Any, folder: Path, variables: Mapping[Loc, str], loc: Loc = ()) -> Iterator[Problem]:
    """Replace ``x_file`` by ``x`` with the file's content, wherever ``x`` is a setting and ``x_file`` is not.

    What the environment sets wins, and the file is not looked at.
    """
    members = _members(_plain(kind))
    if not isinstance(data, dict) or not members:
        return
    for name in [name for name in data if name.endswith("_file") and name not in members]:
        plain = name.removesuffix("_file")
        if plain in members:
            file = folder / str(data.pop(name))
            if plain not in data:
                data[plain], wrong = _secret(file)
                yield from (Problem((*loc, name), text) for text in wrong)
            elif (*loc, plain) not in variables:
                both = Phrase(f"give {plain} or {name}, not both", f"{plain} 与 {name} 只能给出其一")
                yield Problem((*loc, name), both)
    for name, value in data.items():
        yield from _read_secrets(value, members.get(name), folder, variables, (*loc, name))


def _secret(file: Path) -> tuple[str, list[Phrase]]:
    """Return what a secret's file holds, and what is wrong with it."""
    try:
        content = file.read_text(encoding="utf-8-sig").strip()
    except OSError as problem:
        return _FILLING, [same(f"{file}: {problem.strerror}")]
    except UnicodeDecodeError:
        return _FILLING, [joined(same(f"{file}: "), _NOT_UTF_8)]
    return (content, []) if content else (_FILLING, [joined(same(f"{file}: "), _EMPTY_FILE)])


def _subscribe_to_codecs(data: dict[str, Any]) -> None:
    """Subscribe to what the codecs can read, unless the file says otherwise."""
    mqtt, codecs = data.get("mqtt"), data.get("codecs")
    if isinstance(mqtt, dict):
        tables = [codec for codec in codecs if isinstance(codec, dict)] if isinstance(codecs, list) else []
        topics = [topic for codec in tables if isinstance(codec.get("topics"), list) for topic in map(str, codec["topics"])]
        good = [topic for topic in topics if not topic_filter_problem(topic)]
        mqtt.setdefault("topics", list(dict.fromkeys(good)) or [_FILLING])  # a codec without a good one is said there


def _rooted(settings: Settings, folder: Path) -> Settings:
    """Return the settings with every path absolute: from the settings file's folder, spool and key from the data folder."""
    data_dir = folder / settings.data_dir
    spool = replace(settings.channels.spool, directory=data_dir / settings.channels.spool.directory)
    kind, slashes, file = settings.ledger.url.partition("sqlite:///")
    changes = {
        "data_dir": data_dir,
        "channels": settings.channels.model_copy(update={"spool": spool}),
        "audit": AuditOptions(data_dir / settings.audit.key_file),
        "ledger": LedgerOptions(f"{kind}{slashes}{folder / file}" if slashes else settings.ledger.url),
    }
    if settings.mqtt is not None:
        certificates = {name: getattr(settings.mqtt, name) for name in ("ca_file", "cert_file", "key_file")}
        rooted: dict[str, Any] = {name: folder / path for name, path in certificates.items() if path}
        changes["mqtt"] = replace(settings.mqtt, **rooted)
    return settings.model_copy(update=changes)


# --- places -----------------------------------------------------------------------------------------------------------


def _places(text: str) -> dict[Loc, int]:
    """Return the line of every table and key of a TOML text."""
    places: dict[Loc, int] = {}
    counts: dict[Loc, int] = {}
    table: Loc = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _resolve(tuple(part.strip(" \"'") for part in header[2].split(".")), counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            for depth in range(1, len(table) + 1):
                places.setdefault(table[:depth], number)
        elif key := _KEY.match(line):
            places.setdefault((*table, *(part.strip(' "') for part in key[1].split("."))), number)
    return places


def _resolve(names: tuple[str, ...], counts: Mapping[Loc, int]) -> Loc:
    """Return a table's path with the indexes of the arrays of tables it lies in."""
    path: Loc = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if path in counts and position < len(names) - 1:
            path = (*path, counts[path])
    return path


def _line(loc: Loc, places: Mapping[Loc, int]) -> int | None:
    """Return the line of a setting, or of the nearest table around it."""
    while loc and loc not in places:
        loc = loc[:-1]
    return places.get(loc)
