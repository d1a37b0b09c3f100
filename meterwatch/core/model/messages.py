"""Messages and what became of them; audit rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from meterwatch.core.model.alerts import AlertKey
from meterwatch.core.model.phrase import Phrase


class MessageState(StrEnum):
    """Where a message stands; see ``MESSAGE_STEPS`` for the ways it may go."""

    QUEUED = "queued"
    IN_FLIGHT = "in_flight"  # committed before anything goes on the wire
    ACCEPTED = "accepted"  # the channel took it over; proves nothing
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REFUSED = "refused"  # the channel refused it for good
    EXPIRED = "expired"  # its meaning was gone before it could be sent
    WITHDRAWN = "withdrawn"  # what it announced turned out not to be so
    HELD = "held"  # never sent: its person had too many of its kind, or it meant nothing after the quiet hours


MESSAGE_STATE_TEXT: dict[MessageState, Phrase] = {
    MessageState.QUEUED: Phrase("queued", "待发送"),
    MessageState.IN_FLIGHT: Phrase("being sent", "发送中"),
    MessageState.ACCEPTED: Phrase("accepted", "通道已接收"),
    MessageState.DELIVERED: Phrase("delivered", "已送达"),
    MessageState.UNDELIVERED: Phrase("not delivered", "未送达"),
    MessageState.REFUSED: Phrase("refused", "被拒绝"),
    MessageState.EXPIRED: Phrase("expired", "已过期"),
    MessageState.WITHDRAWN: Phrase("withdrawn", "已撤回"),
    MessageState.HELD: Phrase("held back", "已拦截"),
}
_S = MessageState
MESSAGE_STEPS: Mapping[MessageState, frozenset[MessageState]] = {
    _S.QUEUED: frozenset({_S.IN_FLIGHT, _S.EXPIRED, _S.WITHDRAWN}),
    _S.IN_FLIGHT: frozenset({_S.QUEUED, _S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED, _S.REFUSED, _S.EXPIRED}),
    _S.ACCEPTED: frozenset({_S.DELIVERED, _S.UNDELIVERED}),
    _S.UNDELIVERED: frozenset({_S.DELIVERED}),  # a later receipt may know better, never the other way round
    _S.DELIVERED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.HELD: frozenset(),
}


class Guarantee(StrEnum):
    """What a channel promises about a message whose fate a crash left open."""

    EXACTLY_ONCE = "exactly once"  # it echoes our reference, or can be asked
    AT_LEAST_ONCE = "at least once"  # sent again under the same visible notice number
    BEST_EFFORT = "best effort"  # never sent again; gives no evidence


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be queued; ``key`` is unique and says why it exists, ``body`` is never changed after.

    It is not sent before ``not_before`` (quiet hours), nor after ``expires_at``, nor once late readings spoke against all
    the ``alerts`` it is about, nor ever where ``held`` names a reason.
    """

    key: str
    channel: str
    person: str
    lang: str
    template: str
    template_version: int
    body: str
    expires_at: datetime
    alerts: tuple[AlertKey, ...] = ()
    not_before: datetime | None = None
    held: str = ""

    @property
    def kind(self) -> str:
        """What quiet hours and rates go by."""
        return kind_of(self.template)


def kind_of(template: str) -> str:
    """Return a message's kind by the name it keeps of its template: ``load`` of ``load/alerts``, which are several."""
    return template.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Message:
    """A message the ledger holds. ``number`` is the notice number people see and quote."""

    number: int
    key: str
    channel: str
    person: str
    lang: str
    template: str
    template_version: int
    body: str
    state: MessageState
    created_at: datetime
    expires_at: datetime
    attempts: int = 0
    reference: str = ""
    history: tuple[tuple[datetime, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one sender to send one message until ``until`` of *real* time; ``token`` changes with every lease."""

    message: Message
    token: str
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider reported about a message; (channel, reference, state) arriving twice changes nothing.

    ``reference`` is the provider's id or our notice number as ``N<number>``.
    """

    channel: str
    reference: str
    state: MessageState
    happened_at: datetime
    received_at: datetime
    raw: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change, who made it and when; append-only."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
