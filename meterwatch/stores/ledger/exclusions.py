"""Which reductions are excluded from a rule, by whom, and who approved it (RULES churn-exclude)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Result, RowMapping, insert, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Duty, DutyState, Evidence, EvidenceKind, NewDuty
from meterwatch.core.model.exclusions import APPROVAL, Exclusion, ExclusionState, NewExclusion
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties, exclusions
from meterwatch.stores.ledger.duty_rows import (
    change_duty,
    close_duties,
    enter_duty,
    load_duty,
    opened_note,
    voided,
)
from meterwatch.stores.ledger.rows import note
from meterwatch.stores.tables import stages

_NO_EXCLUSION = Phrase(
    "there is no exclusion {number}; `meterwatch exclude list --all` shows every one",
    "没有排除记录 {number}；用 `meterwatch exclude list --all` 查看",
)
_NOT_ASKED = Phrase(
    "exclusion {number} waits for nobody's approval: {person} decided on it",
    "排除记录 {number} 无需审批：{person} 已作出结论",
)
_NOT_STANDING = Phrase("exclusion {number} is not in force: there is nothing to end", "排除记录 {number} 未生效，无需终止")


class SqlExclusions:
    """Exclusions; kept for ever, refused and ended ones too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def approved(self) -> Sequence[Exclusion]:
        """Return the approved exclusions, expired ones too, newest first."""
        return [one for one in self.every() if one.state is ExclusionState.APPROVED]

    def every(self) -> Sequence[Exclusion]:
        """Return every exclusion, newest first."""
        with self._database.read() as connection:
            return [_load(row) for row in connection.execute(select(exclusions).order_by(exclusions.c.id.desc())).mappings()]

    def exclusion(self, number: int) -> Exclusion:
        """Return an exclusion by its number; raises Refusal if there is none."""
        with self._database.read() as connection:
            return _one(connection.execute(select(exclusions).where(exclusions.c.id == number)), number)

    def add(
        self, asked: NewExclusion, now: datetime, stage_of: Mapping[str, str], approval: Callable[[int], NewDuty] | None
    ) -> Exclusion:
        """Enter an exclusion: asked for, with the task ``approval`` returns for its number; approved at once without one.

        ``stage_of`` names, by duty rule, the stage whose open tasks an approved exclusion voids.
        """
        state = ExclusionState.ASKED if approval else ExclusionState.APPROVED
        decided = {} if approval else {"decided_by": asked.person, "decided_at": now}
        row = asdict(asked) | {"decided_by": ""} | decided | {"state": state, "recorded_at": now}
        with self._database.write() as connection:
            number = int(connection.execute(insert(exclusions).values(row).returning(exclusions.c.id)).scalar_one())
            made = _held(connection, number)
            detail = {"exclusion": number, "state": state, "by": asked.person, "until": asked.expires.isoformat()}
            note(connection, now, asked.account, [("exclude.add", asked.subject, detail)])
            if approval:
                self._ask(connection, approval(number), asked.account, now)
            else:
                _void_covered(connection, made, stage_of, now)
            return made

    def _ask(self, connection: Connection, duty: NewDuty, account: str, now: datetime) -> None:
        task = enter_duty(self._database, connection, duty, now, None)
        if task is not None:
            note(connection, now, account, [opened_note(task, duty)])

    def decide(
        self, number: int, state: ExclusionState, by: str, account: str, now: datetime, stage_of: Mapping[str, str]
    ) -> Exclusion:
        """Approve or refuse what was asked for, and close the task that asks for it; return the exclusion.

        Whether ``by`` may decide is the caller's to see (notifier.excluding). Raises Refusal if there is no such exclusion,
        or it is decided already.
        """
        with self._database.write() as connection:
            before = _held(connection, number)
            if before.state is not ExclusionState.ASKED:
                raise Refusal(_NOT_ASKED, number=number, person=before.decided_by)
            after = replace(before, state=state, decided_by=by, decided_at=now)
            _write(connection, after)
            note(connection, now, account, [(f"exclude.{state}", before.subject, {"exclusion": number, "by": by})])
            task = (duties.c.rule == APPROVAL, duties.c.subject == after.subject, duties.c.period == after.period)
            proof = Evidence(EvidenceKind.APPROVAL, by, account, "", "", now, now, outcome=state)
            close_duties(self._database, connection, task, proof)
            if state is ExclusionState.APPROVED:
                _void_covered(connection, after, stage_of, now)
            return after

    def end(self, number: int, by: str, account: str, now: datetime) -> Exclusion:
        """End an approved exclusion before its time; raises Refusal if there is none in force."""
        with self._database.write() as connection:
            before = _held(connection, number)
            if before.state is not ExclusionState.APPROVED:
                raise Refusal(_NOT_STANDING, number=number)
            after = replace(before, state=ExclusionState.ENDED, ended_by=by, ended_at=now)
            _write(connection, after)
            note(connection, now, account, [("exclude.ended", before.subject, {"exclusion": number, "by": by})])
            return after


def _load(row: RowMapping) -> Exclusion:
    return Exclusion(**dict(row) | {"state": ExclusionState(row["state"])})


def _one(found: Result[Any], number: int) -> Exclusion:
    row = found.mappings().one_or_none()
    if row is None:
        raise Refusal(_NO_EXCLUSION, number=number)
    return _load(row)


def _held(connection: Connection, number: int) -> Exclusion:
    """Return an exclusion and hold it until the transaction ends."""
    return _one(connection.execute(select(exclusions).where(exclusions.c.id == number).with_for_update()), number)


def _write(connection: Connection, after: Exclusion) -> None:
    values = {name: getattr(after, name) for name in ("state", "decided_by", "decided_at", "ended_by", "ended_at")}
    connection.execute(update(exclusions).where(exclusions.c.id == after.id).values(values))


def _void_covered(connection: Connection, approved: Exclusion, stage_of: Mapping[str, str], now: datetime) -> None:
    """Void the open tasks of the stages an exclusion covers. What is overdue stays so: approval comes too late for it."""
    for duty, day in _open_tasks(connection, approved.subject, stage_of):
        if approved.covers(approved.rule, approved.subject, stage_of[duty.rule], day) and duty.due_at >= now:
            change_duty(connection, voided(duty, approved.decided_by, approved.period, now))


def _open_tasks(connection: Connection, subject: str, stage_of: Mapping[str, str]) -> Iterator[tuple[Duty, date]]:
    """Yield the open tasks of a subject with the day their stage was reached, or the crossing was that called for them."""
    own = (duties.c.subject == subject, duties.c.rule.in_(stage_of), duties.c.state == DutyState.OPEN)
    for row in connection.execute(select(duties).where(*own).order_by(duties.c.id).with_for_update()).mappings().all():
        duty = load_duty(row)
        reached = select(stages.c.day).where(stages.c.alert == duty.alert_id, stages.c.stage == stage_of[duty.rule])
        day = connection.execute(reached).scalar() if duty.alert_id else None
        yield duty, date.fromordinal(day) if day else date.fromisoformat(duty.period)
