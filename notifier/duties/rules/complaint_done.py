"""A complaint is settled in the working days its grade gives (notifier.duties.complaints)."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAct
from notifier.duties.terms import longest_complaint, working_days

DUTY = DutyRule(
    name="complaint-done",
    title=Phrase("settle the complaint", "办结投诉"),
    source="RULES complaint (M 9(3), OIL 11(3))",
    trigger=OnAct(),
    role=Role.MANAGER,
    term=working_days(7),
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT, EvidenceKind.SMS, EvidenceKind.NETWORK, EvidenceKind.PAPER),
    says=(Field.NOTE,),
    longest=longest_complaint,
)
