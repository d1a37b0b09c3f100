"""Duties in a ledger, entered at once, and the people who see to them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from meterwatch.core.model.duties import (
    Act,
    Duty,
    DutyChange,
    DutyPlan,
    DutyState,
    DutyStep,
    Evidence,
    EvidenceKind,
    NewDuty,
)
from meterwatch.core.model.registry import Assignment, Person, Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.work import Wanted
from notifier.duties.closing import Desk
from notifier.roster import Roster
from tests.support.desk import SITE
from tests.support.ledger import HOUR, NOW, proof
from tests.support.office import office

INSTANT = timedelta(microseconds=1)
STAFF = {
    "K1": Person("K1", Role.MANAGER),
    "K2": Person("K2", Role.MANAGER),
    "K3": Person("K3", Role.MANAGER),
    "S1": Person("S1", Role.SUPERVISOR),
}
OFFICE = office(Assignment("K1", Role.MANAGER), people=STAFF)


def new(rule: str = "contact-visit", subject: str = "C1", period: str = "2023-Q1", **changes: Any) -> NewDuty:
    plain = {"due_at": NOW + 31 * HOUR, "provisional": False, "person": "K1", "act_at": NOW + 23 * HOUR, "customer": "C1"}
    return NewDuty(rule, subject, period, **plain | changes)  # type: ignore[arg-type]


def enter(ledger: Ledger, *duties: NewDuty, now: datetime = NOW) -> list[Duty]:
    ledger.planner.apply(DutyPlan(duties), now)
    return every(ledger)


def every(ledger: Ledger) -> list[Duty]:
    return sorted(ledger.work.tasks(Wanted(finished=True), None), key=lambda one: one.id)


def breached(of: Duty, at: datetime = NOW + 32 * HOUR) -> DutyChange:
    after = replace(of, state=DutyState.BREACHED, act_at=None, level=1)
    return DutyChange(of, after, (DutyStep(of.id, Act.BREACH, at, "planner"),))


def desk(code: str, now: datetime = NOW) -> Desk:
    viewer = Viewer.for_person(f"acc-{code}", code, STAFF[code].role, frozenset({"C1"}))
    return Desk(viewer, Roster(OFFICE, (), SITE.day(now)), SITE, now)


def given(code: str, at: datetime, kind: str = "phone", **changes: Any) -> Evidence:
    return replace(proof(at, person=code, account=f"acc-{code}", note="so it was"), kind=EvidenceKind(kind), **changes)
