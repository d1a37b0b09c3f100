"""Validation: whose a reading is, whether its time is possible, and what is odd about it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codecs.codec import Decoded
from ingest.validate import Valid, ValidationOptions, validate
from meterwatch.core.instants import to_us
from meterwatch.core.model.packets import Packet, Reason
from meterwatch.core.model.reading_types import BY_NAME
from meterwatch.core.model.readings import Quality
from meterwatch.core.model.registry import Registry
from tests.support.room import NOW, ms, registry

GAS, POWER, WATER = (BY_NAME[name].code for name in ("gas.register", "electricity.power", "water.register"))
NOW_MS = to_us(NOW) // 1000
OPTIONS = ValidationOptions(oldest_days=100, ahead_s=900, late_after_s=3600)
EXCHANGE = ms("2022-07-01T12:00+08:00")
Q, R = Quality, Reason


def decoded(*readings: tuple[str, int, int, float]) -> Decoded:
    """Return one packet's readings: (meter, type, time, value)."""
    found = Decoded()
    for record, reading in enumerate(readings):
        found.add(0, record, reading)
    return found


def packet(received_ms: int = NOW_MS, **flags: Any) -> Packet:
    return Packet("m/1", b"{}", received_at=received_ms * 1000, **flags)


def validated(
    *readings: tuple[str, int, int, float], now_ms: int = NOW_MS, of: Registry | None = None, **flags: Any
) -> Valid:
    return validate(decoded(*readings), [packet(now_ms, **flags)], of or registry(), OPTIONS)


@pytest.mark.parametrize(
    ("age_ms", "value", "flags", "quality"),
    [
        (0, 1.0, {}, Q.GOOD),
        (3_600_000, 1.0, {}, Q.GOOD),
        (3_600_001, 1.0, {}, Q.LATE),
        (-1000, 1.0, {}, Q.GOOD),
        (-1001, 1.0, {}, Q.AHEAD),
        (-900_000, 1.0, {}, Q.AHEAD),
        (0, -0.001, {}, Q.NEGATIVE),
        (0, 0.0, {}, Q.GOOD),
        (0, 1.0, {"retain": True}, Q.RETAINED),
        (0, 1.0, {"dup": True, "qos": 0}, Q.GOOD),
        (3_600_001, -5.0, {"retain": True}, Q.LATE | Q.NEGATIVE | Q.RETAINED),
    ],
)
def test_quality_bits(age_ms: int, value: float, flags: dict[str, Any], quality: Quality) -> None:
    valid = validated(("B", GAS, NOW_MS - age_ms, value), **flags)
    assert valid.refused == []
    assert valid.batch.quality.tolist() == [quality]


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (("B", GAS, NOW_MS - 100 * 86_400_000, 1.0), None),
        (("B", GAS, NOW_MS - 100 * 86_400_000 - 1, 1.0), R.TOO_OLD),
        (("B", GAS, NOW_MS, 1e15), None),
        (("B", GAS, NOW_MS, 1.1e15), R.OUT_OF_RANGE),
        (("B", GAS, NOW_MS, -1e302), R.OUT_OF_RANGE),
        (("B", GAS, NOW_MS, float("-inf")), R.NOT_A_NUMBER),
        (("B", GAS, 0, 1.0), R.TOO_OLD),
        (("B", GAS, -(2**52), 1.0), R.TOO_OLD),
        (("B", GAS, NOW_MS + 900_000, 1.0), None),
        (("B", GAS, NOW_MS + 900_001, 1.0), R.IN_FUTURE),
        (("B", GAS, ms("2099-01-01T00:00Z"), 1.0), R.IN_FUTURE),
        (("B", GAS, 2**52, 1.0), R.IN_FUTURE),
        (("X", GAS, NOW_MS, 1.0), R.UNKNOWN_METER),
        (("A", GAS, NOW_MS, 1.0), R.NOT_INSTALLED),
        (("B", POWER, NOW_MS, 1.0), R.WRONG_COMMODITY),
        (("D", GAS, NOW_MS, 1.0), R.WRONG_COMMODITY),
        (("D", WATER, NOW_MS, 1.0), R.WRONG_COMMODITY),
        (("D", POWER, NOW_MS, 1.0), None),
        (("B", GAS, NOW_MS, float("inf")), R.NOT_A_NUMBER),
        (("B", GAS, NOW_MS, float("nan")), R.NOT_A_NUMBER),
        (("X", GAS, 0, 1.0), R.TOO_OLD),
        (("A", GAS, ms("2099-01-01T00:00Z"), 1.0), R.IN_FUTURE),
        (("X", POWER, NOW_MS, float("nan")), R.NOT_A_NUMBER),
    ],
)
def test_refusals(reading: tuple[str, int, int, float], reason: Reason | None) -> None:
    """A time that can't be is the better explanation for a meter that was not there at that time."""
    valid = validated(reading)
    assert len(valid.batch) == (reason is None)
    assert [(at, record, found) for at, record, found, _ in valid.refused] == ([(0, 0, reason)] if reason else [])
    assert all(0 < len(detail) <= 200 for *_, detail in valid.refused)


@pytest.mark.parametrize(
    ("meter", "time", "row"),
    [("A", EXCHANGE, 0), ("A", EXCHANGE + 1, None), ("B", EXCHANGE, None), ("B", EXCHANGE + 1, 0), ("C", EXCHANGE, 1)],
)
def test_at_the_moment_of_its_exchange_the_old_meter_still_counts(meter: str, time: int, row: int | None) -> None:
    valid = validated((meter, GAS, time, 1.0), now_ms=EXCHANGE + 60_000)
    assert valid.batch.usage_point.tolist() == ([] if row is None else [row])


def test_without_a_registry_every_meter_is_unknown() -> None:
    valid = validated(("B", GAS, NOW_MS, 1.0), ("D", POWER, NOW_MS, 1.0), of=Registry.empty())
    assert [entry[2] for entry in valid.refused] == [R.UNKNOWN_METER] * 2
    assert len(valid.batch) == 0


def test_nothing_in_nothing_out() -> None:
    valid = validate(Decoded(), [], registry(), OPTIONS)
    assert (len(valid.batch), len(valid.packet), len(valid.record), valid.refused) == (0, 0, 0, [])


def test_each_packet_is_judged_by_its_own_receive_time() -> None:
    found = Decoded()
    for index in range(2):
        found.add(index, 0, ("B", GAS, NOW_MS, 1.0))
    valid = validate(found, [packet(NOW_MS + 4_000_000), packet(NOW_MS)], registry(), OPTIONS)
    assert valid.batch.quality.tolist() == [Q.LATE, Q.GOOD]
    assert valid.batch.received_at.tolist() == [(NOW_MS + 4_000_000) * 1000, NOW_MS * 1000]


def test_what_codecs_refused_stays_refused() -> None:
    found = decoded(("B", GAS, NOW_MS, 1.0), ("X", GAS, NOW_MS, 1.0))
    found.refused.append((0, 2, R.NO_VALUE, "{}"))
    valid = validate(found, [packet()], registry(), OPTIONS)
    assert [entry[:3] for entry in valid.refused] == [(0, 2, R.NO_VALUE), (0, 1, R.UNKNOWN_METER)]


READINGS = st.tuples(
    st.sampled_from(["A", "B", "C", "D", "X", "表\x00"]),
    st.sampled_from([GAS, POWER, WATER]),
    st.sampled_from([NOW_MS, NOW_MS - 1, NOW_MS + 10**9, 0, EXCHANGE]) | st.integers(-(2**52), 2**52),
    st.floats(),
)


@given(sent=st.lists(st.tuples(st.integers(0, 5), READINGS), max_size=12))
def test_every_reading_is_stored_or_refused_once_and_keeps_its_packet(
    sent: list[tuple[int, tuple[str, int, int, float]]],
) -> None:
    found = Decoded()
    for record, (index, reading) in enumerate(sent):
        found.add(index, record, reading)
    packets = [replace(packet(), received_at=NOW_MS * 1000 + index) for index in range(6)]
    valid = validate(found, packets, registry(), OPTIONS)
    good = [*zip(valid.packet.tolist(), valid.record.tolist(), strict=True)]
    assert sorted([*good, *(entry[:2] for entry in valid.refused)]) == sorted((i, r) for r, (i, _) in enumerate(sent))
    assert good == sorted(good), "readings of one key are judged in the order their packets came"
    assert len(valid.batch) == len(good)
    for (index, record), time, received in zip(good, valid.batch.time, valid.batch.received_at, strict=True):
        assert (time, received) == (sent[record][1][2], packets[index].received_at)
    assert all(text.isprintable() and len(text) <= 200 for *_, text in valid.refused)
