"""Sending: lease, hand over, record. In flight is committed before anything goes on the wire."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from meterwatch.core.clock import elapsed
from meterwatch.core.errors import Refusal, TransportError
from meterwatch.core.model.messages import Guarantee, Lease, MessageState
from meterwatch.core.model.viewer import Viewer
from meterwatch.core.ports import Archive, Channel, Outbox, Outgoing
from notifier import metrics

log = logging.getLogger(__name__)

_VIEWER = Viewer.for_service("notify")


@dataclass(frozen=True)
class OutboxOptions:
    """How messages are sent. These are real seconds, never scaled."""

    lease_s: int = 120
    """A message in the hands of a sender that died is taken over after this."""
    retry_min_s: float = 5.0
    """Wait before the first new attempt; doubled each time."""
    retry_max_s: float = 900.0
    """Longest wait between attempts."""
    batch: int = 20
    """Messages taken at a time."""
    step_s: float = 20.0
    """A step begins no further message after this; what it holds is given back, and deadlines have their turn."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError("batch: at least 1")
        if not 0 < self.retry_min_s <= self.retry_max_s:
            raise ValueError("retry_min_s must be above 0 and not above retry_max_s")
        if not 0 < self.step_s <= 30 or self.lease_s < self.step_s + 60:
            raise ValueError("step_s: 0 to 30; lease_s: at least a minute more, or two senders could send one message")


class Sender:
    """Sends what the outbox holds for one channel."""

    def __init__(self, outbox: Outbox, archive: Archive, channel: Channel, owner: str, options: OutboxOptions) -> None:
        self._outbox, self._archive, self._channel = outbox, archive, channel
        self._owner, self._options = owner, options

    def step(self, now: datetime) -> int:
        """Send what is due, as long as a step may take; return how many messages were tried."""
        begun, tried = elapsed(), 0
        while leases := self._lease(now):
            for position, lease in enumerate(leases):
                if tried and elapsed() - begun > self._options.step_s:
                    self._give_back(leases[position:], now)
                    return tried
                self.send(lease, now)
                tried += 1
        return tried

    def _give_back(self, leases: Sequence[Lease], now: datetime) -> None:
        for lease in leases:
            self._outbox.postpone(lease, now, timedelta(0), "given back")

    def _lease(self, now: datetime) -> Sequence[Lease]:
        held = timedelta(seconds=self._options.lease_s)
        return self._outbox.lease(self._channel.name, self._owner, now, held, self._options.batch)

    def send(self, lease: Lease, now: datetime) -> None:
        """Send one leased message and record what came of it.

        A message whose sender died in between is sent again under its own notice number, except where the channel only
        promises its best effort: then it counts as handed over.
        """
        if lease.in_doubt and self._channel.guarantee is Guarantee.BEST_EFFORT:
            self._record(lease, MessageState.ACCEPTED, now, "in doubt, not repeated")
            return
        try:
            address = self._archive.address(_VIEWER, lease.message.person, now)
            sent = self._channel.send(Outgoing(lease.message, address))
        except Refusal as problem:
            self._record(lease, MessageState.REFUSED, now, str(problem))
        except TransportError as problem:
            self._failed(lease, problem, now)
        else:
            self._record(lease, sent.state, now, "", sent.reference)

    def _record(self, lease: Lease, state: MessageState, now: datetime, detail: str, reference: str = "") -> None:
        if self._outbox.record(lease, state, now, detail, reference):
            metrics.MESSAGES.labels(self._channel.name, state).inc()

    def _failed(self, lease: Lease, problem: TransportError, now: datetime) -> None:
        if problem.permanent:
            log.warning("message N%d refused by %s: %s", lease.message.number, self._channel.name, problem)
            self._record(lease, MessageState.REFUSED, now, str(problem))
            return
        self._outbox.postpone(lease, now, self._wait(lease.message.attempts), str(problem))
        metrics.MESSAGE_RETRIES.labels(self._channel.name).inc()

    def _wait(self, attempts: int) -> timedelta:
        doubled = self._options.retry_min_s * 2 ** min(attempts - 1, 30)
        return timedelta(seconds=min(doubled, self._options.retry_max_s))
