"""Inserting many rows. SQLAlchemy takes a dictionary a row apart, which takes longer than SQLite takes to store it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table


def insert_rows(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert ``rows``, whose values stand in the order of ``names``, in the present transaction."""
    dialect = connection.dialect
    if not dialect.positional:
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])
        return
    columns = list(zip(*rows, strict=True))
    for place, name in enumerate(names):
        if convert := table.c[name].type.dialect_impl(dialect).bind_processor(dialect):
            columns[place] = tuple(map(convert, columns[place]))
    statement = table.insert().compile(dialect=dialect, column_keys=list(names))
    order = [names.index(name) for name in statement.positiontup or ()]
    connection.exec_driver_sql(str(statement), list(zip(*(columns[place] for place in order), strict=True)))
