"""Abnormal use of a large customer: its cause is recorded the same day."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAlert, Scope
from notifier.duties.terms import same_day

DUTY = DutyRule(
    name="use-abnormal-cause",
    title=Phrase("record the cause of the abnormal use", "记录用能异常原因"),
    source="RULES use-abnormal (supply 6)",
    trigger=OnAlert(("load", "swing"), scope=Scope.LARGE),
    role=Role.MANAGER,
    term=same_day,
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT, EvidenceKind.TEXT),
    says=(Field.CAUSE,),
)
