"""From journal to stored readings. Each step can be called in a test; ``step`` runs them in order over one stretch.

Nothing is released before its readings are stored, its dirty days, rejects and conflicts are in the ledger, what live
rules saw in it is committed, and its outcome lies beside it. A run that was interrupted anywhere is simply run again.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

import numpy as np
from paho.mqtt.client import topic_matches_sub

from ingest import metrics
from ingest.codecs.codec import Codec, Decoded, excerpt
from ingest.journal import Journal
from ingest.validate import Valid, ValidationOptions, validate
from meterwatch.core.bounds import require_within
from meterwatch.core.clock import Clock
from meterwatch.core.dirty import dirty_days
from meterwatch.core.errors import Unavailable
from meterwatch.core.model.packets import Outcome, Packet, Position, Reason, Reject
from meterwatch.core.model.readings import Appended, AppendStatus, ReadingBatch
from meterwatch.core.model.registry import Registry
from meterwatch.core.ports import Conflict, IngestLedger, ReadingStore, Settlement

log = logging.getLogger(__name__)

Placed = Sequence[tuple[Position, Packet]]
Refused = tuple[int, int, Reason, str]  # packet, record, reason, detail
_KEPT_ONE_BY_ONE = 1000  # a megabyte of `[0,0,…` holds half a million refused readings
_RETRY_S = 1.0
_TOPICS_REMEMBERED = 1_000_000  # more than any fleet has; topics made up by the million must not fill the memory


@dataclass(frozen=True)
class PipelineOptions:
    """How packets become readings."""

    max_payload_bytes: int = 1024 * 1024
    """A larger message is kept as a reject, not decoded."""
    step_bytes: int = 1024 * 1024
    """About how much of the journal one step takes."""
    validation: ValidationOptions = ValidationOptions()
    """Which times are believed."""

    def __post_init__(self) -> None:
        require_within(self, max_payload_bytes=(1024, 268_435_455), step_bytes=(1, 1 << 30))


class Decoders:
    """Finds the codec of a topic; the first in the settings that matches."""

    def __init__(self, codecs: Sequence[Codec]) -> None:
        self._codecs = codecs
        self._by_topic: dict[str, Codec | None] = {}

    def of(self, topic: str) -> Codec | None:
        """Return the codec of a topic, None if no mapping covers it."""
        if topic not in self._by_topic:
            if len(self._by_topic) >= _TOPICS_REMEMBERED:
                self._by_topic.clear()
            fits = (codec for codec in self._codecs if any(topic_matches_sub(sub, topic) for sub in codec.topics))
            self._by_topic[topic] = next(fits, None)
        return self._by_topic[topic]


def decode(packets: Sequence[Packet], decoders: Decoders, options: PipelineOptions) -> Decoded:
    """Return the readings of packets as their codecs find them, with every packet that has none among the rejected."""
    decoded = Decoded()
    by_codec: dict[int, tuple[Codec, list[tuple[int, Packet]]]] = {}
    for index, packet in enumerate(packets):
        reason, codec = _obstacle(packet, decoders, options)
        if reason or codec is None:
            decoded.rejected.append((index, reason or Reason.NO_MAPPING, excerpt(packet.topic)))
        else:
            by_codec.setdefault(id(codec), (codec, []))[1].append((index, packet))
    for codec, own in by_codec.values():
        codec.decode(own, decoded)
    return decoded


def _obstacle(packet: Packet, decoders: Decoders, options: PipelineOptions) -> tuple[Reason | None, Codec | None]:
    if not packet.payload:
        return Reason.EMPTY, None
    if len(packet.payload) > options.max_payload_bytes:
        return Reason.TOO_LARGE, None
    return None, decoders.of(packet.topic)


def rejects(placed: Placed, rejected: Sequence[tuple[int, Reason, str]], refused: Sequence[Refused]) -> list[Reject]:
    """Return the rejects of a stretch: whole packets, and single readings with their record number.

    Of a packet with very many refused readings only the first are kept one by one; the detail of the last of these says how
    many more there were.
    """
    whole = [Reject(placed[packet][0], reason, placed[packet][1], None, detail) for packet, reason, detail in rejected]
    single = []
    for index, own in groupby(sorted(refused, key=itemgetter(0, 1)), key=itemgetter(0)):
        position, packet = placed[index]
        found = [Reject(position, reason, packet, record, detail) for _, record, reason, detail in own]
        if len(found) > _KEPT_ONE_BY_ONE:
            last = found[_KEPT_ONE_BY_ONE - 1]
            found[_KEPT_ONE_BY_ONE - 1 :] = [replace(last, detail=f"{last.detail} (+{len(found) - _KEPT_ONE_BY_ONE})")]
        single += found
    return whole + single


def store_refused(valid: Valid, appended: Appended) -> list[Refused]:
    """Return the readings the database refused for good, as refusals."""
    index = np.flatnonzero(appended.status == AppendStatus.REFUSED).tolist()
    return [(int(valid.packet[i]), int(valid.record[i]), Reason.STORE_REFUSED, "") for i in index]


def conflicts(placed: Placed, valid: Valid, appended: Appended, registry: Registry) -> list[Conflict]:
    """Return both values of every reading that contradicts a stored one."""
    batch = valid.batch
    return [
        Conflict(
            registry.codes[batch.usage_point[i]],
            int(batch.reading_type[i]),
            int(batch.time[i]),
            float(appended.kept_value[i]),
            int(appended.kept_received_at[i]),
            float(batch.value[i]),
            int(batch.received_at[i]),
            placed[valid.packet[i]][0],
        )
        for i in np.flatnonzero(appended.status == AppendStatus.CONFLICT).tolist()
    ]


def outcomes(placed: Placed, decoded: Decoded, valid: Valid, appended: Appended) -> list[Outcome]:
    """Return what became of each packet; for each, decoded = new + duplicate + conflict + refused."""
    counts = np.zeros((len(placed), len(AppendStatus)), np.int64)
    np.add.at(counts, (valid.packet, appended.status), 1)
    np.add.at(counts, ([entry[0] for entry in valid.refused], AppendStatus.REFUSED), 1)
    whole = {packet for packet, _, _ in decoded.rejected}
    return [
        Outcome(position, rejected=index in whole, decoded=int(row.sum()), **dict(zip(_STATUS, row.tolist(), strict=True)))
        for index, ((position, _), row) in enumerate(zip(placed, counts, strict=True))
    ]


_STATUS = tuple(status.name.lower() for status in AppendStatus)


class Pipeline:
    """Follows the journal. ``on_new`` is given every batch of new readings before it is released."""

    def __init__(
        self,
        journal: Journal,
        decoders: Decoders,
        store: ReadingStore,
        ledger: IngestLedger,
        clock: Clock,
        on_new: Callable[[ReadingBatch, Registry], None],
        options: PipelineOptions,
    ) -> None:
        self._journal, self._decoders, self._store, self._ledger, self._clock = journal, decoders, store, ledger, clock
        self._on_new, self._options = on_new, options
        self._registry = Registry.empty()
        self._failure = ""
        self._stopping = threading.Event()
        self.released = 0
        """Packets that became readings or rejects since the start."""

    def use(self, registry: Registry) -> None:
        """Decode with ``registry`` from the next step on; raises Refusal if the store knows a row by another code."""
        self._store.know(registry.codes)
        self._registry = registry

    @property
    def failure(self) -> str:
        """Why the last step could not be completed; empty when it could."""
        return self._failure

    def run(self) -> None:
        """Follow the journal until ``stop``. A database that does not answer is waited for; nothing is skipped."""
        while not self._stopping.is_set():
            try:
                moved = self.step()
                self._failure = ""
                metrics.STORE_AVAILABLE.set(1)
            except Unavailable as problem:
                self._failure = str(problem)
                metrics.STORE_AVAILABLE.set(0)
                metrics.PIPELINE_RETRIES.inc()
                log.warning("pipeline: %s; trying again", problem)
                self._stopping.wait(_RETRY_S)
                continue
            if not moved:
                self._journal.wait(self._journal.released, 0.5)

    def stop(self) -> None:
        """Let ``run`` end after the present step."""
        self._stopping.set()
        self._journal.wake()

    def step(self) -> bool:
        """Turn the next stretch of the journal into stored readings and release it; False if nothing waits."""
        start = self._journal.released
        placed, after = self._journal.read(start, self._options.step_bytes)
        if placed:
            self._journal.settle(self.process(placed))
        if after != start:
            self._journal.release(after)
            self.released += len(placed)
        return after != start

    def process(self, placed: Placed) -> list[Outcome]:
        """Store everything that lies in ``placed`` and return each packet's outcome; doing it twice changes nothing."""
        registry = self._registry
        packets = [packet for _, packet in placed]
        decoded = decode(packets, self._decoders, self._options)
        valid = validate(decoded, packets, registry, self._options.validation)
        appended = self._store.append(valid.batch)
        new = valid.batch.take(appended.status == AppendStatus.NEW)
        refused = [*valid.refused, *store_refused(valid, appended)]
        settlement = Settlement(
            dirty_days(new, registry, self._ledger.begun_days()),
            rejects(placed, decoded.rejected, refused),
            conflicts(placed, valid, appended, registry),
        )
        if settlement:
            self._ledger.settle(settlement, self._clock.now())
        if len(new):
            self._on_new(new, registry)
        result = outcomes(placed, decoded, valid, appended)
        _count(result, [*(reason for _, reason, _ in decoded.rejected), *(reason for _, _, reason, _ in refused)])
        return result


def _count(result: Sequence[Outcome], reasons: Sequence[Reason]) -> None:
    rejected = sum(outcome.rejected for outcome in result)
    metrics.PACKETS.labels("rejected").inc(rejected)
    metrics.PACKETS.labels("decoded").inc(len(result) - rejected)
    metrics.READINGS_DECODED.inc(sum(outcome.decoded for outcome in result))
    for status in _STATUS:
        metrics.READINGS.labels(status).inc(sum(getattr(outcome, status) for outcome in result))
    for reason, number in Counter(reasons).items():
        metrics.REJECTS.labels(reason).inc(number)
