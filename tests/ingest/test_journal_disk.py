"""The journal and its disk: what is given up and when, a bound, a full disk, and death between any two operations."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ingest import outcomes, segments
from ingest.journal import Journal, JournalOptions
from ingest.outcomes import Balance, Folded
from meterwatch.core.errors import Unavailable
from meterwatch.core.instants import to_us
from meterwatch.core.model.packets import Outcome, Packet
from tests.support.dying import operations
from tests.support.room import NOW, follow, numbered, settle_all
from tests.support.tmpfs import SmallDisk

DAILY = JournalOptions(segment_bytes=300, max_bytes=100_000)
SMALL = JournalOptions(segment_bytes=300, max_bytes=3000)


class TestPruning:
    def test_released_segments_go_by_age_and_their_balance_stays(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path, DAILY)) as journal:
            for day in range(10):
                journal.append(numbered(9), NOW + timedelta(days=day))
                journal.append(numbered(1), NOW + timedelta(days=day))
            assert journal.prune(NOW + timedelta(days=10)) == 0
            settle_all(journal)
            journal.append(numbered(4), NOW + timedelta(days=9))
            before = journal.balance()
            assert before == Balance(received=104, decoded=100, waiting=4, readings=100, new=100)
            assert journal.prune(NOW + timedelta(days=10)) == 3
            young = [packet for packet in follow(journal) if packet.received_at >= to_us(NOW + timedelta(days=3))]
            assert len(young) == 74
            assert journal.balance() == before
            assert journal.prune(NOW + timedelta(days=10)) == 0
        with closing(Journal(tmp_path, DAILY)) as journal:
            assert journal.balance() == before
            assert len(follow(journal, journal.released)) == 4
            settle_all(journal)
            journal.prune(NOW + timedelta(days=100))
            assert journal.balance() == Balance(received=104, decoded=104, readings=104, new=104)
            assert segments.numbers(tmp_path) == [journal.end.segment]
            assert len(list(tmp_path.glob("*.out"))) == 1

    def test_released_segments_go_when_they_fill_half_the_bound(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path, SMALL)) as journal:
            for _ in range(4):
                journal.append(numbered(9), NOW)
            assert journal.prune(NOW) == 0
            settle_all(journal)
            total = journal.bytes_on_disk()
            assert journal.prune(NOW) > 0
            assert journal.bytes_on_disk() <= SMALL.max_bytes // 2 < total
            assert journal.prune(NOW) == 0

    def test_a_journal_that_was_emptied_never_uses_a_number_again(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path, SMALL)) as journal:
            journal.append(numbered(9), NOW)
            journal.append(numbered(1), NOW)
            settle_all(journal)
            last = journal.end.segment
            journal.prune(NOW + timedelta(days=100))
        segments.path_of(tmp_path, last).unlink()
        Folded(last, Balance(10, 10, 0, 0, 10, 10)).store(tmp_path)
        with closing(Journal(tmp_path, SMALL)) as journal:
            assert journal.end.segment == last + 1
            assert journal.balance() == Balance(10, 10, 0, 0, 10, 10)

    def test_dying_between_folding_and_deleting_counts_nothing_twice(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path / "a", SMALL)) as journal:
            for _ in range(3):
                journal.append(numbered(9), NOW)
            settle_all(journal)
            before = journal.balance()
            shutil.copytree(tmp_path / "a", tmp_path / "b")
            assert journal.prune(NOW + timedelta(days=100)) == 2
        shutil.copy(tmp_path / "a" / "balance.json", tmp_path / "b")
        with closing(Journal(tmp_path / "b", SMALL)) as journal:
            assert journal.balance() == before
            assert len(segments.numbers(tmp_path / "b")) == 1


class TestBalance:
    """Both balances are counted from what is durable, so that they can fail."""

    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[Journal]:
        with closing(Journal(tmp_path, DAILY)) as opened:
            opened.append(numbered(9), NOW)
            opened.append(numbered(3), NOW)
            settle_all(opened)
            assert opened.balance() == Balance(received=12, decoded=12, readings=12, new=12)
            yield opened

    def test_a_released_packet_without_an_outcome_is_missed(self, journal: Journal, tmp_path: Path) -> None:
        path = tmp_path / "000000000001.out"
        path.write_bytes(path.read_bytes()[: -segments.HEADER.size * 2])
        assert journal.balance() == Balance(received=12, decoded=11, readings=11, new=11)
        assert not journal.balance().holds()

    def test_an_outcome_without_a_packet_is_noticed(self, journal: Journal, tmp_path: Path) -> None:
        path = segments.path_of(tmp_path, 1)
        path.write_bytes(path.read_bytes()[:-1])
        assert not journal.balance().holds()

    def test_a_reading_of_no_outcome_is_missed(self) -> None:
        assert Balance(received=1, decoded=1, readings=2, new=1, refused=1).holds()
        assert not Balance(received=1, decoded=1, readings=2, new=1).holds()

    def test_of_two_outcomes_of_a_packet_the_last_counts(self, journal: Journal) -> None:
        again = Outcome(journal.first, rejected=False, decoded=1, duplicate=1)
        journal.settle([again])
        assert journal.balance() == Balance(received=12, decoded=12, readings=12, new=11, duplicate=1)

    def test_a_torn_row_and_rows_of_zeros_are_written_over_or_passed_over(self, journal: Journal, tmp_path: Path) -> None:
        path = tmp_path / "000000000001.out"
        before = journal.balance()
        for rest in (b"\0" * 64, b"torn"):
            path.write_bytes(path.read_bytes() + rest)
            assert journal.balance() == before
            journal.release(journal.first)
            settle_all(journal)
            assert journal.balance() == before


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for kind in ("*.seg", "*.out") for path in folder.glob(kind))


def append_until_refused(journal: Journal, size: int) -> list[bytes]:
    """Append packets of ``size`` bytes, five at a time, until the journal refuses; return the payloads it took."""
    kept: list[bytes] = []
    try:
        while len(kept) < 10_000:
            group = [packet.payload.rjust(size) for packet in numbered(5, len(kept))]
            journal.append([Packet("m/1", payload) for payload in group], NOW)
            kept += group
    except Unavailable:
        return kept
    raise AssertionError("it takes everything")


class TestBound:
    def test_at_its_bound_nothing_is_appended(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path, SMALL)) as journal:
            kept = len(append_until_refused(journal, size=1))
            assert "at its bound of 3000 bytes" in journal.failure
            assert len(follow(journal)) == kept > 40
            settle_all(journal)
            assert journal.bytes_on_disk() == on_disk(tmp_path) <= SMALL.max_bytes
            assert journal.prune(NOW) > 0
            assert journal.bytes_on_disk() == on_disk(tmp_path)
            journal.append(numbered(5, kept), NOW)
            assert journal.failure == ""
            settle_all(journal)
            assert journal.balance().received == kept + 5

    @pytest.mark.parametrize("settled", [0, 4, 8])
    def test_the_bound_counts_what_an_earlier_process_left(self, tmp_path: Path, settled: int) -> None:
        with closing(Journal(tmp_path, SMALL)) as journal:
            for group in range(8):
                journal.append(numbered(4), NOW)
                if group < settled:
                    settle_all(journal)
            row, empty = outcomes.ROW.itemsize, len(segments.encode(Packet("m/1", b"")))
            taken = journal.bytes_on_disk() + (8 - settled) * 4 * row
            room = SMALL.max_bytes - taken - segments.HEADER.size - empty - row
        with closing(Journal(tmp_path, SMALL)) as journal:
            with pytest.raises(Unavailable):
                journal.append([Packet("m/1", b"x" * (room + 1))], NOW)
            assert journal.append([Packet("m/1", b"x" * room)], NOW)
            settle_all(journal)
            assert on_disk(tmp_path) <= SMALL.max_bytes

    def test_what_pruning_frees_can_be_filled_again_and_no_more(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path, SMALL)) as journal:
            for _ in range(20):
                assert len(append_until_refused(journal, size=10)) >= 15
                settle_all(journal)
                assert on_disk(tmp_path) <= SMALL.max_bytes
                assert journal.prune(NOW) > 0

    @pytest.mark.parametrize("changes", [{"segment_bytes": 0}, {"segment_bytes": 1000, "max_bytes": 3999}])
    def test_a_bound_that_could_never_be_kept_is_refused(self, changes: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=r"must be at least|not within"):
            JournalOptions(**changes)


class TestFullDisk:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[SmallDisk]:
        with SmallDisk(tmp_path / "disk", 256 * 1024) as mounted:
            yield mounted

    def test_nothing_half_written_remains_and_space_lets_it_go_on(self, disk: SmallDisk) -> None:
        folder = disk.folder / "journal"
        with closing(Journal(folder, JournalOptions(segment_bytes=50_000, max_bytes=10**9))) as journal:
            disk.fill(leave=100_000)
            kept = append_until_refused(journal, size=3000)
            assert "No space left on device" in journal.failure
            assert [packet.payload for packet in follow(journal)] == kept
            assert segments.whole_length(segments.path_of(folder, journal.end.segment)) == journal.end.offset
            for _ in range(3):
                with pytest.raises(Unavailable):
                    journal.append([Packet("m/1", b"x" * 100_000)], NOW)
        with closing(Journal(folder)) as journal:
            assert [packet.payload for packet in follow(journal)] == kept
            assert not list(folder.glob("*.torn*"))
            disk.free()
            journal.append(numbered(2), NOW)
            assert journal.failure == ""
            settle_all(journal)
            total = len(kept) + 2
            assert journal.balance() == Balance(received=total, decoded=total, readings=total, new=total)

    def test_full_just_when_a_new_segment_is_due(self, disk: SmallDisk) -> None:
        """However long that lasts, the bound is not used up by trying."""
        options = JournalOptions(segment_bytes=20_000, max_bytes=80_000)
        with closing(Journal(disk.folder / "journal", options)) as journal:
            journal.append([Packet("m/1", b"x" * 20_000)], NOW)
            disk.fill()
            for _ in range(10):
                with pytest.raises(Unavailable, match="No space left on device"):
                    journal.append(numbered(1), NOW)
            assert len(follow(journal)) == 1
            disk.free()
            journal.append(numbered(1), NOW)
            assert journal.end.segment == 2
            assert len(follow(journal)) == 2
        with closing(Journal(disk.folder / "journal", options)) as journal:
            assert len(follow(journal)) == 2

    def test_outcomes_and_releases_wait_for_space(self, disk: SmallDisk) -> None:
        with closing(Journal(disk.folder / "journal", JournalOptions(segment_bytes=100, max_bytes=10**6))) as journal:
            for _ in range(3):
                journal.append(numbered(5), NOW)
            disk.fill()
            with pytest.raises(Unavailable, match="No space left on device"):
                settle_all(journal)
            journal.release(journal.released)
            disk.free()
            settle_all(journal)
            assert journal.balance() == Balance(15, 15, 0, 0, 15, 15)
            disk.fill()
            with pytest.raises(Unavailable, match="No space left on device"):
                journal.prune(NOW + timedelta(days=100))
            assert journal.balance() == Balance(15, 15, 0, 0, 15, 15)
            disk.free()
            assert journal.prune(NOW + timedelta(days=100)) == 2

    def test_outcomes_that_find_no_space_leave_nothing_behind(self, disk: SmallDisk) -> None:
        folder = disk.folder / "journal"
        with closing(Journal(folder)) as journal:
            journal.append(numbered(1), NOW)
            settle_all(journal)
            journal.append(numbered(300), NOW)
            disk.fill()
            for _ in range(3):
                with pytest.raises(Unavailable, match="No space left on device"):
                    settle_all(journal)
                assert outcomes.size(folder, 1) == outcomes.ROW.itemsize
            disk.free()
            settle_all(journal)
            assert outcomes.size(folder, 1) == 301 * outcomes.ROW.itemsize

    def test_a_start_on_a_full_disk_loses_nothing(self, disk: SmallDisk) -> None:
        folder = disk.folder / "journal"
        with closing(Journal(folder)) as journal:
            journal.append(numbered(5), NOW)
        path = segments.path_of(folder, 1)
        path.write_bytes(path.read_bytes() + b"torn" * 5)
        disk.fill()
        with closing(Journal(folder)) as journal:
            assert len(follow(journal)) == 5


class TestDurability:
    def test_a_packet_is_synced_before_anyone_sees_it_or_may_acknowledge_it(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path, SMALL)) as journal:
            start = journal.end
            made = operations(lambda: journal.append(numbered(9), NOW), lambda: journal.end)
            assert made == [("pwrite", start), ("fdatasync", start)]
            full = journal.end
            made = operations(lambda: journal.append(numbered(1), NOW), lambda: journal.end)
            begun = ["open", "pwrite", "fsync", "open", "fsync"]  # the segment's header, then its name
            assert made[:-2] == [(name, full) for name in begun]
            assert [(name, end.segment) for name, end in made[-2:]] == [("pwrite", 2), ("fdatasync", 2)]

    def test_outcomes_are_synced_before_the_release(self, tmp_path: Path) -> None:
        with closing(Journal(tmp_path, SMALL)) as journal:
            journal.append(numbered(1), NOW)
            names = [name for name, _ in operations(lambda: settle_all(journal), lambda: None)]
            first = names.index("pwrite")
            assert names[first : first + 4] == ["pwrite", "fdatasync", "open", "fsync"]
            assert names[-1] == "pwrite"

    def test_whole_files_are_synced_before_they_get_their_name(self, tmp_path: Path) -> None:
        for write in (
            lambda: segments.write_file(tmp_path / "1.seg", 0, numbered(1)),
            lambda: Folded(1, Balance()).store(tmp_path),
        ):
            names = [name for name, _ in operations(write, lambda: None)]
            assert names[names.index("flush") :] == ["flush", "fsync", "rename", "open", "fsync"]


def deaths(*arguments: str) -> int:
    command = [sys.executable, "-m", "tests.support.journal_lives", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_journal_that_dies_before_any_file_operation_keeps_what_was_acknowledged() -> None:
    assert deaths() > 100


@pytest.mark.long
def test_an_heir_that_dies_at_any_operation_of_its_recovery_spoils_nothing() -> None:
    assert deaths("again") > 100
