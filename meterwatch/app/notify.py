"""The role ``notify``: sends messages, watches deadlines, seals the audit."""

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from meterwatch.app.books import Books
from meterwatch.app.planner import Planner
from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import DutyState
from meterwatch.core.ports import Channel
from meterwatch.stores.ledger.audit_key import AuditKey
from notifier import metrics
from notifier.outbox import OutboxOptions, Sender
from notifier.site import Site

log = logging.getLogger(__name__)


class Notify:
    """Duties and their deadlines, the outbox to channels, and the seal of the hours that are over."""

    name: ClassVar[str] = "notify"
    crash: ClassVar[str] = ""

    def __init__(
        self, books: Books, place: Site, channels: Sequence[Channel], options: OutboxOptions, key: AuditKey
    ) -> None:
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self._ledger = books.ledger
        self._planner = Planner(books, place)
        outbox, archive = books.ledger.outbox, books.archive
        self._senders = {channel.name: Sender(outbox, archive, channel, owner, options) for channel in channels}
        self._shown = set(self._senders)
        self._waiting: Mapping[str, tuple[int, datetime]] = {}
        self._key = key
        self._unsealed = ""

    def start(self) -> None:
        """Nothing runs between steps."""

    def step(self, now: datetime) -> None:
        """Plan duties, send what waits, seal what is over."""
        self._planner.step(now)
        for channel in self._ledger.outbox.waiting():
            if channel in self._senders:
                self._senders[channel].step(now)
            else:
                self._ledger.outbox.expire(channel, now)
        self._seal(now)

    def _seal(self, now: datetime) -> None:
        """Seal the audit's hours that are over. Where that is refused, messages and deadlines go on."""
        try:
            self._ledger.audit.seal_due(now, self._key)
        except Refusal as problem:
            if self._unsealed != str(problem):
                log.warning("%s", problem)
            self._unsealed = str(problem)
        else:
            self._unsealed = ""

    def next_due(self, now: datetime) -> datetime | None:
        """Return when something next happens to a duty by itself, a digest is due, or a message that waits for the end of
        the quiet hours; or the end of the hour if there is something to seal.
        """
        found = (self._planner.next_due(now), self._ledger.outbox.next_held(now), self._ledger.audit.next_due(now))
        return min((due for due in found if due), default=None)

    def measure(self, now: datetime) -> None:
        """Set the gauges, of channels that nobody sends on too."""
        self._waiting = self._ledger.outbox.waiting()
        self._shown |= self._waiting.keys()
        for channel in self._shown:
            count, oldest = self._waiting.get(channel, (0, now))
            metrics.OUTBOX_WAITING.labels(channel).set(count)
            metrics.OUTBOX_OLDEST.labels(channel).set((now - oldest).total_seconds())
        counts = self._ledger.work.counts()
        for state in DutyState:
            metrics.DUTIES.labels(state).set(counts.get(state, 0))

    def stop(self) -> None:
        """Nothing runs between steps."""

    def problems(self) -> Sequence[str]:
        """Return which messages can't be sent as the settings stand, and why the audit is not sealed; it is ready otherwise
        while the ledger answers.
        """
        stranded = [
            f"messages wait on channel {channel} ({count}, the oldest since {oldest:%Y-%m-%d %H:%M} UTC), and the settings "
            f"do not tell how to send there: complete [channels.{channel}] and restart, or they expire unsent"
            for channel, (count, oldest) in self._waiting.items()
            if channel not in self._senders
        ]
        return [*stranded, self._unsealed] if self._unsealed else stranded
