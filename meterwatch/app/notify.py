"""The role ``notify``: sends messages, watches deadlines."""

import os
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from meterwatch.app.books import Books
from meterwatch.core.model.work import DutyState
from meterwatch.core.ports import Channel
from notifier import metrics
from notifier.outbox import OutboxOptions, Sender


class Notify:
    """Outbox to channels, and duties past their deadline."""

    name: ClassVar[str] = "notify"
    crash: ClassVar[str] = ""

    def __init__(self, books: Books, channels: Sequence[Channel], options: OutboxOptions) -> None:
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self._ledger = books.ledger
        self._senders = [Sender(self._ledger.outbox, books.archive, channel, owner, options) for channel in channels]
        self._channels = [channel.name for channel in channels]

    def start(self) -> None:
        """Nothing runs between steps."""

    def step(self, now: datetime) -> None:
        """Send what waits and mark what is overdue."""
        for sender in self._senders:
            sender.step(now)
        metrics.DUTIES_BREACHED.inc(self._ledger.work.breach(now))

    def next_due(self, now: datetime) -> datetime | None:
        """Return the next deadline of a duty."""
        return self._ledger.work.next_due(now)

    def measure(self, now: datetime) -> None:
        """Set the gauges."""
        waiting = self._ledger.outbox.waiting()
        for channel in self._channels:
            count, oldest = waiting.get(channel, (0, now))
            metrics.OUTBOX_WAITING.labels(channel).set(count)
            metrics.OUTBOX_OLDEST.labels(channel).set((now - oldest).total_seconds())
        counts = self._ledger.work.counts()
        for state in DutyState:
            metrics.DUTIES.labels(state).set(counts.get(state, 0))

    def stop(self) -> None:
        """Nothing runs between steps."""

    def problems(self) -> Sequence[str]:
        """Return why the notifier is not ready; it always is while the ledger answers."""
        return []
