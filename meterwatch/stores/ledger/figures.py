"""Figures of alerts and duties for reports: counted by the database, so that what is read is short however much there is."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select

from meterwatch.core.model.duties import UNFINISHED, DutyState
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties
from meterwatch.stores.ledger.rows import chunks, note
from meterwatch.stores.tables import STANDING, alerts


class DutyCount(NamedTuple):
    """How many duties of a rule a person of a unit has in a state."""

    rule: str
    unit: str
    person: str
    state: DutyState
    duties: int


class SqlFigures:
    """Alerts and duties as reports count them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def duties_due(self, since: datetime, until: datetime, units: Sequence[str] | None = None) -> Sequence[DutyCount]:
        """Return the duties due at ``since`` < t <= ``until``, of some units or all, counted as they stand (RULES oversee).

        What is due at midnight belongs to the day that ends then.
        """
        columns = (duties.c.rule, duties.c.unit, duties.c.person, duties.c.state)
        query = select(*columns, func.count()).where(duties.c.due_at > since, duties.c.due_at <= until)
        if units is not None:
            query = query.where(duties.c.unit.in_(units))
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(*columns).order_by(*columns))
            return [DutyCount(rule, of, person, DutyState(state), count) for rule, of, person, state, count in rows]

    def open_alerts(self, day: int) -> Mapping[str, int]:
        """Return how many alerts of each subject were open at the end of meter day ``day``, withdrawn ones left out."""
        still = or_(alerts.c.closed_day.is_(None), alerts.c.closed_day > day)
        query = select(alerts.c.subject, func.count()).where(STANDING, alerts.c.opened_day <= day, still)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(alerts.c.subject))}

    def open_duties(self, customers: Iterable[str]) -> Mapping[str, int]:
        """Return how many duties about each of some customers are unfinished; who has none is left out."""
        query = select(duties.c.customer, func.count()).where(duties.c.state.in_(UNFINISHED)).group_by(duties.c.customer)
        found: dict[str, int] = {}
        with self._database.read() as connection:
            for part in chunks(customers):
                found |= {row[0]: row[1] for row in connection.execute(query.where(duties.c.customer.in_(part)))}
        return found

    def note_refusal(self, actor: str, report: str, asked: str, now: datetime) -> None:
        """Note in the audit that somebody was refused a report, where this account may write there."""
        if not self._database.read_only:
            with self._database.write() as connection:
                note(connection, now, actor, [("report.refuse", report, {"unit": asked})])
