"""Customers are visited or phoned each quarter or half-year."""

from collections.abc import Iterable
from datetime import date

import numpy as np

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Customer, CustomerClass, Registry, Role
from notifier.duties.duty import WEEKS, DutyRule, Field, OnCalendar, Want
from notifier.duties.periods import Period, half_year, quarter
from notifier.duties.terms import by_day, working_days
from notifier.roster import Roster
from notifier.site import Site


def _asks(day: date) -> str:
    return quarter(day).name


def _covers(period: str, day: date) -> bool:
    return period in (quarter(day).name, half_year(day).name)


def cadence(customer: Customer, registry: Registry, day: date) -> Period | None:
    """Return the period a customer is to be seen in: A1, B1 and large ones each quarter, A2 and A3 each half-year."""
    kind = customer.customer_class
    if kind in (CustomerClass.A1, CustomerClass.B1) or registry.is_large(customer.code):
        return quarter(day)
    return half_year(day) if kind in (CustomerClass.A2, CustomerClass.A3) else None


def wants(roster: Roster, site: Site) -> Iterable[Want]:
    """Return everybody supplied today who is to be seen in the present period."""
    registry = roster.registry
    for index in np.flatnonzero(registry.supplied(roster.day.toordinal())).tolist():
        customer = registry.customers[index]
        period = cadence(customer, registry, roster.day)
        if period is not None:
            yield Want(customer.code, period.name, customer, due=by_day(period.last, site))


DUTY = DutyRule(
    name="contact-visit",
    title=Phrase("visit or phone the customer", "走访或电话联系客户"),
    source="RULES contact-visit (M 8(1); supply 4, 8(2))",
    trigger=OnCalendar(_asks, wants, _covers),
    role=Role.MANAGER,
    term=working_days(20),
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT),
    says=(Field.NOTE,),
    escalation=WEEKS,
    by_contact=True,
)
