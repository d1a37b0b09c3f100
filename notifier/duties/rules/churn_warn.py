"""First crossing of the churn warning line: visit or phone, find the cause, propose measures."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAlert
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="churn-warn",
    title=Phrase("visit or phone: find the cause and propose measures", "上门或电话核实，查明原因并提出措施"),
    source="RULES churn-warn (G 19(1), M 5(3))",
    trigger=OnAlert(("churn",)),
    role=Role.MANAGER,
    term=working_days(1),
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT),
    says=(Field.CAUSE, Field.PROPOSAL),
)
