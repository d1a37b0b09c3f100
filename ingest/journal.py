"""The journal: every packet lies here, fsynced, before the broker is told that it arrived.

One thread appends, one follows; a restart follows from what was released last, and replay changes nothing. Another process
may hand in packets (backfill, mended rejects) as complete segment files in ``inbox/``.
"""

import fcntl
import logging
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import google_crc32c

from ingest import metrics, outcomes, segments
from ingest.outcomes import ROW, Balance, Folded
from meterwatch.core.bounds import require_within
from meterwatch.core.errors import Unavailable
from meterwatch.core.instants import from_us, to_us
from meterwatch.core.model.packets import Outcome, Packet, Position

log = logging.getLogger(__name__)

_RELEASED = struct.Struct("<QQI")
_ALL = 2**63  # beyond every offset
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
    """Bound of the journal on disk, outcomes included; stored packets go first, then nothing is acknowledged any more."""

    def __post_init__(self) -> None:
        require_within(self, segment_bytes=(1, 1 << 40), keep_days=(0, 36_500))
        if self.max_bytes < 4 * self.segment_bytes:
            least = 4 * self.segment_bytes
            raise ValueError(f"max_bytes must be at least {least}, four segments: only whole segments can be given up")


class Journal:
    """Raw packets on disk. ``append`` belongs to one thread; ``read``, ``settle`` and ``release`` to one other."""

    def __init__(self, directory: Path, options: JournalOptions | None = None) -> None:
        """Open the journal, cutting off what a crash left half written.

        Raises Unavailable if the disk does not allow it or another process has it open, Refusal if a newer program wrote it.
        """
        self.directory = directory
        self.options = options or JournalOptions()
        self._grown = threading.Condition()
        self._failure = ""
        self.appended = 0
        """Packets written since it was opened."""
        with self._answering(), ExitStack() as opened:
            (directory / INBOX).mkdir(parents=True, exist_ok=True)
            self._pointer = self._open(directory / "released", opened)
            self._lock()
            self._recover(opened)
            opened.pop_all()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise Unavailable(f"journal {self.directory}: {problem.strerror}") from problem

    def _open(self, path: Path, opened: ExitStack) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        opened.callback(os.close, descriptor)
        return descriptor

    def _lock(self) -> None:
        """Keep other processes out: two that append would write over each other. The lock dies with the process."""
        try:
            fcntl.flock(self._pointer, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise Unavailable(f"journal {self.directory}: another process has it open") from problem

    def _recover(self, opened: ExitStack) -> None:
        self._drop_folded()
        known = segments.numbers(self.directory)
        number = known[-1] if known else Folded.load(self.directory).through + 1
        path = segments.path_of(self.directory, number)
        self._descriptor = self._open(path, opened)
        whole = self._mend(path, number)
        os.fsync(self._descriptor)
        self._end = Position(number, whole)
        self._last_us = self._last_received()
        self.release(self._load_released())
        # What the bound counts besides the newest segment. A packet takes the room of its outcome with it when it comes:
        # what waits could else not be settled within the bound, and what is not settled is never given up.
        self._other_bytes = self.bytes_on_disk() - whole + ROW.itemsize * self._waiting()

    def _waiting(self) -> int:
        """Return how many packets are not released."""
        waiting = 0
        for number in segments.numbers(self.directory):
            if number >= self._released.segment:
                start = max(self._released, Position(number, segments.HEADER.size)).offset
                waiting += sum(1 for _ in segments.offsets(segments.path_of(self.directory, number), start))
        return waiting

    def _mend(self, path: Path, number: int) -> int:
        """Cut off what was never acknowledged and see to it that there is a header; return the length of what is whole."""
        whole = segments.whole_length(path)
        self._cut(path, whole)
        if segments.has_header(path):
            return whole
        self._begin(self._descriptor, number)
        return max(whole, segments.HEADER.size)

    def _cut(self, path: Path, whole: int) -> None:
        """Cut off a torn tail; its bytes are set aside if they can be, in case it was the disk that spoilt them."""
        with path.open("rb") as file:
            file.seek(whole)
            torn = file.read()
        if not torn:
            return
        log.warning("journal: cut %d torn bytes off %s", len(torn), path.name)
        try:
            path.with_suffix(f".torn{whole}").write_bytes(torn)
        except OSError as problem:
            log.warning("journal: they could not be set aside: %s", problem.strerror)
        os.ftruncate(self._descriptor, whole)

    def _begin(self, descriptor: int, number: int) -> None:
        segments.write_all(descriptor, segments.encode_header(number), 0)
        os.fsync(descriptor)
        segments.sync_directory(self.directory)

    # --- the appending side --------------------------------------------------------------------------------------

    def append(self, packets: Sequence[Packet], now: datetime) -> list[Position]:
        """Write packets, stamp them with ``now`` and fsync; return where each lies. Nothing before may be acknowledged.

        Each packet gets a ``received_at`` of its own. Raises Unavailable when the disk is full or the journal at its bound:
        then none of the packets is in the journal.
        """
        records = [segments.encode(packet) for packet in self._stamped(packets, to_us(now))]
        size, rows = sum(map(len, records)), ROW.itemsize * len(records)
        try:
            self._make_room(size + rows)
            segments.write_all(self._descriptor, b"".join(records), self._end.offset)
            os.fdatasync(self._descriptor)
        except OSError as problem:
            self._undo()
            self._fail(f"journal {self.directory}: {problem.strerror}")
        self._failure = ""
        found = segments.positions(self._end.segment, self._end.offset, records)
        self._advance(Position(self._end.segment, self._end.offset + size), rows)
        self.appended += len(records)
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
        if self._other_bytes + self._end.offset + segments.HEADER.size + size > self.options.max_bytes:
            self._fail(f"journal {self.directory}: at its bound of {self.options.max_bytes} bytes, nothing is acknowledged")
        if self._end.offset >= self.options.segment_bytes:
            self._roll(self._end.segment + 1)

    def _roll(self, number: int) -> None:
        """Begin the next segment. Until it has its header the present one stays the end."""
        path = segments.path_of(self.directory, number)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            self._begin(descriptor, number)
        except OSError:
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._advance(Position(number, segments.HEADER.size), self._end.offset)

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

    def _advance(self, end: Position, others: int) -> None:
        """Move the end; ``others`` are the bytes more that the bound counts besides the newest segment."""
        with self._grown:
            self._end = end
            self._other_bytes += others
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

        A damaged stretch within a segment is passed over, logged and counted. Raises Unavailable when the disk fails.
        """
        packets, after = self._stretch(position, at_least)
        if not packets and after.segment == position.segment and after != position:
            metrics.JOURNAL_DAMAGED.inc()
            log.error("journal: damaged at %s; %d bytes are passed over", position, after.offset - position.offset)
        return packets, after

    def _stretch(self, position: Position, at_least: int) -> tuple[list[tuple[Position, Packet]], Position]:
        end = self._end
        number, offset = position
        limit = end.offset if number == end.segment else self._size_of(number)
        if offset >= limit:
            beyond = Position(self._next_segment(number), segments.HEADER.size) if number < end.segment else position
            return [], beyond
        path = segments.path_of(self.directory, number)
        with self._answering():
            found = segments.read(path, offset, limit, at_least)
            after = found.end if found.packets else segments.resume(path, offset, limit)
        return [(Position(number, at), packet) for at, packet in found.packets], Position(number, after)

    def _size_of(self, number: int) -> int:
        path = segments.path_of(self.directory, number)
        return path.stat().st_size if path.exists() else 0

    def _next_segment(self, number: int) -> int:
        return next(known for known in segments.numbers(self.directory) if known > number)

    def settle(self, found: Sequence[Outcome]) -> None:
        """Store what became of packets, durable when it returns; raises Unavailable when the disk does not allow it."""
        with self._answering():
            outcomes.append(self.directory, found)

    def release(self, position: Position) -> None:
        """Note that everything before ``position`` is stored; raises Unavailable when the disk does not allow it.

        If a crash forgets it, replay changes nothing.
        """
        body = struct.pack("<QQ", *position)
        with self._answering():
            segments.write_all(self._pointer, body + struct.pack("<I", google_crc32c.value(body)), 0)
        self._released = position

    # --- state ---------------------------------------------------------------------------------------------------

    @property
    def first(self) -> Position:
        """Where the oldest packet that is still kept lies."""
        return Position(segments.numbers(self.directory)[0], segments.HEADER.size)

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
        packets, at = self._stretch(self._released, 1)
        while not packets and at != self._end:
            packets, at = self._stretch(at, 1)
        return from_us(packets[0][1].received_at) if packets else None

    def bytes_on_disk(self) -> int:
        """Return the size of all segments and their outcomes."""
        return sum(map(self._bytes_of, segments.numbers(self.directory)))

    def _bytes_of(self, number: int) -> int:
        return self._size_of(number) + outcomes.size(self.directory, number)

    def balance(self) -> Balance:
        """Return both balances from what is durable: packets counted in the segments, outcomes beside them."""
        total = Folded.load(self.directory).balance
        for number in segments.numbers(self.directory):
            total += self._balance_of(number)
        return total

    def _balance_of(self, number: int) -> Balance:
        released = self._released
        before = released.offset if number == released.segment else 0 if number > released.segment else _ALL
        return outcomes.balance(self.directory, number, before)

    def prune(self, now: datetime) -> int:
        """Delete released segments that are too old, or too many for the bound; return how many. Balances are kept.

        Raises Unavailable when the disk does not take the balance of what would be deleted.
        """
        horizon = now - timedelta(days=self.options.keep_days)
        spare = self.bytes_on_disk() - self.options.max_bytes // 2
        pruned = 0
        for number, following in pairwise(segments.numbers(self.directory)):
            if number >= self._released.segment or (spare <= 0 and not self._begun_before(following, horizon)):
                break
            size = self._bytes_of(number)
            with self._answering():
                self._fold(number)
            with self._grown:
                self._other_bytes -= size
            spare -= size
            pruned += 1
        return pruned

    def _fold(self, number: int) -> None:
        """Delete a segment; first its balance goes durably to those of the segments deleted before."""
        balance = Folded.load(self.directory).balance + self._balance_of(number)
        Folded(number, balance).store(self.directory)
        self._drop_folded()

    def _begun_before(self, number: int, horizon: datetime) -> bool:
        path = segments.path_of(self.directory, number)
        found = segments.read(path, segments.HEADER.size, self._size_of(number), 1).packets
        return bool(found) and from_us(found[0][1].received_at) < horizon

    def _drop_folded(self) -> None:
        through = Folded.load(self.directory).through
        for number in segments.numbers(self.directory):
            if number <= through:
                path = segments.path_of(self.directory, number)
                for beside in (outcomes.path_of(self.directory, number), *self.directory.glob(f"{path.stem}.torn*")):
                    beside.unlink(missing_ok=True)
                path.unlink()

    def _load_released(self) -> Position:
        data = os.pread(self._pointer, _RELEASED.size, 0)
        if len(data) != _RELEASED.size or google_crc32c.value(data[:16]) != _RELEASED.unpack(data)[2]:
            return self.first
        return max(self.first, min(Position(*_RELEASED.unpack(data)[:2]), self._end))

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
