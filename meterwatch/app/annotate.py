"""The annotated ``meterwatch.toml``, written from the options' own declarations so that it can't go out of date."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ingest.mqtt_options import MqttOptions
from meterwatch.app.settings import SECRETS, Settings
from meterwatch.stores.influx_options import InfluxOptions

_HEAD = """\
# meterwatch.toml: every setting, with its default. `meterwatch check` finds every mistake in it at once.
# A line that starts with # shows a default, or an example of what is "Required"; remove the # to change it.
# Secrets: NAME_file = "path" reads NAME from a file, and METERWATCH_SECTION__NAME from the environment wins over this
# file. Relative paths start at this file's folder.

# Folder of journal, readings and ledger.
#data_dir = "data"
"""
_CODEC = """
# How to read one family of messages; repeat the section for others. The first whose topics match decodes a message.
# Required: name, topics, meter, time, and one or more readings, each with type and path.
# Paths: value, data.total, tags[name=T].value, list[0], $root.ts (whole message), $topic.1 (second level of the topic).
[[codecs]]
name = "gateway"
topics = ["meters/+/up"]
# Where the records stand; leave out when the message itself is a record or a list of records.
#records = "data"
meter = "$topic.1"
time = "ts"
# "ms" or "s" since 1970, "iso", or a pattern such as "%Y%m%d%H%M%S%f"; times without a zone are in time_zone.
time_format = "ms"
#time_zone = "Asia/Shanghai"
sample_topic = "meters/M-0001/up"
sample = '{"ts": 1672531200000, "total": 12345.6, "flow": 31.5}'

[[codecs.readings]]
type = "gas.register"
path = "total"
#unit = "m3"
#unit_path = ""
#scale = 1.0

[[codecs.readings]]
type = "gas.flow"
path = "flow"
unit = "m3/h"
"""
_EXAMPLES = {"mqtt.host": "127.0.0.1", "influxdb.url": "http://127.0.0.1:8086", "influxdb.org": "meterwatch"}
_FILLED_IN = {"mqtt.topics"}  # has no default of its own, and yet may be left out
_SECRET_FILES = {".".join(loc): f"{loc[-2]}.{loc[-1]}" for loc in SECRETS}
_OPTIONAL_SECTIONS = {"influxdb"}


def annotated() -> str:
    """Return the text of an annotated settings file with every setting, its meaning and its default."""
    parts = [_HEAD]
    for name, info in Settings.model_fields.items():
        if name == "data_dir":
            continue
        if name == "codecs":
            parts.append(_CODEC)
        else:
            parts.append("\n".join(_section(name, _example(name, info.default))) + "\n")
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _example(name: str, default: Any) -> Any:
    return {"mqtt": MqttOptions, "influxdb": InfluxOptions}.get(name, default)


def _section(name: str, options: Any) -> Iterator[str]:
    """Yield the lines of a section; sections within it follow."""
    kind = options if isinstance(options, type) else type(options)
    if isinstance(options, BaseModel):
        for inner in type(options).model_fields:
            yield from _section(f"{name}.{inner}", getattr(options, inner))
        return
    docs = explained(kind)
    if not docs:
        return
    yield ""
    yield from _comment(_first_sentence(kind))
    yield f"{'#' if name in _OPTIONAL_SECTIONS else ''}[{name}]"
    values = {entry.name: _default(f"{name}.{entry.name}", entry, options) for entry in fields(kind)}
    required = {entry.name for entry in fields(kind) if entry.default is MISSING and entry.default_factory is MISSING}
    for entry, value in values.items():
        if not is_dataclass(value):
            mark = " Required." if entry in required and f"{name}.{entry}" not in _FILLED_IN else ""
            yield from _comment(docs[entry] + mark)
            yield from _setting(name, entry, value)
    for entry, value in values.items():
        if is_dataclass(value):
            yield from _section(f"{name}.{entry}", value)


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(text.replace("``", '"'), 118))


def _setting(section: str, name: str, value: Any) -> Iterator[str]:
    full = f"{section}.{name}"
    if full in _SECRET_FILES:
        yield f'#{name}_file = "{_SECRET_FILES[full]}"'
    elif value is None or value is MISSING:
        yield f"#{name} = "
    elif full in _EXAMPLES and section not in _OPTIONAL_SECTIONS:
        yield f"{name} = {_toml(value)}"
    elif isinstance(value, dict):
        yield f"#{name} = {{}}"
    else:
        yield f"#{name} = {_toml(value)}"


def _default(full: str, entry: "Field[Any]", options: Any) -> Any:
    if full in _EXAMPLES:
        return _EXAMPLES[full]
    if not isinstance(options, type):
        return getattr(options, entry.name)
    return entry.default_factory() if entry.default_factory is not MISSING else entry.default


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum | Path | str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    return str(value)


def explained(kind: type) -> dict[str, str]:
    """Return what the string below each field of a dataclass says about it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    found: dict[str, str] = {}
    name = ""
    for node in getattr(body, "body", []):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif (
            name
            and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            found[name] = " ".join(node.value.value.split())
            name = ""
    return found


def _first_sentence(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".") + "."
