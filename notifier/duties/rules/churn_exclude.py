"""A reduction somebody wants excluded from the churn rule: a second person approves or refuses."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.exclusions import APPROVAL
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAct
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name=APPROVAL,
    title=Phrase("approve or refuse an exclusion", "审批流失排除申请"),
    source="RULES churn-exclude (G 19, 22(6))",
    trigger=OnAct(),
    role=Role.OFFICE_HEAD,
    term=working_days(2),
    evidence=(EvidenceKind.APPROVAL,),
    says=(Field.OUTCOME,),
    outcomes={"approved": Phrase("approved", "批准"), "refused": Phrase("refused", "不批准")},
    second=True,
    command="meterwatch exclude approve {number}",
)
