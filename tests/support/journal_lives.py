"""Lets a journal die before each of its file operations, and checks what is left; a program of its own because it forks."""

import logging
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.journal import Journal, JournalOptions
from meterwatch.core.model.packets import Outcome, Packet
from tests.support.dying import dies
from tests.support.scratch import scratch

NOW = datetime(2023, 1, 10, tzinfo=UTC)
GROUP, GROUPS = 3, 5
OPTIONS = JournalOptions(segment_bytes=150, max_bytes=10_000, keep_days=1)


def live(folder: Path) -> None:
    """Append, store and release group after group, over several segments, then prune and go on."""
    with closing(Journal(folder / "journal", OPTIONS)) as journal:
        for group in range(GROUPS):
            append(journal, folder, group)
            store(journal)
        journal.prune(NOW + timedelta(days=2))
        append(journal, folder, GROUPS)
        store(journal)


def append(journal: Journal, folder: Path, group: int) -> None:
    payloads = [b"packet %d" % number for number in range(GROUP * group, GROUP * (group + 1))]
    journal.append([Packet("m/1", payload) for payload in payloads], NOW)
    with (folder / "acknowledged").open("ab", buffering=0) as file:
        file.write(b"".join(payload + b"\n" for payload in payloads))


def store(journal: Journal) -> None:
    """Let each packet bring one new reading."""
    moved = True
    while moved:
        start = journal.released
        placed, after = journal.read(start, 1)
        journal.settle([Outcome(position, rejected=False, decoded=1, new=1) for position, _ in placed])
        journal.release(after)
        moved = after != start


def check(folder: Path) -> None:
    """Assert that everything acknowledged is there, once, and that life goes on."""
    record = folder / "acknowledged"
    acknowledged = record.read_bytes().splitlines() if record.exists() else []
    with closing(Journal(folder / "journal", OPTIONS)) as journal:
        before = journal.balance()
        assert before.holds(), before
        assert len(acknowledged) <= before.received <= len(acknowledged) + GROUP, (before, acknowledged)
        store(journal)
        journal.append([Packet("m/1", b"afterwards")], NOW)
        store(journal)
        after = journal.balance()
        assert after.holds(), after
        assert (after.received, after.new, after.waiting) == (before.received + 1,) * 2 + (0,), (before, after)
        kept = readable(journal)
        assert kept[-1] == b"afterwards"
        pruned = after.received - len(kept)
        assert kept[: max(len(acknowledged) - pruned, 0)] == acknowledged[pruned:], (kept, acknowledged)


def readable(journal: Journal) -> list[bytes]:
    """Return every payload still on disk, in journal order."""
    position, found = journal.first, []
    while position != journal.end:
        placed, position = journal.read(position)
        found += [packet.payload for _, packet in placed]
    return found


def main(again: bool) -> int:
    """Return how many deaths were died; with ``again`` each heir dies at each of its operations too."""
    deaths = 0
    killed = True
    while killed:
        with scratch() as folder:
            killed = dies(lambda: live(folder), deaths)
            recovering = again
            step = 0
            while recovering:
                recovering = dies(lambda: Journal(folder / "journal", OPTIONS).close(), step)
                step += 1
            check(folder)
        deaths += killed
    return deaths


if __name__ == "__main__":
    logging.disable()
    print(main(again="again" in sys.argv))  # noqa: T201
