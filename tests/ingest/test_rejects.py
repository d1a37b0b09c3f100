"""Rejects: what can't become readings is kept with a reason, counted, and can be handed in again."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import REGISTRY

from ingest import segments
from ingest.journal import INBOX
from ingest.outcomes import Balance
from ingest.pipeline import PipelineOptions
from ingest.receiver import Receiver
from meterwatch.core.model.packets import REASON_TEXT, Packet, Reason
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.readings import Appended, AppendStatus, ReadingBatch
from tests.support.room import NOON, TOPIC, Room, message, messages, ms, opened, registry
from tests.support.wrapped import Wrapped

R = Reason


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with opened(tmp_path, pipeline=PipelineOptions(max_payload_bytes=2000)) as found:
        yield found


class Picky(Wrapped):
    """A database that will never take a value above a million."""

    def append(self, batch: ReadingBatch) -> Appended:
        refused = batch.value > 1e6
        appended = self.wrapped.append(batch.take(~refused))
        status = np.full(len(batch), AppendStatus.REFUSED, np.int8)
        status[~refused] = appended.status
        return Appended.of(status, np.full(len(batch), np.nan), np.zeros(len(batch)))


POISON: dict[Reason, Packet] = {
    R.EMPTY: Packet(TOPIC, b""),
    R.TOO_LARGE: Packet(TOPIC, b" " * 2001),
    R.NO_MAPPING: Packet("elsewhere/1", b"{}"),
    R.NOT_JSON: Packet(TOPIC, b"hello"),
    R.NO_RECORDS: Packet(TOPIC, b"[]"),
    R.NO_VALUE: message("B", NOON),
    R.NO_METER: Packet(TOPIC, json.dumps({"t": NOON, "v": 1}).encode()),
    R.UNKNOWN_METER: message("X", NOON, v=1),
    R.NOT_INSTALLED: message("A", NOON, v=1),
    R.NO_TIME: Packet(TOPIC, json.dumps({"sn": "B", "v": 1}).encode()),
    R.BAD_TIME: Packet(TOPIC, json.dumps({"sn": "B", "t": "yesterday", "v": 1}).encode()),
    R.TOO_OLD: message("B", 0, v=1),
    R.IN_FUTURE: message("B", ms("2099-01-01T00:00Z"), v=1),
    R.NOT_A_NUMBER: message("B", NOON, v="NaN"),
    R.OUT_OF_RANGE: message("B", NOON, v=-1.1e15),
    R.WRONG_UNIT: message("B", NOON, v=1, unit="kWh"),
    R.WRONG_COMMODITY: message("B", NOON, p=1),
    R.STORE_REFUSED: message("B", NOON, v=2e6),
}
WHOLE = {R.EMPTY, R.TOO_LARGE, R.NO_MAPPING, R.NOT_JSON, R.NO_RECORDS}


def kept(room: Room) -> list[Packet]:
    """Return the packets that wait in the ledger, oldest first; no more than a page holds."""
    return list(room.ledger.ingest.packets(next(room.ledger.ingest.waiting())))


class TestRejects:
    def test_every_reason_there_is_is_produced(self) -> None:
        assert set(POISON) == set(Reason) == set(REASON_TEXT)

    @pytest.mark.parametrize("reason", Reason)
    def test_a_poison_packet_is_kept_with_a_reason_a_clerk_understands(self, tmp_path: Path, reason: Reason) -> None:
        packet, labels = replace(POISON[reason], properties=b'{"user":[]}'), {"reason": str(reason)}
        before = REGISTRY.get_sample_value("meterwatch_rejects_total", labels) or 0
        with opened(tmp_path, around_store=Picky, pipeline=PipelineOptions(max_payload_bytes=2000)) as room:
            good, position = room.take(*messages(1), packet)
            (stored,) = room.ledger.ingest.rejects()
            assert room.store.count() == 1
            room.check()
            assert room.outcomes()[1][0] == (good.offset, 0, 1, 1, 0, 0, 0)
            assert room.outcomes()[1][1] == (
                position.offset,
                *((1, 0, 0, 0, 0, 0) if reason in WHOLE else (0, 1, 0, 0, 0, 1)),
            )
        reject = stored.reject
        assert (reject.reason, reject.position, reject.record) == (reason, position, None if reason in WHOLE else 0)
        assert (reject.packet.topic, reject.packet.payload) == (packet.topic, packet.payload)
        assert reject.packet.properties == packet.properties
        assert REGISTRY.get_sample_value("meterwatch_rejects_total", labels) == before + 1
        en, zh = (REASON_TEXT[reason].say(lang) for lang in (Lang.EN, Lang.ZH))
        assert en.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
        assert not set("{}_") & set(en + zh)

    def test_a_message_of_five_megabytes_is_kept_whole(self, room: Room) -> None:
        room.take(Packet(TOPIC, b"x" * 5_000_000), *messages(1))
        (stored,) = room.ledger.ingest.rejects()
        assert (stored.reject.reason, len(stored.reject.packet.payload)) == (R.TOO_LARGE, 5_000_000)
        assert room.store.count() == 1

    def test_a_message_is_kept_once_however_many_of_its_readings_are_refused(self, room: Room) -> None:
        meters = [[{"sn": f"X{number}-{row}", "t": NOON, "v": 1} for row in range(30)] for number in range(20)]
        sent = [Packet(TOPIC, json.dumps(rows).encode()) for rows in meters]
        room.take(*sent)
        assert [packet.payload for packet in kept(room)] == [packet.payload for packet in sent]
        listed = room.ledger.ingest.rejects(limit=1000)
        found = [(stored.reject.packet.payload, stored.reject.detail) for stored in listed]
        said = [(packet.payload, row["sn"]) for packet, rows in zip(sent, meters, strict=True) for row in rows]
        assert found[::-1] == said
        assert len({id(stored.reject.packet) for stored in listed}) == 20, "once in memory, too"
        assert room.journal.balance().refused == 600

    def test_one_message_of_a_hundred_thousand_bad_readings_does_not_fill_the_ledger(self, tmp_path: Path) -> None:
        payload = json.dumps([0] * 100_000).encode()
        with opened(tmp_path) as room:
            room.take(Packet(TOPIC, payload), message("X", NOON, v=1))
            unknown, last, *refused = room.ledger.ingest.rejects(limit=10_000)
            room.check()
            assert room.journal.balance().refused == 100_001
            assert len(kept(room)) == 2
        assert unknown.reject.reason == R.UNKNOWN_METER
        assert (last.reject.record, last.reject.reason, last.reject.detail) == (999, R.NO_METER, "0 (+99000)")
        assert [stored.reject.record for stored in refused] == [*reversed(range(999))]
        assert {stored.reject.detail for stored in refused} == {"0"}

    def test_when_the_journal_is_replaced_rejects_at_its_old_positions_are_kept_too(self, tmp_path: Path) -> None:
        bad = [Packet(TOPIC, b"{"), message("X", NOON, v=1)]
        with opened(tmp_path) as room:
            before = room.take(*bad)
        shutil.rmtree(tmp_path / "journal")
        with opened(tmp_path) as room:
            room.clock.at += timedelta(minutes=1)
            assert room.take(*bad) == before
            found = [(stored.reject.position, stored.reject.reason) for stored in room.ledger.ingest.rejects()]
        said = [(before[1], R.UNKNOWN_METER), (before[0], R.NOT_JSON)]
        assert found == said * 2

    def test_each_refused_reading_of_an_ordinary_message_is_kept(self, room: Room) -> None:
        rows = [{"sn": meter, "t": NOON, "v": 1} for meter in ("X", "B", "Y", "A")]
        room.take(Packet(TOPIC, json.dumps(rows).encode()))
        found = [
            (stored.reject.record, stored.reject.reason, stored.reject.detail) for stored in room.ledger.ingest.rejects()
        ]
        assert found == [
            (3, R.NOT_INSTALLED, "A 2023-01-10 04:00:00 UTC"),
            (2, R.UNKNOWN_METER, "Y"),
            (0, R.UNKNOWN_METER, "X"),
        ]
        room.check()

    def test_after_the_registry_is_mended_a_reject_comes_in_through_the_inbox(self, room: Room) -> None:
        room.take(message("NEW", NOON, v=7), *messages(1))
        room.pipeline.use(registry("NEW", number=2))
        segments.write_file(room.journal.directory / INBOX / "1.seg", 0, kept(room))
        (page,) = room.ledger.ingest.waiting()
        assert room.ledger.ingest.mark_replayed(page, room.clock.at, "clerk") == 1
        receiver = Receiver(NoSource(), room.journal, room.clock)
        while receiver.adopt() or any((room.journal.directory / INBOX).iterdir()):
            pass
        room.drain()
        assert [row[3] for row in room.rows()] == [0.0, 7.0]
        assert room.ledger.ingest.rejects() == []
        (replayed,) = room.ledger.ingest.rejects(replayed=True)
        assert replayed.replayed_at == room.clock.at
        room.check()
        assert room.journal.balance() == Balance(received=3, decoded=3, readings=3, new=2, refused=1)


class NoSource:
    def take(self, limit: int, timeout: float) -> list[Packet]:
        raise AssertionError((limit, timeout))

    def acknowledge(self, packets: object) -> int:
        raise AssertionError(packets)
