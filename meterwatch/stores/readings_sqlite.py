"""Readings and day totals in an SQLite file of their own: the standalone reading store."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.columns import Columns
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.readings import Appended, AppendStatus, DayTotals, ReadingBatch
from meterwatch.stores.judge import judge
from meterwatch.stores.points import require_known, unknown_codes
from meterwatch.stores.sqlite_files import make_file, make_folder

VERSION = 1
BUSY_TIMEOUT_S = 30.0

_NEWER = Phrase(
    "the readings {path} are of version {found}; this program knows {known}. Use the newer program, or restore a backup.",
    "读数库 {path} 的版本是 {found}，本程序只支持 {known}。请使用较新的程序，或恢复备份。",
)

# Time first in the key: a batch then touches neighbouring pages, which is several times faster than point first.
_TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    'CREATE TABLE IF NOT EXISTS usage_points ("row" INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE)',
    """
    CREATE TABLE IF NOT EXISTS readings (
        time INTEGER NOT NULL, usage_point INTEGER NOT NULL, reading_type INTEGER NOT NULL,
        value REAL NOT NULL, quality INTEGER NOT NULL, received_at INTEGER NOT NULL,
        PRIMARY KEY (time, usage_point, reading_type)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS day_totals (
        day INTEGER NOT NULL, usage_point INTEGER NOT NULL,
        "use" REAL NOT NULL, known REAL NOT NULL, peak REAL, quality INTEGER NOT NULL,
        PRIMARY KEY (day, usage_point)
    ) WITHOUT ROWID
    """,
)
_INSERT = """
INSERT INTO readings (usage_point, reading_type, time, value, quality, received_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_OFFER = "INSERT INTO offered (usage_point, reading_type, time) VALUES (?, ?, ?)"
_STORED = """
SELECT usage_point, reading_type, time, value, quality, received_at
FROM offered CROSS JOIN readings USING (time, usage_point, reading_type)
"""
_READ = """
SELECT usage_point, reading_type, time, value, quality, received_at FROM readings
WHERE time > ?1 AND time <= ?2 AND (?3 IS NULL OR usage_point IN (SELECT value FROM json_each(?3)))
"""
_WRITE_TOTALS = 'REPLACE INTO day_totals (day, usage_point, "use", known, peak, quality) VALUES (?, ?, ?, ?, ?, ?)'
# A structured array has no room for NULL: the absent peak travels as infinity, which no mean rate is.
_READ_TOTALS = """
SELECT day, usage_point, "use", known, ifnull(peak, 9e999), quality FROM day_totals
WHERE day >= ?1 AND day <= ?2 AND (?3 IS NULL OR usage_point IN (SELECT value FROM json_each(?3)))
ORDER BY day, usage_point
"""

_C = TypeVar("_C", bound=Columns)


class SqliteReadings:
    """A :class:`~meterwatch.core.ports.ReadingStore` in one SQLite file.

    One thread at a time writes; any number read meanwhile, each on a connection of its own, in this process and in others.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        """Open ``path`` and make its tables if need be.

        Raises Refusal if a newer program wrote it, Unavailable if it can't be opened.
        """
        self._path = path
        self._writable = writable
        self._write_lock = threading.Lock()
        self._idle_lock = threading.Lock()  # its own: who reads must not wait for who writes
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with self._answering():
            if writable:
                make_folder(path.parent)
                make_file(path)
            self._writer = self._connect("rwc" if writable else "ro")
            try:
                self._known = self._prepare()
            except BaseException:
                self._writer.close()
                raise

    @classmethod
    def read_only(cls, path: Path) -> Self:
        """Open what another process writes; here ``append`` and ``write_totals`` raise Unavailable.

        Raises Unavailable if there are no readings yet, Refusal as the constructor does.
        """
        return cls(path, writable=False)

    def know(self, codes: Sequence[str]) -> None:
        """See the port. A read-only store leaves it to the writing one to enter new codes."""
        with self._reading() as connection:
            known = [code for (code,) in connection.execute('SELECT code FROM usage_points ORDER BY "row"')]
        new = unknown_codes(known, codes)
        if new and self._writable:
            with self._writing() as connection:
                connection.executemany("INSERT INTO usage_points VALUES (?, ?)", enumerate(new, len(known)))
        self._known = len(known) + len(new)

    def append(self, batch: ReadingBatch) -> Appended:
        """See the port. A value that is not finite is REFUSED."""
        require_known(batch.usage_point, self._known)
        takeable = np.isfinite(batch.value)
        with self._writing() as connection:
            added = connection.executemany(_INSERT, _tuples(batch.take(takeable).columns())).rowcount
            if added == len(batch):
                return _all_new(added)
            # By exact key: between the oldest and the newest late reading of one gateway lie those of everybody else.
            connection.executemany(_OFFER, _tuples((batch.usage_point, batch.reading_type, batch.time)))
            stored = _fetch(ReadingBatch, connection.execute(_STORED))
            connection.execute("DELETE FROM offered")
        return judge(batch, stored, takeable).appended

    def read(self, start: int, end: int, rows: NDArray[np.int32] | None = None) -> ReadingBatch:
        """See the port. ``rows`` narrows the answer, not the search: it runs over every reading of that time."""
        with self._reading() as connection:
            batch = _fetch(ReadingBatch, connection.execute(_READ, (start, end, _json(rows))))
        return batch.take(np.lexsort((batch.time, batch.reading_type, batch.usage_point)))

    def write_totals(self, totals: DayTotals) -> None:
        """See the port."""
        require_known(totals.usage_point, self._known)
        with self._writing() as connection:
            connection.executemany(_WRITE_TOTALS, _tuples(totals.columns()))

    def read_totals(self, first_day: int, last_day: int, rows: NDArray[np.int32] | None = None) -> DayTotals:
        """See the port."""
        with self._reading() as connection:
            totals = _fetch(DayTotals, connection.execute(_READ_TOTALS, (first_day, last_day, _json(rows))))
        return replace(totals, peak=np.where(np.isinf(totals.peak), np.nan, totals.peak))

    def count(self) -> int:
        """See the port."""
        with self._reading() as connection:
            return int(connection.execute("SELECT count(*) FROM readings").fetchone()[0])

    def close(self) -> None:
        """See the port."""
        with self._write_lock, self._idle_lock:
            self._closed = True
            self._writer.close()
            while self._idle:
                self._idle.pop().close()

    def _prepare(self) -> int:
        """Bring the file to this program's version; return how many usage points it knows."""
        found = self._version()
        if found is not None and found > VERSION:
            raise Refusal(_NEWER, path=self._path, found=found, known=VERSION)
        if self._writable:
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.execute("PRAGMA temp_store = MEMORY")
            self._writer.execute("CREATE TEMP TABLE offered (usage_point INTEGER, reading_type INTEGER, time INTEGER)")
            self._make_tables()
        return int(self._writer.execute("SELECT count(*) FROM usage_points").fetchone()[0])

    def _make_tables(self) -> None:
        with self._writing() as connection:
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO meta (name, value) VALUES ('version', ?)", (VERSION,))

    def _version(self) -> int | None:
        if self._writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
            return None
        return int(self._writer.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, self._answering():
            self._writer.execute("BEGIN IMMEDIATE")
            with self._writer:  # commits, or rolls back
                yield self._writer

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._answering():
            connection = self._take_idle() or self._connect("ro")
            try:
                yield connection
            finally:
                self._put_idle(connection)

    def _take_idle(self) -> sqlite3.Connection | None:
        with self._idle_lock:
            return self._idle.pop() if self._idle else None

    def _put_idle(self, connection: sqlite3.Connection) -> None:
        with self._idle_lock:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,  # we say BEGIN ourselves
            check_same_thread=False,  # a connection serves one thread after another
        )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise Unavailable(f"readings {self._path}: {problem}") from problem
        except OSError as problem:
            raise Unavailable(f"readings {self._path}: {problem.strerror}") from problem


def _all_new(size: int) -> Appended:
    return Appended.of(np.full(size, AppendStatus.NEW), np.full(size, np.nan), np.zeros(size))


def _tuples(columns: Iterable[NDArray[Any]]) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def _json(rows: NDArray[np.int32] | None) -> str | None:
    return None if rows is None else json.dumps(rows.tolist())


def _fetch(kind: type[_C], cursor: sqlite3.Cursor) -> _C:
    """Return what a query selects in the order of the columns of ``kind``."""
    rows = np.fromiter(cursor, [(str(number), dtype) for number, dtype in enumerate(kind.DTYPES)])
    return kind.of(*(np.ascontiguousarray(rows[name]) for name in rows.dtype.fields or ()))
