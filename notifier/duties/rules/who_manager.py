"""Every A and every B1 customer has a manager, and is known to at least two people."""

from collections.abc import Iterable

import numpy as np

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Customer, CustomerClass, Role
from notifier.duties.duty import DutyRule, Want, While
from notifier.duties.terms import working_days
from notifier.roster import Roster
from notifier.site import Site


def wants(roster: Roster, _site: Site) -> Iterable[Want]:
    """Return the customers supplied today who have no manager, or whom fewer than two people look after."""
    registry = roster.registry
    for index in np.flatnonzero(registry.supplied(roster.day.toordinal())).tolist():
        customer = registry.customers[index]
        if customer.customer_class is not CustomerClass.B2 and not _known(roster, customer):
            yield Want(customer.code, roster.day.isoformat(), customer)


def _known(roster: Roster, customer: Customer) -> bool:
    manager, deputy = (roster.appointed(customer, role) for role in (Role.MANAGER, Role.DEPUTY))
    return manager is not None and deputy is not None and manager.code != deputy.code


DUTY = DutyRule(
    name="who-manager",
    title=Phrase("assign a manager and a deputy to the customer", "为客户指定客户经理与代理人"),
    source="RULES who-manager (M 4, 7; P3 8; process 4)",
    trigger=While(wants),
    role=Role.OFFICE_HEAD,
    term=working_days(5),
    evidence=(EvidenceKind.REGISTRY,),
)
