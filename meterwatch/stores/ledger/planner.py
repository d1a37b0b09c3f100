"""What planning duties reads and enters (notifier.duties.plan)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, case, func, or_, select

from meterwatch.core.model.duties import UNFINISHED, Act, Duty, DutyChange, DutyPlan, Evidence, EvidenceKind, Standing
from meterwatch.core.model.messages import MessageState
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties, planned
from meterwatch.stores.ledger.duty_rows import change_duty, enter_duty, enter_evidence, load_duty, opened_note
from meterwatch.stores.ledger.messages import queue_message, sent_lately
from meterwatch.stores.ledger.rows import note
from meterwatch.stores.tables import messages

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

    def newest(self) -> int:
        """Return the number of the duty that was opened last, 0 if there is none."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(duties.c.id))).scalar() or 0)

    def opened_after(self, number: int, rules: Iterable[str]) -> Sequence[Duty]:
        """Return the unfinished duties after a number that are of some rules, or that somebody's act called for."""
        of_interest = or_(duties.c.rule.in_(list(rules)), duties.c.called_by != "")
        query = select(duties).where(duties.c.id > number, of_interest, duties.c.state.in_(UNFINISHED))
        with self._database.read() as connection:
            return [load_duty(row) for row in connection.execute(query.order_by(duties.c.id)).mappings()]

    def standings(self, now: datetime, day_ends: datetime, named: int) -> Sequence[Standing]:
        """Return how everybody's unfinished duties stand, with the first ``named`` of each by deadline."""
        overdue = func.sum(case((duties.c.due_at < now, 1), else_=0))
        today = func.sum(case((duties.c.due_at.between(now, day_ends), 1), else_=0))
        query = select(duties.c.person, overdue, today, func.count()).where(duties.c.state.in_(UNFINISHED))
        with self._database.read() as connection:
            rows = connection.execute(query.where(duties.c.person != "").group_by(duties.c.person)).all()
            return [Standing(row[0], row[1], row[2], row[3], _first(connection, row[0], named)) for row in rows]

    def sent_lately(self, now: datetime) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Return how many messages of each kind everybody was queued within an hour and a day, by (person, kind)."""
        with self._database.read() as connection:
            return sent_lately(connection, now)

    def held_back(self, since: datetime, until: datetime) -> Mapping[str, int]:
        """Return how many messages to each person were held back from ``since`` to before ``until``."""
        created = messages.c.created_at
        query = select(messages.c.person, func.count()).where(messages.c.state == MessageState.HELD)
        with self._database.read() as connection:
            rows = connection.execute(query.where(created >= since, created < until).group_by(messages.c.person))
            return {row[0]: row[1] for row in rows}

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
                queue_message(self._database, connection, message, now)
            for name, question in plan.planned.items():
                statement = self._database.insert(planned).values(name=name, question=question)
                same = {"question": statement.excluded.question}
                connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=same))
            return made


def _first(connection: Connection, person: str, count: int) -> tuple[Duty, ...]:
    query = select(duties).where(duties.c.person == person, duties.c.state.in_(UNFINISHED))
    rows = connection.execute(query.order_by(duties.c.due_at, duties.c.id).limit(count)).mappings()
    return tuple(load_duty(row) for row in rows)
