"""kill -9 at random moments: nothing acknowledged is lost, nothing is stored or said twice, and both balances hold."""

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Table, select

from ingest.journal import Journal
from meterwatch.core.instants import to_ms
from meterwatch.core.ports import ReadingStore
from meterwatch.stores.database import Database
from meterwatch.stores.influx import InfluxOptions
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_influx import InfluxReadings
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.tables import alerts, audit, conflicts, dirty_days, duties, message_history, messages, rejects
from tests.support.influx import Influxd
from tests.support.known_readings import (
    CHURN_OPENS,
    CODECS,
    FIRST,
    GAS_POINTS,
    HISTORY,
    OVERLOADS,
    POWER_POINTS,
    REGISTRY,
    Act,
    Script,
    Sent,
    at,
    gas_use,
    kept,
)
from tests.support.mosquitto import Mosquitto, Publisher, until
from tests.support.registry_csv import write_files
from tests.support.running import RunningService

SEED = int(os.environ.get("METERWATCH_SEED", "20230601"))
CODES = (*POWER_POINTS, *GAS_POINTS)
MINUTE = timedelta(minutes=1)
SETTINGS = """
[journal]
segment_bytes = 50000
max_bytes = 1000000000

[ingest]
step_bytes = 20000

[routing]
channel = "spool"
churn_valid_h = 100000
load_valid_h = 100000

[outbox]
lease_s = 1
retry_min_s = 0.1
"""
INFLUX = """
[readings]
store = "influxdb"

[influxdb]
url = "{url}"
org = "{org}"
token = "{token}"
bucket = "{bucket}"
totals_bucket = "{totals_bucket}"
retention_days = 0
"""


@dataclass
class Siege:
    """The service under fire: what is sent to it, and everything it must answer for afterwards."""

    service: RunningService
    publisher: Publisher
    ledger: Ledger
    store: Callable[[], ReadingStore]
    dice: random.Random
    sent: list[Sent] = field(default_factory=list)

    def play(self, acts: list[Act]) -> None:
        """Play a day; what is published has been acknowledged by the broker when it returns."""
        for act in acts:
            self.ledger.clock.move(act.clock)
            for start in range(0, len(act.packets), 20):
                for packet in act.packets[start : start + 20]:
                    self.publisher.publish(packet.topic, [packet.payload])
                self.sent += act.packets[start : start + 20]

    def kill(self) -> None:
        """Start it, and kill it while it starts or after it is up."""
        self.service.start()
        if self.dice.random() < 0.6:
            self.service.wait_until_ready()
        threading.Event().wait(self.dice.uniform(0, 1.2))
        self.service.kill()

    def survive(self, script: Script, kills: int) -> None:
        """Play all days while it is killed ``kills`` times, then let it finish its work in peace and stop it."""
        days = list(script.acts())
        gates = threading.Semaphore(0)
        failures: list[BaseException] = []

        def player() -> None:
            try:
                for day in days:
                    gates.acquire()
                    self.play(day)
            except BaseException as problem:
                failures.append(problem)
                raise

        playing = threading.Thread(target=player)
        playing.start()
        opened = 0
        for number in range(kills):
            due = len(days) * (number + 1) // kills
            gates.release(due - opened) if due > opened else None
            opened = due
            self.kill()
        playing.join(60)
        assert not playing.is_alive()
        assert not failures
        self.finish(days[-1][-1].clock)

    def finish(self, clock: datetime) -> None:
        """Let the service store everything, judge every day and send every message, then stop it cleanly."""
        self.service.start()
        expected = len(kept(self.sent))
        with closing(self.store()) as store:
            until(lambda: store.count() >= expected, f"{expected} readings to be stored", 60)
        for minute in (1, 2):
            self.step(clock + minute * MINUTE)
            drained = self.service.metric("meterwatch_journal_oldest_waiting_seconds")
            until(lambda: self.service.metric("meterwatch_journal_oldest_waiting_seconds") == 0, f"the journal: {drained}")
        until(lambda: not self.ledger.outbox.waiting(), "every message to be sent")
        self.service.stop()

    def step(self, clock: datetime) -> None:
        self.ledger.clock.move(clock)
        until(lambda: set(self.ledger.clock.steps().values()) == {clock}, "every role to have stepped", 60)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.ledger.database.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    # --- afterwards ----------------------------------------------------------------------------------------------

    def check_readings(self) -> None:
        """Every reading acknowledged by the broker is stored exactly once, and the days' totals are made of them."""
        with closing(self.store()) as store:
            batch = store.read(0, to_ms(at(1000, 0)))
            found = zip(batch.usage_point.tolist(), batch.reading_type.tolist(), batch.time.tolist(), strict=True)
            keys = [(CODES[point], kind, time) for point, kind, time in found]
            assert max(Counter(keys).values()) == 1
            assert dict(zip(keys, batch.value.tolist(), strict=True)) == kept(self.sent)
            assert store.count() == len(keys)
            self._check_totals(store)

    def _check_totals(self, store: ReadingStore) -> None:
        """A day that was judged before its last reading came was judged again."""
        first, last = (at(day, 0).date().toordinal() for day in (-HISTORY, 0))
        totals = store.read_totals(first, last + 1000)
        assert np.isfinite(totals.use).all()
        use = {
            (CODES[point], day - last): use for point, day, use in zip(*_lists(totals.usage_point, totals.day, totals.use))
        }
        expected: Counter[tuple[str, int]] = Counter()
        for (point, _, time), value in kept(self.sent).items():
            start_hour = 8 if point in GAS_POINTS else 0
            day = (
                datetime.fromtimestamp(time / 1000 - 0.001, FIRST_TZ) - timedelta(hours=start_hour)
            ).date().toordinal() - last
            expected[point, day] += value
        judged = {key: value for key, value in use.items() if value or key in expected}
        assert judged.keys() == expected.keys()
        assert judged == pytest.approx(dict(expected))

    def check_balances(self) -> None:
        """Both hold, counted from durable outcomes, and the ledger's rejects and conflicts say the same."""
        with closing(Journal(self.service.data / "journal")) as journal, closing(self.store()) as store:
            balance = journal.balance()
            assert balance.holds(), balance
            assert balance.waiting == 0
            assert balance.received >= len(self.sent)
            assert balance.new == store.count()
        kinds = Counter("whole" if row["record"] == -1 else "single" for row in self.rows(rejects))
        found = (kinds["whole"], kinds["single"], len(self.rows(conflicts)))
        assert found == (balance.rejected, balance.refused, balance.conflict)
        print(f"{len(self.sent)} packets sent; {asdict(balance)}")  # noqa: T201

    def check_alerts(self, days: int) -> None:
        """Exactly the alerts the readings call for stand, each with its task and its message, none of them doubled."""
        standing = [row for row in self.rows(alerts) if row["withdrawn_at"] is None]
        first = FIRST.toordinal()
        expected = [("churn", "C1/gas", first + CHURN_OPENS)]
        expected += [("load", "E1", first + day) for day in OVERLOADS if day < days]
        assert sorted((row["rule"], row["subject"], row["opened_day"]) for row in standing) == sorted(expected)
        tasks = [row for row in self.rows(duties) if row["state"] != "void"]
        assert [row["alert"] for row in tasks] == [row["id"] for row in standing if row["rule"] == "churn"]
        assert self.rows(dirty_days) == []
        told = Counter(row["alert"] for row in self.rows(messages))
        assert {row["id"]: told[row["id"]] for row in standing} == dict.fromkeys((row["id"] for row in standing), 1)
        entered = Counter(
            (row["action"], row["detail"]["alert"]) for row in self.rows(audit) if row["action"] == "alert.open"
        )
        withdrawn = Counter(row["detail"]["alert"] for row in self.rows(audit) if row["action"] == "alert.withdraw")
        assert all(
            count == 1 + withdrawn[alert] - (alert not in told) or count >= 1 for (_, alert), count in entered.items()
        )

    def check_messages(self) -> None:
        """Each message was handed over once, as one file."""
        found = self.rows(messages)
        assert max(Counter(row["key"] for row in found).values()) == 1
        sent = {row["number"] for row in found if row["state"] == "accepted"}
        assert {row["state"] for row in found} <= {"accepted", "withdrawn"}
        handed_over = Counter(row["message"] for row in self.rows(message_history) if row["state"] == "accepted")
        assert handed_over == dict.fromkeys(sent, 1)
        files = sorted(path.name for path in (self.service.data / "spool").iterdir())
        assert files == sorted(f"N{number}.txt" for number in sent)
        assert len({(self.service.data / "spool" / name).read_text() for name in files}) == len(files)


FIRST_TZ = at(0, 0).tzinfo


def _lists(*columns: Any) -> list[list[Any]]:
    return [column.tolist() for column in columns]


@contextmanager
def siege(folder: Path, influx: InfluxOptions | None) -> Iterator[Siege]:
    more = CODECS + SETTINGS + (INFLUX.format(**asdict(influx)) if influx else "")
    with (
        Mosquitto(folder / "broker") as broker,
        RunningService(folder / "service", broker.port, more) as service,
        Publisher(broker.port) as publisher,
        closing(Database.file(service.data / "ledger.db")) as database,
    ):
        files = write_files(folder / "registry", REGISTRY)
        SqlRegistry(database).import_files(files, by="clerk", now=at(0, 9), default_zone="Asia/Shanghai")
        codes = SqlRegistry(database).load().codes

        def store() -> ReadingStore:
            found: ReadingStore = (
                InfluxReadings(influx) if influx else SqliteReadings.read_only(service.data / "readings.db")
            )
            found.know(codes)
            return found

        ledger = Ledger(database)
        ledger.clock.move(at(0, 9))
        yield Siege(service, publisher, ledger, store, random.Random(SEED))


@contextmanager
def seed_named() -> Iterator[None]:
    try:
        yield
    except BaseException as problem:
        problem.add_note(f"Again with the same dice: METERWATCH_SEED={SEED}")
        raise


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


def run(folder: Path, influx: InfluxOptions | None, *, kills: int, days: int) -> None:
    with seed_named(), siege(folder, influx) as besieged:
        besieged.survive(Script(days, random.Random(SEED)), kills)
        besieged.check_readings()
        besieged.check_balances()
        besieged.check_alerts(days)
        besieged.check_messages()


COUNTS = [pytest.param(3, 8, id="3 kills"), pytest.param(50, 25, id="50 kills", marks=pytest.mark.long)]


@pytest.mark.parametrize(("kills", "days"), COUNTS)
def test_with_sqlite(tmp_path: Path, kills: int, days: int) -> None:
    run(tmp_path, None, kills=kills, days=days)


@pytest.mark.parametrize(("kills", "days"), COUNTS)
def test_with_influxdb(tmp_path: Path, influxd: Influxd, kills: int, days: int) -> None:
    run(tmp_path, influxd.options(), kills=kills, days=days)
