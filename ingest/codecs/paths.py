"""Paths into a decoded JSON document, compiled once.

``a.b`` keys · ``list[0]`` an element · ``list[name=T].value`` the element whose ``name`` is ``T`` · ``$root.a`` from the
whole payload instead of the record · ``$topic.1`` the topic's second level.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

MISSING: Any = object()
Step = Callable[[Any], Any]
Getter = Callable[[Any, Any, Sequence[str]], Any]  # (record, root, topic levels) -> value or MISSING

_PART = re.compile(r"(?P<key>[^.\[\]=]+)|\[(?P<index>-?\d+)\]|\[(?P<name>[^\]=]+)=(?P<wanted>[^\]]*)\]")
_PATH = re.compile(rf"^(?:{_PART.pattern.replace('?P<', '?P<_')})(?:\.?(?:[^.\[\]=]+|\[[^\]]+\]))*$")


def compile_path(path: str) -> Getter:
    """Return a function that finds ``path``; raises ValueError if it can't be read."""
    if path.startswith("$topic."):
        return _topic_level(path)
    whole = path.startswith("$root.")
    steps = _steps(path.removeprefix("$root."))

    def get(record: Any, root: Any, _topic: Sequence[str]) -> Any:
        found = root if whole else record
        for step in steps:
            found = step(found)
            if found is MISSING:
                return MISSING
        return found

    return get


def records_at(path: str) -> Callable[[Any], Iterator[Any]]:
    """Return a function that yields the records at ``path`` of a payload; every list on the way is walked through.

    An empty path means the payload itself, a single object or an array of them.
    """
    steps = _steps(path) if path else []

    def walk(value: Any, rest: list[Step]) -> Iterator[Any]:
        if isinstance(value, list):
            for element in value:
                yield from walk(element, rest)
        elif value is not MISSING and rest:
            yield from walk(rest[0](value), rest[1:])
        elif value is not MISSING:
            yield value

    return lambda payload: walk(payload, steps)


def _topic_level(path: str) -> Getter:
    level = path.removeprefix("$topic.")
    if not level.isdigit():
        raise ValueError(f"{path!r}: write $topic.0 for the first level of the topic, $topic.1 for the second")
    number = int(level)
    return lambda _record, _root, topic: topic[number] if number < len(topic) else MISSING


def _steps(path: str) -> list[Step]:
    if not _PATH.match(path):
        raise ValueError(f"{path!r} is not a path; examples: value, data.total, tags[name=T].value, $topic.1")
    return [_step(part) for part in _PART.finditer(path)]


def _step(part: re.Match[str]) -> Step:
    if part["index"]:
        index = int(part["index"])
        return lambda value: value[index] if isinstance(value, list) and -len(value) <= index < len(value) else MISSING
    if part["name"]:
        name, wanted = part["name"], part["wanted"]
        return lambda value: _select(value, name, wanted)
    key = part["key"]
    return lambda value: value.get(key, MISSING) if isinstance(value, dict) else MISSING


def _select(value: Any, name: str, wanted: str) -> Any:
    if not isinstance(value, list):
        return MISSING
    return next((entry for entry in value if isinstance(entry, dict) and str(entry.get(name)) == wanted), MISSING)
