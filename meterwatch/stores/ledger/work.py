"""Tasks and the evidence that meets them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.work import Duty, DutyState, Evidence, EvidenceKind
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import chunks, note
from meterwatch.stores.tables import alerts, duties, evidence

_INSTANT = timedelta(microseconds=1)  # evidence at the deadline itself is in time
_UNFINISHED = (DutyState.OPEN, DutyState.BREACHED)
_NO_TASK = Phrase(
    "there is no task {number}; `meterwatch tasks` lists them", "没有任务 {number}；用 `meterwatch tasks` 查看"
)
_CLOSED = Phrase("task {number} is closed already ({state})", "任务 {number} 已结束（{state}）")
_FUTURE = Phrase("evidence can't be dated in the future: {at}; it is now {now}", "证据时间不能在未来：{at}（现在 {now}）")
_BEFORE = Phrase(
    "what happened at {at} is no evidence for task {number}: it was opened at {opened}",
    "{at} 发生的事不能作为任务 {number} 的证据：该任务于 {opened} 下达",
)

Check = Callable[[Duty, Evidence], None]
"""Raises Refusal where evidence does not count for a duty, or not from who gives it."""


class SqlWork:
    """Duties as people see them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tasks(self, *, finished: bool = False, limit: int = 100) -> Sequence[Duty]:
        """Return tasks by due time; finished and void ones only with ``finished``."""
        query = select(duties, alerts.c.episode).join_from(duties, alerts, isouter=True)
        query = query.order_by(duties.c.due_at, duties.c.id).limit(limit)
        if not finished:
            query = query.where(duties.c.state.in_(_UNFINISHED))
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            proofs = _evidence(connection, [row["id"] for row in rows])
            return [_load_duty(row, proofs.get(row["id"], ())) for row in rows]

    def done(self, number: int, proof: Evidence, check: Check) -> DutyState:
        """Enter the evidence that meets a task and return its state: met, or late if the deadline had passed.

        Raises Refusal if there is no such task, it is closed, the evidence lies in the future or before the task was opened,
        or ``check`` does (notifier.duties.closing).
        """
        if proof.happened_at > proof.recorded_at:
            raise Refusal(_FUTURE, at=_local(proof.happened_at, proof), now=_local(proof.recorded_at, proof))
        mine = duties.c.id == number
        with self._database.write() as connection:
            row = connection.execute(select(duties).where(mine).with_for_update()).mappings().one_or_none()
            if row is None:
                raise Refusal(_NO_TASK, number=number)
            if row["state"] not in _UNFINISHED:
                raise Refusal(_CLOSED, number=number, state=row["state"])
            check(_load_duty({**row, "episode": None}, ()), proof)
            if proof.happened_at < row["opened_at"]:
                at, began = _local(proof.happened_at, proof), _local(row["opened_at"], proof)
                raise Refusal(_BEFORE, number=number, at=at, opened=began)
            state = DutyState.MET if proof.recorded_at <= row["due_at"] else DutyState.LATE
            connection.execute(insert(evidence).values(duty=number, **_evidence_row(proof)))
            connection.execute(update(duties).where(mine).values(state=state, settled_at=proof.recorded_at))
            detail = {"duty": number, "kind": proof.kind, "state": state, "by": proof.person}
            note(connection, proof.recorded_at, proof.account, [("task.done", row["subject"], detail)])
            return state

    def breach(self, now: datetime) -> int:
        """Mark every open duty whose deadline has passed as breached; return how many."""
        overdue = and_(duties.c.state == DutyState.OPEN, duties.c.due_at < now)
        with self._database.read() as connection:
            if not connection.execute(select(duties.c.id).where(overdue).limit(1)).first():
                return 0
        with self._database.write() as connection:
            changed = update(duties).where(overdue).values(state=DutyState.BREACHED)
            rows = connection.execute(changed.returning(duties.c.id, duties.c.subject)).all()
            note(connection, now, "notify", [("task.breach", row.subject, {"duty": row.id}) for row in rows])
            return len(rows)

    def next_due(self, now: datetime) -> datetime | None:
        """Return the first moment after ``now`` at which an open duty will be overdue, None if there is none."""
        query = select(func.min(duties.c.due_at)).where(duties.c.state == DutyState.OPEN, duties.c.due_at >= now)
        with self._database.read() as connection:
            earliest = connection.execute(query).scalar()
        return earliest + _INSTANT if earliest else None

    def counts(self) -> Mapping[str, int]:
        """Return how many duties are in each state."""
        with self._database.read() as connection:
            return {
                row[0]: row[1] for row in connection.execute(select(duties.c.state, func.count()).group_by(duties.c.state))
            }


def _local(moment: datetime, proof: Evidence) -> str:
    """Return a moment in the zone a person gave his own in."""
    return moment.astimezone(proof.happened_at.tzinfo).isoformat(timespec="seconds")


def _load_duty(row: Any, proofs: Sequence[Evidence]) -> Duty:
    return Duty(
        id=row["id"],
        rule=row["rule"],
        subject=row["subject"],
        period=row["period"],
        opened_at=row["opened_at"],
        due_at=row["due_at"],
        provisional=row["provisional"],
        person=row["person"],
        state=DutyState(row["state"]),
        alert_id=row["alert"],
        settled_at=row["settled_at"],
        figures=row["episode"]["figures"] if row["episode"] else {},
        evidence=tuple(proofs),
    )


def _evidence_row(proof: Evidence) -> dict[str, Any]:
    return {
        "kind": proof.kind,
        "person": proof.person,
        "account": proof.account,
        "cause": proof.cause,
        "proposal": proof.proposal,
        "happened_at": proof.happened_at,
        "recorded_at": proof.recorded_at,
    }


def _evidence(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Evidence]]:
    found: dict[int, list[Evidence]] = {}
    query = select(evidence).order_by(evidence.c.id)
    rows = (row for part in chunks(numbers) for row in connection.execute(query.where(evidence.c.duty.in_(part))).mappings())
    for row in rows:
        proof = Evidence(
            EvidenceKind(row["kind"]),
            row["person"],
            row["account"],
            row["cause"],
            row["proposal"],
            row["happened_at"],
            row["recorded_at"],
        )
        found.setdefault(row["duty"], []).append(proof)
    return found
