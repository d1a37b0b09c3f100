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

_PART = re.compile(r"(?:^|(?<=.)\.)(?P<key>[^.\[\]=]+)|\[(?P<index>-?\d+)\]|\[(?P<name>[^\]=]+)=(?P<wanted>[^\]]*)\]")


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

    An empty path means the payload itself, a single object or an array of them. Raises ValueError if it can't be read.
    """
    steps = _steps(path) if path else []

    def walk(payload: Any) -> Iterator[Any]:
        todo = [(payload, 0)]
        while todo:
            value, done = todo.pop()
            found = steps[done](value) if done < len(steps) else MISSING
            if found is not MISSING:
                todo.append((found, done + 1))
            elif isinstance(value, list):
                todo += [(element, done) for element in reversed(value)]
            elif done == len(steps):
                yield value

    return walk


def _topic_level(path: str) -> Getter:
    level = path.removeprefix("$topic.")
    if not level.isdigit():
        raise ValueError(f"{path!r}: write $topic.0 for the first level of the topic, $topic.1 for the second")
    number = int(level)
    return lambda _record, _root, topic: topic[number] if number < len(topic) else MISSING


def _steps(path: str) -> list[Step]:
    found: list[Step] = []
    at = 0
    while at < len(path) and (part := _PART.match(path, at)):
        found.append(_step(part))
        at = part.end()
    if at < len(path) or not path:
        raise ValueError(f"{path!r} is not a path; examples: value, data.total, tags[name=T].value, $topic.1")
    return found


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
    return next((entry for entry in value if isinstance(entry, dict) and plain_text(entry.get(name)) == wanted), MISSING)


def plain_text(value: Any) -> str | None:
    """Return a JSON text or number as text, None for anything else."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
