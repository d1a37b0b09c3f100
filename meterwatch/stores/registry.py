"""The registry in the database: numbered snapshots made of rows that say from which to which snapshot they hold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam, func, select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Registry
from meterwatch.stores import tables
from meterwatch.stores.database import Database
from meterwatch.stores.registry_files import FILES, FileSpec, Problem
from meterwatch.stores.registry_folder import Folder, read_folder
from meterwatch.stores.registry_load import load_registry
from meterwatch.stores.registry_sheets import Sheet

_REFUSED = Phrase(
    "the registry was not imported and nothing was changed; problems found: {count}",
    "档案未导入，原有档案未变；共发现 {count} 处问题",
)
_NO_SNAPSHOT = Phrase(
    "there is no registry snapshot {number}; the newest is {latest}", "没有第 {number} 版档案，最新为第 {latest} 版"
)

_AT_ONCE = 1000

Values = tuple[Any, ...]
T = TypeVar("T")


class RegistryRefused(Refusal):
    """An import that was not made: ``problems`` says all that was found wrong, ``notices`` what else is worth knowing."""

    def __init__(self, folder: Folder) -> None:
        super().__init__(_REFUSED, count=len(folder.problems))
        self.problems = folder.problems
        self.notices = folder.notices

    def say(self, lang: Lang) -> str:
        """Return the reason and below it one line for each notice and problem."""
        return "\n".join([super().say(lang), *(found.say(lang) for found in (*self.notices, *self.problems))])


@dataclass(frozen=True, slots=True)
class FileReport:
    """What an import did with one file: how it was read, and how many rows it added, changed, removed and left alone."""

    encoding: str
    added: int
    changed: int
    removed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. ``snapshot`` is the newest afterwards, ``changed`` whether this import made it."""

    snapshot: int
    changed: bool
    files: Mapping[str, FileReport]
    notices: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Difference:
    """What leads from the stored rows of a table to those of a sheet."""

    spec: FileSpec
    added: list[Values]
    closed: Mapping[Values, int]
    unchanged: int

    def __bool__(self) -> bool:
        return bool(self.added or self.closed)

    @property
    def table(self) -> Table:
        return tables.metadata.tables[self.spec.name]

    def report(self, encoding: str) -> FileReport:
        gone = {self._key(values) for values in self.closed}
        changed = sum(self._key(values) in gone for values in self.added) if gone else 0
        return FileReport(encoding, len(self.added) - changed, changed, len(gone) - changed, self.unchanged)

    def _key(self, values: Values) -> Values:
        return tuple(value for value, column in zip(values, self.spec.columns, strict=True) if column.key)


class SqlRegistry:
    """Numbered snapshots of the registry (core.ports.RegistryStore)."""

    def __init__(self, database: Database) -> None:
        """``database`` stays the caller's to close."""
        self._database = database

    def latest(self) -> int:
        """Return the number of the newest snapshot, 0 before the first import."""
        with self._database.read() as connection:
            return newest_snapshot(connection)

    def load(self, number: int | None = None) -> Registry:
        """Return a snapshot (the newest by default) exactly as it was when imported; 0 is the empty registry.

        Raises Refusal if there is no such snapshot.
        """
        with self._database.read() as connection:
            latest = newest_snapshot(connection)
            number = latest if number is None else number
            if number == 0:
                return Registry.empty()
            extent = connection.scalar(select(tables.snapshots.c.rows).where(tables.snapshots.c.number == number))
            if extent is None:
                raise Refusal(_NO_SNAPSHOT, number=number, latest=latest)
            return load_registry(connection, number, extent["point_rows"])

    def import_files(self, directory: Path, *, by: str, now: datetime, default_zone: str) -> ImportReport:
        """Make the files in ``directory`` the newest snapshot, all or nothing; a new number only if something changed.

        ``default_zone`` is the IANA zone of usage points that name none. Raises RegistryRefused with every problem, and
        Refusal if there is no such folder; then nothing was stored.
        """
        folder = read_folder(directory, default_zone)
        if folder.problems:
            raise RegistryRefused(folder)
        with self._database.write() as connection:
            changes = [_difference(connection, folder.sheets[spec.name]) for spec in FILES]
            files = {found.spec.name: found.report(folder.sheets[found.spec.name].encoding) for found in changes}
            number = newest_snapshot(connection)
            changed = any(changes)
            if changed:
                number += 1
                _store(connection, number, changes)
                extent = {"point_rows": _append_points(connection, folder.sheets["usage_points"]["usage_point"])}
                _enter(connection, tables.snapshots, number=number, imported_at=now, imported_by=by, rows=extent)
            detail = {"changed": changed, "files": {name: asdict(report) for name, report in files.items()}}
            _enter(connection, tables.audit, at=now, actor=by, action="registry.import", subject=f"{number}", detail=detail)
        return ImportReport(number, changed, files, folder.notices)


def newest_snapshot(connection: Connection) -> int:
    """Return the number of the newest snapshot, 0 before the first import."""
    return connection.scalar(select(func.max(tables.snapshots.c.number))) or 0


def _enter(connection: Connection, table: Table, **values: Any) -> None:
    connection.execute(table.insert().values(values))


def _stored_names(spec: FileSpec) -> list[str]:
    return [column.stored or column.name for column in spec.columns]


def _difference(connection: Connection, sheet: Sheet) -> _Difference:
    table = tables.metadata.tables[sheet.spec.name]
    columns = [table.c[name] for name in _stored_names(sheet.spec)]
    found = connection.execute(select(table.c.id, *columns).where(table.c.last_snapshot.is_(None)))
    stored = {tuple(values): row_id for row_id, *values in found}
    rows = sheet.rows()
    wanted = set(rows)
    closed = {values: row_id for values, row_id in stored.items() if values not in wanted}
    return _Difference(sheet.spec, [row for row in rows if row not in stored], closed, len(stored) - len(closed))


def _store(connection: Connection, number: int, changes: Iterable[_Difference]) -> None:
    """Close the rows that hold no longer and add those that hold from snapshot ``number`` on."""
    for change in changes:
        table, names = change.table, _stored_names(change.spec)
        close = table.update().where(table.c.id == bindparam("closed")).values(last_snapshot=number)
        for ids in parts(change.closed.values()):
            connection.execute(close, [{"closed": row_id} for row_id in ids])
        for rows in parts(change.added):
            added = [{**dict(zip(names, row, strict=True)), "first_snapshot": number} for row in rows]
            connection.execute(table.insert(), added)


def _append_points(connection: Connection, codes: Iterable[str]) -> int:
    """Give each usage point that never had one the next row; return how many rows there are."""
    known = set(connection.scalars(select(tables.point_rows.c.usage_point)))
    fresh = [code for code in codes if code not in known]
    for added in parts(enumerate(fresh, len(known))):
        connection.execute(tables.point_rows.insert(), [{"row": row, "usage_point": code} for row, code in added])
    return len(known) + len(fresh)


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield ``values`` in lists small enough for one statement."""
    left = iter(values)
    while part := list(islice(left, _AT_ONCE)):
        yield part
