"""The receiver: nothing is acknowledged before it lies in the journal, and the inbox never holds up what is live."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from ingest import segments
from ingest.journal import INBOX, Journal
from ingest.receiver import GROUP_BYTES, GROUP_PACKETS, INBOX_BACKLOG, INBOX_BYTES, Receiver
from meterwatch.core.errors import Unavailable
from meterwatch.core.instants import to_us
from meterwatch.core.model.packets import Packet, Position
from tests.support.mosquitto import until
from tests.support.room import NOW, Room, StillClock, follow, message, ms, numbered, opened
from tests.support.wrapped import Wrapped


class Source:
    """Hands out what the test gave it, and notes what was acknowledged and what lay in the journal then."""

    def __init__(self, journal: Journal, packets: Sequence[Packet] = ()) -> None:
        self._journal = journal
        self._changed = threading.Condition()
        self.waiting = list(packets)
        self.acknowledged: list[Packet] = []

    def give(self, *packets: Packet) -> None:
        with self._changed:
            self.waiting += packets
            self._changed.notify_all()

    def take(self, limit: int, timeout: float) -> list[Packet]:
        with self._changed:
            self._changed.wait_for(lambda: self.waiting, timeout)
            taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def acknowledge(self, packets: Sequence[Packet]) -> int:
        self.acknowledged += packets
        journaled = {packet.payload for packet in follow(self._journal)[-len(packets) :]}
        assert {packet.payload for packet in packets} <= journaled, "acknowledged before it was in the journal"
        return len(packets)


class Refusing(Wrapped):
    """A journal whose disk refuses while ``full`` is set; ``sizes`` are the bytes of payload it was asked to append."""

    def __init__(self, wrapped: Journal) -> None:
        super().__init__(wrapped)
        self.full = threading.Event()
        self.asked = threading.Event()
        self.sizes: list[int] = []

    def append(self, packets: Sequence[Packet], now: Any) -> Any:
        self.sizes.append(sum(len(packet.payload) for packet in packets))
        self.asked.set()
        if self.full.is_set():
            raise Unavailable("journal: no space")
        return self.wrapped.append(packets, now)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def inbox(room: Room) -> Path:
    return room.journal.directory / INBOX


@contextmanager
def running(receiver: Receiver) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=receiver.run)
    thread.start()
    try:
        yield thread
    finally:
        receiver.stop()
        thread.join(20)
        assert not thread.is_alive()


def payloads(journal: Journal) -> list[bytes]:
    return [packet.payload for packet in follow(journal)]


def writable() -> float | None:
    return REGISTRY.get_sample_value("meterwatch_journal_writable")


class TestLive:
    def test_what_waits_is_journaled_and_acknowledged_in_order(self, room: Room) -> None:
        sent = numbered(2 * GROUP_PACKETS + 10)
        source = Source(room.journal, sent)
        receiver = Receiver(source, room.journal, room.clock)
        assert [receiver.receive(0) for _ in range(4)] == [GROUP_PACKETS, GROUP_PACKETS, 10, 0]
        assert source.acknowledged == sent
        assert payloads(room.journal) == [packet.payload for packet in sent]

    def test_nothing_is_acknowledged_while_the_disk_refuses(self, room: Room) -> None:
        journal = Refusing(room.journal)
        journal.full.set()
        source = Source(room.journal, numbered(3))
        with running(Receiver(source, cast("Journal", journal), room.clock)):
            for _ in range(2):
                journal.asked.clear()
                assert journal.asked.wait(10)
                source.give(*numbered(1, 3))
            assert source.acknowledged == []
            assert writable() == 0
            journal.full.clear()
            until(lambda: len(source.acknowledged) == 5, "the acknowledgements")
        assert writable() == 1
        assert payloads(room.journal) == [b"0", b"1", b"2", b"3", b"3"]

    def test_nothing_is_acknowledged_while_nobody_knows_what_time_it_is(self, room: Room) -> None:
        known = threading.Event()

        class Lost(StillClock):
            def now(self) -> Any:
                if not known.is_set():
                    asked.set()
                    raise Unavailable("ledger: away")
                return NOW

        asked = threading.Event()
        source = Source(room.journal, numbered(1))
        with running(Receiver(source, room.journal, Lost())):
            assert asked.wait(10)
            assert source.acknowledged == []
            known.set()
            until(lambda: source.acknowledged, "the acknowledgement")

    def test_large_packets_are_journaled_a_few_at_a_time(self, room: Room) -> None:
        journal = Refusing(room.journal)
        sent = [Packet("m/1", number.to_bytes(2, "big") * 1_000_000) for number in range(21)]
        source = Source(room.journal, sent)
        assert Receiver(source, cast("Journal", journal), room.clock).receive(0) == 21
        assert source.acknowledged == sent
        assert journal.sizes == [18_000_000, 18_000_000, 6_000_000]
        assert all(size < GROUP_BYTES + 2_000_000 for size in journal.sizes)

    def test_stopping_drains_what_was_received(self, room: Room) -> None:
        sent = numbered(3 * GROUP_PACKETS)
        source = Source(room.journal, sent)
        receiver = Receiver(source, room.journal, room.clock)
        receiver.stop()
        receiver.run()
        assert source.acknowledged == sent
        assert len(follow(room.journal)) == len(sent)

    def test_stopping_while_the_disk_refuses_leaves_the_rest_to_the_broker(self, room: Room) -> None:
        journal = Refusing(room.journal)
        source = Source(room.journal, numbered(3))
        receiver = Receiver(source, cast("Journal", journal), room.clock)
        receiver.receive(0)
        journal.full.set()
        journal.asked.clear()
        source.give(*numbered(2 * GROUP_PACKETS, 3))
        with running(receiver):
            assert journal.asked.wait(10)
        assert [packet.payload for packet in source.acknowledged] == payloads(room.journal) == [b"0", b"1", b"2"]
        assert len(source.waiting) == GROUP_PACKETS


class TestInbox:
    @pytest.fixture
    def receiver(self, room: Room) -> Receiver:
        return Receiver(Source(room.journal), room.journal, room.clock)

    def adopt_all(self, receiver: Receiver, inbox: Path) -> None:
        while receiver.adopt() or list(inbox.glob("*.seg")):
            pass

    def test_files_are_taken_in_whole_and_the_oldest_first(self, room: Room, inbox: Path, receiver: Receiver) -> None:
        segments.write_file(inbox / "2.seg", 0, numbered(3, 3))
        segments.write_file(inbox / "1.seg", 0, [replace(packet, received_at=5, qos=0) for packet in numbered(3)])
        segments.write_file(inbox / "3.seg", 0, [])
        (inbox / "4.part").write_bytes(b"someone is still writing")
        self.adopt_all(receiver, inbox)
        assert payloads(room.journal) == [b"%d" % number for number in range(6)]
        assert [path.name for path in inbox.iterdir()] == ["4.part"]
        assert follow(room.journal)[0].received_at == to_us(NOW)

    @pytest.mark.parametrize(
        ("spoil", "left"),
        [
            (lambda data: data[:-1], [b"0", b"1"]),
            (lambda data: data.replace(b"m/11", b"m/1?"), [b"0", b"2"]),
            (lambda data: data + b"more", [b"0", b"1", b"2"]),
            (lambda data: b"XXXX" + data[4:], [b"0", b"1", b"2"]),
            (lambda _data: b"", []),
            (lambda _data: b"hello", []),
            (lambda data: data[: segments.HEADER.size + 3], []),
        ],
    )
    def test_of_a_damaged_file_all_is_taken_that_can_be_read(
        self, room: Room, inbox: Path, receiver: Receiver, spoil: Any, left: list[bytes]
    ) -> None:
        segments.write_file(inbox / "1.seg", 0, numbered(3))
        (inbox / "1.seg").write_bytes(spoil((inbox / "1.seg").read_bytes()))
        segments.write_file(inbox / "2.seg", 0, numbered(1, 9))
        self.adopt_all(receiver, inbox)
        assert payloads(room.journal) == [*left, b"9"]
        assert [path.name for path in inbox.iterdir()] == ["1.damaged"]

    def test_a_file_that_can_not_be_read_holds_up_no_other(self, room: Room, inbox: Path, receiver: Receiver) -> None:
        (inbox / "1.seg").mkdir()
        segments.write_file(inbox / "2.seg", 0, numbered(1))
        newer = bytearray((inbox / "2.seg").read_bytes())
        newer[4] = segments.VERSION + 1
        (inbox / "0.seg").write_bytes(newer)
        for _ in range(6):
            receiver.adopt()
        assert payloads(room.journal) == [b"0"]
        assert sorted(path.name for path in inbox.iterdir()) == ["0.seg", "1.seg"]
        (inbox / "1.seg").rmdir()
        (inbox / "0.seg").unlink()
        segments.write_file(inbox / "1.seg", 0, numbered(1, 1))
        self.adopt_all(receiver, inbox)
        assert payloads(room.journal) == [b"0", b"1"]

    def test_nothing_is_taken_in_while_much_waits_to_be_stored(self, room: Room, inbox: Path) -> None:
        class Behind(Wrapped):
            end = Position(2, room.journal.released.offset + INBOX_BACKLOG - room.journal.options.segment_bytes + 1)

        segments.write_file(inbox / "1.seg", 0, numbered(1))
        assert Receiver(Source(room.journal), cast("Journal", Behind(room.journal)), room.clock).adopt() == 0
        assert Receiver(Source(room.journal), room.journal, room.clock).adopt() == 1

    def test_a_crash_in_between_brings_duplicates_but_loses_nothing(self, tmp_path: Path) -> None:
        start = ms("2023-01-10T00:00Z")
        sent = [message("B", start + number, v=float(number), pad="x" * 1000) for number in range(6000)]
        with opened(tmp_path) as room:
            inbox = room.journal.directory / INBOX
            segments.write_file(inbox / "1.seg", 0, sent)
            first = Receiver(Source(room.journal), room.journal, room.clock).adopt()
            assert 0 < first < len(sent)
        with opened(tmp_path) as room:
            self.adopt_all(Receiver(Source(room.journal), room.journal, room.clock), inbox)
            room.drain()
            assert [row[3] for row in room.rows()] == [float(number) for number in range(6000)]
            balance = room.journal.balance()
            assert (balance.new, balance.duplicate) == (6000, first)
            room.check()

    def test_live_packets_never_wait_behind_more_than_one_stretch(self, room: Room, inbox: Path) -> None:
        segments.write_file(inbox / "1.seg", 0, [Packet("m/old", b"x" * 10_000)] * 3000)
        source = Source(room.journal)
        finished = threading.Event()

        def publish() -> None:
            while not finished.is_set():
                if not source.waiting:
                    source.give(Packet("m/live", b"now"))
                finished.wait(0.001)

        publishing = threading.Thread(target=publish)
        publishing.start()
        with running(Receiver(source, room.journal, room.clock)):
            until(lambda: not list(inbox.iterdir()), "the inbox to be empty")
            finished.set()
            publishing.join()
        runs = [(topic, len(list(run))) for topic, run in groupby(packet.topic for packet in follow(room.journal))]
        stretches = [length for topic, length in runs if topic == "m/old"]
        assert sum(stretches) == 3000
        assert len(stretches) >= 30_000_000 // INBOX_BYTES
        assert max(stretches) * 10_000 <= INBOX_BYTES
