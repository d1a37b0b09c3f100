"""What we ask of the world. Every adapter of a port runs under one contract test class (tests/contracts)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.model.alerts import Alert, AlertChanges, AlertKey, DirtyDay, Episode, FactRow
from meterwatch.core.model.corrections import Correction
from meterwatch.core.model.duties import Absence, NewDuty
from meterwatch.core.model.exclusions import Exclusion
from meterwatch.core.model.messages import Guarantee, Lease, Message, MessageState, NewMessage, Receipt
from meterwatch.core.model.packets import Position, Reject
from meterwatch.core.model.readings import Appended, DayTotals, ReadingBatch
from meterwatch.core.model.registry import Registry
from meterwatch.core.model.viewer import Viewer


class ReadingStore(Protocol):
    """Readings and day totals. Every method raises Unavailable when the database does not answer.

    Usage points are registry rows; ``know(codes)`` must have named a row before it is used.
    """

    def know(self, codes: Sequence[str]) -> None:
        """Take the append-only list of usage point codes, ``codes[row]``.

        Raises Refusal if a row the store already knows bears another code: readings would change their owner.
        """

    def append(self, batch: ReadingBatch) -> Appended:
        """Store what is new and return the status of each reading; durable when it returns.

        The key is (usage_point, reading_type, time). Not stored yet: NEW. Stored by the same packet (equal
        ``received_at`` and value): NEW again, so that a replay counts as the first time did. Stored with the same value by
        another packet: DUPLICATE. Stored with another value: CONFLICT, the stored value stays. A key that occurs twice in
        the batch is judged in batch order. What the database will never take is REFUSED.
        """

    def read(self, start: int, end: int, rows: NDArray[np.int32] | None = None) -> ReadingBatch:
        """Return the readings with ``start`` < time <= ``end`` (UTC ms), sorted by usage point, type, time.

        ``rows`` None means every usage point.
        """

    def write_totals(self, totals: DayTotals) -> None:
        """Store day totals, replacing those of the same day and usage point; durable when it returns."""

    def read_totals(self, first_day: int, last_day: int, rows: NDArray[np.int32] | None = None) -> DayTotals:
        """Return the totals of ``first_day`` <= day <= ``last_day``, sorted by day, usage point."""

    def count(self) -> int:
        """Return how many readings are stored."""

    def close(self) -> None:
        """Give back what the store holds; calling it twice is harmless."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two values for one reading: the kept one and the one that was offered later."""

    usage_point: str
    reading_type: int
    time: int
    kept_value: float
    kept_received_at: int
    offered_value: float
    offered_received_at: int
    offered_position: Position


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a pipeline step leaves in the ledger before the journal is released; entering it twice changes nothing."""

    dirty: Sequence[DirtyDay] = ()
    rejects: Sequence[Reject] = ()
    conflicts: Sequence[Conflict] = ()

    def __bool__(self) -> bool:
        return bool(self.dirty or self.rejects or self.conflicts)


class IngestLedger(Protocol):
    """What the pipeline needs of the ledger."""

    def begun_days(self) -> Mapping[str, int]:
        """Return, per meter-day scheme name, the last day whose first evaluation has begun."""

    def settle(self, settlement: Settlement, now: datetime) -> None:
        """Enter dirty days, rejects and conflicts in one transaction."""


@dataclass(frozen=True, slots=True)
class EpisodeState:
    """An episode as it stood at the end of an evaluated meter day."""

    day: int
    episode: Episode


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one evaluation changes; it is entered whole or not at all.

    For each subject in ``since``, the facts and states of ``rules`` from that day to ``until`` are replaced by ``facts`` and
    ``states``; all others of these are added or overwritten. ``voided`` are
    (alert, duty rule) whose unfinished duty is void; ``done`` marks a scheme's day as evaluated.
    """

    now: datetime
    registry: int
    rules: Sequence[str] = ()
    since: Mapping[str, int] = field(default_factory=dict)
    until: int = 0
    facts: Sequence[FactRow] = ()
    states: Sequence[EpisodeState] = ()
    changes: AlertChanges = AlertChanges()
    suppressed: Mapping[AlertKey, str] = field(default_factory=dict)
    duties: Sequence[NewDuty] = ()
    voided: Sequence[tuple[int, str]] = ()
    messages: Sequence[NewMessage] = ()
    cleared: Sequence[DirtyDay] = ()
    done: tuple[str, int] | None = None


class EvaluationLedger(Protocol):
    """What the evaluation of meter days needs of the ledger."""

    def begun_days(self) -> Mapping[str, int]:
        """See IngestLedger."""

    def done_days(self) -> Mapping[str, int]:
        """Return, per scheme name, the last day whose evaluation was committed."""

    def first_days(self) -> Mapping[str, int]:
        """Return, per scheme name, the first day that was ever evaluated."""

    def open_scheme(self, scheme: str, first_day: int, now: datetime) -> None:
        """Note durably, unless it is known already, that ``first_day`` is the first to be evaluated."""

    def begin_day(self, scheme: str, day: int, now: datetime) -> None:
        """Note durably that the evaluation of ``day`` begins; from here on its late readings are marked dirty."""

    def dirty_days(self, limit: int) -> Sequence[DirtyDay]:
        """Return up to ``limit`` dirty days, oldest first."""

    def corrections(self, start: int, end: int) -> Sequence[Correction]:
        """Return the corrections that stand of readings with ``start`` < time <= ``end`` (UTC ms), one a reading at most."""

    def states(self, rule: str, day: int, subjects: Iterable[str] | None = None) -> Sequence[Episode]:
        """Return the open episodes of ``rule`` as they stood at the end of meter day ``day``."""

    def alerts(self, rule: str, since_day: int, subjects: Iterable[str] | None = None) -> Sequence[Alert]:
        """Return the alerts of ``rule`` not withdrawn that were open on or after ``since_day``."""

    def facts(self, rule: str, first_day: int, last_day: int, subjects: Iterable[str] | None = None) -> Sequence[FactRow]:
        """Return the kept facts of ``rule`` on ``first_day`` <= day <= ``last_day``, by subject and day."""

    def absences(self) -> Sequence[Absence]:
        """Return the absences that were recorded and not taken back."""

    def exclusions(self) -> Sequence[Exclusion]:
        """Return the approved exclusions."""

    def sent_lately(self, now: datetime) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Return how many messages of each kind everybody was queued within an hour and a day, by (person, kind)."""

    def commit(self, commit: Commit) -> None:
        """Enter a commit in one transaction; a dirty day is cleared only if its mark is still the one that was read."""


class Outbox(Protocol):
    """Messages on their way. Leases are measured in real time; everything else in business time."""

    def lease(self, channel: str, owner: str, now: datetime, lease_for: timedelta, limit: int) -> Sequence[Lease]:
        """Take up to ``limit`` messages due on ``channel``: in flight, committed, nobody else can send them.

        A message whose lease ran out is taken again with ``in_doubt`` set. Messages past ``expires_at`` become EXPIRED.
        """

    def record(self, lease: Lease, state: MessageState, now: datetime, detail: str = "", reference: str = "") -> bool:
        """Note the result; False if the lease is no longer the holder's (someone was faster, nothing was changed)."""

    def postpone(self, lease: Lease, now: datetime, wait: timedelta, detail: str) -> bool:
        """Put a message back to be tried again after ``wait`` of real time; False as with record."""

    def accept(self, receipt: Receipt) -> bool:
        """Store a receipt and join it to its message; False if this receipt was known. Durable when it returns."""


class RegistryStore(Protocol):
    """Numbered snapshots of the registry."""

    def latest(self) -> int:
        """Return the number of the newest snapshot, 0 before the first import."""

    def load(self, number: int | None = None) -> Registry:
        """Return a snapshot (the newest by default); it holds codes only."""


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person as the archive shows him to a viewer: what the viewer may not see is masked."""

    code: str
    name: str
    phone: str
    email: str
    role: str
    unit: str


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A customer's contact as the archive shows him to a viewer, on first_day <= day < last_day."""

    code: str
    customer: str
    name: str
    phone: str
    role: str
    first_day: date
    last_day: date


class Archive(Protocol):
    """Names and phones. Every read takes the viewer and is refused, masked and audited by his rights."""

    def people(self, viewer: Viewer, now: datetime) -> Sequence[PersonRecord]:
        """Return the people in the newest snapshot as ``viewer`` may see them."""

    def customer_names(self, viewer: Viewer, codes: Iterable[str], now: datetime) -> Mapping[str, str]:
        """Return the names of customers; one the viewer may not see is replaced by his code."""

    def contacts(self, viewer: Viewer, customer: str, now: datetime) -> Sequence[ContactRecord]:
        """Return a customer's contacts: names and phones as far as ``viewer`` may see them, else codes and masked phones."""

    def address(self, viewer: Viewer, person: str, now: datetime) -> str:
        """Return the phone number to send to; raises Refusal unless the viewer is a service."""

    def copy(self, viewer: Viewer, now: datetime, number: int | None = None) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        """Return every row of a snapshot by registry file; raises Refusal unless the viewer may export."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a channel gets to send: the message and the address it goes to."""

    message: Message
    address: str

    @property
    def reference(self) -> str:
        """Our own reference, the same on every attempt: ``N`` and the notice number."""
        return f"N{self.message.number}"

    @property
    def text(self) -> str:
        """What the recipient reads: the frozen body and the notice number he can quote."""
        return f"{self.message.body} [{self.reference}]"


@dataclass(frozen=True, slots=True)
class Sent:
    """A channel's answer: the state reached and the provider's own id, if it gave one."""

    state: MessageState
    reference: str = ""


class Channel(Protocol):
    """One way of reaching people. Its class names itself and states its guarantee."""

    name: ClassVar[str]
    guarantee: ClassVar[Guarantee]

    def send(self, outgoing: Outgoing) -> Sent:
        """Hand one message over; raises TransportError, permanent or not."""
