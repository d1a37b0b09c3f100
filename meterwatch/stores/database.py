"""One database for ledger and registry: opening it, its transactions, its version."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Phrase

VERSION = "0001"
BUSY_TIMEOUT_MS = 30_000

_NEWER = Phrase(
    "the ledger {url} is of version {found}; this program knows {known}. Use the newer program, or restore a backup.",
    "台账 {url} 的版本是 {found}，本程序只支持 {known}。请使用较新的程序，或恢复备份。",
)


class Database:
    """An open ledger database. Transactions that read before they write take the write lock at once."""

    def __init__(self, url: str) -> None:
        """Open ``url`` (SQLAlchemy) and bring its tables to this program's version.

        Raises Refusal if it was written by a newer program, Unavailable if it can't be opened.
        """
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._migrate()

    @classmethod
    def file(cls, path: Path) -> "Database":
        """Open an SQLite file, making its folder if need be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{path}")

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """One transaction that will write. Raises Unavailable when the database does not answer.

        Not ``lasting``: a power failure (not a crash of ours) may undo it; for what a restart writes anew.
        """
        with self._answering(), self.engine.connect() as connection:
            connection.execution_options(sqlite_begin="BEGIN IMMEDIATE", sqlite_synchronous="FULL" if lasting else "NORMAL")
            with connection.begin():
                if not (lasting or self.is_sqlite):
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading one consistent state. Raises Unavailable when the database does not answer."""
        with self._answering(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as problem:
            raise Unavailable(f"ledger: {problem.orig}") from problem
        except DBAPIError as problem:
            if problem.connection_invalidated or type(problem) is DatabaseError:  # SQLite: no database, or a damaged one
                raise Unavailable(f"ledger: {problem.orig}") from problem
            raise

    def insert(self, table: Table) -> Any:
        """Return the dialect's insert, which knows ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _migrate(self) -> None:
        with self.read() as connection:
            found = _version(connection)
        if found is not None and found > VERSION:
            raise Refusal(_NEWER, url=self.engine.url.render_as_string(hide_password=True), found=found, known=VERSION)
        if found == VERSION:
            return
        import alembic.command  # noqa: PLC0415 - every command opens the ledger, hardly one migrates it
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(files("meterwatch.stores") / "migrations").replace("%", "%%"))
        with self.write() as connection:  # a second process that starts now waits here and finds nothing to do
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if "sqlite_synchronous" in options:
        connection.exec_driver_sql(f"PRAGMA synchronous={options['sqlite_synchronous']}")
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
