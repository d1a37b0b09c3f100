"""A large customer's meter was not read in a week, or its register disagrees with its intervals."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAlert, Scope
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="use-weekly-read",
    title=Phrase("read and check the meter", "抄表并核对"),
    source="RULES use-weekly-read (supply 7)",
    trigger=OnAlert(("weekly_read",), scope=Scope.LARGE),
    role=Role.MANAGER,
    term=working_days(3),
    evidence=(EvidenceKind.READING, EvidenceKind.VISIT),
    says=(Field.NOTE,),
)
