"""How duties, evidence and steps stand in rows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from meterwatch.core.model.duties import (
    UNFINISHED,
    Act,
    Duty,
    DutyChange,
    DutyState,
    DutyStep,
    Evidence,
    EvidenceKind,
    NewDuty,
)
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties, duty_steps, evidence
from meterwatch.stores.ledger.rows import chunks, note

_UNREAD: dict[str, Any] = {"figures": {}, "evidence": ()}
_AUDITED = {
    Act.TAKE: "task.take",
    Act.HAND_OVER: "task.hand-over",
    Act.ESCALATE: "task.escalate",
    Act.BREACH: "task.breach",
    Act.SETTLE: "task.done",
    Act.VOID: "task.void",
    Act.REOPEN: "task.reopen",
    Act.ASK: "task.ask",
    Act.EXTEND: "task.extend",
    Act.DENY: "task.deny",
}


def enter_duty(database: Database, connection: Connection, duty: NewDuty, now: datetime, alert: int | None) -> int | None:
    """Enter a duty and return its number; None if it is there already. One that was voided stands again."""
    row: dict[str, Any] = {
        "rule": duty.rule,
        "subject": duty.subject,
        "period": duty.period,
        "alert": alert,
        "opened_at": now,
        "due_at": duty.due_at,
        "provisional": duty.provisional,
        "person": duty.person,
        "state": DutyState.OPEN,
        "settled_at": None,
        "customer": duty.customer,
        "unit": duty.unit,
        "needed": duty.needed,
        "level": duty.level,
        "called_by": duty.called_by,
        "chain": [],
        "act_at": duty.act_at,
    }
    statement = (
        database.insert(duties)
        .values(row)
        .on_conflict_do_update(
            index_elements=["rule", "subject", "period"], set_=row, where=duties.c.state == DutyState.VOID
        )
    )
    return connection.execute(statement.returning(duties.c.id)).scalar()


def opened_note(number: int, duty: NewDuty) -> tuple[str, str, dict[str, Any]]:
    """Return the audit row of a duty that was entered."""
    return ("task.open", duty.subject, {"duty": number, "rule": duty.rule, "person": duty.person})


def load_duty(row: RowMapping, **more: Any) -> Duty:
    """Return the duty of a row of ``duties``; ``more`` are fields other tables hold."""
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
        customer=row["customer"],
        unit=row["unit"],
        needed=row["needed"],
        level=row["level"],
        called_by=row["called_by"],
        chain=tuple(row["chain"]),
        act_at=row["act_at"],
        alert_id=row["alert"],
        settled_at=row["settled_at"],
        **_UNREAD | more,
    )


def change_duty(connection: Connection, change: DutyChange) -> bool:
    """Bring a duty to where a change wants it, with its steps; False if it no longer is as the change found it."""
    before, after = change.before, change.after
    mine = [duties.c.id == before.id, duties.c.state == before.state, duties.c.level == before.level]
    mine += [duties.c.person == before.person, duties.c.due_at == before.due_at]
    values = {
        "person": after.person,
        "state": after.state,
        "level": after.level,
        "chain": list(after.chain),
        "act_at": after.act_at,
        "due_at": after.due_at,
        "provisional": after.provisional,
        "settled_at": after.settled_at,
    }
    statement = update(duties).where(*mine).values(values)
    if not connection.execute(statement).rowcount:
        return False
    enter_steps(connection, before.subject, change.steps)
    return True


def voided(duty: Duty, actor: str, why: str, now: datetime) -> DutyChange:
    """Return the change by which what called for a duty turns out not to be so; ``why`` names it."""
    after = replace(duty, state=DutyState.VOID, settled_at=now, act_at=None)
    return DutyChange(duty, after, (DutyStep(duty.id, Act.VOID, now, actor, why=why),))


def enter_steps(connection: Connection, subject: str, steps: Sequence[DutyStep]) -> None:
    """Write steps of a duty and their audit rows."""
    if not steps:
        return
    rows = [
        {
            "duty": step.duty,
            "act": step.act,
            "at": step.at,
            "actor": step.actor,
            "person": step.person,
            "why": step.why,
            "due_at": step.due_at,
        }
        for step in steps
    ]
    connection.execute(insert(duty_steps), rows)
    for step in steps:
        detail = {"duty": step.duty, "person": step.person, "why": step.why}
        note(connection, step.at, step.actor, [(_AUDITED[step.act], subject, {k: v for k, v in detail.items() if v})])


def load_steps(connection: Connection, numbers: Iterable[int]) -> dict[int, list[DutyStep]]:
    """Return the steps of duties, oldest first."""
    found: dict[int, list[DutyStep]] = {}
    query = select(duty_steps).order_by(duty_steps.c.id)
    for part in chunks(numbers):
        for row in connection.execute(query.where(duty_steps.c.duty.in_(part))):
            step = DutyStep(row.duty, Act(row.act), row.at, row.actor, row.person, row.why, row.due_at)
            found.setdefault(row.duty, []).append(step)
    return found


def enter_evidence(connection: Connection, number: int, proof: Evidence) -> None:
    """Write a piece of evidence."""
    connection.execute(
        insert(evidence).values(
            duty=number,
            kind=proof.kind,
            person=proof.person,
            account=proof.account,
            cause=proof.cause,
            proposal=proof.proposal,
            happened_at=proof.happened_at,
            recorded_at=proof.recorded_at,
            note=proof.note,
            outcome=proof.outcome,
            paper=proof.paper,
            confirmed_by=proof.confirmed_by,
            confirmed_at=proof.confirmed_at,
            record=proof.record,
            taken_back_at=proof.taken_back_at,
        )
    )


def load_evidence(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[Evidence, ...]]:
    """Return the evidence of duties in the order it was recorded."""
    found: dict[int, tuple[Evidence, ...]] = {}
    query = select(evidence).order_by(evidence.c.id)
    for part in chunks(numbers):
        for row in connection.execute(query.where(evidence.c.duty.in_(part))):
            proof = Evidence(
                EvidenceKind(row.kind),
                row.person,
                row.account,
                row.cause,
                row.proposal,
                row.happened_at,
                row.recorded_at,
                row.note,
                row.outcome,
                row.paper,
                row.confirmed_by,
                row.confirmed_at,
                row.record,
                row.taken_back_at,
            )
            found[row.duty] = (*found.get(row.duty, ()), proof)
    return found


def weigh(
    database: Database,
    connection: Connection,
    duty: Duty,
    proof: Evidence,
    now: datetime,
    actor: str,
    follow: Sequence[NewDuty] = (),
) -> Duty:
    """Settle a duty if its evidence, ``proof`` last, is enough, with all that this calls for; note what was entered."""
    state = duty.proven()
    detail = {"duty": duty.id, "kind": proof.kind, "state": state or duty.state, "by": proof.person}
    note(connection, now, actor, [("task.done" if state else "task.evidence", duty.subject, detail)])
    if state is None:
        return duty
    values = {"state": state, "settled_at": now, "act_at": None}
    connection.execute(update(duties).where(duties.c.id == duty.id).values(values))
    for new in follow:
        number = enter_duty(database, connection, new, now, duty.alert_id)
        if number is not None:
            note(connection, now, actor, [opened_note(number, new)])
    return replace(duty, state=state, settled_at=now, act_at=None)


def close_duties(database: Database, connection: Connection, which: Iterable[ColumnElement[bool]], proof: Evidence) -> None:
    """Close unfinished duties by an act that two people had a part in: nobody else has to confirm it, late as it may be."""
    mine = select(duties).where(*which, duties.c.state.in_(UNFINISHED)).order_by(duties.c.id).with_for_update()
    for row in connection.execute(mine).mappings().all():
        now = proof.recorded_at
        late = replace(proof, confirmed_by=proof.person, confirmed_at=now) if now > row["due_at"] else proof
        enter_evidence(connection, row["id"], late)
        weigh(database, connection, load_duty(row, evidence=(late,)), late, now, proof.account)
