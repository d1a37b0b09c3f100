"""Abnormal use of a large customer: he is told at once and asked for the cause."""

from datetime import timedelta

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import MINUTES, DutyRule, OnAlert, Scope
from notifier.duties.terms import within

DUTY = DutyRule(
    name="use-abnormal",
    title=Phrase("tell the customer of his abnormal use, by phone or SMS", "电话或短信告知客户用能异常"),
    source="RULES use-abnormal (supply 6)",
    trigger=OnAlert(("load",), scope=Scope.LARGE),
    role=Role.SUPPLY_ADMIN,
    term=within(timedelta(minutes=15)),
    evidence=(EvidenceKind.PHONE, EvidenceKind.SMS, EvidenceKind.VISIT),
    escalation=MINUTES,
    by_contact=True,
)
