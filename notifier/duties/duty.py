"""The shape of a duty rule: what calls for it, by when it is due, and what proves it done.

A duty rule is a file of its own and one line in ``notifier.duties.DUTIES``.
"""

from dataclasses import dataclass

from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from meterwatch.core.model.work import EvidenceKind


@dataclass(frozen=True, slots=True)
class DutyRule:
    """A duty owed for each alert of ``alert_rule`` when it reaches ``stage``.

    Due at 17:30 of the ``working_days``-th working day after it was opened (RULES §4), by the customer's ``role``.
    """

    name: str
    title: Phrase
    source: str
    alert_rule: str
    stage: str
    role: Role
    working_days: int
    evidence: tuple[EvidenceKind, ...]
