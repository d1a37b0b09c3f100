"""Contact records: who spoke with a customer, when and by what way (RULES contact-record). They are never changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from meterwatch.core.model.duties import Duty, DutyChange, Evidence, EvidenceKind

CONTACT_KINDS = (EvidenceKind.PHONE, EvidenceKind.VISIT, EvidenceKind.SMS, EvidenceKind.NETWORK, EvidenceKind.PAPER)
"""The ways of contact."""


@dataclass(frozen=True, slots=True)
class NewContactRecord:
    """A contact to be entered: ``contact`` is the code of whom the customer named, empty for somebody else; ``reached``
    whether it reached somebody. ``corrects`` is the record it stands in place of.
    """

    customer: str
    kind: EvidenceKind
    contact: str
    reached: bool
    note: str
    person: str
    account: str
    happened_at: datetime
    recorded_at: datetime
    corrects: int | None = None


@dataclass(frozen=True, slots=True)
class ContactRecord(NewContactRecord):
    """A contact record the ledger holds."""

    id: int = 0


@dataclass(frozen=True, slots=True)
class Met:
    """What contact records make of one duty: evidence they take back, and evidence they give.

    ``reopened`` is the change by which a duty that was settled stands open again, None if it needs none.
    """

    duty: Duty
    taken_back: tuple[Evidence, ...] = ()
    reopened: DutyChange | None = None
    given: tuple[Evidence, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.taken_back or self.given)


def standing(records: Iterable[ContactRecord]) -> dict[int, ContactRecord]:
    """Return by its number, for each record, the record that stands for it: its last correction, or itself."""
    found = {record.id: record for record in records}
    correction = {record.corrects: record.id for record in found.values() if record.corrects}
    last: dict[int, ContactRecord] = {}
    for number in sorted(found, reverse=True):
        last[number] = last[correction[number]] if number in correction else found[number]
    return dict(sorted(last.items()))
