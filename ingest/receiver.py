"""Journal before PUBACK: takes what waits, fsyncs it, acknowledges it. Natural group commit, no timer."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ingest import metrics, segments
from ingest.journal import INBOX, Journal
from meterwatch.core.clock import Clock
from meterwatch.core.errors import Unavailable
from meterwatch.core.model.packets import Packet

log = logging.getLogger(__name__)

GROUP_PACKETS = 5000
INBOX_BYTES = 4 << 20  # handed in at a time, so that live packets never wait behind a backfill
INBOX_BACKLOG = 64 << 20  # nothing is handed in while this much waits to be stored
_RETRY_S = 1.0


class Source(Protocol):
    """Where packets come from: a Subscriber, or a test's own."""

    def take(self, limit: int, timeout: float) -> list[Packet]:
        """Return waiting packets in receive order, after at most ``timeout`` seconds."""

    def acknowledge(self, packets: Sequence[Packet]) -> int:
        """Acknowledge packets that are safe; return how many acknowledgements went out."""


class Receiver:
    """Moves packets from a source into the journal, and files from the inbox when the source is quiet."""

    def __init__(self, source: Source, journal: Journal, clock: Clock) -> None:
        self._source, self._journal, self._clock = source, journal, clock
        self._stopping = threading.Event()
        self._inbox_offset: dict[Path, int] = {}

    def run(self) -> None:
        """Receive until ``stop``; what was taken is journaled and acknowledged before it returns."""
        while not self._stopping.is_set():
            self.receive(0.05 if self._inbox() else 0.5)
            self.adopt()
        while self.receive(0.0):
            pass

    def stop(self) -> None:
        """Let ``run`` end once everything the source still holds is journaled."""
        self._stopping.set()

    def receive(self, timeout: float) -> int:
        """Journal and acknowledge what waits; return how many packets. While the disk refuses, it keeps trying."""
        packets = self._source.take(GROUP_PACKETS, timeout)
        if packets and self._kept(packets):
            self._source.acknowledge(packets)
        return len(packets)

    def _kept(self, packets: Sequence[Packet]) -> bool:
        """Append until it works; False if we are told to stop before it did: the broker will send them again."""
        while True:
            try:
                self._journal.append(packets, self._now())
            except Unavailable as problem:
                metrics.JOURNAL_WRITABLE.set(0)
                log.error("%s; acknowledgements are held back", problem)
                if self._stopping.wait(_RETRY_S):
                    return False
            else:
                metrics.JOURNAL_WRITABLE.set(1)
                return True

    def _now(self) -> datetime:
        return self._clock.now()

    def adopt(self) -> int:
        """Append the next stretch of the oldest file handed in through the inbox; return how many packets.

        After a crash in between, the file is handed in again from its start: the readings come out as duplicates.
        """
        files = self._inbox()
        if not files or self._backlog() > INBOX_BACKLOG:
            return 0
        path = files[0]
        start = self._inbox_offset.get(path, segments.HEADER.size)
        found = segments.read(path, start, path.stat().st_size, INBOX_BYTES)
        packets = [packet for _, packet in found.packets]
        if packets and not self._kept(packets):
            return 0
        self._inbox_offset[path] = found.end
        if found.end == start:
            self._finish(path)
        return len(packets)

    def _finish(self, path: Path) -> None:
        """Put a file away: deleted when it was whole, else kept under another name for a person to look at."""
        if self._inbox_offset.pop(path) == path.stat().st_size:
            path.unlink()
            return
        log.error("inbox: %s is damaged; what could be read of it was taken in", path.name)
        path.rename(path.with_suffix(".damaged"))

    def _inbox(self) -> list[Path]:
        return sorted((self._journal.directory / INBOX).glob("*.seg"))

    def _backlog(self) -> int:
        end, released = self._journal.end, self._journal.released
        return (end.segment - released.segment) * self._journal.options.segment_bytes + end.offset - released.offset
