"""Customers are called back so many times a year."""

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np

from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import CustomerClass, Role
from notifier.duties.duty import WEEKS, DutyRule, Field, OnCalendar, Want
from notifier.duties.periods import year
from notifier.duties.terms import by_day, working_days
from notifier.roster import Roster
from notifier.site import Site

PER_YEAR: Mapping[CustomerClass, int] = {
    CustomerClass.A1: 4,
    CustomerClass.B1: 4,
    CustomerClass.A2: 2,
    CustomerClass.A3: 2,
}


def _asks(day: date) -> str:
    return year(day).name


def _covers(period: str, day: date) -> bool:
    return period == year(day).name


def wants(roster: Roster, site: Site) -> Iterable[Want]:
    """Return everybody supplied today whose class is called back, with how many call-backs the year takes."""
    registry, this = roster.registry, year(roster.day)
    for index in np.flatnonzero(registry.supplied(roster.day.toordinal())).tolist():
        customer = registry.customers[index]
        needed = PER_YEAR.get(customer.customer_class, 0)
        if needed:
            yield Want(customer.code, this.name, customer, due=by_day(this.last, site), needed=needed)


DUTY = DutyRule(
    name="contact-callback",
    title=Phrase("call the customer back", "回访客户"),
    source="RULES contact-callback (M 9(1))",
    trigger=OnCalendar(_asks, wants, _covers),
    role=Role.MANAGER,
    term=working_days(20),
    evidence=(EvidenceKind.PHONE, EvidenceKind.VISIT, EvidenceKind.SMS, EvidenceKind.NETWORK),
    says=(Field.NOTE,),
    escalation=WEEKS,
    by_contact=True,
)
