"""Exclusion: a person's judgement that a reduction is regular or seasonal (RULES churn-exclude)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from meterwatch.core.model.phrase import Phrase

APPROVAL = "churn-exclude"
"""The duty rule under which a second person is asked for his approval."""


def period_of(number: int) -> str:
    """Return the period of the task that asks for the approval of an exclusion; also why a task it covers is void."""
    return f"exclusion {number}"


class ExclusionState(StrEnum):
    """Where an exclusion stands; only an approved one suppresses anything."""

    ASKED = "asked"  # waits for a second person
    APPROVED = "approved"
    REFUSED = "refused"
    ENDED = "ended"  # taken back before its time


EXCLUSION_STATE_TEXT: dict[ExclusionState, Phrase] = {
    ExclusionState.ASKED: Phrase("waits for approval", "待审批"),
    ExclusionState.APPROVED: Phrase("approved", "已批准"),
    ExclusionState.REFUSED: Phrase("refused", "未批准"),
    ExclusionState.ENDED: Phrase("ended", "已终止"),
}


@dataclass(frozen=True, slots=True)
class NewExclusion:
    """What somebody wants excluded: ``subject`` (``CUSTOMER/commodity``) on first_day <= d < last_day, ``yearly`` each year
    until ``expires``; it must expire. ``stage`` empty = every stage.
    """

    rule: str
    subject: str
    stage: str
    first_day: date
    last_day: date
    yearly: bool
    expires: date
    reason: str
    person: str
    account: str

    @property
    def customer(self) -> str:
        """The code of the customer it is about."""
        return self.subject.rpartition("/")[0]

    def covers(self, rule: str, subject: str, stage: str, day: date) -> bool:
        """Return whether a stage an alert reaches on ``day`` is suppressed."""
        if (rule, subject) != (self.rule, self.subject) or self.stage not in ("", stage) or day >= self.expires:
            return False
        if not self.yearly:
            return self.first_day <= day < self.last_day
        length = (self.last_day - self.first_day).days
        begins = (_same_day(self.first_day, year) for year in (day.year - 1, day.year))
        return any(self.first_day <= begin and 0 <= (day - begin).days < length for begin in begins)


@dataclass(frozen=True, slots=True)
class Exclusion(NewExclusion):
    """An exclusion the ledger holds, who decided on it, and who ended it before its time."""

    id: int
    state: ExclusionState
    recorded_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None
    ended_by: str = ""
    ended_at: datetime | None = None

    @property
    def period(self) -> str:
        """See ``period_of``."""
        return period_of(self.id)

    def stands_on(self, day: date) -> bool:
        """Return whether it suppresses anything on ``day`` or later: approved, and not expired."""
        return self.state is ExclusionState.APPROVED and day < self.expires


def _same_day(day: date, year: int) -> date:
    return date(year, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
