"""First crossing of the churn warning line: visit or phone, find the cause, propose measures."""

from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from meterwatch.core.model.work import EvidenceKind
from notifier.duties.duty import DutyRule

DUTY = DutyRule(
    name="churn-warn",
    title=Phrase("visit or phone: find the cause and propose measures", "上门或电话核实，查明原因并提出措施"),
    source="RULES churn-warn (G 19(1), M 5(3))",
    alert_rule="churn",
    stage="warn",
    role=Role.MANAGER,
    working_days=1,
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT),
)
