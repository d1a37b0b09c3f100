"""A large customer's mean daily use rose by 30 % or fell by 20 %: a fluctuation analysis is given."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAlert, Scope
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="use-weekly-swing",
    title=Phrase("investigate the swing and give an analysis", "核实用量波动并提交分析"),
    source="RULES use-weekly-swing (supply 7)",
    trigger=OnAlert(("swing",), scope=Scope.LARGE),
    role=Role.MANAGER,
    term=working_days(3),
    evidence=(EvidenceKind.TEXT, EvidenceKind.PAPER),
    says=(Field.CAUSE, Field.PROPOSAL),
)
