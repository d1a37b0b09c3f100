"""The JSON mapping codec: whatever a message holds, it becomes readings, refusals or one rejection."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.codecs import CODECS
from ingest.codecs.codec import Decoded, excerpt
from ingest.codecs.json_mapping import JsonCodec, JsonMapping, ReadingMapping, problems
from meterwatch.core.model.packets import Packet, Reason
from meterwatch.core.model.reading_types import BY_NAME
from tests.support.room import ms

V = ReadingMapping("gas.register", "v")
FLOW = ReadingMapping("gas.flow", "f")
PLAIN = JsonMapping(name="plain", topics=("m/#",), meter="sn", time="t", readings=(V, FLOW))
GAS, RATE = BY_NAME["gas.register"].code, BY_NAME["gas.flow"].code
NOON = "2025-06-19T12:00:00+08:00"
T = ms(NOON)


@dataclass(frozen=True)
class Found:
    """Readings as (meter, type, time, value); refusals as (record, reason); rejections as reasons."""

    readings: list[tuple[Any, ...]]
    refused: list[tuple[int, Reason]]
    rejected: list[Reason]
    records: list[int]


def decode(mapping: JsonMapping, payload: bytes | str, topic: str = "m/gw") -> Found:
    found = Decoded()
    data = payload if isinstance(payload, bytes) else payload.encode()
    JsonCodec(mapping).decode([(7, Packet(topic, data))], found)
    packets = {*found.packet, *(entry[0] for entry in found.refused), *(entry[0] for entry in found.rejected)}
    assert packets == {7}
    assert all(len(str(entry[-1])) <= 200 for entry in (*found.refused, *found.rejected))
    return Found(
        [*zip(found.meter, found.reading_type, found.time, found.value, strict=True)],
        [(record, reason) for _, record, reason, _ in found.refused],
        [reason for _, reason, _ in found.rejected],
        found.record,
    )


def mapping(**changes: Any) -> JsonMapping:
    return replace(PLAIN, **changes)


def one(**values: Any) -> str:
    return json.dumps({"sn": "M", "t": T, **values})


READINGS: dict[str, tuple[JsonMapping, str | bytes, list[tuple[Any, ...]]]] = {
    "a single object": (PLAIN, one(v=1.5), [("M", GAS, T, 1.5)]),
    "several reading types": (PLAIN, one(v=1.5, f=2), [("M", GAS, T, 1.5), ("M", RATE, T, 2.0)]),
    "an array": (PLAIN, f"[{one(v=1)},{one(v=2)}]", [("M", GAS, T, 1.0), ("M", GAS, T, 2.0)]),
    "arrays in arrays": (PLAIN, f"[[{one(v=1)}],[[{one(v=2)}]]]", [("M", GAS, T, 1.0), ("M", GAS, T, 2.0)]),
    "nested paths": (
        mapping(meter="dev.id", time="dev.at.ms", readings=(replace(V, path="data.total.value"),)),
        json.dumps({"dev": {"id": "M", "at": {"ms": T}}, "data": {"total": {"value": 3}}}),
        [("M", GAS, T, 3.0)],
    ),
    "records below a path, the meter above it": (
        mapping(records="body.rows", meter="$root.gateway"),
        json.dumps({"gateway": "G", "body": {"rows": [{"t": T, "v": 1}, {"t": T + 1, "v": 2}]}}),
        [("G", GAS, T, 1.0), ("G", GAS, T + 1, 2.0)],
    ),
    "records in lists on the way": (
        mapping(records="devices.rows"),
        json.dumps({"devices": [{"rows": [{"sn": "A", "t": T, "v": 1}]}, {"rows": {"sn": "B", "t": T, "v": 2}}]}),
        [("A", GAS, T, 1.0), ("B", GAS, T, 2.0)],
    ),
    "records in one element of a list": (
        mapping(records="pages[1].rows"),
        json.dumps({"pages": [{"rows": [{"sn": "A"}]}, {"rows": [{"sn": "B", "t": T, "v": 2}]}]}),
        [("B", GAS, T, 2.0)],
    ),
    "an element by position": (
        mapping(readings=(replace(V, path="vs[0]"), replace(FLOW, path="vs[-1]"))),
        one(vs=[1, 2, 3]),
        [("M", GAS, T, 1.0), ("M", RATE, T, 3.0)],
    ),
    "an element by name": (
        mapping(readings=(replace(V, path="tags[name=T].value"),)),
        one(tags=[5, {"name": "P", "value": 1}, {"name": "T", "value": 2}, {"name": "T", "value": 3}]),
        [("M", GAS, T, 2.0)],
    ),
    "an element by number": (
        mapping(readings=(replace(V, path="regs[id=7].value"),)),
        one(regs=[{"id": [7], "value": 1}, {"id": 7, "value": 2}]),
        [("M", GAS, T, 2.0)],
    ),
    "an element by a name with dots, the key in Chinese": (
        mapping(readings=(replace(V, path="数据[obis=1-0:1.8.0].值"),)),
        one(数据=[{"obis": "1-0:1.8.0", "值": 2}]),
        [("M", GAS, T, 2.0)],
    ),
    "a topic level": (mapping(meter="$topic.1"), one(v=1), [("gw", GAS, T, 1.0)]),
    "a topic level as value": (mapping(readings=(replace(V, path="$topic.2"),)), one(), [("M", GAS, T, 12.5)]),
    "milliseconds as text": (PLAIN, one(t=str(T), v=1), [("M", GAS, T, 1.0)]),
    "milliseconds with a fraction": (PLAIN, one(t=T + 0.6, v=1), [("M", GAS, T + 1, 1.0)]),
    "seconds": (mapping(time_format="s"), one(t=T // 1000, v=1), [("M", GAS, T, 1.0)]),
    "seconds with a fraction": (mapping(time_format="s"), one(t=T / 1000 + 0.25, v=1), [("M", GAS, T + 250, 1.0)]),
    "ISO with a zone": (mapping(time_format="iso"), one(t="2025-06-19T06:00:00+02:00", v=1), [("M", GAS, T, 1.0)]),
    "ISO in UTC": (mapping(time_format="iso"), one(t="2025-06-19T04:00:00.000Z", v=1), [("M", GAS, T, 1.0)]),
    "ISO without a zone": (mapping(time_format="iso"), one(t="2025-06-19 12:00:00", v=1), [("M", GAS, T, 1.0)]),
    "ISO without a zone elsewhere": (
        mapping(time_format="iso", time_zone="Europe/Rome"),
        one(t="2025-06-19T06:00:00", v=1),
        [("M", GAS, T, 1.0)],
    ),
    "a zone-less run of digits": (
        mapping(time_format="%Y%m%d%H%M%S%f"),
        one(t="20250619145825105", v=1),
        [("M", GAS, ms("2025-06-19T14:58:25.105+08:00"), 1.0)],
    ),
    "a zone-less run of digits as a number": (
        mapping(time_format="%Y%m%d%H%M%S"),
        one(t=20250619120000, v=1),
        [("M", GAS, T, 1.0)],
    ),
    "a pattern with a zone": (
        mapping(time_format="%d.%m.%Y %H:%M %z"),
        one(t="19.06.2025 06:00 +0200", v=1),
        [("M", GAS, T, 1.0)],
    ),
    "a unit by the mapping": (mapping(readings=(replace(V, unit="l"),)), one(v=1500), [("M", GAS, T, 1.5)]),
    "a unit by the record": (
        mapping(readings=(replace(FLOW, unit="m3/h", unit_path="u"),)),
        f"[{one(f=2, u='l/s')},{one(f=2)}]",
        [("M", RATE, T, 7.2), ("M", RATE, T, 2.0)],
    ),
    "a scale": (mapping(readings=(replace(V, scale=0.01, unit="l"),)), one(v=150000), [("M", GAS, T, 1.5)]),
    "a number as text": (PLAIN, one(v=" 1.5e1 "), [("M", GAS, T, 15.0)]),
    "a meter code as number": (PLAIN, one(sn=1234567890123456789012, v=1), [("1234567890123456789012", GAS, T, 1.0)]),
    "a huge integer": (PLAIN, one(v=10**300), [("M", GAS, T, 1e300)]),
    "a value below zero": (PLAIN, one(v=-1), [("M", GAS, T, -1.0)]),
    "a value of zero": (PLAIN, one(v=0), [("M", GAS, T, 0.0)]),
    "of duplicate keys the last": (PLAIN, one(v=1)[:-1] + ', "v": 2}', [("M", GAS, T, 2.0)]),
    "a byte order mark": (PLAIN, b"\xef\xbb\xbf" + one(v=1).encode(), [("M", GAS, T, 1.0)]),
    "Chinese codes": (PLAIN, one(sn="表-1", v=1), [("表-1", GAS, T, 1.0)]),
}


@pytest.mark.parametrize(("how", "payload", "readings"), READINGS.values(), ids=READINGS)
def test_readings(how: JsonMapping, payload: str | bytes, readings: list[tuple[Any, ...]]) -> None:
    found = decode(how, payload, "m/gw/12.5")
    assert found == Found(readings, [], [], list(range(len(readings))))


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


R = Reason
REFUSED: dict[str, tuple[JsonMapping, str | bytes, list[Reason]]] = {
    "no meter": (PLAIN, json.dumps({"t": T, "v": 1}), [R.NO_METER]),
    "a meter that is null": (PLAIN, one(sn=None, v=1), [R.NO_METER]),
    "a meter that is empty": (PLAIN, one(sn="", v=1), [R.NO_METER]),
    "a meter that is true": (PLAIN, one(sn=True, v=1), [R.NO_METER]),
    "a meter that is a list": (PLAIN, one(sn=["M"], v=1), [R.NO_METER]),
    "a topic without that level": (mapping(meter="$topic.9"), one(v=1), [R.NO_METER]),
    "a record that is a number": (PLAIN, "[5]", [R.NO_METER]),
    "a message that is a text": (PLAIN, '"hello"', [R.NO_METER]),
    "a message that is null": (PLAIN, "null", [R.NO_METER]),
    "no time": (PLAIN, json.dumps({"sn": "M", "v": 1}), [R.NO_TIME]),
    "a time that is null": (PLAIN, one(t=None, v=1), [R.NO_TIME]),
    "a time in another format": (PLAIN, one(t="2025-06-19 12:00:00", v=1), [R.BAD_TIME]),
    "a time that is true": (PLAIN, one(t=True, v=1), [R.BAD_TIME]),
    "a time that is a list": (PLAIN, one(t=[T], v=1), [R.BAD_TIME]),
    "a time beyond every calendar": (PLAIN, one(t=2**60, v=1), [R.BAD_TIME]),
    "a time that is not a number": (PLAIN, one(t="nan", v=1), [R.BAD_TIME]),
    "a time that is infinite": (PLAIN, one(t="-inf", v=1), [R.BAD_TIME]),
    "a time of thousands of digits": (PLAIN, one(v=1).replace(str(T), "9" * 4300), [R.BAD_TIME]),
    "an ISO time that is true": (mapping(time_format="iso"), one(t=True, v=1), [R.BAD_TIME]),
    "an ISO time that is a float": (mapping(time_format="iso"), one(t=1.5, v=1), [R.BAD_TIME]),
    "the 31st of June": (mapping(time_format="%Y%m%d"), one(t="20250631", v=1), [R.BAD_TIME]),
    "no value": (PLAIN, one(x=1), [R.NO_VALUE]),
    "a value that is null": (PLAIN, one(v=None), [R.NOT_A_NUMBER]),
    "a value that is true": (PLAIN, one(v=True), [R.NOT_A_NUMBER]),
    "a value that is a list": (PLAIN, one(v=[1]), [R.NOT_A_NUMBER]),
    "a value that is an empty text": (PLAIN, one(v=""), [R.NOT_A_NUMBER]),
    "a value with its unit": (PLAIN, one(v="1.5 m3"), [R.NOT_A_NUMBER]),
    "a value that is NaN as text": (PLAIN, one(v="NaN"), [R.NOT_A_NUMBER]),
    "a value that is infinite as text": (PLAIN, one(v="1e999"), [R.NOT_A_NUMBER]),
    "an integer too large for a float": (PLAIN, one(v=10**400), [R.NOT_A_NUMBER]),
    "an integer of thousands of digits": (PLAIN, one(v=1)[:-2] + "9" * 4300 + "}", [R.NOT_A_NUMBER]),
    "a wrong unit": (mapping(readings=(replace(V, unit_path="u"),)), one(v=1, u="kWh"), [R.WRONG_UNIT]),
    "a unit that is null": (mapping(readings=(replace(V, unit_path="u"),)), one(v=1, u=None), [R.WRONG_UNIT]),
    "a unit that is a list": (mapping(readings=(replace(V, unit_path="u"),)), one(v=1, u=["m3"]), [R.WRONG_UNIT]),
    "both values bad": (PLAIN, one(v="x", f="y"), [R.NOT_A_NUMBER, R.NOT_A_NUMBER]),
}


@pytest.mark.parametrize(("how", "payload", "reasons"), REFUSED.values(), ids=REFUSED)
def test_refusals(how: JsonMapping, payload: str | bytes, reasons: list[Reason]) -> None:
    assert decode(how, payload) == Found([], list(enumerate(reasons)), [], [])


REJECTED: dict[str, tuple[str | bytes, Reason]] = {
    "not JSON": ("hello", R.NOT_JSON),
    "cut off": (one(v=1)[:-1], R.NOT_JSON),
    "more behind it": (one(v=1) + "x", R.NOT_JSON),
    "only blanks": ("  ", R.NOT_JSON),
    "a number beyond floats": (one(v=1)[:-2] + "1e400}", R.NOT_JSON),
    "an integer of even more digits": (one(v=1)[:-2] + "9" * 5000 + "}", R.NOT_JSON),
    "the token NaN": (one(v=1)[:-2] + "NaN}", R.NOT_JSON),
    "half a surrogate pair": (one(sn="\ud800", v=1), R.NOT_JSON),
    "the other half": (one(sn="\udc00", v=1), R.NOT_JSON),
    "not UTF-8": (one(sn="表", v=1).encode().replace(b"\\u8868", "表".encode("gb18030")), R.NOT_JSON),
    "UTF-16": (one(v=1).encode("utf-16"), R.NOT_JSON),
    "nested too deep": (deep(100_000), R.NOT_JSON),
    "objects nested too deep": ('{"a":' * 100_000, R.NOT_JSON),
    "no records": ("[]", R.NO_RECORDS),
    "lists of nothing": ("[[],[[]]]", R.NO_RECORDS),
}


@pytest.mark.parametrize(("payload", "reason"), REJECTED.values(), ids=REJECTED)
def test_rejections(payload: str | bytes, reason: Reason) -> None:
    assert decode(PLAIN, payload) == Found([], [], [reason], [])


@pytest.mark.parametrize("payload", ["{}", '{"rows":[]}', '{"rows":{"a":1}}', "5", '{"rows":{"in":[]}}'])
def test_records_that_are_not_where_the_mapping_says(payload: str) -> None:
    assert decode(mapping(records="rows.in"), payload).rejected == [Reason.NO_RECORDS]


def test_what_is_good_in_a_message_is_kept_beside_what_is_bad() -> None:
    payload = f"[{one(v=1, f='x')},{one(x=1)},{one(v=2)}]"
    refused = [(1, Reason.NOT_A_NUMBER), (2, Reason.NO_VALUE)]
    assert decode(PLAIN, payload) == Found([("M", GAS, T, 1.0), ("M", GAS, T, 2.0)], refused, [], [0, 3])


@pytest.mark.parametrize("depth", range(50, sys.getrecursionlimit() + 100, 50))
def test_nesting_of_any_depth_ends_with_a_reason(depth: int) -> None:
    """Some is read without trouble, and then is too deep to be walked through or to be printed."""
    for inner in (deep(depth), '{"a":' * depth + "1" + "}" * depth):
        assert decode(PLAIN, inner).rejected + decode(PLAIN, inner).refused
        assert decode(PLAIN, one().replace('"M"', inner)).rejected + decode(PLAIN, one().replace('"M"', inner)).refused
        in_time, in_value, in_tag = (
            one().replace(str(T), inner),
            one(v=0)[:-2] + inner + "}",
            f'{{"tags":[{{"name":{inner}}}]}}',
        )
        by_tag = mapping(meter="tags[name=T].value")
        for how, payload in ((PLAIN, in_time), (PLAIN, in_value), (by_tag, in_tag)):
            assert decode(how, payload).rejected + decode(how, payload).refused


KEYS = st.sampled_from(["sn", "t", "v", "f", "u", "rows", "tags", "name", "value"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from([T, str(T), "M", "m3"])
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=10
)
RECORDS = st.fixed_dictionaries(
    {"sn": LEAVES, "t": LEAVES, "v": LEAVES}, optional={"f": LEAVES, "u": LEAVES, "tags": DOCUMENTS}
)


def spoilt(record: dict[str, Any], at: int, noise: bytes) -> bytes:
    return json.dumps(record).encode()[:at] + noise


PAYLOADS = st.one_of(
    st.binary(max_size=60),
    DOCUMENTS.map(json.dumps).map(str.encode),
    st.lists(RECORDS, max_size=3).map(json.dumps).map(str.encode),
    st.builds(spoilt, RECORDS, st.integers(0, 80), st.binary(max_size=3)),
)
TAGGED = (replace(V, unit_path="u", scale=1e300), replace(FLOW, path="tags[name=M].value"))
MAPPINGS = st.builds(
    mapping,
    meter=st.sampled_from(["sn", "$topic.1", "$topic.7", "$root.sn", "tags[name=M].value"]),
    time=st.sampled_from(["t", "$root.t", "rows[0].t"]),
    time_format=st.sampled_from(["ms", "s", "iso", "%Y%m%d%H%M%S%f", "%H:%M"]),
    time_zone=st.sampled_from(["Asia/Shanghai", "Europe/Rome", "UTC"]),
    records=st.sampled_from(["", "rows", "rows.tags", "tags[name=M]", "rows[1]"]),
    readings=st.sampled_from([(V,), (V, FLOW), TAGGED]),
)


@settings(max_examples=800, deadline=None)
@given(how=MAPPINGS, sent=st.lists(PAYLOADS, min_size=1, max_size=2))
def test_every_packet_ends_as_readings_refusals_or_one_rejection(how: JsonMapping, sent: list[bytes]) -> None:
    found = Decoded()
    JsonCodec(how).decode([(index, Packet("m/gw", payload)) for index, payload in enumerate(sent)], found)
    rejected = [index for index, _, _ in found.rejected]
    records = [*zip(found.packet, found.record, strict=True), *((entry[0], entry[1]) for entry in found.refused)]
    decoded = {packet for packet, _ in records}
    assert sorted([*rejected, *decoded]) == list(range(len(sent)))
    for index in decoded:
        own = sorted(record for packet, record in records if packet == index)
        assert own == list(range(len(own)))
    columns: Sequence[Sequence[object]] = (found.meter, found.reading_type, found.time, found.value, found.record)
    assert {len(column) for column in columns} == {len(found.packet)}
    assert all(isinstance(value, float) for value in found.value)
    for text in (*(entry[3] for entry in found.refused), *(entry[2] for entry in found.rejected)):
        assert len(text) <= 200
        assert text.isprintable()


WRONG: dict[str, tuple[dict[str, Any], tuple[str | int, ...]]] = {
    "an empty path": ({"meter": ""}, ("meter",)),
    "two dots": ({"meter": "a..b"}, ("meter",)),
    "a dot at the end": ({"meter": "a."}, ("meter",)),
    "a dot at the start": ({"time": ".a"}, ("time",)),
    "an open bracket": ({"time": "a[0"}, ("time",)),
    "brackets that choose nothing": ({"records": "tags[T]"}, ("records",)),
    "no level of the topic": ({"meter": "$topic.x"}, ("meter",)),
    "a long path with a slip at its end": ({"meter": "total_active_energy_of_the_main_meter_in_kWh="}, ("meter",)),
    "an unknown time format": ({"time_format": "millis"}, ("time_format",)),
    "an unknown pattern": ({"time_format": "%Q"}, ("time_format",)),
    "a pattern with a field twice": ({"time_format": "%Y %Y"}, ("time_format",)),
    "an unknown reading type": ({"readings": (V, ReadingMapping("gas.registr", "v"))}, ("readings", 1, "type")),
    "an unknown unit": ({"readings": (replace(V, unit="kWh"),)}, ("readings", 0, "unit")),
    "a bad unit path": ({"readings": (replace(V, unit_path="a..b"),)}, ("readings", 0, "unit_path")),
    "a bad value path": ({"readings": (replace(V, path="="),)}, ("readings", 0, "path")),
}


class TestMapping:
    @pytest.mark.parametrize(("changes", "setting"), WRONG.values(), ids=WRONG)
    def test_what_is_wrong_with_it_is_named_and_it_is_never_built(
        self, changes: dict[str, Any], setting: tuple[str | int, ...]
    ) -> None:
        wrong = mapping(**changes)
        (found,) = problems(wrong)
        assert found.setting == setting
        with pytest.raises(ValueError, match="codec plain: "):
            JsonCodec(wrong)

    def test_the_declaration_builds_it(self) -> None:
        (kind,) = [codec for codec in CODECS if codec.kind == PLAIN.kind]
        assert kind.options is JsonMapping
        codec = kind.build(PLAIN)
        assert (codec.name, codec.topics) == ("plain", ("m/#",))


def test_an_excerpt_is_one_short_line_that_moves_no_cursor() -> None:
    assert excerpt("表\x1b[2J\n\x00b") == "表�[2J��b"
    assert excerpt({"a": "x" * 500}) == "{'a': '" + "x" * 72 + "…"
    nested: list[object] = []
    for _ in range(sys.getrecursionlimit()):
        nested = [nested]
    assert excerpt(nested) == "list"
