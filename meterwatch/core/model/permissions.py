"""Permissions: what somebody may see beyond his role and his customers, who let him, and until when."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from meterwatch.core.model.phrase import Phrase


class Right(StrEnum):
    """What a permission allows (RULES who-confidential)."""

    NAMES = "names"
    PHONES = "phones"
    EXPORT = "export"


RIGHT_TEXT: dict[Right, Phrase] = {
    Right.NAMES: Phrase("names of customers and of their contacts", "客户及其联系人的名称"),
    Right.PHONES: Phrase("phones in full: of customers' contacts, and of colleagues", "完整电话：客户联系人及同事"),
    Right.EXPORT: Phrase("a copy of the whole archive", "导出全部档案"),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What is allowed to ``person`` on first_day <= day < last_day (RULES who-confidential).

    It extends to one ``customer``, to those of one ``unit`` (and to its people), or to everybody if neither is given.
    """

    person: str
    right: Right
    first_day: date
    last_day: date
    reason: str
    customer: str = ""
    unit: str = ""

    def holds_on(self, day: date) -> bool:
        """Return whether it holds on ``day``."""
        return self.first_day <= day < self.last_day


@dataclass(frozen=True, slots=True)
class Permission:
    """A grant as it is recorded: its number, by whom and from which account, and who took it back."""

    number: int
    grant: Grant
    granted_by: str
    account: str
    granted_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str = ""
