"""A complaint is answered in the working days its grade gives (notifier.duties.complaints)."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAct
from notifier.duties.terms import longest_complaint, working_days

DUTY = DutyRule(
    name="complaint-answer",
    title=Phrase("answer the complaint", "答复投诉"),
    source="RULES complaint (M 9(3), OIL 11(3))",
    trigger=OnAct(),
    role=Role.MANAGER,
    term=working_days(3),
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT, EvidenceKind.SMS, EvidenceKind.NETWORK, EvidenceKind.PAPER),
    says=(Field.NOTE,),
    longest=longest_complaint,
)
