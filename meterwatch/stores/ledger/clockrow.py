"""The clock row: business time as a demonstration or a test has moved it, and how far each role has stepped."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from meterwatch.stores.database import Database
from meterwatch.stores.tables import clock, steps


class ClockRow:
    """Reads and moves the clock row. Nothing in production ever writes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def moved_to(self) -> datetime | None:
        """Return the moved business time, None while nobody has moved it."""
        with self._database.read() as connection:
            return connection.execute(select(clock.c.moved_to)).scalar()

    def move(self, to: datetime) -> None:
        """Move business time to ``to``; raises ValueError if that would move it back."""
        with self._database.write(lasting=False) as connection:
            present = connection.execute(select(clock.c.moved_to)).scalar()
            if present is not None and to < present:
                raise ValueError(f"business time never goes back: {present} -> {to}")
            statement = self._database.insert(clock).values(id=1, moved_to=to)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"moved_to": to}))

    def stepped(self, roles: Sequence[str], to: datetime) -> None:
        """Note that ``roles`` have done everything due at ``to``."""
        with self._database.write(lasting=False) as connection:
            statement = self._database.insert(steps)
            statement = statement.on_conflict_do_update(index_elements=["role"], set_={"stepped_to": to})
            connection.execute(statement, [{"role": role, "stepped_to": to} for role in roles])

    def steps(self) -> Mapping[str, datetime]:
        """Return how far each role has stepped."""
        with self._database.read() as connection:
            return {row.role: row.stepped_to for row in connection.execute(select(steps))}
