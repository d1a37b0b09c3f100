"""What meter days came to: watermarks, dirty days, facts, episodes, alerts, and the one commit that enters them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, delete, func, insert, or_, select, update

from meterwatch.core.model.alerts import Alert, AlertKey, DirtyDay, Episode, FactRow
from meterwatch.core.model.work import DutyState, MessageState
from meterwatch.core.ports import Commit, EpisodeState
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import chunks, dump_episode, load_alert, load_episode, note
from meterwatch.stores.tables import (
    alerts,
    dirty_days,
    duties,
    episode_states,
    evaluated_days,
    facts,
    message_history,
    messages,
    stages,
)

KEEP_STATES_DAYS = 46  # late data is taken 45 days back: the state before the oldest such day is still needed
KEEP_FACTS_DAYS = 400
ACTOR = "engine"


class SqlEvaluation:
    """The port ``EvaluationLedger``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- watermarks ----------------------------------------------------------------------------------------------

    def begun_days(self) -> Mapping[str, int]:
        """See the port."""
        return self._days("begun_day")

    def done_days(self) -> Mapping[str, int]:
        """See the port."""
        return self._days("done_day")

    def first_days(self) -> Mapping[str, int]:
        """See the port."""
        return self._days("first_day")

    def _days(self, column: str) -> Mapping[str, int]:
        with self._database.read() as connection:
            rows = connection.execute(select(evaluated_days.c.scheme, evaluated_days.c[column]))
            return {row.scheme: row[1] for row in rows}

    def open_scheme(self, scheme: str, first_day: int, now: datetime) -> None:
        """See the port."""
        row = {"scheme": scheme, "first_day": first_day, "begun_day": first_day - 1, "done_day": first_day - 1}
        with self._database.write() as connection:
            statement = self._database.insert(evaluated_days).values(row | {"begun_at": now})
            connection.execute(statement.on_conflict_do_nothing())

    def begin_day(self, scheme: str, day: int, now: datetime) -> None:
        """See the port."""
        mine = evaluated_days.c.scheme == scheme
        with self._database.write() as connection:
            connection.execute(update(evaluated_days).where(mine).values(begun_day=day, begun_at=now))

    def dirty_days(self, limit: int) -> Sequence[DirtyDay]:
        """See the port."""
        query = select(dirty_days).order_by(dirty_days.c.day, dirty_days.c.point).limit(limit)
        with self._database.read() as connection:
            return [DirtyDay(*row) for row in connection.execute(query)]

    # --- memory --------------------------------------------------------------------------------------------------

    def states(self, rule: str, day: int, subjects: Iterable[str] | None = None) -> Sequence[Episode]:
        """See the port."""
        query = select(episode_states.c.state).where(episode_states.c.rule == rule, episode_states.c.day == day)
        with self._database.read() as connection:
            found = _limited(connection, query, episode_states.c.subject, subjects)
            return [load_episode(row["state"]) for row in found]

    def alerts(self, rule: str, since_day: int, subjects: Iterable[str] | None = None) -> Sequence[Alert]:
        """See the port."""
        still = or_(alerts.c.closed_day.is_(None), alerts.c.closed_day >= since_day)
        query = select(alerts).where(alerts.c.rule == rule, alerts.c.withdrawn_at.is_(None), still)
        with self._database.read() as connection:
            return [load_alert(row) for row in _limited(connection, query, alerts.c.subject, subjects)]

    def facts(self, rule: str, first_day: int, last_day: int, subjects: Iterable[str] | None = None) -> Sequence[FactRow]:
        """Return the kept facts of ``rule`` on ``first_day`` <= day <= ``last_day``, by subject and day."""
        query = select(facts).where(facts.c.rule == rule, facts.c.day >= first_day, facts.c.day <= last_day)
        query = query.order_by(facts.c.subject, facts.c.day)
        with self._database.read() as connection:
            return [_load_fact(row) for row in _limited(connection, query, facts.c.subject, subjects)]

    def all_alerts(self, *, closed: bool, limit: int) -> Sequence[Alert]:
        """Return alerts, newest first; closed and withdrawn ones only with ``closed``."""
        query = select(alerts).order_by(alerts.c.opened_day.desc(), alerts.c.id.desc()).limit(limit)
        if not closed:
            query = query.where(alerts.c.closed_day.is_(None), alerts.c.withdrawn_at.is_(None))
        with self._database.read() as connection:
            return [load_alert(row) for row in connection.execute(query).mappings()]

    def open_counts(self) -> Mapping[str, int]:
        """Return how many alerts are open, by rule."""
        query = select(alerts.c.rule, func.count()).where(alerts.c.closed_day.is_(None), alerts.c.withdrawn_at.is_(None))
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(alerts.c.rule))}

    # --- the commit ----------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """See the port."""
        with self._database.write() as connection:
            self._replace_memory(connection, commit)
            ids = self._enter_alerts(connection, commit)
            self._enter_owed(connection, commit, ids)
            _withdraw(connection, commit)
            if commit.cleared:
                connection.execute(_CLEAR, [{"d": d.day, "p": d.point, "m": d.mark} for d in commit.cleared])
            if commit.done is not None:
                scheme, day = commit.done
                mine = evaluated_days.c.scheme == scheme
                connection.execute(update(evaluated_days).where(mine).values(done_day=day))
                _forget(connection, day)

    def _replace_memory(self, connection: Connection, commit: Commit) -> None:
        for table in (facts, episode_states):
            for rule in commit.rules:
                _forget_since(connection, table, rule, commit)
        self._upsert(connection, facts, [_fact_row(fact) for fact in commit.facts])
        self._upsert(connection, episode_states, [_state_row(state) for state in commit.states])

    def _upsert(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        statement = self._database.insert(table)
        keys = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)

    def _enter_alerts(self, connection: Connection, commit: Commit) -> dict[AlertKey, int]:
        ids: dict[AlertKey, int] = {}
        audited = []
        for episode in commit.changes.opened:
            row = _alert_row(episode) | {
                "opened_at": commit.now,
                "registry": commit.registry,
                "suppressed": commit.suppressed.get(episode.key, ""),
                "withdrawn_at": None,
            }
            # An alert withdrawn by late data comes back when still later data speaks for it again.
            statement = self._database.insert(alerts).values(row)
            statement = statement.on_conflict_do_update(index_elements=_ALERT_KEY, set_=row).returning(alerts.c.id)
            ids[episode.key] = connection.execute(statement).scalar_one()
            audited.append(("alert.open", episode.subject, {"alert": ids[episode.key], "rule": episode.rule}))
        for alert, episode in commit.changes.changed:
            ids[episode.key] = alert.id
            connection.execute(update(alerts).where(alerts.c.id == alert.id).values(_alert_row(episode)))
            audited += _changes(alert, episode)
        for key, episode in {e.key: e for e in (*commit.changes.opened, *(e for _, e in commit.changes.changed))}.items():
            self._enter_stages(connection, ids[key], episode, commit.now)
        note(connection, commit.now, ACTOR, audited)
        return ids

    def _enter_stages(self, connection: Connection, alert: int, episode: Episode, now: datetime) -> None:
        present = {row.stage: row.day for row in connection.execute(_stages_of(alert))}
        wanted = dict(episode.stages)
        gone = [name for name in present if name not in wanted]
        connection.execute(delete(stages).where(stages.c.alert == alert, stages.c.stage.in_(gone)))
        for name, day in wanted.items():
            if present.get(name) != day:
                row = {"alert": alert, "stage": name, "day": day, "reached_at": now}
                statement = self._database.insert(stages).values(row)
                connection.execute(statement.on_conflict_do_update(index_elements=["alert", "stage"], set_=row))

    def _enter_owed(self, connection: Connection, commit: Commit, ids: Mapping[AlertKey, int]) -> None:
        for duty in commit.duties:
            row = {
                "rule": duty.rule,
                "subject": duty.subject,
                "period": duty.period,
                "alert": ids.get(duty.alert) if duty.alert else None,
                "opened_at": commit.now,
                "due_at": duty.due_at,
                "provisional": duty.provisional,
                "person": duty.person,
                "state": DutyState.OPEN,
            }
            statement = self._database.insert(duties).values(row)
            # A task voided with its alert stands again when the alert does; any other state is left as it is.
            statement = statement.on_conflict_do_update(
                index_elements=["rule", "subject", "period"],
                set_=row | {"settled_at": None},
                where=duties.c.state == DutyState.VOID,
            )
            connection.execute(statement)
        for message in commit.messages:
            row = {
                "key": message.key,
                "channel": message.channel,
                "person": message.person,
                "lang": message.lang,
                "template": message.template,
                "template_version": message.template_version,
                "body": message.body,
                "alert": ids.get(message.alert) if message.alert else None,
                "state": MessageState.QUEUED,
                "created_at": commit.now,
                "expires_at": message.expires_at,
                "attempts": 0,
                "reference": "",
            }
            statement = self._database.insert(messages).values(row).on_conflict_do_nothing().returning(messages.c.number)
            number = connection.execute(statement).scalar()
            if number is not None:
                _note_message(connection, number, commit.now, MessageState.QUEUED, "")


_CLEAR = delete(dirty_days).where(
    dirty_days.c.day == bindparam("d"), dirty_days.c.point == bindparam("p"), dirty_days.c.mark == bindparam("m")
)
_ALERT_KEY = ["rule", "policy", "subject", "opened_day"]


def _limited(connection: Connection, query: Any, column: Any, subjects: Iterable[str] | None) -> Iterable[Any]:
    if subjects is None:
        return connection.execute(query).mappings().all()
    return [row for chunk in chunks(subjects) for row in connection.execute(query.where(column.in_(chunk))).mappings()]


def _forget_since(connection: Connection, table: Table, rule: str, commit: Commit) -> None:
    by_day: dict[int, list[str]] = {}
    for subject, day in commit.since.items():
        by_day.setdefault(day, []).append(subject)
    for day, subjects in by_day.items():
        for chunk in chunks(subjects):
            mine = and_(table.c.rule == rule, table.c.day.between(day, commit.until), table.c.subject.in_(chunk))
            connection.execute(delete(table).where(mine))


def _forget(connection: Connection, day: int) -> None:
    connection.execute(delete(episode_states).where(episode_states.c.day < day - KEEP_STATES_DAYS))
    connection.execute(delete(facts).where(facts.c.day < day - KEEP_FACTS_DAYS))


def _fact_row(fact: FactRow) -> dict[str, Any]:
    return {
        "rule": fact.rule,
        "subject": fact.subject,
        "day": fact.day,
        "crossing": ",".join(fact.crossing),
        "figures": dict(fact.figures),
    }


def _state_row(state: EpisodeState) -> dict[str, Any]:
    episode = state.episode
    key = {"rule": episode.rule, "policy": episode.policy, "subject": episode.subject, "day": state.day}
    return key | {"state": dump_episode(episode)}


def _load_fact(row: Any) -> FactRow:
    crossing = tuple(filter(None, row["crossing"].split(",")))
    return FactRow(row["rule"], row["subject"], row["day"], crossing, row["figures"])


def _alert_row(episode: Episode) -> dict[str, Any]:
    return {
        "rule": episode.rule,
        "policy": episode.policy,
        "subject": episode.subject,
        "opened_day": episode.opened_day,
        "start_day": episode.start_day,
        "closed_day": episode.closed_day,
        "closed_why": episode.closed_why,
        "episode": dump_episode(episode),
    }


def _changes(alert: Alert, episode: Episode) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what of an alert's change is worth an audit row: a stage, its end, a correction of what it was opened on."""
    before = alert.episode
    found = [("alert.stage", name, day) for name, day in episode.stages if (name, day) not in before.stages]
    if episode.closed_day is not None and before.closed_day is None:
        found.append(("alert.close", episode.closed_why, episode.closed_day))
    if episode.figures != before.figures:
        found.append(("alert.correct", "figures", episode.opened_day))
    return [(action, episode.subject, {"alert": alert.id, "what": what, "day": day}) for action, what, day in found]


def _stages_of(alert: int) -> Any:
    return select(stages.c.stage, stages.c.day).where(stages.c.alert == alert)


def _note_message(connection: Connection, number: int, at: datetime, state: MessageState, detail: str) -> None:
    row = {"message": number, "at": at, "state": state.value, "detail": detail}
    connection.execute(insert(message_history).values(row))


def _withdraw(connection: Connection, commit: Commit) -> None:
    """Take back alerts that late data spoke against, with the tasks nobody has done and the messages not yet sent."""
    for alert in commit.changes.withdrawn:
        connection.execute(update(alerts).where(alerts.c.id == alert.id).values(withdrawn_at=commit.now))
        unfinished = duties.c.state.in_([DutyState.OPEN, DutyState.BREACHED])
        void = {"state": DutyState.VOID, "settled_at": commit.now}
        connection.execute(update(duties).where(duties.c.alert == alert.id, unfinished).values(void))
        mine = and_(messages.c.alert == alert.id, messages.c.state == MessageState.QUEUED)
        withdrawn = update(messages).where(mine).values(state=MessageState.WITHDRAWN).returning(messages.c.number)
        for number in connection.execute(withdrawn).scalars().all():
            _note_message(connection, number, commit.now, MessageState.WITHDRAWN, "alert withdrawn")
    gone = [("alert.withdraw", alert.episode.subject, {"alert": alert.id}) for alert in commit.changes.withdrawn]
    note(connection, commit.now, ACTOR, gone)
