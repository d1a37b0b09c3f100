"""Everything the ledger holds about one customer, as it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from meterwatch.core.model.alerts import Alert
from meterwatch.core.model.complaints import Complaint
from meterwatch.core.model.contacts import ContactRecord
from meterwatch.core.model.duties import Duty, DutyStep
from meterwatch.core.model.exclusions import Exclusion
from meterwatch.core.model.messages import Message


class Judged(NamedTuple):
    """What somebody judged of one meter day (an ordinal) of a subject."""

    rule: str
    subject: str
    day: int
    verdict: str
    reason: str
    person: str
    account: str
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a customer. ``reached`` says when each stage (alert, stage) was committed; ``steps`` are by duty;
    each message comes with the alert it is about.
    """

    alerts: Sequence[Alert] = ()
    reached: Mapping[tuple[int, str], datetime] = field(default_factory=dict)
    duties: Sequence[Duty] = ()
    steps: Mapping[int, Sequence[DutyStep]] = field(default_factory=dict)
    contacts: Sequence[ContactRecord] = ()
    complaints: Sequence[Complaint] = ()
    messages: Sequence[tuple[Message, int]] = ()
    exclusions: Sequence[Exclusion] = ()
    judgements: Sequence[Judged] = ()
