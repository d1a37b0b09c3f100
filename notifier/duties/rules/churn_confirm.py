"""A month below the warning line: the manager decides whether it is potential churn."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAlert
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="churn-confirm",
    title=Phrase(
        "decide whether it is potential churn: produced continuously this month? a special factor?",
        "确认是否潜在流失：本月是否连续生产？有无特殊因素？",
    ),
    source="RULES churn-potential (G 19(2))",
    trigger=OnAlert(("churn",), "potential"),
    role=Role.MANAGER,
    term=working_days(5),
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT),
    says=(Field.NOTE, Field.OUTCOME),
    outcomes={
        "potential": Phrase("produced continuously, no special factor: potential churn", "连续生产且无特殊因素：潜在流失"),
        "special": Phrase("a special factor, or no continuous production: no churn", "有特殊因素或非连续生产：不属流失"),
        "ended": Phrase("the customer has ended his use", "客户已终止用能"),
    },
    then={"potential": "churn-plan", "ended": "churn-ended"},
)
