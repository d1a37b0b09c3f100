"""A meter has fallen silent: it is examined."""

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from notifier.duties.duty import DutyRule, Field, OnAlert
from notifier.duties.terms import working_days

DUTY = DutyRule(
    name="meter-silent",
    title=Phrase("find out why the meter is silent", "查明表计失联原因"),
    source="RULES use-validate (duties, process)",
    trigger=OnAlert(("silent",)),
    role=Role.MANAGER,
    term=working_days(3),
    evidence=(EvidenceKind.VISIT, EvidenceKind.PHONE, EvidenceKind.READING),
    says=(Field.CAUSE, Field.PROPOSAL),
)
