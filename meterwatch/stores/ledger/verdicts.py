"""People's verdicts on meters: whether one works, how bad it is, and what to check (RULES use-validate)."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select

from meterwatch.core.model.corrections import Author, MeterHealth, MeterVerdict, NewVerdict, Severity
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.ports import Commit
from meterwatch.stores.correction_tables import meter_verdicts
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.commit import Entry
from meterwatch.stores.ledger.rows import note


class SqlVerdicts:
    """The verdicts people enter and look at; a later one is a new row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, found: NewVerdict, author: Author, now: datetime, work_orders: Sequence[NewDuty] = ()) -> int:
        """Enter a verdict together with the work orders it calls for; return its number."""
        row = asdict(found) | author._asdict() | {"at": now}
        with self._database.write() as connection:
            number: int = connection.execute(insert(meter_verdicts).values(row).returning(meter_verdicts.c.id)).scalar_one()
            detail = {"number": number, "meter": found.meter, "verdict": found.verdict, "severity": found.severity}
            note(connection, now, author.account, [("meter.verdict", found.usage_point, detail | {"by": author.person})])
            self._open_work_orders(connection, work_orders, now)
        return number

    def _open_work_orders(self, connection: Connection, work_orders: Sequence[NewDuty], now: datetime) -> None:
        """Open the duties of a verdict in its own transaction, as those of an alert are."""
        Entry(self._database, connection, Commit(now, registry=0, duties=work_orders)).enter()

    def of_point(self, usage_point: str) -> Sequence[MeterVerdict]:
        """Return the verdicts on the meters of a usage point, newest first."""
        query = select(meter_verdicts).where(meter_verdicts.c.usage_point == usage_point)
        with self._database.read() as connection:
            return [_load(row) for row in connection.execute(query.order_by(meter_verdicts.c.id.desc())).mappings()]


def _load(row: RowMapping) -> MeterVerdict:
    plain = {**row, "verdict": MeterHealth(row["verdict"]), "severity": Severity(row["severity"])}
    return MeterVerdict(**plain)
