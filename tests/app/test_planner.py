"""The planner over a real ledger: many snapshots a day, who is told, what is due beyond one batch."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from meterwatch.app import planner
from meterwatch.core.model.duties import Absence, Act, DutyState
from meterwatch.core.model.registry import Assignment, Person, Registry, Role
from meterwatch.stores.ledger import Ledger
from tests.support.desk import SITE
from tests.support.duties import INSTANT, Shelf, enter, every, new
from tests.support.ledger import HOUR, NOW, fresh_database
from tests.support.office import office

DAY = timedelta(days=1)
STAFF = {
    "M1": Person("M1", Role.MANAGER, lang="en"),
    "D1": Person("D1", Role.DEPUTY, lang="en"),
    "H1": Person("H1", Role.OFFICE_HEAD, lang="en"),
    "S1": Person("S1", Role.SUPERVISOR),
}
MANAGER, DEPUTY = Assignment("M1", Role.MANAGER), Assignment("D1", Role.DEPUTY)
NEVER = datetime.max.replace(tzinfo=NOW.tzinfo)


def registry(*assignments: Assignment, number: int = 1) -> Registry:
    return replace(office(*assignments, people=STAFF), number=number)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    with fresh_database("sqlite", tmp_path) as database:
        yield Shelf(Ledger(database), registry(MANAGER, DEPUTY))


def states(shelf: Shelf, rule: str, subject: str = "C1") -> list[tuple[str, DutyState]]:
    return [(one.period, one.state) for one in every(shelf.ledger) if (one.rule, one.subject) == (rule, subject)]


def told(shelf: Shelf) -> list[tuple[str, str, str]]:
    return sorted((one.person, one.template, one.body) for one in shelf.ledger.outbox.messages())


def test_many_snapshots_a_day(shelf: Shelf) -> None:
    """RULES who-manager. What was shown to be done that day is asked for again when the next day begins."""
    step = shelf.planner().step
    for hours, assigned in enumerate([[MANAGER], [MANAGER, DEPUTY], [MANAGER]]):
        shelf.registry = registry(*assigned, number=hours + 1)
        step(NOW + hours * HOUR)
    assert states(shelf, "who-manager") == [("2023-03-01", DutyState.MET)]
    step(NOW + DAY)
    assert states(shelf, "who-manager") == [("2023-03-01", DutyState.MET), ("2023-03-02", DutyState.OPEN)]


def test_a_class_that_comes_and_goes_in_a_day_leaves_one_duty_of_each_kind(shelf: Shelf) -> None:
    """RULES contact-visit: a large customer each quarter, else each half-year."""
    step = shelf.planner().step
    for hours, large in enumerate([(), ("C2",), (), ("C2",)]):
        shelf.registry = replace(registry(MANAGER, DEPUTY, number=hours + 1), large=frozenset(large))
        step(NOW + hours * HOUR)
    assert states(shelf, "contact-visit", "C2") == [("2023-H1", DutyState.VOID), ("2023-Q1", DutyState.OPEN)]
    acts = [shelf.ledger.work.task(one.id)[1] for one in every(shelf.ledger) if one.rule == "contact-visit"]
    assert [[step.act for step in steps] for steps in acts] == [[], [Act.VOID] * 2, [Act.VOID]]


def test_a_task_of_nobody_goes_to_whoever_comes_first(shelf: Shelf) -> None:
    shelf.registry = replace(registry(), people={})
    step = shelf.planner().step
    step(NOW)
    assert {one.person for one in every(shelf.ledger)} == {""}
    assert told(shelf) == []
    shelf.registry = registry(MANAGER, DEPUTY, number=2)
    step(NOW + HOUR)
    assert {one.rule: one.person for one in every(shelf.ledger) if one.state is DutyState.OPEN} == {
        "contact-callback": "M1", "contact-visit": "M1", "oversee": "S1", "use-important-report": "H1",
    }  # fmt: skip
    assert [(person, template) for person, template, _ in told(shelf)] == [
        (code, "hand_over") for code in ("H1", "M1", "S1")
    ]
    body = {person: said for person, _, said in told(shelf)}
    assert body["M1"].startswith("4 task(s) were handed over to you: no. ")
    assert body["M1"].endswith("; and 1 more. See `meterwatch tasks --mine`.")
    assert body["S1"].startswith("1项任务已移交给您：编号")


def test_one_person_in_two_roles_is_told_once(shelf: Shelf) -> None:
    shelf.registry = registry(MANAGER, Assignment("H1", Role.DEPUTY))
    step = shelf.planner().step
    step(NOW)
    task = enter(shelf.ledger, new("use-validate", "P1", "2023-03-01", due_at=NOW + HOUR, act_at=NOW, person="M1"))[-1]
    step(NOW + 2 * HOUR)
    steps = [(step.act, step.person, step.why) for step in shelf.ledger.work.task(task.id)[1]]
    assert steps == [
        (Act.BREACH, "", ""), (Act.ESCALATE, "H1", "deputy"), (Act.ESCALATE, "H1", "office_head"),
        (Act.ESCALATE, "S1", "supervisor"),
    ]  # fmt: skip
    assert [(person, template) for person, template, _ in told(shelf)] == [("H1", "escalate"), ("S1", "escalate")]


def test_who_leaves_hands_over_and_what_climbs_then_climbs(shelf: Shelf) -> None:
    """At midnight M1 is away, and his task climbs at the same moment."""
    step = shelf.planner().step
    step(NOW)
    midnight = NOW + 14 * HOUR
    task = enter(
        shelf.ledger, new("use-validate", "P1", "2023-03-01", due_at=midnight + 8 * HOUR, act_at=midnight, person="M1")
    )[-1]
    shelf.ledger.orders.add_absence(Absence("M1", SITE.day(midnight), SITE.day(midnight) + 7 * DAY), "S1", "chief", NOW)
    step(NOW + HOUR)
    assert shelf.ledger.work.task(task.id)[0].person == "M1", "not yet"
    step(midnight)
    after, steps = shelf.ledger.work.task(task.id)
    assert (after.person, after.level) == ("D1", 1)
    assert [step.act for step in steps] == [Act.ESCALATE, Act.HAND_OVER]


def test_what_is_due_beyond_a_batch_has_its_turn_in_the_same_step(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "_BATCH", 3)
    step, next_due = shelf.planner().step, shelf.planner().next_due
    step(NOW)
    due = NOW + HOUR
    enter(shelf.ledger, *(new("use-validate", f"P{n}", "2023-03-01", due_at=due, act_at=due + INSTANT) for n in range(7)))
    assert next_due(NOW) == due + INSTANT
    step(due)
    assert {one.state for one in every(shelf.ledger) if one.rule == "use-validate"} == {DutyState.OPEN}
    step(due + INSTANT)
    assert {one.state for one in every(shelf.ledger) if one.rule == "use-validate"} == {DutyState.BREACHED}
    assert (next_due(due) or NEVER) > due + HOUR


def test_a_follow_up_whose_time_has_passed_is_breached_in_the_next_step(shelf: Shelf) -> None:
    step, next_due = shelf.planner().step, shelf.planner().next_due
    step(NOW)
    shelf.ledger.work.open(
        new("churn-plan", "C1/gas", "2023-02-20", due_at=NOW - HOUR, act_at=NOW - HOUR, person="M1"), NOW, "K1"
    )
    assert next_due(NOW) == NOW + INSTANT, "never back in time"
    step(NOW + INSTANT)
    (plan,) = [one for one in every(shelf.ledger) if one.rule == "churn-plan"]
    assert (plan.state, plan.level) == (DutyState.BREACHED, 3)
