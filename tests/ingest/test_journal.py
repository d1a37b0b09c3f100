"""The journal: what was appended comes back, whatever happened to the file in between."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from ingest import segments
from ingest.journal import Journal, JournalOptions
from ingest.outcomes import Balance
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.instants import from_us, to_us
from meterwatch.core.model.packets import Packet
from tests.support.room import NOW, follow, numbered, settle_all
from tests.support.scratch import scratch

SMALL = JournalOptions(segment_bytes=300, max_bytes=30_000)
SECOND = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    with closing(Journal(folder, SMALL)) as opened:
        yield opened


def payloads(journal: Journal) -> list[bytes]:
    return [packet.payload for packet in follow(journal)]


def damaged() -> float:
    return REGISTRY.get_sample_value("meterwatch_journal_damaged_total") or 0.0


packets = st.builds(
    Packet,
    topic=st.text(st.characters(codec="utf-8"), max_size=30),
    payload=st.binary(max_size=400),
    qos=st.integers(0, 2),
    dup=st.booleans(),
    retain=st.booleans(),
    generation=st.integers(0, 2**32 - 1),
    received_at=st.integers(0, 2**62),
    properties=st.binary(max_size=50),
)


class TestReading:
    @given(packet=packets)
    def test_a_record_holds_all_of_a_packet_but_its_packet_id(self, packet: Packet) -> None:
        record = segments.encode(packet)
        assert [segments.decode(body) for _, body in segments.frames(record)] == [packet]

    def test_packets_come_back_in_order_over_many_segments(self, journal: Journal, folder: Path) -> None:
        sent = numbered(40)
        positions = [position for start in range(0, 40, 4) for position in journal.append(sent[start : start + 4], NOW)]
        assert len(segments.numbers(folder)) == 4
        assert positions == sorted(set(positions))
        placed = []
        for at_least in (1, 100, 1 << 20):
            placed = [packet.payload for packet in follow(journal, at_least=at_least)]
            assert placed == [packet.payload for packet in sent]
        assert [packet.payload for packet in follow(journal, positions[17])] == placed[17:]

    def test_a_read_takes_about_what_it_is_asked_for_and_never_nothing(self, folder: Path) -> None:
        with closing(Journal(folder)) as journal:
            large = Packet("m/1", b"x" * 3_000_000)
            journal.append([*numbered(3), large, *numbered(1)], NOW)
            placed, after = journal.read(journal.first, 1)
            assert len(placed) == 1
            placed, after = journal.read(after)
            assert len(placed) == 2
            placed, after = journal.read(after)
            assert [packet.payload for _, packet in placed] == [large.payload]
            assert after < journal.end
            assert journal.read(journal.end) == ([], journal.end)

    def test_a_reader_never_sees_beyond_what_is_durable(self, journal: Journal, folder: Path) -> None:
        journal.append(numbered(2), NOW)
        with segments.path_of(folder, 1).open("ab") as file:
            file.write(segments.encode(Packet("m/1", b"not durable yet")))
        assert len(follow(journal)) == 2

    def test_a_restart_finds_everything(self, folder: Path) -> None:
        for start in range(0, 12, 3):
            with closing(Journal(folder, SMALL)) as journal:
                assert payloads(journal) == [packet.payload for packet in numbered(start)]
                journal.append(numbered(3, start), NOW)

    def test_two_processes_can_not_have_it_open(self, journal: Journal, folder: Path) -> None:
        with pytest.raises(Unavailable, match="another process has it open"):
            Journal(folder)
        assert journal.append(numbered(1), NOW)

    def test_what_a_newer_program_wrote_is_left_alone(self, folder: Path) -> None:
        with closing(Journal(folder)) as journal:
            journal.append(numbered(3), NOW)
        path = segments.path_of(folder, 1)
        newer = bytearray(path.read_bytes())
        newer[4] = segments.VERSION + 1
        path.write_bytes(newer)
        with pytest.raises(Refusal, match="version 2"):
            Journal(folder)
        assert path.read_bytes() == newer


class TestDamage:
    @pytest.fixture
    def template(self, tmp_path: Path) -> Path:
        """A closed journal of one segment with three packets."""
        with closing(Journal(tmp_path / "template")) as journal:
            journal.append(numbered(3), NOW)
        return tmp_path / "template"

    def spoilt(self, template: Path, folder: Path, change: Callable[[bytes], bytes]) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        path = segments.path_of(folder, 1)
        path.write_bytes(change(path.read_bytes()))
        return folder

    TAILS = (b"", b"\0" * 50, b"\1" * 50, segments.encode(Packet("m/1", b"torn"))[4:])

    @pytest.mark.parametrize("tail", TAILS, ids=["nothing", "zeros", "noise", "half a record"])
    def test_a_torn_tail_is_cut_off_at_every_byte(self, template: Path, folder: Path, tail: bytes) -> None:
        whole = segments.path_of(template, 1).read_bytes()
        ends = list(accumulate((len(segments.encode(packet)) for packet in numbered(3)), initial=segments.HEADER.size))
        for cut in range(6, len(whole)):  # before that noise may say that a newer program wrote it
            self.spoilt(template, folder, lambda data, cut=cut: data[:cut] + tail)  # type: ignore[misc]
            kept = [packet.payload for packet, end in zip(numbered(3), ends[1:], strict=True) if end <= cut]
            for _ in range(2):
                with closing(Journal(folder)) as journal:
                    assert journal.bytes_on_disk() == journal.end.offset, cut
                    assert payloads(journal) == kept, cut
                    assert journal.append([Packet("m/1", b"after")], NOW)
                    kept = [*kept, b"after"]
                    assert payloads(journal) == kept, cut

    def test_what_was_cut_off_is_set_aside_until_its_segment_goes(self, template: Path, folder: Path) -> None:
        self.spoilt(template, folder, lambda data: data + b"torn")
        with closing(Journal(folder, SMALL)) as journal:
            (aside,) = folder.glob("*.torn*")
            assert aside.read_bytes() == b"torn"
            journal.append(numbered(20), NOW)
            journal.append(numbered(1), NOW)
            settle_all(journal)
            assert journal.prune(NOW + timedelta(days=8)) == 1
            assert not aside.exists()

    def test_a_damaged_byte_costs_one_packet(self, template: Path, folder: Path) -> None:
        """Wherever it is but in the length of a record, which leads to the next one."""
        sizes = [len(segments.encode(packet)) for packet in numbered(3)]
        start = segments.HEADER.size + sizes[0]
        for at in range(start + 4, start + sizes[1]):
            self.spoilt(template, folder, lambda data, at=at: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])  # type: ignore[misc]
            with closing(Journal(folder)) as journal:
                before = damaged()
                assert payloads(journal) == [b"0", b"2"], at
                assert damaged() - before == 1
                journal.append(numbered(1, 3), NOW)
                assert payloads(journal) == [b"0", b"2", b"3"]
            assert not list(folder.glob("*.torn*"))

    def test_a_damaged_length_costs_the_rest_of_its_segment_and_no_more(self, template: Path, folder: Path) -> None:
        at = segments.HEADER.size + len(segments.encode(numbered(1)[0]))
        self.spoilt(template, folder, lambda data: data)
        with closing(Journal(folder, SMALL)) as journal:
            journal.append(numbered(10, 3), NOW)
            journal.append(numbered(3, 13), NOW)
            assert len(segments.numbers(folder)) == 2
            path = segments.path_of(folder, 1)
            path.write_bytes(path.read_bytes()[:at] + b"\xff\xff\xff\xff" + path.read_bytes()[at + 4 :])
            before = damaged()
            assert payloads(journal) == [b"0", b"13", b"14", b"15"]
            assert damaged() - before == 1
            assert journal.oldest_waiting() is not None
            assert damaged() - before == 1
            settle_all(journal)
            assert journal.balance() == Balance(4, 4, 0, 0, 4, 4)

    def test_a_damaged_header_costs_nothing(self, template: Path, folder: Path) -> None:
        self.spoilt(template, folder, lambda data: b"\0" * segments.HEADER.size + data[segments.HEADER.size :])
        for _ in range(2):
            with closing(Journal(folder)) as journal:
                assert payloads(journal) == [b"0", b"1", b"2"]
        assert segments.has_header(segments.path_of(folder, 1))

    @given(cut=st.integers(6, 250), noise=st.binary(max_size=60))
    def test_no_damage_makes_it_fail_or_invents_packets(self, cut: int, noise: bytes) -> None:
        with scratch() as folder:
            with closing(Journal(folder, SMALL)) as journal:
                journal.append(numbered(8), NOW)
                path = segments.path_of(folder, 1)
                data = path.read_bytes()
                path.write_bytes((data[:cut] + noise + data[cut + len(noise) :])[: len(data)])
                found = [int(payload) for payload in payloads(journal)]
            assert found == sorted(set(found))
            assert set(found) <= set(range(8))
            with closing(Journal(folder, SMALL)) as journal:
                assert [int(payload) for payload in payloads(journal)] == found
                journal.append(numbered(1, 8), NOW)
                assert [int(payload) for payload in payloads(journal)] == [*found, 8]


class TestReleasing:
    def test_a_release_survives(self, folder: Path) -> None:
        with closing(Journal(folder, SMALL)) as journal:
            positions = journal.append(numbered(5), NOW)
            assert journal.released == journal.first == positions[0]
            journal.release(positions[3])
        with closing(Journal(folder, SMALL)) as journal:
            assert journal.released == positions[3]
            assert [packet.payload for packet in follow(journal, journal.released)] == [b"3", b"4"]

    @pytest.mark.parametrize("pointer", [b"", b"\0" * 20, b"\xff" * 20, b"\1" * 19])
    def test_a_release_that_can_not_be_read_is_a_replay_from_the_start(self, folder: Path, pointer: bytes) -> None:
        with closing(Journal(folder, SMALL)) as journal:
            positions = journal.append(numbered(5), NOW)
            journal.release(positions[3])
        (folder / "released").write_bytes(pointer)
        with closing(Journal(folder, SMALL)) as journal:
            assert journal.released == positions[0]

    def test_a_release_beyond_the_end_comes_down_to_it(self, folder: Path) -> None:
        with closing(Journal(folder)) as journal:
            positions = journal.append(numbered(5), NOW)
            journal.release(journal.end)
        path = segments.path_of(folder, 1)
        path.write_bytes(path.read_bytes()[: positions[2].offset])
        with closing(Journal(folder)) as journal:
            assert journal.released == journal.end == positions[2]

    def test_the_oldest_packet_that_waits(self, journal: Journal) -> None:
        assert journal.oldest_waiting() is None
        for minute in range(10):
            journal.append(numbered(3), NOW + timedelta(minutes=minute))
        assert journal.oldest_waiting() == NOW
        _, after = journal.read(journal.first)
        journal.release(after)
        assert (oldest := journal.oldest_waiting())
        assert oldest > NOW
        settle_all(journal)
        assert journal.oldest_waiting() is None

    def test_waiting_ends_with_an_append_and_with_a_wake(self, journal: Journal) -> None:
        assert not journal.wait(journal.end, 0)
        for event, grown in ((lambda: journal.append(numbered(1), NOW), True), (journal.wake, False)):
            found: list[bool] = []
            end = journal.end
            waiting = threading.Thread(target=lambda end=end, found=found: found.append(journal.wait(end, 60)))
            waiting.start()
            while waiting.is_alive():  # a wake before the wait goes unheard
                event()
                waiting.join(0.05)
            assert found == [grown]
        assert journal.wait(journal.first, 0)


class TestReceiveTimes:
    @given(steps=st.lists(st.integers(-9 * SECOND, 3600 * SECOND), min_size=1, max_size=30), restart=st.integers(0, 30))
    def test_they_are_unique_and_rise_even_if_the_clock_is_set_back_a_little(self, steps: list[int], restart: int) -> None:
        latest = to_us(NOW)
        with scratch() as folder:
            journal = Journal(folder, SMALL)
            for number, step in enumerate(steps):
                if number == restart:
                    journal.close()
                    journal = Journal(folder, SMALL)
                journal.append(numbered(2), from_us(latest + step))
                latest += max(step, 0)
            with closing(journal):
                times = [packet.received_at for packet in follow(journal)]
        assert all(earlier < later for earlier, later in pairwise(times))
        assert times[-1] - latest <= 2 * len(steps)

    def test_a_clock_that_was_really_wrong_is_believed_when_it_is_put_right(self, journal: Journal) -> None:
        journal.append(numbered(1), NOW + timedelta(days=300))
        journal.append(numbered(2), NOW)
        assert [packet.received_at - to_us(NOW) for packet in follow(journal)][1:] == [0, 1]
