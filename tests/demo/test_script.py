"""The fleet and its script: the same for everybody, and on the wire what the stories tell."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from meterwatch.core.model.packets import Packet
from meterwatch.demo import script as scripted
from meterwatch.demo.fleet import NEW_METER, make_fleet, registry_files
from meterwatch.demo.packets import history, readings_at
from meterwatch.demo.play import make_script
from meterwatch.demo.script import Script, at

HOUR = timedelta(hours=1)
SAMPLED = (
    scripted.TWICE_FROM + HOUR,
    scripted.OVERLOADS[0][0] + HOUR / 4,
    scripted.POISON_AT,
    scripted.EXCHANGED_AT + HOUR / 2,
    scripted.OFFLINE + HOUR,
    scripted.ONLINE,
)


def sent(script: Script, moment: datetime) -> list[Packet]:
    """What reaches the broker at ``moment``, as the player sends it."""
    meters = script.meters(moment)
    readings = readings_at(script.fleet, script.displays, moment, meters)
    readings = [script.through_new_meter(r) if r.point.code in meters else r for r in readings]
    return script.deliver(readings, moment)


def parts() -> Iterator[bytes]:
    yield from (f"{name}\n{text}".encode() for name, text in registry_files(make_fleet()).items())
    script = make_script()
    yield from (text.encode() for text in registry_files(script.fleet, script.exchange).values())
    yield script.truth.hourly.tobytes()
    packets = [packet for moment in SAMPLED for packet in sent(script, moment)]
    packets += islice(history(script.fleet, script.displays, [0, 400]), 100)
    yield from (packet.topic.encode() + packet.payload for packet in packets)


def digest() -> str:
    return hashlib.sha256(b"\0".join(parts())).hexdigest()


def test_every_process_plays_the_same_bytes() -> None:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")}
    found = subprocess.run(
        [sys.executable, "-c", "from tests.demo.test_script import digest; print(digest())"],
        cwd=Path(__file__).parents[2],
        env=environment | {"PYTHONHASHSEED": "7", "TZ": "America/New_York", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == digest()


def records(packets: list[Packet], topic: str) -> list[dict[str, object]]:
    found = [msgspec.json.decode(packet.payload) for packet in packets if packet.topic == topic]
    return [record for message in found for record in (message.get("list") or message.get("data"))]


@pytest.fixture
def fresh(script: Script) -> Script:
    """A script nobody has played yet."""
    return replace(script, held_back=[], sent_twice=0)


class TestOnTheWire:
    def test_the_silent_meter_is_heard_until_it_falls_silent(self, fresh: Script) -> None:
        def heard(moment: datetime) -> bool:
            return any(record["sn"] == "GM00031" for record in records(sent(fresh, moment), "gas/G04/up"))

        assert heard(scripted.SILENT_FROM)
        assert not heard(scripted.SILENT_FROM + HOUR)

    def test_the_late_gateway_delivers_all_it_held(self, fresh: Script) -> None:
        hours = (scripted.ONLINE - scripted.OFFLINE) // HOUR
        for number in range(1, hours):
            assert not records(sent(fresh, scripted.OFFLINE + number * HOUR), "gas/G05/up")
        stamps = [
            record["ts"] for record in records(sent(fresh, scripted.ONLINE), "gas/G05/up") if record["sn"] == "GM00041"
        ]
        first = int(scripted.OFFLINE.timestamp() * 1000)
        assert stamps == [first + number * 3_600_000 for number in range(1, hours + 1)]
        assert fresh.held_back == []

    def test_one_gateway_sends_everything_twice_for_a_day(self, fresh: Script) -> None:
        for moment, times in ((scripted.TWICE_FROM, 1), (scripted.TWICE_FROM + HOUR, 2), (scripted.TWICE_TO, 2)):
            packets = sent(fresh, moment)
            assert [packet.topic for packet in packets].count("power/E05/up") == times
            assert len({packet.payload for packet in packets if packet.topic == "power/E05/up"}) == 1
        assert fresh.sent_twice == 2 * len(fresh.fleet.gateways["E05"])

    def test_poison_comes_once(self, fresh: Script) -> None:
        expected = sum(scripted.POISON_REASONS.values()) + scripted.POISON_CONFLICTS
        moments = [scripted.POISON_AT + number * HOUR for number in (-1, 0, 1)]
        assert [len(sent(fresh, m)) - len(sent(fresh, at(1, 2))) for m in moments] == [-1, expected - 1, -1]


def test_the_register_rolls_over(script: Script) -> None:
    index = script.fleet.point(scripted.ROLLED).index
    before, after = (float(script.displays.at(scripted.ROLLS_AT + number * HOUR)[index]) for number in (-1, 1))
    assert 999_000 < before < 1_000_000
    assert 0 < after < 1000


def test_the_new_meter_goes_on_where_the_old_one_stopped(script: Script) -> None:
    point = script.fleet.point(scripted.EXCHANGED)
    before, after = scripted.EXCHANGED_AT - HOUR / 2, scripted.EXCHANGED_AT + HOUR / 2
    (old,) = (r for r in readings_at(script.fleet, script.displays, before, script.meters(before)) if r.point == point)
    (new,) = (r for r in readings_at(script.fleet, script.displays, after, script.meters(after)) if r.point == point)
    assert (old.meter, new.meter) == (point.meter, NEW_METER)
    shown = script.through_new_meter(new).value - script.exchange.initial + script.exchange.final - old.value
    true = script.truth.since_start(point, after) - script.truth.since_start(point, before)
    assert shown * point.multiplier == pytest.approx(true, abs=0.02 * point.multiplier)
