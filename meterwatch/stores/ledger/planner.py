"""What planning duties reads and enters (notifier.duties.plan)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from meterwatch.core.model.duties import UNFINISHED, Act, Duty, DutyChange, DutyPlan, Evidence, EvidenceKind
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties, planned
from meterwatch.stores.ledger.duty_rows import change_duty, enter_duty, enter_evidence, load_duty, opened_note
from meterwatch.stores.ledger.messages import queue_message
from meterwatch.stores.ledger.rows import note

_ACTOR = "planner"


class SqlPlanner:
    """Duties as the planner sees them. Every read but those of rules asked anew takes time by what is due, not by what is
    open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def planned(self) -> Mapping[str, str]:
        """Return what each rule was last asked."""
        with self._database.read() as connection:
            return {row.name: row.question for row in connection.execute(select(planned))}

    def due(self, now: datetime, limit: int) -> Sequence[Duty]:
        """Return up to ``limit`` duties whose ``act_at`` has come, the earliest first."""
        query = select(duties).where(duties.c.act_at <= now).order_by(duties.c.act_at, duties.c.id).limit(limit)
        with self._database.read() as connection:
            return [load_duty(row) for row in connection.execute(query).mappings()]

    def unfinished(self, rules: Iterable[str]) -> Mapping[str, Sequence[Duty]]:
        """Return every unfinished duty of some rules, by rule."""
        found: dict[str, list[Duty]] = {rule: [] for rule in rules}
        query = select(duties).where(duties.c.rule.in_(found), duties.c.state.in_(UNFINISHED)).order_by(duties.c.id)
        with self._database.read() as connection:
            for row in connection.execute(query).mappings():
                found[row["rule"]].append(load_duty(row))
        return found

    def holders(self) -> Sequence[str]:
        """Return everybody who has unfinished duties; the empty code is nobody."""
        query = select(duties.c.person).where(duties.c.state.in_(UNFINISHED)).distinct()
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def held_by(self, people: Iterable[str]) -> Sequence[Duty]:
        """Return the unfinished duties of some people."""
        query = select(duties).where(duties.c.person.in_(list(people)), duties.c.state.in_(UNFINISHED))
        with self._database.read() as connection:
            return [load_duty(row) for row in connection.execute(query.order_by(duties.c.id)).mappings()]

    def next_act(self) -> datetime | None:
        """Return the earliest moment something happens to a duty by itself, None if nothing will."""
        with self._database.read() as connection:
            query = select(duties.c.act_at).where(duties.c.act_at.is_not(None)).order_by(duties.c.act_at).limit(1)
            return connection.execute(query).scalar()

    def apply(self, plan: DutyPlan, now: datetime) -> Sequence[DutyChange]:
        """Enter a plan in one transaction and return the changes made; what somebody changed meanwhile is left as it is."""
        with self._database.write() as connection:
            audit = []
            for duty in plan.opened:
                number = enter_duty(self._database, connection, duty, now, None)
                if number is not None:
                    audit.append(opened_note(number, duty))
            note(connection, now, _ACTOR, audit)
            made = [change for change in plan.changed if change_duty(connection, change)]
            for change in made:
                if change.steps[-1].act is Act.SETTLE:
                    why = change.steps[-1].why
                    proof = Evidence(EvidenceKind.REGISTRY, _ACTOR, _ACTOR, "", "", now, now, note=why)
                    enter_evidence(connection, change.before.id, proof)
            for message in plan.messages:
                queue_message(self._database, connection, message, now, None)
            for name, question in plan.planned.items():
                statement = self._database.insert(planned).values(name=name, question=question)
                same = {"question": statement.excluded.question}
                connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=same))
            return made
