"""Crossings by the letter that wait for a person's judgement, and the judgements (RULES churn-warn, churn-exclude)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, exists, literal, or_, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.alerts import FactRow
from meterwatch.core.model.duties import UNFINISHED, DutyState, NewDuty
from meterwatch.core.model.judgements import Crossing, Judgement, NewJudgement, Verdict
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import JUDGED, duties, evidence, judgements
from meterwatch.stores.ledger.duty_rows import change_duty, enter_duty, load_duty, opened_note, voided
from meterwatch.stores.ledger.rows import chunks, load_fact, note
from meterwatch.stores.tables import STANDING, alerts, facts

LITERAL = "literal"
_CROSSED = (literal(",") + facts.c.crossing + ",").contains(f",{LITERAL},")
_KEY = ("rule", "subject", "day")
_NO_CROSSING = Phrase(
    "{subject} did not cross the line on {day}; `meterwatch judge` lists what is to be judged",
    "{subject} 在 {day} 未低于预警线；用 `meterwatch judge` 查看待判断的记录",
)
_JUDGED = Phrase(
    "{person} judged {subject} of {day} already; `meterwatch judge undo {subject} {day}` takes that back",
    "{person} 已判断过 {subject} {day}；用 `meterwatch judge undo {subject} {day}` 撤回",
)
_NOT_JUDGED = Phrase("nobody has judged {subject} of {day} yet", "{subject} {day} 尚无判断")
_UNDER_WAY = Phrase(
    "the judgement of {subject} of {day} opened task {number}, which is worked on or overdue: it can't be taken back; "
    "close the task with `meterwatch tasks done {number}`",
    "对 {subject} {day} 的判断已下达任务 {number}，且该任务已办理或已逾期，不能撤回；"
    "请用 `meterwatch tasks done {number}` 办结",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement that was entered, and the task that stands for it: the one it opened, or one that stood already."""

    judgement: Judgement
    task: int | None


class SqlJudgements:
    """The daily judgement list. A judgement is never deleted: one taken back keeps its row, as does one of a crossing that
    late readings undid.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, rule: str, first_day: int, last_day: int, subjects: Iterable[str] | None = None) -> Sequence[FactRow]:
        """Return the facts on ``first_day`` <= day <= ``last_day`` that crossed by the letter and nobody has judged, by day
        and subject.
        """
        same = (judgements.c[name] == facts.c[name] for name in _KEY)
        query = select(facts).where(
            facts.c.rule == rule, facts.c.day.between(first_day, last_day), _CROSSED, ~exists().where(*same, JUDGED)
        )
        queries = [query] if subjects is None else [query.where(facts.c.subject.in_(part)) for part in chunks(subjects)]
        with self._database.read() as connection:
            found = [load_fact(row) for one in queries for row in connection.execute(one).mappings()]
        return sorted(found, key=lambda fact: (fact.day, fact.subject))

    def judgements(self, subjects: Iterable[str]) -> Sequence[Judgement]:
        """Return every judgement about some subjects, those taken back too, oldest first."""
        query = select(judgements)
        with self._database.read() as connection:
            rows = [
                row
                for part in chunks(subjects)
                for row in connection.execute(query.where(judgements.c.subject.in_(part))).mappings()
            ]
        return sorted(map(_load, rows), key=lambda judgement: judgement.id)

    def judge(self, rulings: Sequence[NewJudgement], now: datetime) -> Sequence[Judged]:
        """Enter judgements, all or none, each with its audit row and, where it calls for one, its task.

        No task is opened beside one that is unfinished, or that belongs to an alert still open: nobody is warned twice
        within an episode. Raises Refusal for a crossing that is none, or that is judged already.
        """
        with self._database.write() as connection:
            ordered = sorted(rulings, key=lambda ruling: (ruling.crossing.day, ruling.crossing.subject))
            return [self._enter(connection, ruling, now) for ruling in ordered]

    def _enter(self, connection: Connection, ruling: NewJudgement, now: datetime) -> Judged:
        _require_crossing(connection, ruling)
        task, opened = None, None
        if ruling.duty is not None:
            task = _standing_task(connection, ruling.duty)
            if task is None:
                task = opened = enter_duty(self._database, connection, ruling.duty, now, None)
        number = self._insert(connection, ruling, now, opened)
        detail = {"judgement": number, "day": _day(ruling.crossing), "by": ruling.person, "task": task}
        rows = [(f"judge.{ruling.verdict}", ruling.crossing.subject, {k: v for k, v in detail.items() if v is not None})]
        if opened is not None and ruling.duty is not None:
            rows.append(opened_note(opened, ruling.duty))
        note(connection, now, ruling.account, rows)
        return Judged(_load(_standing(connection, ruling.rule, ruling.crossing)), task)

    def _insert(self, connection: Connection, ruling: NewJudgement, now: datetime, duty: int | None) -> int:
        """Write a judgement and return its number; a second one of the same crossing is refused."""
        row = {
            "rule": ruling.rule,
            "subject": ruling.crossing.subject,
            "day": ruling.crossing.day,
            "verdict": ruling.verdict,
            "reason": ruling.reason,
            "person": ruling.person,
            "account": ruling.account,
            "at": now,
            "duty": duty,
        }
        statement = self._database.insert(judgements).values(row)
        once = statement.on_conflict_do_nothing(index_elements=_KEY, index_where=JUDGED)
        number = connection.execute(once.returning(judgements.c.id)).scalar()
        if number is None:
            before = _standing(connection, ruling.rule, ruling.crossing)
            raise Refusal(_JUDGED, person=before["person"], **_named(ruling.crossing))
        return int(number)

    def undo(self, rule: str, crossing: Crossing, by: str, account: str, now: datetime) -> Judgement:
        """Take back a judgement and void the task it opened; the row stays. Return the judgement as it stands then.

        Raises Refusal if there is none, or its task has evidence, is overdue or closed: what was owed is not undone.
        """
        with self._database.write() as connection:
            row = _standing(connection, rule, crossing)
            if row is None:
                raise Refusal(_NOT_JUDGED, **_named(crossing))
            if row["duty"] is not None:
                _void(connection, row, by, now)
            withdrawn = {"withdrawn_by": by, "withdrawn_at": now}
            connection.execute(update(judgements).where(judgements.c.id == row["id"]).values(withdrawn))
            detail = {"judgement": row["id"], "day": _day(crossing), "by": by}
            note(connection, now, account, [("judge.undo", crossing.subject, detail)])
            return replace(_load(row), withdrawn_by=by, withdrawn_at=now)


def _require_crossing(connection: Connection, ruling: NewJudgement) -> None:
    own = (facts.c.rule == ruling.rule, facts.c.subject == ruling.crossing.subject, facts.c.day == ruling.crossing.day)
    if connection.execute(select(facts.c.day).where(*own, _CROSSED)).first() is None:
        raise Refusal(_NO_CROSSING, **_named(ruling.crossing))


def _standing_task(connection: Connection, duty: NewDuty) -> int | None:
    """Return the task of the duty's rule and subject that is unfinished, or not void and of an alert still open."""
    open_alert = alerts.c.id.is_not(None) & alerts.c.closed_day.is_(None) & STANDING
    query = (
        select(duties.c.id)
        .join_from(duties, alerts, isouter=True)
        .where(duties.c.rule == duty.rule, duties.c.subject == duty.subject)
        .where(or_(duties.c.state.in_(UNFINISHED), open_alert & (duties.c.state != DutyState.VOID)))
    )
    number: int | None = connection.execute(query.order_by(duties.c.id.desc()).limit(1)).scalar()
    return number


def _void(connection: Connection, judgement: Any, by: str, now: datetime) -> None:
    """Void the task a judgement opened; raises Refusal if anything came of it."""
    number = judgement["duty"]
    duty = load_duty(connection.execute(select(duties).where(duties.c.id == number).with_for_update()).mappings().one())
    if duty.state is DutyState.VOID:
        return
    proven = connection.execute(select(evidence.c.id).where(evidence.c.duty == number)).first()
    if duty.state is not DutyState.OPEN or duty.due_at < now or proven is not None:
        raise Refusal(_UNDER_WAY, number=number, **_named(Crossing(judgement["subject"], judgement["day"])))
    change_duty(connection, voided(duty, by, f"judgement {judgement['id']}", now))


def _standing(connection: Connection, rule: str, crossing: Crossing) -> Any:
    """Return the row of the judgement of a crossing that stands, None if there is none."""
    own = (judgements.c.rule == rule, judgements.c.subject == crossing.subject, judgements.c.day == crossing.day)
    return connection.execute(select(judgements).where(*own, JUDGED).with_for_update()).mappings().one_or_none()


def _load(row: Any) -> Judgement:
    return Judgement(**dict(row) | {"verdict": Verdict(row["verdict"])})


def _day(crossing: Crossing) -> str:
    return date.fromordinal(crossing.day).isoformat()


def _named(crossing: Crossing) -> dict[str, str]:
    return {"subject": crossing.subject, "day": _day(crossing)}
