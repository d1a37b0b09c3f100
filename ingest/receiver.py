"""Journal before PUBACK: takes what waits, fsyncs it, acknowledges it. Natural group commit, no timer."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingest import metrics, segments
from ingest.journal import INBOX, Journal
from meterwatch.core.clock import Clock
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.packets import Packet

log = logging.getLogger(__name__)

GROUP_PACKETS = 5000
GROUP_BYTES = 16 << 20  # of large packets fewer are journaled at a time: they are held in memory twice meanwhile
INBOX_BYTES = 4 << 20  # handed in at a time, so that live packets never wait behind a backfill
INBOX_BACKLOG = 64 << 20  # nothing is handed in while this much waits to be stored
_RETRY_S = 1.0


class Source(Protocol):
    """Where packets come from: a Subscriber, or a test's own."""

    def take(self, limit: int, timeout: float) -> list[Packet]:
        """Return waiting packets in receive order, after at most ``timeout`` seconds."""

    def acknowledge(self, packets: Sequence[Packet]) -> int:
        """Acknowledge packets that are safe; return how many acknowledgements went out."""


@dataclass(slots=True)
class _Adoption:
    """How far a file of the inbox has been taken in, and whether all of it could be read so far."""

    whole: bool
    at: int = segments.HEADER.size


class Receiver:
    """Moves packets from a source into the journal, and files from the inbox when the source is quiet."""

    def __init__(self, source: Source, journal: Journal, clock: Clock) -> None:
        self._source, self._journal, self._clock = source, journal, clock
        self._stopping = threading.Event()
        self._given_up = False
        self._adoptions: dict[Path, _Adoption] = {}
        self._unreadable: set[Path] = set()

    def run(self) -> None:
        """Receive until ``stop``; what was taken is journaled and acknowledged before it returns."""
        metrics.JOURNAL_WRITABLE.set(1)
        while not self._stopping.is_set():
            self.receive(0.05 if self._inbox() else 0.5)
            self.adopt()
        while not self._given_up and self.receive(0.0):  # what comes after packets that were not kept is not acknowledged
            pass

    def stop(self) -> None:
        """Let ``run`` end once everything the source still holds is journaled, or at once while the disk refuses."""
        self._stopping.set()

    def receive(self, timeout: float) -> int:
        """Journal and acknowledge what waits; return how many packets, 0 if the disk refused them until ``stop``."""
        packets = self._source.take(GROUP_PACKETS, timeout)
        for group in _groups(packets):
            if not self._kept(group):
                return 0
            self._source.acknowledge(group)
        return len(packets)

    def _kept(self, packets: Sequence[Packet]) -> bool:
        """Append until it works; False if we are told to stop before it did: the broker will send them again."""
        while True:
            try:
                self._journal.append(packets, self._clock.now())
            except Unavailable as problem:
                metrics.JOURNAL_WRITABLE.set(0)
                log.error("%s; acknowledgements are held back", problem)
                if self._stopping.wait(_RETRY_S):
                    self._given_up = True
                    return False
            else:
                metrics.JOURNAL_WRITABLE.set(1)
                return True

    # --- the inbox -----------------------------------------------------------------------------------------------

    def adopt(self) -> int:
        """Append the next stretch of the oldest file handed in through the inbox; return how many packets.

        After a crash in between, the file is handed in again from its start: the readings come out as duplicates.
        """
        files = self._inbox()
        if not files or self._backlog() > INBOX_BACKLOG:
            return 0
        path = min(files, key=lambda file: (file in self._unreadable, file))
        try:
            taken = self._take_in(path)
        except (OSError, Refusal) as problem:
            if path not in self._unreadable:
                log.error("inbox: %s has to wait: %s", path.name, problem)
            self._unreadable.add(path)
            return 0
        self._unreadable.discard(path)
        return taken

    def _take_in(self, path: Path) -> int:
        adoption = self._adoptions.setdefault(path, _Adoption(whole=segments.has_header(path)))
        size = path.stat().st_size
        found = segments.read(path, adoption.at, size, INBOX_BYTES)
        packets = [packet for _, packet in found.packets]
        if packets and not self._kept(packets):
            return 0
        if packets:
            adoption.at = found.end
        elif adoption.at < size:
            adoption.at, adoption.whole = segments.resume(path, adoption.at, size), False
        else:
            self._finish(path, adoption)
        return len(packets)

    def _finish(self, path: Path, adoption: _Adoption) -> None:
        """Put a file away: deleted when it was whole, else kept under another name for a person to look at."""
        if adoption.whole:
            path.unlink()
        else:
            log.error("inbox: %s is damaged; what could be read of it was taken in", path.name)
            path.rename(path.with_suffix(".damaged"))
        del self._adoptions[path]

    def _inbox(self) -> list[Path]:
        return [path for path in (self._journal.directory / INBOX).iterdir() if path.suffix == ".seg"]

    def _backlog(self) -> int:
        end, released = self._journal.end, self._journal.released
        return (end.segment - released.segment) * self._journal.options.segment_bytes + end.offset - released.offset


def _groups(packets: Sequence[Packet]) -> Iterator[Sequence[Packet]]:
    """Yield ``packets`` in order, about ``GROUP_BYTES`` at a time."""
    start = size = 0
    for index, packet in enumerate(packets):
        size += len(packet.payload)
        if size > GROUP_BYTES:
            yield packets[start : index + 1]
            start, size = index + 1, 0
    if start < len(packets):
        yield packets[start:]
