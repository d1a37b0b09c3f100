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
from meterwatch.stores.bulk import insert_rows
from meterwatch.stores.database import Database
from meterwatch.stores.registry_files import FileSpec, Problem
from meterwatch.stores.registry_folder import Folder, read_folder
from meterwatch.stores.registry_load import load_registry, valid
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
class RowChange:
    """A row that an import adds, removes or changes.

    ``before`` and ``after`` hold the cells that differ: by column the value, and whether it is personal and not given.
    """

    file: str
    key: tuple[str, ...]
    before: Mapping[str, tuple[Any, bool]]
    after: Mapping[str, tuple[Any, bool]]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did or would do. ``snapshot`` is the newest afterwards, ``changed`` whether it is a new one."""

    snapshot: int
    changed: bool
    files: Mapping[str, FileReport]
    notices: tuple[Problem, ...]
    rows: tuple[RowChange, ...] = ()


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

    def rows(self) -> Iterator[RowChange]:
        """Yield what happens to each row, by key."""
        gone = {self._key(values): values for values in self.closed}
        come = {self._key(values): values for values in self.added}
        for key in sorted(gone.keys() | come.keys(), key=str):
            before, after = gone.get(key), come.get(key)
            differs = [at for at in range(len(self.spec.columns)) if not (before and after) or before[at] != after[at]]
            shown = tuple("" if part is None else str(part) for part in key)
            yield RowChange(self.spec.file, shown, self._cells(before, differs), self._cells(after, differs))

    def _cells(self, values: Values | None, places: Iterable[int]) -> dict[str, tuple[Any, bool]]:
        columns = self.spec.columns
        if not values:
            return {}
        return {columns[at].name: (None, True) if columns[at].personal else (values[at], False) for at in places}

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
            chosen = snapshot_of(connection, number)
            if chosen == 0:
                return Registry.empty()
            extent = connection.scalars(select(tables.snapshots.c.rows).where(tables.snapshots.c.number == chosen)).one()
            return load_registry(connection, chosen, extent["point_rows"])

    def compare_files(self, directory: Path, *, default_zone: str) -> ImportReport:
        """Return what ``import_files`` would do and change nothing; raises as it does."""
        folder = self._sound(directory, default_zone)
        with self._database.read() as connection:
            changes = _differences(connection, folder)
            number = newest_snapshot(connection) + any(changes)
        rows = tuple(row for found in changes for row in found.rows())
        return ImportReport(number, any(changes), _reports(changes, folder), folder.notices, rows)

    def _sound(self, directory: Path, default_zone: str) -> Folder:
        folder = read_folder(directory, default_zone, self._stored)
        if folder.problems:
            raise RegistryRefused(folder)
        return folder

    def _stored(self, spec: FileSpec) -> list[Values]:
        with self._database.read() as connection:
            return list(stored_rows(connection, spec, newest_snapshot(connection)))

    def import_files(self, directory: Path, *, by: str, now: datetime, default_zone: str) -> ImportReport:
        """Make the files in ``directory`` the newest snapshot, all or nothing; a new number only if something changed.

        ``default_zone`` is the IANA zone of usage points that name none. Raises RegistryRefused with every problem, and
        Refusal if there is no such folder; then nothing was stored.
        """
        folder = self._sound(directory, default_zone)
        with self._database.write() as connection:
            changes = _differences(connection, folder)
            files = _reports(changes, folder)
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


def snapshot_of(connection: Connection, number: int | None) -> int:
    """Return ``number``, or that of the newest snapshot (0 = the empty one); raises Refusal if there is no such snapshot."""
    latest = newest_snapshot(connection)
    if number is not None and not 0 <= number <= latest:
        raise Refusal(_NO_SNAPSHOT, number=number, latest=latest)
    return latest if number is None else number


def begin_snapshot(connection: Connection, by: str, now: datetime) -> int:
    """Enter a snapshot after the newest, with the same usage points, and return its number."""
    number = newest_snapshot(connection)
    extent = connection.scalar(select(tables.snapshots.c.rows).where(tables.snapshots.c.number == number))
    _enter(connection, tables.snapshots, number=number + 1, imported_at=now, imported_by=by, rows=extent)
    return number + 1


def _enter(connection: Connection, table: Table, **values: Any) -> None:
    connection.execute(table.insert().values(values))


def _stored_names(spec: FileSpec) -> list[str]:
    return [column.stored or column.name for column in spec.columns]


def stored_rows(connection: Connection, spec: FileSpec, number: int) -> dict[Values, int]:
    """Return the id of each row of a file that is part of snapshot ``number``, by its values."""
    table = tables.metadata.tables[spec.name]
    columns = [table.c[name] for name in _stored_names(spec)]
    found = connection.execute(select(table.c.id, *columns).where(valid(table, number)))
    return {tuple(values): row_id for row_id, *values in found}


def _differences(connection: Connection, folder: Folder) -> list[_Difference]:
    return [_difference(connection, sheet) for sheet in folder.sheets.values() if not sheet.kept]


def _reports(changes: Iterable[_Difference], folder: Folder) -> dict[str, FileReport]:
    return {found.spec.name: found.report(folder.sheets[found.spec.name].encoding) for found in changes}


def _difference(connection: Connection, sheet: Sheet) -> _Difference:
    stored = stored_rows(connection, sheet.spec, newest_snapshot(connection))
    rows = sheet.rows()
    wanted = set(rows) if stored else ()
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
            insert_rows(connection, table, [*names, "first_snapshot"], [(*row, number) for row in rows])


def _append_points(connection: Connection, codes: Iterable[str]) -> int:
    """Give each usage point that never had one the next row; return how many rows there are."""
    known = set(connection.scalars(select(tables.point_rows.c.usage_point)))
    fresh = [code for code in codes if code not in known]
    for added in parts(enumerate(fresh, len(known))):
        insert_rows(connection, tables.point_rows, ["row", "usage_point"], added)
    return len(known) + len(fresh)


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield ``values`` in lists small enough for one statement."""
    left = iter(values)
    while part := list(islice(left, _AT_ONCE)):
        yield part
