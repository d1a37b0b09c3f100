"""What people ordered for a time: who is away and who stands in, and which reductions are excluded."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func, insert, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Absence
from meterwatch.core.model.exclusions import Exclusion, ExclusionState, NewExclusion
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import absences, exclusions
from meterwatch.stores.ledger.rows import note

_NO_ABSENCE = Phrase("there is no absence {number} that could be ended", "没有可终止的离岗记录 {number}")
_NO_EXCLUSION = Phrase("there is no exclusion {number}", "没有排除记录 {number}")
_DECIDED = Phrase("exclusion {number} is decided already ({state})", "排除记录 {number} 已有结论（{state}）")


class SqlOrders:
    """Absences and exclusions; both are kept for ever, ended ones too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- absences ------------------------------------------------------------------------------------------------

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

    # --- exclusions ----------------------------------------------------------------------------------------------

    def exclusions(self, *, standing: bool = True) -> Sequence[Exclusion]:
        """Return the approved exclusions, or with ``standing`` False every one, newest first."""
        query = select(exclusions).order_by(exclusions.c.id.desc())
        if standing:
            query = query.where(exclusions.c.state == ExclusionState.APPROVED)
        with self._database.read() as connection:
            return [
                Exclusion(**dict(row) | {"state": ExclusionState(row["state"])})
                for row in connection.execute(query).mappings()
            ]

    def exclude(self, asked: NewExclusion, state: ExclusionState, now: datetime) -> int:
        """Enter an exclusion and return its number: approved where one person's word is enough, else asked for."""
        approved = state is ExclusionState.APPROVED
        decided = {"decided_by": asked.person if approved else "", "decided_at": now if approved else None}
        with self._database.write() as connection:
            row = asdict(asked) | decided | {"state": state, "recorded_at": now}
            number: int = connection.execute(insert(exclusions).values(row).returning(exclusions.c.id)).scalar_one()
            detail = {"exclusion": number, "state": state, "by": asked.person, "until": asked.expires.isoformat()}
            note(connection, now, asked.account, [("exclude.add", asked.subject, detail)])
            return number

    def decide(self, number: int, state: ExclusionState, by: str, account: str, now: datetime) -> Exclusion:
        """Approve, refuse or end an exclusion and return it; raises Refusal if there is none it could be done to."""
        wanted = ExclusionState.APPROVED if state is ExclusionState.ENDED else ExclusionState.ASKED
        mine = exclusions.c.id == number
        with self._database.write() as connection:
            row = connection.execute(select(exclusions).where(mine).with_for_update()).mappings().one_or_none()
            if row is None:
                raise Refusal(_NO_EXCLUSION, number=number)
            if row["state"] != wanted:
                raise Refusal(_DECIDED, number=number, state=row["state"])
            values = {"state": state, "decided_by": by, "decided_at": now}
            connection.execute(update(exclusions).where(mine).values(values))
            detail = {"exclusion": number, "state": state, "by": by}
            note(connection, now, account, [(f"exclude.{state}", row["subject"], detail)])
            return Exclusion(**dict(row) | values)
