"""A planner's tick by how many duties are open: what is due costs, what is merely open must not."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import insert, text

from meterwatch.app.books import Books, Snapshots
from meterwatch.app.planner import Planner
from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.clock import MovedClock
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.registry import SqlRegistry
from notifier.site import RoutingOptions, Site

NOW = datetime(2023, 3, 1, 2, tzinfo=UTC)
DUE = 1_000
SIZES = (10_000, 1_000_000)
_CHUNK = 20_000


def run() -> Iterator[str]:
    """Yield how long a tick takes with few and with many open duties, of which the same thousand are due."""
    yield "| open duties, 1000 of them due | tick | next tick, nothing due |"
    yield "|---|---|---|"
    times = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            first, idle = _ticks(Path(folder), size)
        times[size] = first
        yield f"| {size:,} | {first:.3f} s | {idle * 1000:.2f} ms |"
    yield f"ratio {times[SIZES[1]] / times[SIZES[0]]:.2f} (at most 3)"


def _ticks(folder: Path, size: int) -> tuple[float, float]:
    """Return the seconds of a tick with a thousand duties due, and of the one after it."""
    database = Database.file(folder / "ledger.db")
    ledger, registry = Ledger(database), SqlRegistry(database)
    books = Books(ledger, registry, Snapshots(registry), SqlArchive(database), MovedClock(ledger.clock.moved_to))
    planner = Planner(books, Site("Asia/Shanghai", WorkingCalendar(), RoutingOptions()))
    planner.step(NOW - timedelta(hours=1))  # what the calendar asks once a day is asked
    with database.write() as connection:
        for start in range(0, size, _CHUNK):
            connection.execute(insert(duties), [_row(number) for number in range(start, min(start + _CHUNK, size))])
        connection.execute(text("ANALYZE"))
    begun = perf_counter()
    planner.step(NOW)
    after = perf_counter()
    planner.step(NOW)
    idle = perf_counter() - after
    assert len(ledger.planner.due(NOW, 10)) == 0
    database.close()
    return after - begun, idle


def _row(number: int) -> dict[str, object]:
    due_at = NOW - timedelta(seconds=1) if number < DUE else NOW + timedelta(days=30, seconds=number % 9999)
    return {
        "rule": "contact-visit",
        "subject": f"C{number}",
        "period": "2023-Q1",
        "opened_at": NOW - timedelta(days=50),
        "due_at": due_at,
        "provisional": False,
        "person": f"M{number % 97}",
        "state": "open",
        "customer": f"C{number}",
        "unit": "",
        "needed": 1,
        "level": 2 if number < DUE else 0,
        "chain": [],
        "act_at": due_at,
    }
