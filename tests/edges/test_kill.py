"""kill -9 at random moments: nothing acknowledged is lost, nothing is stored or said twice, and both balances hold."""

import os
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select, update

from ingest.journal import Journal
from meterwatch.core.instants import EPOCH, to_ms
from meterwatch.core.model.messages import MessageState
from meterwatch.core.ports import ReadingStore
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties
from meterwatch.stores.influx_options import InfluxOptions
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_influx import InfluxReadings
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.tables import alerts, audit, conflicts, dirty_days, message_history, messages, rejects
from tests.support.influx import Influxd, settings_text
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
    day_of,
    kept,
)
from tests.support.mosquitto import Mosquitto, Publisher, until
from tests.support.registry_csv import write_files
from tests.support.running import RunningService

SEED = int(os.environ.get("METERWATCH_SEED", "20230601"))
CODES = (*GAS_POINTS, *POWER_POINTS)
MINUTE = timedelta(minutes=1)
BURST = 200
SETTINGS = """
[journal]
segment_bytes = 50000
max_bytes = 1000000000

[ingest]
step_bytes = 20000

[routing]
channel = "spool"
valid_h = {churn = 100000, load = 100000}

"""


class Playing(threading.Thread):
    """Something that goes on beside the test and may fail."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._failure: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as problem:
            self._failure = problem

    def end(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self._failure is not None:
            raise self._failure


@dataclass
class Siege:
    """The service under fire: what is sent to it, and everything it must answer for afterwards."""

    service: RunningService
    publisher: Publisher
    ledger: Ledger
    store: Callable[[], ReadingStore]
    dice: random.Random
    sent: list[Sent] = field(default_factory=list)

    def play_through(self, days: list[list[Act]], gates: threading.Semaphore) -> None:
        """Play each day when its gate opens."""
        for day in days:
            gates.acquire()
            self.play(day)

    def play(self, acts: list[Act]) -> None:
        """Play a day; what is published has been acknowledged by the broker when it returns."""
        for act in acts:
            self.ledger.clock.move(act.clock)
            for start in range(0, len(act.packets), BURST):
                burst = act.packets[start : start + BURST]
                self.publisher.publish_each((packet.topic, packet.payload) for packet in burst)
                self.sent += burst

    def start(self) -> None:
        """Start it, as if the leases of the one that was killed had run out meanwhile."""
        mine = update(messages).where(messages.c.state == MessageState.IN_FLIGHT)
        with self.ledger.database.write() as connection:
            connection.execute(mine.values(lease_until_real=EPOCH))
        self.service.start()

    def survive(self, script: Script, kills: int) -> None:
        """Play all days while it is killed ``kills`` times, then let it finish its work in peace and stop it."""
        days = list(script.acts())
        gates = threading.Semaphore(0)
        playing = Playing(lambda: self.play_through(days, gates))
        self.start()
        self.service.wait_until_ready()  # from here on the broker keeps for us what is published
        for number in range(kills):
            for _ in range(len(days) * number // kills, len(days) * (number + 1) // kills):
                gates.release()
            soon = self.dice.random() < 0.5  # while packets pour in; else while days are judged and messages sent as well
            threading.Event().wait(self.dice.uniform(0, 0.4) if soon else self.dice.uniform(0.4, 2))
            self.service.kill()
            self.start()
            if self.dice.random() < 0.6:
                self.service.wait_until_ready()
        playing.end()
        self.finish(days[-1][-1].clock)

    def finish(self, clock: datetime) -> None:
        """Let the service store everything, judge every day and send every message, then stop it cleanly."""
        expected = len(kept(self.sent))
        with closing(self.store()) as store:
            until(lambda: store.count() >= expected, f"{expected} readings to be stored", 60)
        self.step(clock + MINUTE)
        until(self.drained, "the journal to be drained")
        self.step(clock + 2 * MINUTE)
        until(lambda: not self.ledger.outbox.waiting(), "every message to be sent")
        self.check_metrics()
        self.service.stop()

    def metrics(self) -> dict[str, float]:
        return {name.removeprefix("meterwatch_"): value for name, value in self.service.metrics().items()}

    def drained(self) -> bool:
        """Whether every packet is counted as decoded or rejected: all that live rules say of it is committed then."""
        found = self.metrics()
        return bool(found) and found["journal_packets_total"] + found["journal_backlog_packets"] == found["packets_total"]

    def check_metrics(self) -> None:
        """Both balances of docs/metrics.md hold for the process that is running."""
        until(lambda: self.metrics()["journal_waiting_packets"] == 0, "the gauge, set once a second, to say so")
        found = self.metrics()
        inside = found["journal_packets_total"] + found["journal_backlog_packets"]
        assert inside == found["packets_total"] + found["journal_waiting_packets"]
        assert found["readings_decoded_total"] == found["readings_total"]

    def step(self, clock: datetime) -> None:
        self.ledger.clock.move(clock)
        all_there = dict.fromkeys(("engine", "notify"), clock)  # a role that was always killed in its first step has no row
        until(lambda: self.ledger.clock.steps() == all_there, "every role to have stepped", 60)

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
        first = FIRST.toordinal()
        totals = store.read_totals(first - HISTORY, first + 1000)
        rows = zip(totals.usage_point.tolist(), totals.day.tolist(), totals.use.tolist(), strict=True)
        found = {(CODES[point], day - first): use for point, day, use in rows if use or day >= first}
        expected: defaultdict[tuple[str, int], float] = defaultdict(float)
        for (point, _, time), value in kept(self.sent).items():
            expected[point, day_of(point, time)] += value
        assert found == pytest.approx(dict(expected))

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
        tasks = [row for row in self.rows(duties) if row["state"] != "void" and row["rule"] == "churn-warn"]
        assert [row["alert"] for row in tasks] == [row["id"] for row in standing if row["rule"] == "churn"]
        assert self.rows(dirty_days) == []
        told = Counter(row["alert"] for row in self.rows(messages))
        assert {row["id"]: told[row["id"]] for row in standing} == {row["id"]: 1 for row in standing}
        said = Counter((row["action"], row["detail"]["alert"]) for row in self.rows(audit) if "alert" in row["detail"])
        for row in self.rows(alerts):
            opened, withdrawn = said["alert.open", row["id"]], said["alert.withdraw", row["id"]]
            assert opened - withdrawn == (row["withdrawn_at"] is None), "opened or withdrawn twice in a row"

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


@contextmanager
def siege(folder: Path, influx: InfluxOptions | None) -> Iterator[Siege]:
    more = CODECS + SETTINGS + (settings_text(influx) if influx else "")
    with (
        Mosquitto(folder / "broker") as broker,
        RunningService(folder / "service", broker.port, more) as service,
        Publisher(broker.port) as publisher,
        closing(Database.file(service.data / "ledger.db")) as database,
    ):
        files = write_files(folder / "registry", REGISTRY)
        SqlRegistry(database).import_files(files, by="clerk", now=at(0, 9), default_zone="Asia/Shanghai")
        assert SqlRegistry(database).load().codes == CODES

        def store() -> ReadingStore:
            found: ReadingStore = (
                InfluxReadings(influx) if influx else SqliteReadings.read_only(service.data / "readings.db")
            )
            found.know(CODES)
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
