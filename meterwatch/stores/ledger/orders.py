"""What people ordered for a time: who is away and who stands in."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Absence
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import absences
from meterwatch.stores.ledger.rows import note

_NO_ABSENCE = Phrase("there is no absence {number} that could be ended", "没有可终止的离岗记录 {number}")


class SqlOrders:
    """Absences; they are kept for ever, ended ones too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def absences(self) -> Sequence[Absence]:
        """Return the absences that were not taken back, by their first day."""
        query = select(absences).where(absences.c.ended_at.is_(None)).order_by(absences.c.first_day, absences.c.id)
        with self._database.read() as connection:
            return [
                Absence(row.person, row.first_day, row.last_day, row.stand_in, row.id) for row in connection.execute(query)
            ]

    def absences_state(self) -> str:
        """Return a name for what is recorded about absences; it changes when anything does."""
        query = select(func.count(), func.count(absences.c.ended_at))
        with self._database.read() as connection:
            every, ended = connection.execute(query).one()
        return f"{every}-{ended}"

    def add_absence(self, absence: Absence, by: str, account: str, now: datetime) -> int:
        """Enter an absence and return its number."""
        row = {"person": absence.person, "first_day": absence.first_day, "last_day": absence.last_day}
        row |= {"stand_in": absence.stand_in, "recorded_by": by, "recorded_at": now}
        with self._database.write() as connection:
            statement = insert(absences).values(row).returning(absences.c.id)
            number: int = connection.execute(statement).scalar_one()
            detail = {"absence": number, "stand_in": absence.stand_in, "by": by}
            note(connection, now, account, [("people.absent", absence.person, detail)])
            return number

    def end_absence(self, number: int, by: str, account: str, now: datetime) -> None:
        """Take an absence back; raises Refusal if there is none."""
        mine = (absences.c.id == number, absences.c.ended_at.is_(None))
        with self._database.write() as connection:
            statement = update(absences).where(*mine).values(ended_at=now).returning(absences.c.person)
            person = connection.execute(statement).scalar_one_or_none()
            if person is None:
                raise Refusal(_NO_ABSENCE, number=number)
            note(connection, now, account, [("people.back", person, {"absence": number, "by": by})])
