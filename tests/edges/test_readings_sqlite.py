"""The SQLite file seen from a second process, written by a newer program, or broken."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.readings import AppendStatus, DayTotals, ReadingBatch
from meterwatch.stores.readings_sqlite import SqliteReadings

CODES = ("G-1", "G-2")


def batch(first: int, size: int = 1, received_at: int = 1) -> ReadingBatch:
    number = np.arange(size)
    constant = np.ones(size)
    return ReadingBatch.of(number % 2, 201 * constant, first + number, number / 3, 0 * constant, received_at * constant)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder that is not there yet" / "readings.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteReadings]:
    with closing(SqliteReadings(path)) as opened:
        opened.know(CODES)
        yield opened


SECOND_PROCESS = """
import sys
from contextlib import closing
from pathlib import Path
from meterwatch.stores.readings_sqlite import SqliteReadings

with closing(SqliteReadings.read_only(Path(sys.argv[1]))) as store:
    for line in sys.stdin:
        batch = store.read(0, 2**62)
        print(len(batch), store.count(), batch.value.sum(), flush=True)
"""


class TestSecondProcess:
    def test_it_reads_while_the_first_writes(self, store: SqliteReadings, path: Path) -> None:
        command = [sys.executable, "-c", SECOND_PROCESS, str(path)]
        store.append(batch(1))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdin
            assert second.stdout
            for size in (1, 5, 500):
                store.append(batch(1000 * size, size))
                with store._writing():  # a transaction that stays open holds nobody up
                    second.stdin.write("read\n")
                    second.stdin.flush()
                    answer = second.stdout.readline().split()
                assert answer == [str(store.count())] * 2 + [str(store.read(0, 2**62).value.sum())]
            second.stdin.close()
            assert second.wait(20) == 0

    def test_it_reads_what_a_closed_or_killed_one_left(self, store: SqliteReadings, path: Path) -> None:
        store.append(batch(1, 3))
        store.write_totals(DayTotals.of([1], [0], [1.0], [1.0], [np.nan], [0]))
        store.close()
        with closing(SqliteReadings.read_only(path)) as reader:
            reader.know(CODES)
            assert reader.count() == 3
            assert len(reader.read_totals(1, 1)) == 1

    def test_it_can_not_write(self, store: SqliteReadings, path: Path) -> None:
        with closing(SqliteReadings.read_only(path)) as reader:
            reader.know([*CODES, "registered after the service began"])
            with pytest.raises(Unavailable, match="readonly"):
                reader.append(batch(1))
            with pytest.raises(Unavailable, match="readonly"):
                reader.write_totals(DayTotals.of([1], [0], [1.0], [1.0], [1.0], [0]))
            with pytest.raises(Refusal):
                reader.know(["G-2"])
        assert store.count() == 0

    def test_owners_are_remembered_in_the_file(self, store: SqliteReadings, path: Path) -> None:
        store.append(batch(1))
        with closing(SqliteReadings(path)) as fresh:
            assert fresh.append(batch(1)).status.tolist() == [AppendStatus.NEW]
            with pytest.raises(Refusal, match="row 0 is usage point G-1, in the registry it is G-2"):
                fresh.know(["G-2", "G-1"])


class TestFile:
    def test_a_newer_file_is_refused_and_left_alone(self, store: SqliteReadings, path: Path) -> None:
        store.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE meta SET value = 2")
            connection.commit()
        before = path.read_bytes()
        for opening in (SqliteReadings, SqliteReadings.read_only):
            with pytest.raises(Refusal, match=r"of version 2; this program knows 1") as raised:
                opening(path)
            assert "版本是 2" in raised.value.say(Lang.ZH)
        assert path.read_bytes() == before

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        path = tmp_path / "readings.db"
        path.write_bytes(b"something else altogether" * 100)
        for opening in (SqliteReadings, SqliteReadings.read_only):
            with pytest.raises(Unavailable, match="file is not a database"):
                opening(path)

    def test_no_readings_yet(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match="unable to open"):
            SqliteReadings.read_only(tmp_path / "readings.db")
        (tmp_path / "readings.db").touch()
        with pytest.raises(Unavailable, match="no such table"):
            SqliteReadings.read_only(tmp_path / "readings.db")

    def test_it_is_durable_and_open_to_readers(self, store: SqliteReadings) -> None:
        with store._writing() as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_other_readers_see_only_what_is_committed(self, store: SqliteReadings) -> None:
        store.append(batch(1))
        with store._writing() as connection:
            connection.execute("DELETE FROM readings")
            assert store.count() == len(store.read(0, 9)) == 1
        assert store.count() == 0

    def test_looking_up_late_readings_leaves_nothing_behind(self, store: SqliteReadings) -> None:
        for _ in range(2):
            store.append(batch(1, 100))
        with store._writing() as connection:
            assert connection.execute("SELECT count(*) FROM offered").fetchone() == (0,)

    def test_a_batch_that_fails_leaves_nothing(self, store: SqliteReadings, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "CREATE TRIGGER full AFTER INSERT ON readings WHEN NEW.time = 7 BEGIN SELECT raise(ABORT, 'x'); END"
            )
            connection.commit()
        with pytest.raises(sqlite3.IntegrityError):
            store.append(batch(1, 10))
        assert store.count() == 0
        assert store.append(batch(1, 6)).status.tolist() == [AppendStatus.NEW] * 6

    def test_a_full_disk_can_be_tried_again(self, store: SqliteReadings) -> None:
        with store._writing() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
        offered = batch(1, 20_000)
        with pytest.raises(Unavailable, match="full"):
            store.append(offered)
        assert store.count() == 0
        store._writer.execute("PRAGMA max_page_count = 1000000")
        assert (store.append(offered).status == AppendStatus.NEW).all()
