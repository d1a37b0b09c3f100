"""What people say about readings and meters: a corrected value beside the raw one, and whether a meter works."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from meterwatch.core.model.phrase import Phrase


class Author(NamedTuple):
    """Who enters something: the person, and the account he came by."""

    person: str
    account: str


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """What a reading should have been (RULES use-validate).

    ``reading_type`` a code · ``time`` UTC ms · ``raw_value`` what the meter said, None if it said nothing · ``value`` in the
    type's unit.
    """

    usage_point: str
    reading_type: int
    time: int
    raw_value: float | None
    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Correction(NewCorrection):
    """A correction the ledger holds. Of those of one reading the newest that is not withdrawn stands."""

    id: int
    person: str
    account: str
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None


class MeterHealth(StrEnum):
    """Whether a meter works, as a person judged it (RULES use-validate)."""

    OK = "ok"
    SUSPECT = "suspect"
    FAULTY = "faulty"


HEALTH_TEXT: dict[MeterHealth, Phrase] = {
    MeterHealth.OK: Phrase("works", "正常"),
    MeterHealth.SUSPECT: Phrase("suspect", "可疑"),
    MeterHealth.FAULTY: Phrase("faulty", "故障"),
}


class Severity(StrEnum):
    """How much hangs on it."""

    NONE = ""
    LOW = "low"
    HIGH = "high"


SEVERITY_TEXT: dict[Severity, Phrase] = {
    Severity.NONE: Phrase("", ""),
    Severity.LOW: Phrase("low", "一般"),
    Severity.HIGH: Phrase("high", "严重"),
}


@dataclass(frozen=True, slots=True)
class NewVerdict:
    """A person's verdict on the meter of a usage point; of one that works neither severity nor what to check is said."""

    usage_point: str
    meter: str
    verdict: MeterHealth
    severity: Severity
    what_to_check: str


@dataclass(frozen=True, slots=True)
class MeterVerdict(NewVerdict):
    """A verdict the ledger holds."""

    id: int
    person: str
    account: str
    at: datetime
