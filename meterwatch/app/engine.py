"""The role ``engine``: receives, stores, judges."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

from ingest import metrics as ingest_metrics
from ingest.journal import Journal
from ingest.mqtt import Subscriber
from ingest.pipeline import Decoders, Pipeline
from ingest.receiver import Receiver
from meterwatch.app import metrics
from meterwatch.app.books import Books
from meterwatch.app.evaluation import Evaluation
from meterwatch.app.live import Live
from meterwatch.app.parts import codecs, rule_set, site
from meterwatch.app.settings import Settings
from meterwatch.core.instants import to_ms, to_us
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.core.model.registry import Registry
from meterwatch.core.ports import ReadingStore
from meterwatch.core.registers import MAX_GAP_MS

log = logging.getLogger(__name__)

_COUNTED_BYTES = 16 << 20  # of a backlog, at a time


class Engine:
    """Subscriber -> journal -> pipeline -> readings, and the evaluation of meter days."""

    name: ClassVar[str] = "engine"

    def __init__(
        self, settings: Settings, books: Books, store: ReadingStore, journal: Journal, subscriber: Subscriber
    ) -> None:
        self._books, self.store, self.journal, self.subscriber = books, store, journal, subscriber
        rules, place = rule_set(settings), site(settings)
        evaluation = books.ledger.evaluation
        self._evaluation = Evaluation(store, evaluation, rules, place)
        self._live = Live(evaluation, rules.rules, rules.options, place, books.clock)
        self._receiver = Receiver(subscriber, journal, books.clock)
        self.pipeline = Pipeline(
            journal, Decoders(codecs(settings)), store, books.ledger.ingest, books.clock, self._on_new, settings.ingest
        )
        self.registry = Registry.empty()
        self._threads: list[threading.Thread] = []
        self.crash = ""
        self._backlog = 0

    def _on_new(self, batch: ReadingBatch, registry: Registry) -> None:
        self._live.judge(batch, registry)

    def start(self) -> None:
        """Load the registry, remember the last readings, and start to receive."""
        self.use_registry()
        self._live.prime(self._judged_lately())
        self._backlog = self._waiting_packets()
        ingest_metrics.JOURNAL_BACKLOG_PACKETS.set(self._backlog)
        for run in (self._receiver.run, self.pipeline.run):
            thread = threading.Thread(target=self._guard, args=(run,), name=run.__qualname__, daemon=True)
            thread.start()
            self._threads.append(thread)
        self.subscriber.start()

    def _judged_lately(self) -> ReadingBatch:
        """Return the readings of the last hours; what still waits in the journal may be stored, but is yet to be judged."""
        now = to_ms(self._books.clock.now())
        recent = self.store.read(now - 2 * MAX_GAP_MS, now)
        waiting = self.journal.oldest_waiting()
        return recent if waiting is None else recent.take(recent.received_at < to_us(waiting))

    def _waiting_packets(self) -> int:
        at, count = self.journal.released, 0
        while at != self.journal.end:
            placed, at = self.journal.read(at, _COUNTED_BYTES)
            count += len(placed)
        return count

    def _guard(self, run: Callable[[], None]) -> None:
        """Run a thread's work; an exception nobody expected is a fault of ours, and the service stops because of it."""
        try:
            run()
        except Exception as problem:
            log.exception("%s crashed", threading.current_thread().name)
            self.crash = f"{threading.current_thread().name}: {problem!r}"

    def use_registry(self) -> None:
        """Take over the newest registry snapshot, if there is a newer one than the one in use."""
        registry = self._books.snapshots.newest()
        if registry.number != self.registry.number:
            # First the days to come are marked, then readings are let in: a backfill that comes at once is not missed.
            self._evaluation.open_schemes(self._books.clock.now(), registry)
            self.pipeline.use(registry)
            self.registry = registry
            metrics.REGISTRY_SNAPSHOT.set(registry.number)
            log.info("registry snapshot %d: %d usage points", registry.number, len(registry.codes))

    def step(self, now: datetime) -> None:
        """Take over a new registry, judge what is due, tidy the journal."""
        self.use_registry()
        self._evaluation.step(now, self.registry)
        self.journal.prune(now)

    def next_due(self, now: datetime) -> datetime | None:  # noqa: ARG002 - the port says when
        """Return when the next meter day is to be judged."""
        return self._evaluation.next_due(self.registry)

    def measure(self, now: datetime) -> None:
        """Set the gauges."""
        oldest = self.journal.oldest_waiting()
        waiting = self._backlog + self.journal.appended - self.pipeline.released
        ingest_metrics.JOURNAL_WAITING_PACKETS.set(max(waiting, 0))
        ingest_metrics.JOURNAL_WAITING_SECONDS.set(max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)
        ingest_metrics.JOURNAL_DISK_BYTES.set(self.journal.bytes_on_disk())
        counts = self._books.ledger.evaluation.open_counts()
        for rule in self._evaluation.rule_names():
            metrics.OPEN_ALERTS.labels(rule).set(counts.get(rule, 0))

    def drained(self) -> bool:
        """Return whether everything in the journal has become readings or rejects."""
        return self.journal.released == self.journal.end

    def stop(self) -> None:
        """Stop receiving, journal and acknowledge what came in, finish the present step."""
        if not self._threads:
            return
        receiving, following = self._threads
        self.subscriber.stop_receiving()
        self._receiver.stop()
        receiving.join()
        self.pipeline.stop()
        following.join()
        self.subscriber.close()

    def problems(self) -> Sequence[str]:
        """Return why the engine is not ready."""
        state = self.subscriber.state
        found = [self.journal.failure, self.pipeline.failure]
        if not state.connected:
            found.append(f"broker: {state.error or 'not connected yet'}")
        elif not state.subscribed:
            found.append(f"broker: {state.error or 'not subscribed yet'}")
        return [text for text in (*found, self.crash) if text]
