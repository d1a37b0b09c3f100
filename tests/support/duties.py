"""Duties in a ledger, entered at once, and the people who see to them."""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import update

from meterwatch.app.books import Books, Snapshots
from meterwatch.app.planner import Planner
from meterwatch.core.clock import MovedClock
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
from meterwatch.core.model.registry import Assignment, Person, Registry, Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import evidence
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.work import Wanted
from meterwatch.stores.registry import SqlRegistry
from notifier.duties.closing import Desk
from notifier.roster import Roster
from tests.support.desk import SITE
from tests.support.ledger import HOUR, NOW, proof
from tests.support.office import office
from tests.support.terminal import Terminal

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


def plan_in(folder: Path, now: datetime = NOW) -> None:
    """Move a folder's clock to ``now`` and let the planner do what is due there."""
    with closing(Database.file(folder / "data" / "ledger.db")) as database:
        ledger, registry = Ledger(database), SqlRegistry(database)
        ledger.clock.move(now)
        books = Books(ledger, registry, Snapshots(registry), SqlArchive(database), MovedClock(ledger.clock.moved_to))
        Planner(books, SITE).step(now)


def become(folder: Path, person: str) -> None:
    """Let the account that runs the tests stand for somebody else."""
    path = folder / "meterwatch.toml"
    before, _, _ = path.read_text(encoding="utf-8").rpartition('"K')
    path.write_text(f'{before}"{person}"\n', encoding="utf-8")


def task_of(meterwatch: Terminal, rule: str, customer: str = "") -> int:
    """Return the number of the newest task of a rule (about a customer), finished or not."""
    listed = ["tasks", "--all", "--rule", rule, "--json", *(["--customer", customer] if customer else [])]
    return int(max(row["id"] for row in meterwatch(*listed).data))


def stands(meterwatch: Terminal, number: int) -> tuple[str, int, int]:
    """Return how a task stands: its state, how much evidence counts, how much waits."""
    row = meterwatch("tasks", "show", str(number), "--json").data
    return row["state"], row["counting"], row["waiting"]


def said(meterwatch: Terminal, *words: str) -> str:
    """Return what a command prints; it must succeed."""
    printed = meterwatch(*words)
    assert printed.err == ""
    assert printed.code == 0
    return printed.out


def refused(meterwatch: Terminal, *words: str) -> tuple[str, str]:
    """Return what a command that is refused says, in English and in Chinese."""
    printed = [meterwatch(*words, "--lang", lang) for lang in ("en", "zh-CN")]
    assert [(one.code, one.out) for one in printed] == [(1, "")] * 2
    english, chinese = (one.err.removeprefix("meterwatch: ").rstrip("\n") for one in printed)
    return english, chinese


def recorded_elsewhere(folder: Path) -> None:
    """Let the evidence there is be by another account: the tests have but one."""
    with closing(Database.file(folder / "data" / "ledger.db")) as database, database.write() as connection:
        connection.execute(update(evidence).values(account="clerk"))


def open_task(folder: Path, duty: NewDuty) -> int:
    """Open a task in a folder's ledger and return its number."""
    with closing(Database.file(folder / "data" / "ledger.db")) as database:
        number = Ledger(database).work.open(duty, NOW, "clerk")
    assert number is not None
    return number


@dataclass
class Shelf:
    """The books as planning reads them, over a registry that the test changes."""

    ledger: Ledger
    registry: Registry

    @property
    def snapshots(self) -> "Shelf":
        return self

    def newest(self) -> Registry:
        return self.registry

    def planner(self) -> Planner:
        return Planner(cast("Books", self), SITE)
