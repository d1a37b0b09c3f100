"""Abnormal load of an important customer is handled."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAlert, Scope
from notifier.duties.terms import same_day

DUTY = DutyRule(
    name="use-monitor",
    title=Phrase("handle the abnormal load of an important customer", "处理重要客户异常负荷"),
    source="RULES use-monitor (power 15, important 9(2))",
    trigger=OnAlert(("load",), scope=Scope.IMPORTANT),
    role=Role.MANAGER,
    term=same_day,
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT, EvidenceKind.TEXT),
    says=(Field.CAUSE, Field.PROPOSAL),
)
