"""A ledger for a test: a fresh database, things to commit, and all that stands in it."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from meterwatch.core.model.alerts import Alert, AlertChanges, Episode, FactRow, Stage
from meterwatch.core.model.duties import Duty, Evidence, EvidenceKind, NewDuty
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.ports import Commit, EpisodeState
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.tables import metadata

NOW = datetime(2023, 3, 1, 2, tzinfo=UTC)
DAY = date(2023, 2, 28).toordinal()
HOUR = timedelta(hours=1)
SCHEME = "Asia/Shanghai@8"


@cache
def migrated() -> bytes:
    """A ledger file of the present version: migrated once, copied for every test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        Database.file(path).close()
        return path.read_bytes()


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[Database]:
    """Open an empty ledger database of a kind."""
    assert kind == "sqlite"
    path = folder / "ledger.db"
    path.write_bytes(migrated())
    database = Database.file(path)
    try:
        yield database
    finally:
        database.close()


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that has any."""
    with database.read() as connection:
        found = {table.name: connection.execute(select(table)).all() for table in metadata.sorted_tables}
    return {name: sorted(map(tuple, rows), key=repr) for name, rows in found.items() if rows}


def audited(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (action, subject, detail) of the audit rows, oldest first."""
    table = metadata.tables["audit"]
    with database.read() as connection:
        rows = connection.execute(select(table).order_by(table.c.id))
        return [(row.action, row.subject, row.detail) for row in rows]


def episode(subject: str = "C1/gas", opened_day: int = DAY, **changes: Any) -> Episode:
    plain: dict[str, Any] = {
        "start_day": opened_day - 6,
        "baseline": 25.5,
        "known": 7,
        "below": 5,
        "stages": (Stage("warn", opened_day),),
        "figures": {"baseline": 25.5, "week_ratio": 0.5, "judged_ratio": 0.55},
    }
    return Episode("churn", "guarded", subject, opened_day, **plain | changes)


def load_episode(subject: str = "P1", opened_day: int = DAY, **changes: Any) -> Episode:
    figures = {"peak": 120.0, "limit": 100.0, "share": 1.2}
    plain: dict[str, Any] = {"figures": figures, "stages": (Stage("warn", opened_day),)}
    return Episode("load", "literal", subject, opened_day, opened_day, **plain | changes)


def fact(subject: str = "C1/gas", day: int = DAY, rule: str = "churn", use: float = 12.25) -> FactRow:
    return FactRow(rule, subject, day, ("literal", "guarded"), {"use": use})


def state(subject: str = "C1/gas", day: int = DAY, **changes: Any) -> EpisodeState:
    return EpisodeState(day, episode(subject, **changes))


def duty(about: Episode, **changes: Any) -> NewDuty:
    period = date.fromordinal(about.opened_day).isoformat()
    plain: dict[str, Any] = {"due_at": NOW + 31 * HOUR, "provisional": False, "person": "K1", "alert": about.key}
    plain |= {"act_at": NOW + 31 * HOUR + timedelta(microseconds=1), "customer": about.subject.rpartition("/")[0]}
    return NewDuty("churn-warn", about.subject, period, **plain | changes)


def message(about: Episode | None = None, key: str = "", **changes: Any) -> NewMessage:
    plain: dict[str, Any] = {
        "channel": "webhook",
        "person": "K1",
        "lang": "zh-CN",
        "template": "churn",
        "template_version": 1,
        "body": "用气减少",
        "expires_at": NOW + 46 * HOUR,
        "alerts": (about.key,) if about else (),
    }
    own = "/".join(map(str, about.key)) if about else "note"
    return NewMessage(key or own, **plain | changes)


def opened(*episodes: Episode, now: datetime = NOW, **changes: Any) -> Commit:
    """Return a commit that opens ``episodes``, each with its task and its message."""
    owed: dict[str, Any] = {"duties": [duty(one) for one in episodes], "messages": [message(one) for one in episodes]}
    return Commit(now, registry=1, changes=AlertChanges(opened=episodes), **owed | changes)


def changed(alert: Alert, after: Episode, now: datetime = NOW) -> Commit:
    return Commit(now, registry=1, changes=AlertChanges(changed=((alert, after),)))


def withdrawn(*alerts: Alert, now: datetime = NOW) -> Commit:
    return Commit(now, registry=1, changes=AlertChanges(withdrawn=alerts))


def queue(ledger: Ledger, *keys: str, now: datetime = NOW, **changes: Any) -> None:
    """Queue messages that stand for themselves."""
    ledger.evaluation.commit(Commit(now, registry=1, messages=[message(key=key, **changes) for key in keys]))


def only_alert(ledger: Ledger) -> Alert:
    (found,) = ledger.evaluation.all_alerts(closed=True, limit=10)
    return found


def anybody(_duty: Duty, _proof: Evidence) -> Sequence[NewDuty]:
    """Let anybody close a task with any evidence: who may is not the ledger's to know."""
    return ()


def proof(at: datetime = NOW, **changes: Any) -> Evidence:
    """Return evidence of what was done at ``at`` and recorded at once."""
    said = {"person": "K1", "account": "clerk", "cause": "一台炉子停用", "proposal": "五月回访"}
    plain: dict[str, Any] = said | {"happened_at": at, "recorded_at": at}
    return Evidence(EvidenceKind.PHONE, **plain | changes)
