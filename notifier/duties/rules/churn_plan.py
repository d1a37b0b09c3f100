"""Potential churn: recovery measures are drawn up."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAct
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="churn-plan",
    title=Phrase("draw up a recovery plan", "制定挽回措施方案"),
    source="RULES churn-potential (G 19(2))",
    trigger=OnAct(),
    role=Role.MANAGER,
    term=working_days(5),
    evidence=(EvidenceKind.PAPER, EvidenceKind.TEXT),
    says=(Field.NOTE,),
    then={"": "churn-filing"},
    inherits=True,
)
