"""Judgements: what a person made of a day that crossed a rule by the letter (RULES churn-warn, churn-exclude)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.phrase import Phrase


class Verdict(StrEnum):
    """What becomes of a crossing."""

    ACT = "act"  # the customer is visited or phoned
    EXCLUDE = "exclude"  # this crossing only


VERDICT_TEXT: dict[Verdict, Phrase] = {
    Verdict.ACT: Phrase("act", "处理"),
    Verdict.EXCLUDE: Phrase("excluded", "排除"),
}


class Crossing(NamedTuple):
    """A subject (``CUSTOMER/commodity``) and the meter day (ordinal) on which it crossed."""

    subject: str
    day: int


@dataclass(frozen=True, slots=True)
class NewJudgement:
    """A person's verdict on one crossing of ``rule``; ``duty`` is what it calls for unless that stands already."""

    rule: str
    crossing: Crossing
    verdict: Verdict
    reason: str
    person: str
    account: str
    duty: NewDuty | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judgement the ledger holds; ``duty`` is the task it opened, if it opened one."""

    id: int
    rule: str
    subject: str
    day: int
    verdict: Verdict
    reason: str
    person: str
    account: str
    at: datetime
    duty: int | None = None
    withdrawn_by: str = ""
    withdrawn_at: datetime | None = None
