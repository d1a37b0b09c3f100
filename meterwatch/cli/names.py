"""Customers' names beside what concerns them, as far as the viewer may see them."""

from collections.abc import Iterable
from typing import NamedTuple

from detectors.rule import Level
from detectors.rules import RULES
from meterwatch.cli.session import Session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.registry import Registry

_LEVEL = {rule.name: rule.level for rule in RULES}


class Concern(NamedTuple):
    """What an alert or a task is about: its rule, its subject, and the meter day it began on."""

    rule: str
    subject: str
    day: int


def customer_names(opened: Session, concerns: Iterable[Concern]) -> dict[Concern, str]:
    """Return the customer's name for each concern where the viewer may see it and the ledger can note that he did."""
    asked = set(concerns)
    by_point = any(_LEVEL[concern.rule] is Level.POINT for concern in asked)
    registry = opened.books.registry.load() if by_point else Registry.empty()
    codes = {concern: code for concern in asked if (code := _customer(registry, concern))}
    try:
        names = opened.books.archive.customer_names(opened.viewer, codes.values(), opened.books.clock.now())
    except Refusal:  # an account that may only read the ledger: it can't be noted there that he looked
        return {}
    return {concern: names[code] for concern, code in codes.items() if names[code] != code}


def names_of(opened: Session, codes: Iterable[str]) -> dict[str, str]:
    """Return the names of customers by code, of those the viewer may see; none where it can't be noted that he looked."""
    asked = {code for code in codes if code}
    if not asked or opened.books.ledger.database.read_only:
        return {}
    names = opened.books.archive.customer_names(opened.viewer, asked, opened.books.clock.now())
    return {code: name for code, name in names.items() if name != code}


def _customer(registry: Registry, concern: Concern) -> str:
    """Return the code of the customer, empty if none was supplied at the usage point on that day."""
    if _LEVEL[concern.rule] is Level.CUSTOMER:
        return concern.subject.rpartition("/")[0]
    row = registry.row_of(concern.subject)
    customer = None if row is None else registry.customer_of(row, concern.day)
    return customer.code if customer else ""
