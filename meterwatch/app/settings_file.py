"""Reading ``meterwatch.toml``: every problem at once, each with its place and the nearest known name."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pydantic_settings
from pydantic import BaseModel, ValidationError

from ingest.codecs.json_mapping import JsonMapping, problems
from ingest.mqtt_options import topic_filter_problem
from meterwatch.app.settings import ENV_DELIMITER, ENV_PREFIX, SECRETS, LedgerOptions, Settings
from meterwatch.core.calendar import zone_problem
from meterwatch.core.errors import MeterwatchError

Loc = tuple[str | int, ...]
_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\"' -]+?)\s*\]\]?")
_KEY = re.compile(r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]+\")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]+\"))*)\s*=")
_NOTHING = object()
_FILLING = "missing"
_ROUNDS = 20
_MISSING = frozenset({"missing", "missing_argument"})
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings: where, and what. ``variable`` is the environment's, if it comes from there."""

    loc: Loc
    text: str
    line: int | None = None
    variable: str = ""

    def say(self, path: Path) -> str:
        """Return the problem as ``file:line: setting: what``, or with the variable in place of the line."""
        line = f"{path}:{self.line}" if self.line else str(path) * (not self.variable)
        place = " or ".join(filter(None, (line, self.variable)))
        name = ".".join(map(str, self.loc))
        return f"{place}: {name}: {self.text}" if name else f"{place}: {self.text}"


class SettingsError(MeterwatchError):
    """The settings can't be used; ``problems`` holds all that is wrong with them."""

    def __init__(self, path: Path, found: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.say(path) for problem in found))
        self.problems = tuple(found)


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
        hint = "write one with `meterwatch init`, or name it with --settings or METERWATCH_SETTINGS"
        raise SettingsError(path, [Problem((), f"{problem.strerror}; {hint}")]) from problem
    except UnicodeDecodeError as problem:
        raise SettingsError(path, [Problem((), "the file is not UTF-8")]) from problem


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
    return Problem((), text, int(line[1]) if line else None)


# --- validation -------------------------------------------------------------------------------------------------------


def _validate(data: dict[str, Any]) -> tuple[Settings | None, list[Problem]]:
    """Return the settings of what is right in ``data``, and every problem.

    What is wrong is taken out, what is missing filled in, and the rest validated again, because many checks only run when
    nothing else is wrong. None if even that comes to nothing.
    """
    found: list[Problem] = []
    filled: set[Loc] = set()
    for _ in range(_ROUNDS):
        try:
            settings = Settings(**data)
        except ValidationError as problem:
            for error in problem.errors():
                found += _mend(data, error, filled)
        else:
            found += [problem for problem in _cross_check(settings) if problem.loc not in filled]
            return settings, found
    return None, found


def _mend(data: dict[str, Any], error: Mapping[str, Any], filled: set[Loc]) -> list[Problem]:
    loc: Loc = error["loc"]
    if loc in filled:
        _take_out(data, loc[:1])
        return []
    if error["type"] in _MISSING and _reach(data, loc[:-1]) is not None:
        filled.add(loc)
        _reach(data, loc[:-1])[loc[-1]] = _FILLING
    elif not _take_out(data, loc):
        _take_out(data, loc[:1])
    return [_problem(error)]


def _problem(error: Mapping[str, Any]) -> Problem:
    loc: Loc = error["loc"]
    if error["type"] in _UNKNOWN:
        return Problem(loc, f"unknown setting{_nearest(str(loc[-1]), _names(Settings, loc[:-1]))}")
    if error["type"] in _MISSING:
        return Problem(loc, "is missing")
    text = error["msg"].removeprefix("Value error, ")
    own = error["type"] == "value_error" or loc in SECRETS
    return Problem(loc, text if own else f"{text} (found {error['input']!r})")


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(known)}" if known else ""


def _take_out(data: Any, loc: Loc) -> bool:
    """Remove the setting at ``loc``; False if there is nothing to remove."""
    table = _reach(data, loc[:-1])
    return isinstance(table, dict) and bool(loc) and table.pop(loc[-1], _NOTHING) is not _NOTHING


def _reach(data: Any, loc: Loc) -> Any:
    """Return what stands at ``loc``, None if nothing does."""
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _names(kind: Any, loc: Loc) -> list[str]:
    """Return the names known at ``loc`` within a model, dataclass, or a sequence of them."""
    for step in loc:
        kind = _plain(kind)
        kind = kind if isinstance(step, int) else _members(kind).get(step)
    return [str(name) for name in _members(_plain(kind))]


def _plain(kind: Any) -> Any:
    """Return the class behind ``X | None`` or ``tuple[X, ...]``."""
    if get_origin(kind) in (Union, UnionType, tuple):
        return _plain(next(arg for arg in get_args(kind) if arg not in (type(None), Ellipsis)))
    return kind


def _members(kind: Any) -> dict[str | int, Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: info.annotation for name, info in kind.model_fields.items()}
    return {entry.name: entry.type for entry in fields(kind)} if is_dataclass(kind) else {}


# --- what only shows when everything is known ------------------------------------------------------------------------


def _cross_check(settings: Settings) -> Iterator[Problem]:
    for index, mapping in enumerate(settings.codecs):
        yield from _mapping_problems(("codecs", index), mapping)
    channels = list(type(settings.channels).model_fields)
    if settings.routing.channel not in channels:
        nearest = _nearest(settings.routing.channel, channels)
        yield Problem(("routing", "channel"), f"no channel is called {settings.routing.channel!r}{nearest}")
    if settings.routing.channel == "webhook" and not (settings.channels.webhook.url and settings.channels.webhook.secret):
        yield Problem(("channels", "webhook"), "needs url and secret_file, because routing.channel is 'webhook'")
    if settings.readings.store == "influxdb" and settings.influxdb is None:
        yield Problem(("influxdb",), "is missing, because readings.store is 'influxdb'")
    if settings.mqtt is not None and not settings.codecs:
        yield Problem(("codecs",), "is missing: no message could be read; see `meterwatch init` for an example")


def _mapping_problems(loc: Loc, mapping: JsonMapping) -> Iterator[Problem]:
    for topic in mapping.topics:
        if text := topic_filter_problem(topic):
            yield Problem((*loc, "topics"), text)
    if text := zone_problem(mapping.time_zone):
        yield Problem((*loc, "time_zone"), text)
    for found in problems(mapping):
        yield Problem((*loc, *found.setting), found.text + (_nearest(found.name, found.known) if found.known else ""))


# --- environment, secrets, defaults, paths ----------------------------------------------------------------------------


def _add_environment(data: dict[str, Any]) -> tuple[dict[Loc, str], list[Problem]]:
    """Put what the environment sets over ``data``; return the variable of each such setting, and what can't be read."""
    try:
        given = Settings.environment()
    except pydantic_settings.SettingsError as problem:
        return {}, [Problem((), f"{problem}: write {ENV_PREFIX}SECTION{ENV_DELIMITER}NAME", variable="the environment")]
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
                yield Problem((*loc, name), f"give {plain} or {name}, not both")
    for name, value in data.items():
        yield from _read_secrets(value, members.get(name), folder, variables, (*loc, name))


def _secret(file: Path) -> tuple[str, list[str]]:
    """Return what a secret's file holds, and what is wrong with it."""
    try:
        content = file.read_text(encoding="utf-8-sig").strip()
    except OSError as problem:
        return _FILLING, [f"{file}: {problem.strerror}"]
    except UnicodeDecodeError:
        return _FILLING, [f"{file}: the file is not UTF-8"]
    return (content, []) if content else (_FILLING, [f"{file}: the file is empty"])


def _subscribe_to_codecs(data: dict[str, Any]) -> None:
    """Subscribe to what the codecs can read, unless the file says otherwise."""
    mqtt, codecs = data.get("mqtt"), data.get("codecs")
    if isinstance(mqtt, dict) and isinstance(codecs, list):
        topics = [t for c in codecs if isinstance(c, dict) and isinstance(c.get("topics"), list) for t in c["topics"]]
        good = [topic for topic in map(str, topics) if not topic_filter_problem(topic)]
        mqtt.setdefault("topics", list(dict.fromkeys(good or map(str, topics))))  # a bad one is said at its codec


def _rooted(settings: Settings, folder: Path) -> Settings:
    """Return the settings with every path absolute: from the settings file's folder, the spool from the data folder."""
    data_dir = folder / settings.data_dir
    spool = replace(settings.channels.spool, directory=data_dir / settings.channels.spool.directory)
    kind, slashes, file = settings.ledger.url.partition("sqlite:///")
    changes = {
        "data_dir": data_dir,
        "channels": settings.channels.model_copy(update={"spool": spool}),
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
