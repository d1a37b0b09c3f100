"""The duty engine: what the calendar and the registry call for, escalation, breach, and who takes over (RULES §4)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from meterwatch.core.model.duties import Absence, Act, Duty, DutyPlan, DutyState, Evidence, EvidenceKind, NewDuty
from meterwatch.core.model.registry import (
    Assignment,
    Category,
    Contact,
    ContactRole,
    Customer,
    CustomerClass,
    Designation,
    Grade,
    Person,
    Registry,
    Role,
)
from notifier.duties.plan import PEOPLE, TOLD, Situation, follow_up, plan, questions
from notifier.duties.rules import BY_NAME
from notifier.roster import Roster
from tests.support.desk import SITE, ZONE
from tests.support.office import office

STAFF = {
    "M1": Person("M1", Role.MANAGER),
    "D1": Person("D1", Role.DEPUTY),
    "H1": Person("H1", Role.OFFICE_HEAD, unit="U1"),
    "S1": Person("S1", Role.SUPERVISOR),
}
MANAGED = (Assignment("M1", Role.MANAGER), Assignment("D1", Role.DEPUTY))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


def registry(*assignments: Assignment, classes: Sequence[str] = ("A1", "A2"), **changes: object) -> Registry:
    customers = tuple(Customer(f"C{n}", CustomerClass(kind), unit="U1") for n, kind in enumerate(classes, 1))
    plain = office(*(assignments or MANAGED), people=STAFF)
    return replace(plain, customers=customers, **changes)


def situation(now: datetime, known: Registry, *, absences: Sequence[Absence] = (), **more: object) -> Situation:
    return Situation(Roster(known, absences, SITE.day(now)), SITE, **more)  # type: ignore[arg-type]


def planned(now: datetime, known: Registry, **more: object) -> DutyPlan:
    return plan(now, situation(now, known, **more), BY_NAME)


def called_for(now: datetime, known: Registry, rule: str, **more: object) -> dict[tuple[str, str], NewDuty]:
    return {(new.subject, new.period): new for new in planned(now, known, **more).opened if new.rule == rule}


def entered(number: int, new: NewDuty, now: datetime) -> Duty:
    return Duty(
        number, new.rule, new.subject, new.period, now, new.due_at, new.provisional, new.person, DutyState.OPEN,
        new.customer, new.unit, new.needed, new.level, act_at=new.act_at,
    )  # fmt: skip


# --- what calendar and registry call for ------------------------------------------------------------------------------


def test_visits_come_each_quarter_or_half_year_by_class() -> None:
    """RULES contact-visit: A1, B1 and large ones each quarter, A2 and A3 each half-year, B2 never."""
    designated = {"C4": Designation("C4", Category.OTHER, Grade.SECOND, date(2024, 1, 1))}
    known = registry(classes=("A1", "A2"), designations=designated)
    found = called_for(at("2023-03-01T08:00"), known, "contact-visit")
    assert set(found) == {("C1", "2023-Q1"), ("C2", "2023-H1")}
    assert {new.subject: (new.due_at, new.person) for new in found.values()} == {
        "C1": (at("2023-03-31T17:30"), "M1"),
        "C2": (at("2023-06-30T17:30"), "M1"),
    }
    large = called_for(at("2023-03-01T08:00"), replace(known, large=frozenset({"C2"})), "contact-visit")
    assert set(large) == {("C1", "2023-Q1"), ("C2", "2023-Q1")}
    assert not called_for(at("2023-03-01T08:00"), registry(classes=("B2", "B2")), "contact-visit")


def test_call_backs_are_counted_through_the_year() -> None:
    found = called_for(at("2023-03-01T08:00"), registry(), "contact-callback")
    assert {key: new.needed for key, new in found.items()} == {("C1", "2023"): 4, ("C2", "2023"): 2}


def test_who_has_no_manager_or_no_second_person_is_a_task_for_the_head() -> None:
    now = at("2023-03-01T08:00")
    assert not called_for(now, registry(), "who-manager")
    alone = called_for(now, registry(Assignment("M1", Role.MANAGER)), "who-manager")
    assert {key: new.person for key, new in alone.items()} == {("C1", "2023-03-01"): "H1", ("C2", "2023-03-01"): "H1"}
    twice = registry(Assignment("M1", Role.MANAGER), Assignment("M1", Role.DEPUTY))
    assert set(called_for(now, twice, "who-manager")) == set(alone), "one person is not two"
    assert not called_for(now, registry(Assignment("M1", Role.MANAGER), classes=("B2", "B2")), "who-manager")


def test_a_large_customer_names_his_outage_contact() -> None:
    now = at("2023-03-01T08:00")
    known = registry(large=frozenset({"C1"}))
    assert set(called_for(now, known, "out-contact")) == {("C1", "2023-03-01")}
    main = Contact("N1", "C1", ContactRole.MAIN)
    assert called_for(now, replace(known, contacts=(main,)), "out-contact")
    assert not called_for(now, replace(known, contacts=(replace(main, role=ContactRole.OUTAGE),)), "out-contact")


@pytest.mark.parametrize(
    ("now", "periods"),
    [
        ("2023-01-02T08:00", {"2022-W52", "2022-12"}),  # Monday after the week that ended on 1 January
        ("2023-01-23T00:00", {"2023-W03"}),  # in the Spring Festival: due when it is over, never before
        ("2023-02-06T08:00", {"2023-W05"}),  # January is past its days
        ("2023-02-04T08:00", {"2023-01"}),
    ],
)
def test_sheets_are_asked_for_in_the_days_after_a_week_or_month(now: str, periods: set[str]) -> None:
    found = called_for(at(now), registry(), "use-important-report")
    assert {period for _, period in found} == periods
    assert all(new.due_at > at(now) and new.person == "H1" for new in found.values())


def test_the_classification_is_due_on_the_last_working_day_of_january() -> None:
    (new,) = called_for(at("2023-01-02T08:00"), registry(), "who-january").values()
    assert (new.subject, new.period, new.due_at, new.person) == ("unit U1", "2023", at("2023-01-31T17:30"), "H1")
    assert not called_for(at("2023-02-01T00:00"), registry(), "who-january")


def test_what_is_called_for_is_asked_once_a_question() -> None:
    now, known = at("2023-03-01T08:00"), registry()
    made = planned(now, known)
    asked = questions(BY_NAME.values(), Roster(known, (), SITE.day(now)), "")
    assert made.planned == asked | {TOLD: "0"}
    assert not planned(now, known, planned=made.planned)
    later = planned(at("2023-03-01T18:00"), known, planned=made.planned)
    assert not later, "the same day asks nothing new"
    anew = planned(now, replace(known, number=8), planned=made.planned)
    assert set(anew.planned) == set(asked), "another snapshot asks everything anew"


def test_a_duty_wanted_no_more_becomes_void_and_one_of_an_earlier_period_stays() -> None:
    now = at("2023-03-01T08:00")
    visit = called_for(now, registry(), "contact-visit")[("C1", "2023-Q1")]
    old = replace(entered(1, visit, now), period="2022-Q4", state=DutyState.BREACHED)
    gone = planned(now, registry(classes=("B2", "A2")), standing={"contact-visit": [entered(2, visit, now), old]})
    assert [(c.before.id, c.after.state, c.steps[0].act) for c in gone.changed] == [(2, DutyState.VOID, Act.VOID)]


@pytest.mark.parametrize(("days", "state"), [(3, DutyState.MET), (30, DutyState.LATE)])
def test_what_the_registry_shows_settles_itself(days: int, state: DutyState) -> None:
    now = at("2023-03-01T08:00")
    alone = called_for(now, registry(Assignment("M1", Role.MANAGER)), "who-manager")[("C1", "2023-03-01")]
    then = now + timedelta(days=days)
    (change,) = planned(then, registry(), standing={"who-manager": [entered(1, alone, now)]}).changed
    assert (change.after.state, change.after.settled_at, change.after.act_at) == (state, then, None)
    assert (change.steps[0].act, change.steps[0].why) == (Act.SETTLE, "#7")


# --- escalation and breach ------------------------------------------------------------------------------------------


def climb(duty: Duty, now: datetime, known: Registry | None = None, **more: object) -> Duty:
    asked = questions(BY_NAME.values(), Roster(known or registry(), (), SITE.day(now)), "")
    made = planned(now, known or registry(), due=[duty], planned=asked, **more)
    (change,) = made.changed
    return change.after


OPENED = at("2023-03-01T08:00")
DUE = at("2023-03-08T17:30")
WARN = Duty(
    5, "churn-plan", "C1/gas", "2023-03-01", OPENED, DUE, False, "M1", DutyState.OPEN, "C1", "U1",
    act_at=DUE - timedelta(hours=8),
)  # fmt: skip
INSTANT = timedelta(microseconds=1)


def test_a_duty_climbs_by_the_time_to_its_deadline() -> None:
    first = climb(WARN, DUE - timedelta(hours=8))
    assert (first.level, first.chain, first.act_at) == (1, ("D1", "H1", "S1"), DUE - timedelta(hours=2))
    second = climb(first, DUE - timedelta(hours=2))
    assert (second.level, second.act_at, second.state) == (2, DUE + INSTANT, DutyState.OPEN)
    third = climb(second, DUE + INSTANT)
    assert (third.level, third.act_at, third.state) == (3, None, DutyState.BREACHED)


def test_a_beat_that_was_missed_makes_up_for_every_rung() -> None:
    known = registry()
    asked = questions(BY_NAME.values(), Roster(known, (), date(2023, 3, 9)), "")
    (change,) = planned(DUE + timedelta(hours=9), known, due=[WARN], planned=asked).changed
    assert [(step.act, step.person) for step in change.steps] == [
        (Act.BREACH, ""),
        (Act.ESCALATE, "D1"),
        (Act.ESCALATE, "H1"),
        (Act.ESCALATE, "S1"),
    ]
    assert (change.after.state, change.after.act_at) == (DutyState.BREACHED, None)


def test_an_escalation_that_runs_keeps_its_chain() -> None:
    first = climb(WARN, DUE - timedelta(hours=8))
    other = replace(registry(), people=STAFF | {"H0": Person("H0", Role.OFFICE_HEAD, unit="U1")})
    assert Roster(other, (), SITE.day(DUE)).officer(Role.OFFICE_HEAD, "U1").code == "H0"  # type: ignore[union-attr]
    second = climb(first, DUE - timedelta(hours=2), other)
    assert second.chain == first.chain


def test_evidence_at_the_deadline_itself_is_in_time() -> None:
    second = climb(climb(WARN, DUE - timedelta(hours=8)), DUE - timedelta(hours=2))
    assert second.act_at == DUE + INSTANT
    missed = climb(WARN, DUE)  # every beat before was missed
    assert (missed.state, missed.level, missed.act_at) == (DutyState.OPEN, 2, DUE + INSTANT)


# --- who is there -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("absences", "holder", "expected"),
    [
        ([Absence("M1", date(2023, 3, 1), date(2023, 3, 8), "D1")], "M1", ["D1"]),
        ([Absence("M1", date(2023, 3, 1), date(2023, 3, 8))], "M1", ["D1"]),
        ([], "", ["M1"]),  # nobody was in charge when it was opened; now somebody is
        ([Absence(code, date(2023, 3, 1), date(2023, 3, 8)) for code in STAFF], "M1", []),  # nobody is there
    ],
)
def test_a_task_passes_to_somebody_who_is_there(absences: list[Absence], holder: str, expected: list[str]) -> None:
    now, known = at("2023-03-02T08:00"), registry()
    asked = questions(BY_NAME.values(), Roster(known, absences, SITE.day(now)), "1-0")
    stranded = [replace(WARN, person=holder)]
    made = planned(now, known, absences=absences, planned=asked, stranded=stranded)
    assert [change.after.person for change in made.changed] == expected
    assert all(change.steps[0].act is Act.HAND_OVER for change in made.changed)
    assert PEOPLE in asked


def test_what_climbs_and_is_stranded_at_once_does_both() -> None:
    """People are seen to once a day: what was skipped then would stay with somebody who is away."""
    now, known = DUE - timedelta(hours=8), registry()
    away = [Absence("M1", date(2023, 3, 8), date(2023, 3, 20))]
    asked = questions(BY_NAME.values(), Roster(known, away, SITE.day(now)), "1-0")
    (change,) = planned(now, known, absences=away, planned=asked, due=[WARN], stranded=[WARN]).changed
    assert [(step.act, step.person) for step in change.steps] == [(Act.ESCALATE, "D1"), (Act.HAND_OVER, "D1")]
    assert (change.before, change.after.person, change.after.level) == (WARN, "D1", 1)


def test_what_settles_at_that_moment_is_handed_to_nobody() -> None:
    now = at("2023-03-01T08:00")
    lacking = called_for(now, registry(Assignment("M1", Role.MANAGER)), "who-manager")[("C1", "2023-03-01")]
    stranded = replace(entered(1, lacking, now), person="gone")
    (change,) = planned(now, registry(), standing={"who-manager": [stranded]}, stranded=[stranded], due=[stranded]).changed
    assert [step.act for step in change.steps] == [Act.SETTLE]


HEADS = STAFF | {"H2": Person("H2", Role.OFFICE_HEAD, unit="U1")}


@pytest.mark.parametrize(
    ("chain", "absences", "told"),
    [
        (("D1", "H1", "S1"), [], "H1"),
        (("D1", "H1", "S1"), [Absence("H1", date(2023, 3, 8), date(2023, 3, 9), "M1")], "M1"),  # who stands in
        (("D1", "H1", "S1"), [Absence("H1", date(2023, 3, 8), date(2023, 3, 9))], "H2"),  # another head is there
        (("D1", "", "S1"), [], "H1"),  # there was none when it began
        (("D1", "X9", "S1"), [], "H1"),  # the registry holds him no more
        (("D1", "H1", "S1"), [Absence(code, date(2023, 3, 8), date(2023, 3, 9)) for code in ("H1", "H2")], "S1"),
        (("D1", "H1", "S1"), [Absence(code, date(2023, 3, 8), date(2023, 3, 9)) for code in HEADS], ""),
    ],
)
def test_an_escalation_reaches_somebody_who_is_there(chain: tuple[str, ...], absences: list[Absence], told: str) -> None:
    now, known = DUE - timedelta(hours=2), replace(registry(), people=HEADS)
    running = replace(WARN, level=1, chain=chain, act_at=now)
    asked = questions(BY_NAME.values(), Roster(known, absences, SITE.day(now)), "")
    (change,) = planned(now, known, due=[running], planned=asked, absences=absences).changed
    assert [(step.act, step.person) for step in change.steps] == [(Act.ESCALATE, told)]
    assert change.after.chain == chain


@pytest.mark.parametrize("state", [DutyState.OPEN, DutyState.BREACHED])
def test_what_is_wanted_no_more_is_void_even_when_breached(state: DutyState) -> None:
    """A class that changes, or an agreement that did not end after all: what called for it turned out not to be so."""
    now = at("2023-03-01T08:00")
    visit = replace(entered(2, called_for(now, registry(), "contact-visit")[("C1", "2023-Q1")], now), state=state)
    (change,) = planned(now, registry(classes=("A2", "A2")), standing={"contact-visit": [visit]}).changed
    assert (change.after.state, change.after.act_at) == (DutyState.VOID, None)


def test_a_quarter_is_asked_anew_when_somebody_begins_to_be_supplied() -> None:
    """His agreement was imported beforehand, and no snapshot comes on the day itself."""
    before, after = at("2023-02-13T08:00"), at("2023-02-14T08:00")
    known = registry()
    dated = replace(known.agreements, first_day=np.array([1, date(2023, 2, 14).toordinal()], np.int32))
    known = replace(known, agreements=dated)
    made = planned(before, known)
    assert {new.subject for new in made.opened if new.rule == "contact-visit"} == {"C1"}
    standing = {name: [] for name in BY_NAME}
    then = planned(after, known, planned=made.planned, standing=standing)
    assert {new.subject for new in then.opened if new.rule == "contact-visit"} == {"C1", "C2"}
    assert "contact-visit" not in planned(after, known, planned=then.planned).planned


# --- what follows ---------------------------------------------------------------------------------------------------


def followed(rule: str, after: str, now: datetime, **changes: object) -> NewDuty:
    duty, proof = replace(WARN, rule=after), Evidence(EvidenceKind.PHONE, "M1", "acc", "", "", now, now)
    roster = Roster(registry(), (), SITE.day(now))
    return follow_up(now, BY_NAME[rule], duty, replace(proof, **changes), roster, SITE)


def test_what_follows_in_time_is_due_when_what_it_follows_was() -> None:
    new = followed("churn-plan", "churn-confirm", OPENED, outcome="potential")
    assert (new.rule, new.subject, new.period, new.due_at) == ("churn-plan", "C1/gas", "2023-03-01", DUE)
    assert (new.person, new.level, new.act_at, new.called_by) == ("M1", 0, DUE - timedelta(hours=8), "M1")


def test_what_follows_late_is_late_from_its_beginning() -> None:
    """RULES churn-potential gives 5 working days in all: who confirms late has no time left for the plan."""
    now = DUE + timedelta(hours=3)
    new = followed("churn-plan", "churn-confirm", now, outcome="potential")
    assert (new.due_at, new.level, new.act_at) == (DUE, 2, DUE + INSTANT)
    after = climb(entered(9, new, now), now)
    assert (after.state, after.level, after.act_at) == (DutyState.BREACHED, 3, None)


def test_what_follows_and_inherits_nothing_has_its_own_time() -> None:
    new = followed("churn-ended", "churn-confirm", DUE, outcome="ended")
    assert (new.due_at, new.person) == (at("2023-03-15T17:30"), "H1")


def test_what_is_sent_back_is_asked_anew_and_approved_anew() -> None:
    again = followed("churn-plan", "churn-filing", OPENED, outcome="returned")
    assert (again.rule, again.period) == ("churn-plan", "2023-03-01+")
    plan_again = replace(WARN, period=again.period)
    proof = Evidence(EvidenceKind.TEXT, "M1", "acc", "", "", OPENED, OPENED)
    roster = Roster(registry(), (), SITE.day(OPENED))
    assert follow_up(OPENED, BY_NAME["churn-filing"], plan_again, proof, roster, SITE).period == "2023-03-01+"
