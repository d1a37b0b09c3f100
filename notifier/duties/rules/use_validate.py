"""A person judged a meter suspect or faulty: the work order that follows."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAct
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="use-validate",
    title=Phrase("work order: examine the meter", "工单：检查表计"),
    source="RULES use-validate (duties, process)",
    trigger=OnAct(),
    role=Role.MANAGER,
    term=working_days(3),
    evidence=(EvidenceKind.VISIT, EvidenceKind.PAPER),
    says=(Field.CAUSE, Field.PROPOSAL),
)
