"""What became of each packet, stored beside its segment before the packet is released (docs/formats.md §2).

The file of a segment only grows; the last row of an offset counts, so a replay overwrites what an interrupted run wrote.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest import segments
from meterwatch.core.model.packets import Outcome

ROW = np.dtype(
    [
        ("offset", "<u8"),
        ("rejected", "<u4"),
        ("decoded", "<u4"),
        ("new", "<u4"),
        ("duplicate", "<u4"),
        ("conflict", "<u4"),
        ("refused", "<u4"),
    ]
)


@dataclass(frozen=True, slots=True)
class Balance:
    """Both balances, counted over everything that was ever received.

    packets: received = decoded + rejected + waiting; readings: readings = new + duplicate + conflict + refused.
    """

    received: int = 0
    decoded: int = 0
    rejected: int = 0
    waiting: int = 0
    readings: int = 0
    new: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: int = 0

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def holds(self) -> bool:
        """Return whether both balances come out even."""
        packets = self.received == self.decoded + self.rejected + self.waiting
        return packets and self.readings == self.new + self.duplicate + self.conflict + self.refused


def path_of(directory: Path, number: int) -> Path:
    """Return the outcomes file of segment ``number``."""
    return directory / f"{number:012d}.out"


def append(directory: Path, outcomes: Sequence[Outcome]) -> None:
    """Store outcomes, durable when it returns; raises OSError when the disk does not allow it."""
    for number in sorted({outcome.position.segment for outcome in outcomes}):
        own = [outcome for outcome in outcomes if outcome.position.segment == number]
        rows = [(o.position.offset, o.rejected, o.decoded, o.new, o.duplicate, o.conflict, o.refused) for o in own]
        _append(path_of(directory, number), np.array(rows, ROW).tobytes())


def _append(path: Path, data: bytes) -> None:
    fresh = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        whole = os.fstat(descriptor).st_size // ROW.itemsize * ROW.itemsize  # a torn row is written over
        _write(descriptor, data, whole)
    finally:
        os.close(descriptor)
    if fresh:
        segments.sync_directory(path.parent)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` durably or nothing: the journal counts each row once, however often a full disk is tried."""
    try:
        segments.write_all(descriptor, data, offset)
        os.fdatasync(descriptor)
    except OSError:
        os.ftruncate(descriptor, offset)
        raise


def size(directory: Path, number: int) -> int:
    """Return how many bytes the outcomes of a segment take on disk."""
    path = path_of(directory, number)
    return path.stat().st_size if path.exists() else 0


def load(directory: Path, number: int) -> NDArray[np.void]:
    """Return the outcomes of a segment, one row an offset, sorted by offset; see ``ROW``."""
    path = path_of(directory, number)
    data = path.read_bytes() if path.exists() else b""
    rows = np.frombuffer(data[: len(data) // ROW.itemsize * ROW.itemsize], ROW)[::-1]
    rows = rows[rows["offset"] >= segments.HEADER.size]  # a power cut may leave rows of zeros
    _, last = np.unique(rows["offset"], return_index=True)
    return rows[last]


def balance(directory: Path, number: int, released: int) -> Balance:
    """Return the balance of a segment whose packets before offset ``released`` are released.

    A packet waits if it is not released and has no outcome yet. So the balance does not hold if a released packet has no
    outcome, or an outcome no packet.
    """
    packets = np.fromiter(segments.offsets(segments.path_of(directory, number)), np.uint64)
    rows = load(directory, number)
    waiting = packets[packets >= released]
    rejected = int((rows["rejected"] > 0).sum())
    total = {name: int(rows[name].sum()) for name in ("new", "duplicate", "conflict", "refused")}
    return Balance(
        received=len(packets),
        decoded=len(rows) - rejected,
        rejected=rejected,
        waiting=int((~np.isin(waiting, rows["offset"])).sum()),
        readings=int(rows["decoded"].sum()),
        **total,
    )


class Folded(msgspec.Struct):
    """The balance of segments that are no longer kept, up to and including ``through``."""

    through: int = 0
    balance: Balance = Balance()

    @classmethod
    def load(cls, directory: Path) -> "Folded":
        """Return what was folded so far."""
        path = directory / "balance.json"
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else cls()

    def store(self, directory: Path) -> None:
        """Store it durably, whole or not at all."""
        part = directory / "balance.json.part"
        with part.open("wb") as file:
            file.write(msgspec.json.encode({"through": self.through, "balance": asdict(self.balance)}))
            file.flush()
            os.fsync(file.fileno())
        part.rename(directory / "balance.json")
        segments.sync_directory(directory)
