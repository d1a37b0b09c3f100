"""Complaints (RULES complaint)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from meterwatch.core.model.phrase import Phrase


class ComplaintGrade(StrEnum):
    """Which clocks a complaint runs under."""

    ORDINARY = "ordinary"
    LARGER = "larger"
    GAS = "gas"


GRADE_TEXT: dict[ComplaintGrade, Phrase] = {
    ComplaintGrade.ORDINARY: Phrase("ordinary", "一般"),
    ComplaintGrade.LARGER: Phrase("larger", "较大"),
    ComplaintGrade.GAS: Phrase("gas", "燃气"),
}


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """A complaint to be entered; its clocks run from ``received_at``."""

    customer: str
    grade: ComplaintGrade
    text: str
    person: str
    account: str
    received_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Complaint(NewComplaint):
    """A complaint the ledger holds."""

    id: int = 0

    @property
    def period(self) -> str:
        """How duties name it: ``complaint 7``."""
        return f"complaint {self.id}"
