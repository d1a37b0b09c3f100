"""A recovery plan is approved by the supervisor and filed with the company."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAct
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="churn-filing",
    title=Phrase("approve the recovery plan and file it with the company", "审批挽回方案并报公司备案"),
    source="RULES churn-potential (G 19(2))",
    trigger=OnAct(),
    role=Role.SUPERVISOR,
    term=working_days(5),
    evidence=(EvidenceKind.APPROVAL,),
    says=(Field.NOTE, Field.OUTCOME),
    outcomes={
        "approved": Phrase("approved and filed under the number noted", "已批准，按所注编号备案"),
        "returned": Phrase("returned: the plan is to be mended", "退回修改"),
    },
    then={"returned": "churn-plan"},
    second=True,
    inherits=True,
)
