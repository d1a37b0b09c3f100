"""The journal: every packet lies here, fsynced, before the broker is told that it arrived.

One thread appends, one follows; a restart follows from what was released last, and replay changes nothing. Another process
may hand in packets (backfill, mended rejects) as complete segment files in ``inbox/``.
"""

import logging
import os
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import google_crc32c

from ingest import metrics, outcomes, segments
from ingest.outcomes import Balance, Folded
from meterwatch.core.errors import Unavailable
from meterwatch.core.instants import from_us, to_us
from meterwatch.core.model.packets import Outcome, Packet, Position

log = logging.getLogger(__name__)

_RELEASED = struct.Struct("<QQI")
_SAME_MOMENT_US = 10_000_000  # a clock set back by less than this does not make a packet's name come twice
INBOX = "inbox"


@dataclass(frozen=True)
class JournalOptions:
    """Where packets are kept until their readings are safe, and for how long after."""

    segment_bytes: int = 64 * 1024 * 1024
    """A new file is begun when the present one has grown to this many bytes."""
    keep_days: int = 7
    """Days for which packets are kept after their readings were stored."""
    max_bytes: int = 20 * 1024**3
    """Bound of the journal on disk; stored packets go first, then nothing is acknowledged any more."""


class Journal:
    """Raw packets on disk. ``append`` belongs to one thread; ``read``, ``settle`` and ``release`` to one other."""

    def __init__(self, directory: Path, options: JournalOptions | None = None) -> None:
        """Open the journal, cutting off what a crash left half written. Raises Unavailable if the disk does not allow it."""
        self.directory = directory
        self.options = options or JournalOptions()
        self._grown = threading.Condition()
        self._failure = ""
        try:
            (directory / INBOX).mkdir(parents=True, exist_ok=True)
            self._recover()
        except OSError as problem:
            raise Unavailable(f"journal {directory}: {problem.strerror}") from problem

    def _recover(self) -> None:
        self._drop_folded()
        known = segments.numbers(self.directory)
        number = known[-1] if known else Folded.load(self.directory).through + 1
        path = segments.path_of(self.directory, number)
        whole = segments.whole_length(path) if path.exists() else 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        if whole < segments.HEADER.size:
            whole = self._begin(number)
        self._cut(path, whole)
        os.fsync(self._descriptor)
        self._end = Position(number, whole)
        self._released = self._load_released()
        self._last_us = self._last_received()
        self._closed_bytes = self.bytes_on_disk() - whole
        self._pointer = os.open(self.directory / "released", os.O_RDWR | os.O_CREAT, 0o640)

    def _cut(self, path: Path, whole: int) -> None:
        """Cut off what was never acknowledged; the bytes are set aside, in case it was the disk that spoilt them."""
        torn = path.read_bytes()[whole:]
        if torn:
            path.with_suffix(f".torn{whole}").write_bytes(torn)
            log.warning("journal: cut %d torn bytes off %s", len(torn), path.name)
            os.ftruncate(self._descriptor, whole)

    def _begin(self, number: int) -> int:
        os.ftruncate(self._descriptor, 0)
        segments.write_all(self._descriptor, segments.encode_header(number), 0)
        os.fsync(self._descriptor)
        segments.sync_directory(self.directory)
        return segments.HEADER.size

    # --- the appending side --------------------------------------------------------------------------------------

    def append(self, packets: Sequence[Packet], now: datetime) -> list[Position]:
        """Write packets, stamp them with ``now`` and fsync; return where each lies. Nothing before may be acknowledged.

        Each packet gets a ``received_at`` of its own. Raises Unavailable when the disk is full or the journal at its bound:
        then none of the packets is in the journal.
        """
        records = [segments.encode(packet) for packet in self._stamped(packets, to_us(now))]
        size = sum(map(len, records))
        try:
            self._make_room(size)
            segments.write_all(self._descriptor, b"".join(records), self._end.offset)
            os.fdatasync(self._descriptor)
        except OSError as problem:
            self._undo()
            self._fail(f"journal {self.directory}: {problem.strerror}")
        self._failure = ""
        found = segments.positions(self._end.segment, self._end.offset, records)
        self._advance(Position(self._end.segment, self._end.offset + size))
        metrics.JOURNAL_PACKETS.inc(len(records))
        metrics.JOURNAL_BYTES.inc(size)
        return found

    def _stamped(self, packets: Sequence[Packet], now_us: int) -> list[Packet]:
        stamped = []
        for packet in packets:
            back = self._last_us - now_us
            self._last_us = self._last_us + 1 if 0 <= back < _SAME_MOMENT_US else now_us
            stamped.append(replace(packet, received_at=self._last_us))
        return stamped

    def _make_room(self, size: int) -> None:
        if self._closed_bytes + self._end.offset + size > self.options.max_bytes:
            self._fail(f"journal {self.directory}: at its bound of {self.options.max_bytes} bytes, nothing is acknowledged")
        if self._end.offset < self.options.segment_bytes:
            return
        number = self._end.segment + 1
        descriptor = os.open(segments.path_of(self.directory, number), os.O_RDWR | os.O_CREAT, 0o640)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._closed_bytes += self._end.offset
        self._advance(Position(number, self._begin(number)))

    def _undo(self) -> None:
        """Take back a half-written append, so that a later one starts at a whole record."""
        try:
            os.ftruncate(self._descriptor, self._end.offset)
        except OSError as problem:  # recovery cuts it off at the next start
            log.warning("journal: could not take back a half-written append: %s", problem.strerror)

    def _fail(self, reason: str) -> None:
        self._failure = reason
        metrics.JOURNAL_FAILURES.inc()
        raise Unavailable(reason)

    def _advance(self, end: Position) -> None:
        with self._grown:
            self._end = end
            self._grown.notify_all()

    # --- the following side --------------------------------------------------------------------------------------

    def wait(self, position: Position, timeout: float) -> bool:
        """Wait up to ``timeout`` real seconds until something lies beyond ``position``; return whether it does."""
        with self._grown:
            if self._end <= position:
                self._grown.wait(timeout)
            return self._end > position

    def wake(self) -> None:
        """End a ``wait`` now."""
        with self._grown:
            self._grown.notify_all()

    def read(self, position: Position, at_least: int = 1 << 20) -> tuple[list[tuple[Position, Packet]], Position]:
        """Return about ``at_least`` bytes of packets from ``position`` and where to go on.

        A damaged stretch within a segment is logged and counted, and the rest of that segment passed over.
        """
        end = self._end
        number, offset = position
        limit = end.offset if number == end.segment else self._size_of(number)
        if offset < limit:
            found = segments.read(segments.path_of(self.directory, number), offset, limit, at_least)
            if found.end == offset:
                metrics.JOURNAL_DAMAGED.inc()
                log.error("journal: segment %d is damaged at %d; %d bytes are passed over", number, offset, limit - offset)
                return [], Position(number, limit)
            return [(Position(number, at), packet) for at, packet in found.packets], Position(number, found.end)
        if number < end.segment:
            return [], Position(self._next_segment(number), segments.HEADER.size)
        return [], position

    def _size_of(self, number: int) -> int:
        path = segments.path_of(self.directory, number)
        return path.stat().st_size if path.exists() else 0

    def _next_segment(self, number: int) -> int:
        return next(known for known in segments.numbers(self.directory) if known > number)

    def settle(self, found: Sequence[Outcome]) -> None:
        """Store what became of packets, durable when it returns; raises Unavailable when the disk does not allow it."""
        try:
            outcomes.append(self.directory, found)
        except OSError as problem:
            raise Unavailable(f"journal {self.directory}: {problem.strerror}") from problem

    def release(self, position: Position) -> None:
        """Note that everything before ``position`` is stored. If a crash forgets it, replay changes nothing."""
        body = struct.pack("<QQ", *position)
        os.pwrite(self._pointer, body + struct.pack("<I", google_crc32c.value(body)), 0)
        self._released = position

    # --- state ---------------------------------------------------------------------------------------------------

    @property
    def end(self) -> Position:
        """Where the next packet will lie; everything before is durable."""
        return self._end

    @property
    def released(self) -> Position:
        """Everything before this position has become readings or rejects."""
        return self._released

    @property
    def failure(self) -> str:
        """Why the last append failed; empty when it did not."""
        return self._failure

    def oldest_waiting(self) -> datetime | None:
        """Return when the oldest packet not yet released was received, None if nothing waits."""
        packets, at = self.read(self._released, 1)
        while not packets and at != self._end:
            packets, at = self.read(at, 1)
        return from_us(packets[0][1].received_at) if packets else None

    def bytes_on_disk(self) -> int:
        """Return the size of all segments."""
        return sum(self._size_of(number) for number in segments.numbers(self.directory))

    def balance(self) -> Balance:
        """Return both balances from what is durable: packets counted in the segments, outcomes beside them."""
        total = Folded.load(self.directory).balance
        for number in segments.numbers(self.directory):
            packets = segments.count(segments.path_of(self.directory, number))
            total += outcomes.balance(self.directory, number, packets)
        return total

    def prune(self, now: datetime) -> int:
        """Delete released segments that are too old, or too many for the bound; return how many. Balances are kept."""
        gone = [number for number in segments.numbers(self.directory) if number < self._released.segment]
        horizon = now - timedelta(days=self.options.keep_days)
        spare = self.bytes_on_disk() - self.options.max_bytes // 2
        folded = Folded.load(self.directory)
        for count, number in enumerate(gone):
            path = segments.path_of(self.directory, number)
            if spare <= 0 and not self._older(path, horizon):
                return count
            spare -= path.stat().st_size
            balance = folded.balance + outcomes.balance(self.directory, number, segments.count(path))
            folded = Folded(number, balance)
            folded.store(self.directory)
            self._drop_folded()
            self._closed_bytes = self.bytes_on_disk() - self._end.offset
        return len(gone)

    def _older(self, path: Path, horizon: datetime) -> bool:
        first = segments.read(path, segments.HEADER.size, path.stat().st_size, 1).packets
        return not first or from_us(first[0][1].received_at) < horizon

    def _drop_folded(self) -> None:
        through = Folded.load(self.directory).through
        for number in segments.numbers(self.directory):
            if number <= through:
                outcomes.path_of(self.directory, number).unlink(missing_ok=True)
                segments.path_of(self.directory, number).unlink()

    def _load_released(self) -> Position:
        first = Position((segments.numbers(self.directory) or [self._end.segment])[0], segments.HEADER.size)
        path = self.directory / "released"
        data = path.read_bytes() if path.exists() else b""
        if len(data) != _RELEASED.size or google_crc32c.value(data[:16]) != _RELEASED.unpack(data)[2]:
            return first
        return max(first, min(Position(*_RELEASED.unpack(data)[:2]), self._end))

    def _last_received(self) -> int:
        """Return the receive time of the newest packet on disk, 0 if there is none."""
        for number in reversed(segments.numbers(self.directory)):
            newest = segments.last(segments.path_of(self.directory, number))
            if newest is not None:
                return newest.received_at
        return 0

    def close(self) -> None:
        """Close the files; the journal can't be used after."""
        os.close(self._descriptor)
        os.close(self._pointer)
