"""Rows inserted in bulk stand as any others do."""

from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select, text

from meterwatch.stores.bulk import insert_rows
from meterwatch.stores.database import Database
from meterwatch.stores.tables import meters, people

AT = datetime(2023, 1, 2, 3, tzinfo=UTC)


def test_names_in_any_order_and_every_type_as_the_tables_store_it(tmp_path: Path) -> None:
    names = ["valid_from", "meter", "first_snapshot", "usage_point", "multiplier"]
    with closing(Database.file(tmp_path / "ledger.db")) as database, database.write() as connection:
        insert_rows(connection, meters, names, [(AT, "M1", 1, "P1", 2.5), (AT, "M2", 2, "P2", 1.0)])
        raw = connection.execute(text("SELECT meter, usage_point, valid_from, multiplier, first_snapshot FROM meters")).all()
        (row, _) = connection.execute(select(meters).order_by(meters.c.meter)).all()
        known = {"person": "K1", "name": "One", "role": "manager", "lang": "en", "first_day": date(2023, 1, 2)}
        insert_rows(connection, people, [*known, "first_snapshot"], [(*known.values(), 1)])
        (person,) = connection.execute(select(people.c.first_day, people.c.last_day)).all()
    moment = "2023-01-02T03:00:00.000000Z"
    assert [tuple(found) for found in raw] == [("M1", "P1", moment, 2.5, 1), ("M2", "P2", moment, 1.0, 2)]
    assert (row.valid_from, row.valid_to, row.digits) == (AT, None, None)
    assert tuple(person) == (date(2023, 1, 2), None)
