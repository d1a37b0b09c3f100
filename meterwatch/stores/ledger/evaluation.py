"""What meter days came to: watermarks, dirty days, facts, episodes, alerts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from meterwatch.core.model.alerts import Alert, DirtyDay, Episode, FactRow
from meterwatch.core.model.corrections import Correction
from meterwatch.core.model.duties import Absence
from meterwatch.core.model.exclusions import Exclusion
from meterwatch.core.ports import Commit
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.commit import Entry
from meterwatch.stores.ledger.corrections import standing
from meterwatch.stores.ledger.exclusions import SqlExclusions
from meterwatch.stores.ledger.messages import sent_lately
from meterwatch.stores.ledger.orders import SqlOrders
from meterwatch.stores.ledger.rows import chunks, load_alert, load_episode, load_fact
from meterwatch.stores.tables import alerts, dirty_days, episode_states, evaluated_days, facts


class SqlEvaluation:
    """The port ``EvaluationLedger``, and the alerts people look at."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._orders = SqlOrders(database)
        self._exclusions = SqlExclusions(database)

    def absences(self) -> Sequence[Absence]:
        """See the port."""
        return self._orders.absences()

    def exclusions(self) -> Sequence[Exclusion]:
        """See the port."""
        return self._exclusions.approved()

    def sent_lately(self, now: datetime) -> Mapping[tuple[str, str], tuple[int, int]]:
        """See the port."""
        with self._database.read() as connection:
            return sent_lately(connection, now)

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
        """See the port. A watermark never goes back."""
        earlier = (evaluated_days.c.scheme == scheme) & (evaluated_days.c.begun_day < day)
        with self._database.write() as connection:
            connection.execute(update(evaluated_days).where(earlier).values(begun_day=day, begun_at=now))

    def dirty_days(self, limit: int) -> Sequence[DirtyDay]:
        """See the port."""
        query = select(dirty_days).order_by(dirty_days.c.day, dirty_days.c.point).limit(limit)
        with self._database.read() as connection:
            return [DirtyDay(*row) for row in connection.execute(query)]

    def corrections(self, start: int, end: int) -> Sequence[Correction]:
        """See the port."""
        with self._database.read() as connection:
            return standing(connection, start, end)

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
        """See the port."""
        query = select(facts).where(facts.c.rule == rule, facts.c.day.between(first_day, last_day))
        with self._database.read() as connection:
            found = [load_fact(row) for row in _limited(connection, query, facts.c.subject, subjects)]
        return sorted(found, key=lambda fact: (fact.subject, fact.day))  # here: databases sort text each in their own way

    # --- looking -------------------------------------------------------------------------------------------------

    def all_alerts(self, *, closed: bool, limit: int) -> Sequence[Alert]:
        """Return alerts, newest first; closed and withdrawn ones only with ``closed``."""
        query = select(alerts).order_by(alerts.c.opened_day.desc(), alerts.c.id.desc()).limit(limit)
        if not closed:
            query = query.where(alerts.c.closed_day.is_(None), alerts.c.withdrawn_at.is_(None))
        with self._database.read() as connection:
            return [load_alert(row) for row in connection.execute(query).mappings()]

    def alert(self, number: int) -> Alert | None:
        """Return one alert by its number, closed and withdrawn ones too."""
        with self._database.read() as connection:
            row = connection.execute(select(alerts).where(alerts.c.id == number)).mappings().one_or_none()
            return load_alert(row) if row else None

    def open_counts(self) -> Mapping[str, int]:
        """Return how many alerts are open, by rule."""
        query = select(alerts.c.rule, func.count()).where(alerts.c.closed_day.is_(None), alerts.c.withdrawn_at.is_(None))
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(alerts.c.rule))}

    # --- the commit ----------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """See the port."""
        with self._database.write() as connection:
            Entry(self._database, connection, commit).enter()


def _limited(connection: Connection, query: Any, column: Any, subjects: Iterable[str] | None) -> Iterable[Any]:
    if subjects is None:
        return connection.execute(query).mappings().all()
    return [row for chunk in chunks(subjects) for row in connection.execute(query.where(column.in_(chunk))).mappings()]
