"""One database for ledger and registry: opening it, its transactions, its version."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.sqlite_files import ReadOnly, make_folder, open_file

VERSION = "0008"
BUSY_TIMEOUT_MS = 30_000

_NEWER = Phrase(
    "the ledger {url} is of version {found}; this program knows {known}. Use the newer program, or restore a backup.",
    "台账 {url} 的版本是 {found}，本程序只支持 {known}。请使用较新的程序，或恢复备份。",
)

_NO_DRIVER = Phrase(
    "the ledger's address (ledger.url) needs the Python package {package}, which can't be imported: {why}. "
    "Install it beside meterwatch, or leave ledger.url empty for an SQLite file.",
    "台账地址（ledger.url）需要 Python 软件包 {package}，但无法导入：{why}。请在 meterwatch 所在环境中安装，"
    "或将 ledger.url 留空以使用 SQLite 文件。",
)


class Database:
    """An open ledger database. Transactions that read before they write take the write lock at once."""

    def __init__(self, url: str) -> None:
        """Open ``url`` (SQLAlchemy) and bring its tables to this program's version.

        An SQLite file that this account may only read is opened for that: ``read_only`` says so, and ``write`` refuses.
        Raises Refusal if it may not even be read or a newer program wrote it, Unavailable if it can't be opened.
        """
        require_driver(url)
        file = make_url(url).database if url.startswith("sqlite") else None
        self.read_only = open_file(Path(file)) if file and file != ":memory:" else None
        self.engine = _engine(url, self.read_only)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._migrate()

    @classmethod
    def file(cls, path: Path) -> "Database":
        """Open an SQLite file, making its folder if need be."""
        make_folder(path.parent)
        return cls(f"sqlite:///{path}")

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """One transaction that will write. Raises Unavailable when the database does not answer, Refusal where it may not.

        Not ``lasting``: a power failure (not a crash of ours) may undo it; for what a restart writes anew.
        """
        if self.read_only:
            raise self.read_only.refusal()
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
        if self.read_only:
            self.read_only.check()

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


def require_driver(url: str) -> None:
    """Raise Refusal if the package that speaks to the database at ``url`` can't be imported; nothing is connected."""
    address = make_url(url)
    try:
        address.get_dialect().import_dbapi()
    except ImportError as problem:
        raise Refusal(_NO_DRIVER, package=address.get_driver_name(), why=problem) from problem


def _engine(url: str, read_only: ReadOnly | None) -> Engine:
    engine = create_engine(url, creator=read_only.connect) if read_only else create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        if not read_only:
            event.listen(engine, "connect", _use_wal)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if "sqlite_synchronous" in options:
        connection.exec_driver_sql(f"PRAGMA synchronous={options['sqlite_synchronous']}")
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _use_wal(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
