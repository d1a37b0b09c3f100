"""Tasks as people see them, the evidence that meets them, and what else people do to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import UNFINISHED, Duty, DutyChange, DutyStep, Evidence, NewDuty
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties, evidence
from meterwatch.stores.ledger.duty_rows import (
    change_duty,
    enter_duty,
    enter_evidence,
    load_duty,
    load_evidence,
    load_steps,
    opened_note,
    weigh,
)
from meterwatch.stores.ledger.rows import note
from meterwatch.stores.tables import alerts

_NO_TASK = Phrase(
    "there is no task {number}; `meterwatch tasks` lists them", "没有任务 {number}；用 `meterwatch tasks` 查看"
)
_CLOSED = Phrase("task {number} is closed already ({state})", "任务 {number} 已结束（{state}）")
_FUTURE = Phrase("evidence can't be dated in the future: {at}; it is now {now}", "证据时间不能在未来：{at}（现在 {now}）")
_MEANWHILE = Phrase(
    "somebody else changed task {number} at the same time; look at it and try again",
    "任务 {number} 同时被他人修改；请查看后重试",
)

_NOTHING_WAITS = Phrase(
    "nothing of task {number} waits for confirmation: only evidence recorded after the deadline does",
    "任务 {number} 没有待确认的证据：只有逾期录入的证据才需确认",
)

Settle = Callable[[Duty, Evidence], Sequence[NewDuty]]
"""Raises Refusal where evidence does not count for a duty, or not from who gives it; returns the duties it calls for."""
Decide = Callable[[Duty, Sequence[DutyStep]], DutyChange]
"""Returns what becomes of a duty with the steps it has gone; raises Refusal where that may not be."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tasks to list; what is empty does not matter."""

    finished: bool = False
    person: str = ""
    customer: str = ""
    unit: str | None = None
    rule: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def clauses(self) -> list[Any]:
        """Return the conditions on ``duties``; ``since`` <= due < ``until``."""
        columns = duties.c
        asked = {columns.person: self.person, columns.customer: self.customer, columns.rule: self.rule}
        found: list[Any] = [column == value for column, value in asked.items() if value]
        found += [columns.unit == self.unit] if self.unit is not None else []
        found += [] if self.finished else [columns.state.in_(UNFINISHED)]
        found += [columns.due_at >= self.since] if self.since else []
        return found + ([columns.due_at < self.until] if self.until else [])


class SqlWork:
    """Duties as people see them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tasks(self, wanted: Wanted = Wanted(), limit: int | None = 100) -> Sequence[Duty]:
        """Return tasks with their evidence by due time; finished and void ones only where they are wanted."""
        query = _QUERY.where(*wanted.clauses()).order_by(duties.c.due_at, duties.c.id).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            proofs = load_evidence(connection, [row["id"] for row in rows])
            return [_whole(row, proofs.get(row["id"], ())) for row in rows]

    def task(self, number: int) -> tuple[Duty, Sequence[DutyStep]]:
        """Return a task and the steps it has gone; raises Refusal if there is no such task."""
        with self._database.read() as connection:
            duty = _read(connection, number)
            return duty, load_steps(connection, [number]).get(number, [])

    def done(self, number: int, proof: Evidence, settle: Settle) -> Duty:
        """Enter evidence and return the task as it stands then: met or late if that was enough, else as before.

        Evidence recorded after the deadline is kept, and counts when a second person confirms it. Raises Refusal if there is
        no such task, it is closed, the evidence lies in the future, or ``settle`` does (notifier.duties.closing).
        """
        if proof.happened_at > proof.recorded_at:
            raise Refusal(_FUTURE, at=_local(proof.happened_at, proof), now=_local(proof.recorded_at, proof))
        with self._database.write() as connection:
            duty = _open(connection, number)
            follow = settle(duty, proof)
            enter_evidence(connection, number, proof)
            after = replace(duty, evidence=(*duty.evidence, proof))
            return weigh(self._database, connection, after, proof, proof.recorded_at, proof.account, follow)

    def confirm(self, number: int, by: str, account: str, now: datetime, settle: Settle) -> Duty:
        """Let a second person confirm the evidence of a task that was recorded too late to count without; return the task.

        ``settle`` is asked of every piece that waits; those it raises Refusal for (his own) go on waiting. Raises Refusal if
        there is no such task, it is closed, nothing waits, or he may confirm none of it.
        """
        with self._database.write() as connection:
            duty = _open(connection, number)
            confirmed, follow = _confirmed(duty, settle)
            for proof in confirmed:
                waits = (evidence.c.duty == number, evidence.c.confirmed_at.is_(None), evidence.c.taken_back_at.is_(None))
                said = (evidence.c.recorded_at == proof.recorded_at, evidence.c.account == proof.account)
                connection.execute(update(evidence).where(*waits, *said).values(confirmed_by=by, confirmed_at=now))
            note(connection, now, account, [("task.confirm", duty.subject, {"duty": number, "by": by})])
            after = replace(duty, evidence=load_evidence(connection, [number])[number])
            return weigh(self._database, connection, after, confirmed[-1], now, account, follow)

    def change(self, number: int, decide: Decide) -> Duty:
        """Let somebody take a task, hand it over or move its deadline (notifier.duties.acting); return the task after it.

        Raises Refusal if there is no such task, it is closed, somebody changed it meanwhile, or ``decide`` does.
        """
        with self._database.write() as connection:
            duty = _open(connection, number)
            change = decide(duty, load_steps(connection, [number]).get(number, []))
            if not change_duty(connection, change):
                raise Refusal(_MEANWHILE, number=number)
            return change.after

    def open(self, new: NewDuty, now: datetime, actor: str) -> int | None:
        """Open a task that somebody called for; return its number, None if it was there already."""
        with self._database.write() as connection:
            number = enter_duty(self._database, connection, new, now, None)
            if number is not None:
                note(connection, now, actor, [opened_note(number, new)])
            return number

    def counts(self) -> Mapping[str, int]:
        """Return how many duties are in each state."""
        with self._database.read() as connection:
            return {
                row[0]: row[1] for row in connection.execute(select(duties.c.state, func.count()).group_by(duties.c.state))
            }


_QUERY = select(duties, alerts.c.episode).join_from(duties, alerts, isouter=True)


def _read(connection: Connection, number: int) -> Duty:
    row = connection.execute(_QUERY.where(duties.c.id == number)).mappings().one_or_none()
    if row is None:
        raise Refusal(_NO_TASK, number=number)
    return _whole(row, load_evidence(connection, [number]).get(number, ()))


def _open(connection: Connection, number: int) -> Duty:
    """Return an unfinished duty and hold it until the transaction ends."""
    connection.execute(select(duties.c.id).where(duties.c.id == number).with_for_update())
    duty = _read(connection, number)
    if duty.state not in UNFINISHED:
        raise Refusal(_CLOSED, number=number, state=duty.state)
    return duty


def _confirmed(duty: Duty, settle: Settle) -> tuple[list[Evidence], list[NewDuty]]:
    """Return the waiting evidence that ``settle`` lets be confirmed, and what it calls for; raises Refusal if none is."""
    confirmed: list[Evidence] = []
    follow: list[NewDuty] = []
    refused = Refusal(_NOTHING_WAITS, number=duty.id)
    for proof in duty.waiting:
        try:
            follow += settle(duty, proof)
        except Refusal as problem:
            refused = problem
        else:
            confirmed.append(proof)
    if not confirmed:
        raise refused
    return confirmed, follow


def _whole(row: Any, proofs: tuple[Evidence, ...]) -> Duty:
    return load_duty(row, figures=row["episode"]["figures"] if row["episode"] else {}, evidence=proofs)


def _local(moment: datetime, proof: Evidence) -> str:
    """Return a moment in the zone a person gave his own in."""
    return moment.astimezone(proof.happened_at.tzinfo).isoformat(timespec="seconds")
