"""The one transaction that enters all an evaluation changes: memory, alerts, what they owe, what is cleared."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, insert, or_, select, update

from meterwatch.core.model.alerts import Alert, AlertKey, Episode
from meterwatch.core.model.duties import UNFINISHED, Act, DutyState, NewDuty
from meterwatch.core.model.messages import MessageState, NewMessage
from meterwatch.core.ports import Commit
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties, duty_steps
from meterwatch.stores.ledger.duty_rows import enter_duty, opened_note
from meterwatch.stores.ledger.messages import queue_message, speaks_of_nothing
from meterwatch.stores.ledger.rows import alert_row, chunks, fact_row, note, note_message, state_row
from meterwatch.stores.tables import (
    STANDING,
    alerts,
    dirty_days,
    episode_states,
    evaluated_days,
    facts,
    message_alerts,
    messages,
    stages,
)

KEEP_STATES_DAYS = 46  # late data is taken 45 days back: the state before the oldest such day is still needed
KEEP_FACTS_DAYS = 400
ACTOR = "engine"
_IDENTITY = ("rule", "policy", "subject", "opened_day")

_CLEAR = delete(dirty_days).where(
    dirty_days.c.day == bindparam("d"), dirty_days.c.point == bindparam("p"), dirty_days.c.mark == bindparam("m")
)


class Entry:
    """Enters one commit in an open transaction."""

    def __init__(self, database: Database, connection: Connection, commit: Commit) -> None:
        self._database, self._connection, self._commit = database, connection, commit
        self._ids: dict[AlertKey, int] = {}
        self._late: set[AlertKey] = set()
        self._audit: list[tuple[str, str, dict[str, Any]]] = []

    def enter(self) -> None:
        """Enter everything; whatever raises leaves nothing behind, because the transaction is the caller's."""
        commit = self._commit
        self._replace_memory()
        for episode in commit.changes.opened:
            self._open(episode)
        for alert, episode in commit.changes.changed:
            self._change(alert, episode)
        self._enter_owed()
        for alert in commit.changes.withdrawn:
            self._withdraw(alert)
        if commit.cleared:
            self._connection.execute(_CLEAR, [{"d": d.day, "p": d.point, "m": d.mark} for d in commit.cleared])
        if commit.done is not None:
            self._done(*commit.done)
        note(self._connection, commit.now, ACTOR, self._audit)

    # --- memory --------------------------------------------------------------------------------------------------

    def _replace_memory(self) -> None:
        for table in (facts, episode_states):
            for rule in self._commit.rules:
                self._forget_since(table, rule)
        self._upsert(facts, [fact_row(fact) for fact in self._commit.facts])
        self._upsert(episode_states, [state_row(state) for state in self._commit.states])

    def _forget_since(self, table: Table, rule: str) -> None:
        by_day: dict[int, list[str]] = {}
        for subject, day in self._commit.since.items():
            by_day.setdefault(day, []).append(subject)
        for day, subjects in by_day.items():
            days = and_(table.c.rule == rule, table.c.day.between(day, self._commit.until))
            for chunk in chunks(subjects):
                self._connection.execute(delete(table).where(days, table.c.subject.in_(chunk)))

    def _upsert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        statement = self._database.insert(table)
        keys = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)

    def _done(self, scheme: str, day: int) -> None:
        earlier = and_(evaluated_days.c.scheme == scheme, evaluated_days.c.done_day < day)
        self._connection.execute(update(evaluated_days).where(earlier).values(done_day=day))
        self._connection.execute(delete(facts).where(facts.c.day < day - KEEP_FACTS_DAYS))
        # Another scheme may lag behind by a long outage and needs its states yet; one that lags by more is out of use.
        live = select(func.min(evaluated_days.c.done_day)).where(evaluated_days.c.done_day > day - KEEP_FACTS_DAYS)
        behind = self._connection.execute(live).scalar()
        oldest = day - KEEP_STATES_DAYS if behind is None else behind - KEEP_STATES_DAYS
        self._connection.execute(delete(episode_states).where(episode_states.c.day < oldest))

    # --- alerts --------------------------------------------------------------------------------------------------

    def _open(self, episode: Episode) -> None:
        """Enter a new alert, or one that late data had withdrawn and still later data speaks for again.

        A live judgement that comes after the day's own closed the alert is late: it opens nothing, and nothing is owed.
        """
        row = alert_row(episode) | {
            "opened_at": self._commit.now,
            "registry": self._commit.registry,
            "suppressed": self._commit.suppressed.get(episode.key, ""),
            "withdrawn_at": None,
        }
        number = self._again(row) or self._anew(row)
        if number is None:
            self._late.add(episode.key)
            return
        self._audit.append(("alert.open", episode.subject, {"alert": number, "rule": episode.rule}))
        self._enter_stages(number, episode)

    def _again(self, row: dict[str, Any]) -> int | None:
        """Let the alert withdrawn last stand again; None if there is none, or if one stands already."""
        own = and_(*(alerts.c[name] == row[name] for name in _IDENTITY))
        standing = select(alerts.c.id).where(own, STANDING)
        if self._connection.execute(standing).first() is not None:
            return None
        last = select(func.max(alerts.c.id)).where(own).scalar_subquery()
        statement = update(alerts).where(alerts.c.id == last).values(row)
        return self._connection.execute(statement.returning(alerts.c.id)).scalar()

    def _anew(self, row: dict[str, Any]) -> int | None:
        """Enter an alert, or overwrite one that a live rule opened; None if that is closed."""
        statement = (
            self._database.insert(alerts)
            .values(row)
            .on_conflict_do_update(
                index_elements=_IDENTITY, index_where=STANDING, set_=row, where=alerts.c.closed_day.is_(None)
            )
        )
        return self._connection.execute(statement.returning(alerts.c.id)).scalar()

    def _change(self, alert: Alert, episode: Episode) -> None:
        self._connection.execute(update(alerts).where(alerts.c.id == alert.id).values(alert_row(episode)))
        self._audit += _changes(alert, episode)
        self._enter_stages(alert.id, episode)

    def _enter_stages(self, alert: int, episode: Episode) -> None:
        self._ids[episode.key] = alert
        query = select(stages.c.stage, stages.c.day).where(stages.c.alert == alert)
        present = {row.stage: row.day for row in self._connection.execute(query)}
        wanted = dict(episode.stages)
        gone = [name for name in present if name not in wanted]
        if gone:
            self._connection.execute(delete(stages).where(stages.c.alert == alert, stages.c.stage.in_(gone)))
        moved = {name: day for name, day in wanted.items() if present.get(name) != day}
        reached = {"alert": alert, "reached_at": self._commit.now}
        self._upsert(stages, [reached | {"stage": name, "day": day} for name, day in moved.items()])

    # --- what they owe -------------------------------------------------------------------------------------------

    def _enter_owed(self) -> None:
        for duty in self._commit.duties:
            if duty.alert not in self._late:
                self._owe(duty)
        for message in self._commit.messages:
            if not message.alerts or set(message.alerts) - self._late:
                self._queue(message)
        for number, rule in self._commit.voided:
            self._void(and_(duties.c.alert == number, duties.c.rule == rule))

    def _owe(self, duty: NewDuty) -> None:
        """Enter a task. One voided with its alert stands again when the alert does; any other is left as it is."""
        alert = self._ids[duty.alert] if duty.alert else None
        number = enter_duty(self._database, self._connection, duty, self._commit.now, alert)
        if number is not None:
            self._audit.append(opened_note(number, duty))

    def _queue(self, message: NewMessage) -> None:
        about = [self._ids[key] for key in message.alerts if key not in self._late]
        queue_message(self._database, self._connection, message, self._commit.now, about)

    def _void(self, mine: ColumnElement[bool]) -> None:
        """Void unfinished duties of an alert."""
        now = self._commit.now
        values = {"state": DutyState.VOID, "settled_at": now, "act_at": None}
        voided = update(duties).where(mine, duties.c.state.in_(UNFINISHED)).values(values)
        for number, subject in self._connection.execute(voided.returning(duties.c.id, duties.c.subject)).all():
            step = {"duty": number, "act": Act.VOID, "at": now, "actor": ACTOR, "person": "", "why": ""}
            self._connection.execute(insert(duty_steps).values(step))
            self._audit.append(("task.void", subject, {"duty": number}))

    def _withdraw(self, alert: Alert) -> None:
        """Take back an alert that late data spoke against, its tasks nobody has done and its messages not yet sent."""
        now = self._commit.now
        subject = alert.episode.subject
        self._connection.execute(update(alerts).where(alerts.c.id == alert.id).values(withdrawn_at=now))
        self._audit.append(("alert.withdraw", subject, {"alert": alert.id}))
        self._void(duties.c.alert == alert.id)
        grouped = select(message_alerts.c.message).where(message_alerts.c.alert == alert.id)
        mine = or_(messages.c.alert == alert.id, messages.c.number.in_(grouped))
        unsent = and_(mine, speaks_of_nothing(), messages.c.state == MessageState.QUEUED)
        withdrawn = update(messages).where(unsent).values(state=MessageState.WITHDRAWN).returning(messages.c.number)
        for number in self._connection.execute(withdrawn).scalars().all():
            note_message(self._connection, number, now, MessageState.WITHDRAWN, "alert withdrawn")


def _changes(alert: Alert, episode: Episode) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what of an alert's change is worth an audit row: a stage, its end, a correction of what was said before."""
    before = alert.episode
    found = [("alert.stage", name, day) for name, day in episode.stages if (name, day) not in before.stages]
    kept = dict(episode.stages)
    found += [("alert.unstage", name, day) for name, day in before.stages if name not in kept]
    if (episode.closed_day, episode.closed_why) != (before.closed_day, before.closed_why):
        found.append(_end(episode))
    if episode.opened_day != before.opened_day:
        found.append(("alert.correct", "opened", episode.opened_day))
    if episode.figures != before.figures:
        found.append(("alert.correct", "figures", episode.opened_day))
    return [(action, episode.subject, {"alert": alert.id, "what": what, "day": day}) for action, what, day in found]


def _end(episode: Episode) -> tuple[str, str, int]:
    if episode.closed_day is None:
        return "alert.reopen", "", episode.opened_day
    return "alert.close", episode.closed_why, episode.closed_day
