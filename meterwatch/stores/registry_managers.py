"""Customers whom nobody manages any longer: their manager left, or his assignment ended, and nobody followed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import (
    Assignment,
    Customer,
    CustomerClass,
    Grade,
    Role,
    importance_labels,
)
from meterwatch.stores.registry_files import Problem
from meterwatch.stores.registry_sheets import Sheet

_LEFT = Phrase(
    "from {day} on nobody follows {person} as manager of {customers}",
    "自 {day} 起，{person} 负责的客户无人接任：{customers}",
)
_LEFT_MORE = Phrase(
    "from {day} on nobody follows {person} as manager of {customers} and {more} more",
    "自 {day} 起，{person} 负责的客户无人接任：{customers} 等，另有 {more} 户",
)
_NAMED = 20  # customers a notice names

Sheets = Mapping[str, Sheet]


@dataclass(frozen=True, slots=True)
class _Office:
    """A manager's assignment, the day it ends (date.max = open), and where that is written."""

    assignment: Assignment
    end: date
    file: str
    line: int


def left_without_manager(sheets: Sheets) -> list[Problem]:
    """Return a notice for each manager who leaves customers behind, naming them (RULES who-manager).

    ``sheets`` are sound. Customers of class B2 need no manager, nor do those whose supply ends before he leaves.
    """
    offices = list(_offices(sheets["people"], sheets["assignments"]))
    if all(office.end == date.max for office in offices):
        return []
    left: dict[_Office, list[str]] = {}
    ends = _supply_ends(sheets["agreements"])
    for customer, last in _last_managers(sheets, offices):
        if last.end < ends.get(customer, date.min):
            left.setdefault(last, []).append(customer)
    return [_notice(office, customers) for office, customers in left.items()]


def _offices(people: Sheet, assignments: Sheet) -> Iterator[_Office]:
    row_of = {code: row for row, code in enumerate(people["person"])}
    for row, (person, role) in enumerate(zip(assignments["person"], assignments["role"], strict=True)):
        if role == Role.MANAGER:
            end, leaves = assignments["to"][row] or date.max, people["to"][row_of[person]] or date.max
            sheet, line = (people, row_of[person]) if leaves <= end else (assignments, row)
            customer, kind, area, importance = (
                assignments[name][row] or "" for name in ("customer", "class", "area", "importance")
            )
            scope = Assignment(person, Role.MANAGER, customer, kind, area, importance=importance)
            yield _Office(scope, min(end, leaves), sheet.spec.file, sheet.lines[line])


def _supply_ends(agreements: Sheet) -> dict[str, date]:
    """Return the day each customer's last agreement ends, date.max for an open one."""
    ends: dict[str, date] = {}
    for customer, until in zip(agreements["customer"], agreements["to"], strict=True):
        ends[customer] = max(until or date.max, ends.get(customer, date.min))
    return ends


def _last_managers(sheets: Sheets, offices: list[_Office]) -> Iterator[tuple[str, _Office]]:
    """Yield each customer who needs a manager and has or had one, with the one whose office ends last."""
    named: dict[str, list[_Office]] = {}
    for office in offices:
        named.setdefault(office.assignment.customer, []).append(office)
    grades = dict(zip(sheets["designations"]["customer"], sheets["designations"]["grade"], strict=True))
    large = _large(sheets["classifications"])
    customers = sheets["customers"]
    general: dict[tuple[str, str | None, frozenset[str]], list[_Office]] = {}
    for code, kind, area in zip(customers["customer"], customers["class"], customers["area"], strict=True):
        if kind == CustomerClass.B2:
            continue
        labels = importance_labels(large=code in large, grade=_grade(grades.get(code)))
        who, alike = Customer(code, kind, area=area or ""), (kind, area, labels)
        if alike not in general:
            general[alike] = [office for office in named.get("", ()) if office.assignment.fits(who, labels)]
        own = [office for office in named.get(code, ()) if office.assignment.fits(who, labels)]
        if fitting := [*general[alike], *own]:
            yield code, max(fitting, key=lambda office: (office.end, office.assignment.weight))


def _grade(word: str | None) -> Grade | None:
    return Grade(word) if word else None


def _large(sheet: Sheet) -> frozenset[str]:
    newest = max(sheet["year"], default=0)
    rows = zip(sheet["customer"], sheet["year"], sheet["large"], strict=True)
    return frozenset(customer for customer, year, large in rows if large and year == newest)


def _notice(office: _Office, customers: list[str]) -> Problem:
    shown = ", ".join(customers[:_NAMED])
    figures = {"day": office.end, "person": office.assignment.person, "customers": shown}
    more = len(customers) - _NAMED
    text, figures = (_LEFT_MORE, {**figures, "more": more}) if more > 0 else (_LEFT, figures)
    return Problem(office.file, office.line, "to", text, figures)
