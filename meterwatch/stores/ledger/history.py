"""Everything that is recorded about one customer, read at once (RULES proof)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, or_, select

from meterwatch.core.model.alerts import Alert
from meterwatch.core.model.duties import Duty
from meterwatch.core.model.exclusions import Exclusion, ExclusionState
from meterwatch.core.model.history import History, Judged
from meterwatch.core.model.messages import Message
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties, exclusions, judgements
from meterwatch.stores.ledger.duty_rows import load_duty, load_evidence, load_steps
from meterwatch.stores.ledger.outbox import load_histories, load_message
from meterwatch.stores.ledger.records import load_complaints, load_contacts
from meterwatch.stores.ledger.rows import chunks, load_alert
from meterwatch.stores.tables import alerts, message_alerts, messages, stages


class SqlHistory:
    """Reads for a customer's timeline."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, customer: str, subjects: Iterable[str]) -> History:
        """Return all that stands about a customer, of one moment; ``subjects`` are those whose alerts may be his: his own
        (``CUSTOMER/commodity``) and the usage points he is or was supplied at.
        """
        asked = list(subjects)
        with self._database.read() as connection:
            found = _alerts(connection, asked)
            numbers = [alert.id for alert in found]
            tasks = _duties(connection, customer, numbers)
            return History(
                found,
                _reached(connection, numbers),
                tasks,
                load_steps(connection, [duty.id for duty in tasks]),
                load_contacts(connection, customer),
                load_complaints(connection, customer),
                _messages(connection, numbers),
                _exclusions(connection, asked),
                _judgements(connection, asked),
            )


def _alerts(connection: Connection, subjects: Sequence[str]) -> list[Alert]:
    rows = (row for part in chunks(subjects) for row in _rows(connection, select(alerts).where(alerts.c.subject.in_(part))))
    return sorted(map(load_alert, rows), key=lambda alert: alert.id)


def _reached(connection: Connection, numbers: Sequence[int]) -> dict[tuple[int, str], datetime]:
    query = select(stages.c.alert, stages.c.stage, stages.c.reached_at)
    rows = (row for part in chunks(numbers) for row in connection.execute(query.where(stages.c.alert.in_(part))))
    return {(row.alert, row.stage): row.reached_at for row in rows}


def _duties(connection: Connection, customer: str, numbers: Sequence[int]) -> list[Duty]:
    """Return the customer's duties; older ones that name no customer are found by their alerts."""
    rows = {row["id"]: row for row in _rows(connection, select(duties).where(duties.c.customer == customer))}
    for part in chunks(numbers):
        older = select(duties).where(duties.c.alert.in_(part), or_(duties.c.customer == "", duties.c.customer == customer))
        rows |= {row["id"]: row for row in _rows(connection, older)}
    proofs = load_evidence(connection, rows)
    return [load_duty(rows[number], evidence=proofs.get(number, ())) for number in sorted(rows)]


def _messages(connection: Connection, numbers: Sequence[int]) -> list[tuple[Message, int]]:
    rows: dict[int, RowMapping] = {}
    several = select(messages, message_alerts.c.alert.label("about")).join_from(messages, message_alerts)
    for part in chunks(numbers):
        single = select(messages, messages.c.alert.label("about")).where(messages.c.alert.in_(part))
        for query in (single, several.where(message_alerts.c.alert.in_(part))):
            rows |= {row["number"]: row for row in _rows(connection, query)}
    history = load_histories(connection, rows)
    return [(load_message(rows[n], history.get(n, ())), rows[n]["about"]) for n in sorted(rows)]


def _exclusions(connection: Connection, subjects: Sequence[str]) -> list[Exclusion]:
    query = select(exclusions).order_by(exclusions.c.id)
    rows = [row for part in chunks(subjects) for row in _rows(connection, query.where(exclusions.c.subject.in_(part)))]
    return [Exclusion(**dict(row) | {"state": ExclusionState(row["state"])}) for row in rows]


def _judgements(connection: Connection, subjects: Sequence[str]) -> list[Judged]:
    table = judgements.c
    query = select(*(table[name] for name in Judged._fields)).order_by(table.at, table.rule, table.subject, table.day)
    return [Judged(*row) for part in chunks(subjects) for row in connection.execute(query.where(table.subject.in_(part)))]


def _rows(connection: Connection, query: Any) -> Sequence[Any]:
    return connection.execute(query).mappings().all()
