"""Memory per usage point: the registry as it stays in memory, and the peak while a meter day of all points is judged."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from detectors.daily import DailyOptions
from detectors.rules import RULES
from meterwatch.app.evaluation import Evaluation, RuleSet
from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.instants import from_ms
from meterwatch.core.model.readings import DayTotals, ReadingBatch
from meterwatch.core.model.registry import (
    FOREVER_DAY,
    FOREVER_MS,
    Agreements,
    Customer,
    CustomerClass,
    Meters,
    Points,
    Registry,
)
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_sqlite import SqliteReadings
from notifier.routing import RoutingOptions, Site

POINTS = (20_000, 100_000)
DAY = datetime(2023, 2, 10, tzinfo=UTC).toordinal()
WINDOW_DAYS = [*range(DAY - 36, DAY + 1), *range(DAY - 440, DAY - 340)]


def made_registry(points: int) -> Registry:
    """Return a registry of hourly gas registers, a customer each."""
    rows = np.arange(points)
    nothing = np.full(points, np.nan)
    return Registry(
        number=1,
        codes=tuple(f"GP-{row:07d}" for row in rows.tolist()),
        time_zones=("Asia/Shanghai",),
        points=Points.of(np.ones(points), np.zeros(points), nothing, nothing, np.full(points, 1e6), np.ones(points)),
        meters=Meters.of(
            rows, np.full(points, 6), np.ones(points), np.zeros(points), np.full(points, FOREVER_MS), nothing, nothing
        ),
        meter_codes=tuple(f"GM{row:07d}" for row in rows.tolist()),
        customers=tuple(Customer(f"C-{row:07d}", CustomerClass.A1) for row in rows.tolist()),
        agreements=Agreements.of(rows, rows, np.zeros(points), np.full(points, FOREVER_DAY)),
    )


def resident() -> int:
    """Return the bytes this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def peak() -> int:
    """Return the most bytes this process ever held."""
    status = Path("/proc/self/status").read_text()  # getrusage would still know the size of the process we came from
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def fill(store: SqliteReadings, registry: Registry) -> None:
    """Store the readings of the judged day and the totals of every day the rules look back at."""
    points = len(registry.codes)
    store.know(registry.codes)
    rows = np.arange(points)
    scheme = registry.scheme_order[0]
    for hour in range(-2, 27):
        time = scheme.start(DAY) + hour * 3_600_000
        kinds = np.full(points, 201)
        values = np.full(points, 1000.0 + 10 * hour)
        store.append(
            ReadingBatch.of(rows, kinds, np.full(points, time), values, np.zeros(points), np.full(points, time * 1000))
        )
    for day in WINDOW_DAYS:
        use = np.full(points, 240.0)
        store.write_totals(DayTotals.of(np.full(points, day), rows, use, np.ones(points), use / 24, np.zeros(points)))


def judge(points: int, folder: Path) -> tuple[float, float]:
    """Return bytes a point: the registry with its indexes, and the peak above what was held while a day is judged."""
    before = resident()
    registry = made_registry(points)
    registry.row_of("")
    registry.meter_indexes("")
    _ = registry.schemes, registry.upper_limit
    held = resident() - before
    store = SqliteReadings(folder / "readings.db")
    fill(store, registry)
    database = Database.file(folder / "ledger.db")
    ledger = Ledger(database).evaluation
    rules = RuleSet(
        RULES, {rule.name: rule.options for rule in RULES}, DailyOptions(), lunar=True, close_after=timedelta(hours=2)
    )
    evaluation = Evaluation(store, ledger, rules, Site("Asia/Shanghai", WorkingCalendar(), RoutingOptions()))
    scheme = registry.scheme_order[0]
    now = from_ms(scheme.end(DAY)) + timedelta(hours=2)
    ledger.open_scheme(scheme.name, DAY, now)
    start = resident()
    Path("/proc/self/clear_refs").write_text("5")  # begin a new peak
    evaluation.step(now, registry)
    return held / points, (peak() - start) / points


def run() -> Iterator[str]:
    yield "| usage points | registry resident, bytes a point | judging a day: peak above what was held, bytes a point |"
    yield "|---|---|---|"
    for points in POINTS:
        done = subprocess.run(
            [sys.executable, "-m", "bench.memory", str(points)], capture_output=True, text=True, check=True
        )
        held, above = done.stdout.split()
        yield f"| {points:,} | {float(held):.0f} | {float(above):.0f} |"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = judge(int(sys.argv[1]), Path(place))
    print(found[0], found[1])
