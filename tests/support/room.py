"""The ingest room over a small registry: a real journal, real SQLite stores, and packets to put into them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ingest import outcomes, segments
from ingest.codecs.json_mapping import JsonCodec, JsonMapping, ReadingMapping
from ingest.journal import Journal, JournalOptions
from ingest.pipeline import Decoders, Pipeline, PipelineOptions
from meterwatch.core.instants import to_ms
from meterwatch.core.model.packets import Outcome, Packet, Position
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.core.model.registry import COMMODITIES, FOREVER_MS, Agreements, Meters, Points, Registry
from meterwatch.core.ports import IngestLedger, ReadingStore
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.tables import dirty_days
from tests.support.ledger import migrated

NOW = datetime(2023, 1, 10, 12, tzinfo=UTC)
SHANGHAI, ROME = "Asia/Shanghai", "Europe/Rome"
TOPIC = "m/gw"
MAPPING = JsonMapping(
    name="gateway",
    topics=("m/+",),
    meter="sn",
    time="t",
    readings=(
        ReadingMapping("gas.register", "v", unit_path="unit"),
        ReadingMapping("electricity.power", "p"),
    ),
)


def ms(text: str) -> int:
    """Return the UTC milliseconds of an ISO time with its zone."""
    return to_ms(datetime.fromisoformat(text))


NOON = ms("2023-01-10T12:00+08:00")


def registry(*extra_meters: str, number: int = 1) -> Registry:
    """Return two gas points and one electricity point; the first gas meter, A, was exchanged for B on 1 July 2022.

    Gas: ``G-1`` (A, B) in Shanghai, ``G-2`` (C) in Rome. Electricity: ``E-1`` (D) in Shanghai. ``extra_meters`` are further
    meters of ``G-1`` that were never taken off.
    """
    gas, power = COMMODITIES.index(Commodity.GAS), COMMODITIES.index(Commodity.ELECTRICITY)
    exchange = ms("2022-07-01T12:00+08:00")
    rows = [("A", 0, 0, exchange), ("B", 0, exchange, FOREVER_MS), *((code, 0, 0, FOREVER_MS) for code in extra_meters)]
    rows += [("C", 1, 0, FOREVER_MS), ("D", 2, 0, FOREVER_MS)]
    codes, points, starts, ends = zip(*rows, strict=True)
    none = np.full(len(rows), np.nan)
    unknown = np.full(3, np.nan)
    return Registry(
        number=number,
        codes=("G-1", "G-2", "E-1"),
        time_zones=(SHANGHAI, ROME),
        points=Points.of([gas, gas, power], [0, 1, 0], unknown, unknown, unknown, [True] * 3),
        meters=Meters.of(points, np.full(len(rows), 6), np.ones(len(rows)), starts, ends, none, none),
        meter_codes=tuple(codes),
        customers=(),
        agreements=Agreements.empty(),
    )


def message(meter: str, time: int, /, **values: Any) -> Packet:
    """Return a packet of one record: ``v`` gas register in m3, ``p`` power in kW."""
    return Packet(TOPIC, json.dumps({"sn": meter, "t": time, **values}).encode())


def messages(count: int, first: int = 0) -> list[Packet]:
    """Return ``count`` packets that differ, each with one new reading of meter B, a second apart."""
    start = ms("2023-01-10T00:00+00:00")
    return [message("B", start + 1000 * number, v=float(number)) for number in range(first, first + count)]


def mixed() -> list[Packet]:
    """Return packets of every kind: new, twice, contradicting, poisoned, for days that are judged already."""
    begun = ms("2023-01-09T07:30+08:00")
    twice = Packet(TOPIC, json.dumps([{"sn": "B", "t": NOON, "v": 1}, {"sn": "B", "t": NOON, "v": 1}]).encode())
    contradiction = Packet(TOPIC, json.dumps([{"sn": "C", "t": NOON, "v": 1}, {"sn": "C", "t": NOON, "v": 2}]).encode())
    late = [message("B", begun + 60_000 * minute, v=minute) for minute in range(3)]
    return [
        *messages(3),
        *late,
        twice,
        Packet(TOPIC, b"{"),
        message("X", NOON, v=1),
        contradiction,
        *messages(4),
        message("B", NOON, v=5),
        message("D", ms("2023-01-09T23:00+08:00"), p=3),
        *late,
    ]


def numbered(count: int, first: int = 0) -> list[Packet]:
    """Return ``count`` packets that say nothing but their number."""
    return [Packet("m/1", b"%d" % number) for number in range(first, first + count)]


def follow(journal: Journal, position: Position | None = None, at_least: int = 1 << 20) -> list[Packet]:
    """Return every packet from ``position`` (default: the oldest kept) on."""
    at, found = position or journal.first, list[Packet]()
    while at != journal.end:
        placed, after = journal.read(at, at_least)
        assert after > at
        found += [packet for _, packet in placed]
        at = after
    return found


def settle_all(journal: Journal) -> None:
    """Let each packet have brought one new reading."""
    while journal.released != journal.end:
        placed, after = journal.read(journal.released)
        journal.settle([Outcome(position, rejected=False, decoded=1, new=1) for position, _ in placed])
        journal.release(after)


@dataclass
class StillClock:
    """Business time that only the test moves."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Room:
    """An open ingest room."""

    folder: Path
    clock: StillClock
    journal: Journal
    ledger: Ledger
    store: ReadingStore
    pipeline: Pipeline

    def put(self, *packets: Packet) -> list[Position]:
        return self.journal.append(packets, self.clock.at)

    def drain(self) -> None:
        while self.pipeline.step():
            pass

    def take(self, *packets: Packet) -> list[Position]:
        positions = self.put(*packets)
        self.drain()
        return positions

    def dirty(self) -> list[tuple[int, ...]]:
        query = dirty_days.select().order_by(dirty_days.c.day, dirty_days.c.point)
        with self.ledger.database.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def begin(self, scheme: str, day: int) -> None:
        """Let the first evaluation of ``day`` have begun."""
        self.ledger.evaluation.open_scheme(scheme, day, self.clock.at)
        self.ledger.evaluation.begin_day(scheme, day, self.clock.at)

    def outcomes(self) -> dict[int, list[tuple[int, ...]]]:
        numbers = segments.numbers(self.journal.directory)
        return {number: outcomes.load(self.journal.directory, number).tolist() for number in numbers}

    def rows(self) -> list[tuple[Any, ...]]:
        return [*zip(*(column.tolist() for column in self.store.read(-(2**60), 2**60).columns()), strict=True)]

    def durable(self) -> dict[str, Any]:
        """Return everything that a step leaves behind, as values that compare."""
        rejects = self.ledger.ingest.rejects(limit=10**6, replayed=True)
        conflicts = self.ledger.ingest.conflicts(limit=10**6)
        found = {"outcomes": self.outcomes(), "rows": self.rows(), "dirty": self.dirty()}
        return found | {"rejects": rejects, "conflicts": conflicts, "balance": self.journal.balance()}

    def check(self) -> None:
        """Assert that both balances hold, nothing waits, and what counts as new is what the store holds."""
        balance = self.journal.balance()
        assert balance.holds(), balance
        assert balance.waiting == 0
        assert balance.new == self.store.count(), balance


def begin_days(room: Room) -> None:
    """Let the 9th of January have been judged in Shanghai, for gas (08:00) and power (00:00), and no later day."""
    for scheme, day in ((f"{SHANGHAI}@8", "2023-01-09"), (f"{SHANGHAI}@0", "2023-01-09")):
        room.begin(scheme, ordinal(day))


def ordinal(day: str) -> int:
    """Return the proleptic ordinal of an ISO date."""
    return date.fromisoformat(day).toordinal()


@contextmanager
def opened(
    folder: Path,
    *,
    options: JournalOptions | None = None,
    pipeline: PipelineOptions | None = None,
    mappings: Sequence[JsonMapping] = (MAPPING,),
    around_store: Callable[[ReadingStore], ReadingStore] = lambda store: store,
    around_ledger: Callable[[IngestLedger], IngestLedger] = lambda ledger: ledger,
    make_journal: Callable[[Path, JournalOptions | None], Journal] = Journal,
    on_new: Callable[[ReadingBatch, Registry], None] = lambda _batch, _registry: None,
) -> Iterator[Room]:
    """Open the room whose files lie in ``folder``, with adapters of the test's own around the real stores."""
    if not (folder / "ledger.db").exists():  # to make its tables takes longer than a whole example
        (folder / "ledger.db").write_bytes(migrated())
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database.file(folder / "ledger.db")))
        store = stack.enter_context(closing(SqliteReadings(folder / "readings.db")))
        journal = stack.enter_context(closing(make_journal(folder / "journal", options)))
        clock, ledger = StillClock(), Ledger(database)
        follower = Pipeline(
            journal,
            Decoders([JsonCodec(mapping) for mapping in mappings]),
            around_store(store),
            around_ledger(ledger.ingest),
            clock,
            on_new,
            pipeline or PipelineOptions(),
        )
        follower.use(registry())
        yield Room(folder, clock, journal, ledger, store, follower)
