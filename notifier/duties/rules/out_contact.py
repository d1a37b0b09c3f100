"""Every large customer names whom to tell of outages."""

from collections.abc import Iterable

import numpy as np

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import ContactRole, Role
from notifier.duties.duty import DutyRule, Want, While
from notifier.duties.terms import working_days
from notifier.roster import Roster
from notifier.site import Site


def wants(roster: Roster, _site: Site) -> Iterable[Want]:
    """Return the large customers supplied today who have no outage contact."""
    registry, day = roster.registry, roster.day
    named = {c.customer for c in registry.contacts if c.role is ContactRole.OUTAGE and c.first_day <= day < c.last_day}
    for index in np.flatnonzero(registry.supplied(day.toordinal())).tolist():
        customer = registry.customers[index]
        if registry.is_large(customer.code) and customer.code not in named:
            yield Want(customer.code, day.isoformat(), customer)


DUTY = DutyRule(
    name="out-contact",
    title=Phrase("ask the customer for his outage contact", "请客户指定停供联系人"),
    source="RULES out-contact (bulk 2.1)",
    trigger=While(wants),
    role=Role.MANAGER,
    term=working_days(5),
    evidence=(EvidenceKind.REGISTRY,),
)
