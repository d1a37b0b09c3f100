"""JSON of any shape, read by a mapping in the settings: single objects, arrays, nested paths, topic levels as fields."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ingest.codecs.codec import Codec, CodecKind, Decoded, excerpt
from ingest.codecs.paths import MISSING, Getter, compile_path, plain_text, records_at
from ingest.codecs.times import format_problem, time_reader
from meterwatch.core.model.packets import Packet, Reason
from meterwatch.core.model.reading_types import BY_NAME, ReadingType, unit_factor, units_for

_BOM = b"\xef\xbb\xbf"  # some gateways begin a message with it, as a text file of their system does


@dataclass(frozen=True)
class ReadingMapping:
    """One kind of reading a record may carry."""

    type: str
    """Reading type, e.g. ``gas.register`` (docs/formats.md lists them)."""
    path: str
    """Where its value stands in the record; a record without it simply has no such reading."""
    unit: str = ""
    """Unit of the value if it is not the reading type's own."""
    unit_path: str = ""
    """Where the record itself names the unit; wins over ``unit``."""
    scale: float = 1.0
    """What the value is multiplied by before its unit, e.g. 0.01 for a register sent in hundredths."""


@dataclass(frozen=True)
class JsonMapping:
    """How to read one family of JSON messages."""

    name: str
    """Name of the mapping, for logs and ``meterwatch check``."""
    topics: tuple[str, ...]
    """Topic filters; the first mapping that matches a topic decodes it."""
    meter: str
    """Where the meter's code stands, e.g. ``sn`` or ``$topic.1``."""
    time: str
    """Where the reading's time stands: the end of its interval."""
    readings: tuple[ReadingMapping, ...]
    """What a record carries."""
    kind: Literal["json"] = "json"
    """Payload format."""
    time_format: str = "ms"
    """``ms`` or ``s`` since 1970, ``iso``, or a pattern such as ``%Y%m%d%H%M%S%f``."""
    time_zone: str = "Asia/Shanghai"
    """Zone of times that carry none."""
    records: str = ""
    """Where the records stand; empty when the message itself is a record or a list of records."""
    sample: str = ""
    """A sample message; ``meterwatch check`` decodes it."""
    sample_topic: str = ""
    """The topic of the sample."""


class JsonCodec:
    """A compiled mapping."""

    def __init__(self, mapping: JsonMapping) -> None:
        """Compile ``mapping``; raises ValueError naming what can't be understood in it."""
        if wrong := "; ".join(found.text for found in problems(mapping)):
            raise ValueError(f"codec {mapping.name}: {wrong}")
        self.name, self.topics = mapping.name, mapping.topics
        self._records = records_at(mapping.records)
        self._meter, self._time = compile_path(mapping.meter), compile_path(mapping.time)
        self._read_time = time_reader(mapping.time_format, mapping.time_zone)
        self._values = [_Value(entry) for entry in mapping.readings]
        self._decoder = msgspec.json.Decoder()

    def decode(self, packets: Sequence[tuple[int, Packet]], into: Decoded) -> None:
        """Decode packets; see Codec."""
        for index, packet in packets:
            try:
                root = self._decoder.decode(packet.payload.removeprefix(_BOM))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
                into.rejected.append((index, Reason.NOT_JSON, excerpt(str(problem))))
                continue
            self._decode_records(index, packet.topic.split("/"), root, into)

    def _decode_records(self, index: int, topic: Sequence[str], root: Any, into: Decoded) -> None:
        number = 0
        for record in self._records(root):
            for found in self._decode_record(record, root, topic):
                if isinstance(found, _Refused):
                    into.refused.append((index, number, found.reason, found.detail))
                else:
                    into.add(index, number, found)
                number += 1
        if not number:
            into.rejected.append((index, Reason.NO_RECORDS, excerpt(root)))

    def _decode_record(self, record: Any, root: Any, topic: Sequence[str]) -> "list[tuple[str, int, int, float] | _Refused]":
        meter = plain_text(self._meter(record, root, topic))
        if not meter:
            return [_Refused(Reason.NO_METER, excerpt(record))]
        stamp = self._time(record, root, topic)
        if stamp is MISSING or stamp is None:
            return [_Refused(Reason.NO_TIME, excerpt(record))]
        time = self._read_time(stamp)
        if time is None:
            return [_Refused(Reason.BAD_TIME, excerpt(stamp))]
        found = [value.read(record, root, topic) for value in self._values]
        present = [entry for entry in found if entry is not None]
        if not present:
            return [_Refused(Reason.NO_VALUE, excerpt(record))]
        return [e if isinstance(e, _Refused) else (meter, e[0], time, e[1]) for e in present]


@dataclass(frozen=True, slots=True)
class _Refused:
    reason: Reason
    detail: str


class _Value:
    """Reads one kind of reading out of a record."""

    def __init__(self, mapping: ReadingMapping) -> None:
        self.kind: ReadingType = BY_NAME[mapping.type]
        self._get = compile_path(mapping.path)
        self._get_unit: Getter | None = compile_path(mapping.unit_path) if mapping.unit_path else None
        self._factor = unit_factor(mapping.unit or self.kind.unit, self.kind) or 1.0
        self._scale = mapping.scale

    def read(self, record: Any, root: Any, topic: Sequence[str]) -> tuple[int, float] | _Refused | None:
        """Return (reading type, value), a refusal, or None if the record has no such reading."""
        raw = self._get(record, root, topic)
        if raw is MISSING:
            return None
        value = _number(raw)
        if value is None:
            return _Refused(Reason.NOT_A_NUMBER, f"{self.kind.name}: {excerpt(raw)}")
        factor: float | None = self._factor
        unit = self._get_unit(record, root, topic) if self._get_unit else MISSING
        if unit is not MISSING:
            factor = unit_factor(plain_text(unit) or "", self.kind)
        if factor is None:
            return _Refused(Reason.WRONG_UNIT, f"{self.kind.name}: {excerpt(unit)}; {', '.join(units_for(self.kind))}")
        return self.kind.code, value * self._scale * factor


def _number(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """What is wrong with a setting of a mapping; for a misspelt ``name``, what is ``known`` in its place."""

    setting: tuple[str | int, ...]
    text: str
    name: str = ""
    known: tuple[str, ...] = ()


def problems(mapping: JsonMapping) -> Iterator[MappingProblem]:
    """Yield everything but the zone that keeps a mapping from being compiled."""
    for setting in ("meter", "time", "records"):
        path = getattr(mapping, setting)
        yield from _path_problems((setting,), path) if path or setting != "records" else ()
    if text := format_problem(mapping.time_format):
        yield MappingProblem(("time_format",), text)
    for number, entry in enumerate(mapping.readings):
        here: tuple[str | int, ...] = ("readings", number)
        yield from _path_problems((*here, "path"), entry.path)
        if entry.unit_path:
            yield from _path_problems((*here, "unit_path"), entry.unit_path)
        kind = BY_NAME.get(entry.type)
        if kind is None:
            yield MappingProblem((*here, "type"), f"no reading type is called {entry.type!r}", entry.type, tuple(BY_NAME))
        elif entry.unit and unit_factor(entry.unit, kind) is None:
            units = units_for(kind)
            yield MappingProblem((*here, "unit"), f"{entry.unit!r} is no unit of {kind.name}", entry.unit, units)


def _path_problems(setting: tuple[str | int, ...], path: str) -> Iterator[MappingProblem]:
    try:
        compile_path(path)
    except ValueError as problem:
        yield MappingProblem(setting, str(problem))


def build(mapping: JsonMapping) -> Codec:
    """Return the codec of a mapping; raises ValueError naming what can't be understood in it."""
    return JsonCodec(mapping)


CODEC = CodecKind("json", JsonMapping, build)
