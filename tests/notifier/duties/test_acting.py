"""What people do to a task besides proving it: who may, what a refusal says, and what becomes of its escalation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Absence, Act, Duty, DutyState, DutyStep
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Assignment, Person, Role
from meterwatch.core.model.viewer import Viewer
from notifier.duties.acting import Decide, ask, extend, hand_over, take
from notifier.duties.closing import Desk
from notifier.roster import Roster
from tests.support.desk import SITE, ZONE
from tests.support.office import office

STAFF = {
    "M1": Person("M1", Role.MANAGER),
    "D1": Person("D1", Role.DEPUTY),
    "H1": Person("H1", Role.OFFICE_HEAD, unit="U1"),
    "S1": Person("S1", Role.SUPERVISOR),
    "S2": Person("S2", Role.SUPERVISOR),
    "G1": Person("G1", Role.MANAGER, last_day=date(2023, 3, 1)),  # he has left
    "A1": Person("A1", Role.MANAGER),  # he is away
}
AWAY = Absence("A1", date(2023, 3, 1), date(2023, 3, 9), "D1")
HOUR, INSTANT = timedelta(hours=1), timedelta(microseconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


OPENED, DUE = at("2023-03-01T10:00"), at("2023-03-08T17:30")
NOW = at("2023-03-02T09:00")
TASK = Duty(
    5, "churn-plan", "C1/gas", "2023-03-01", OPENED, DUE, False, "M1", DutyState.OPEN, "C1", "U1",
    act_at=DUE - 8 * HOUR,
)  # fmt: skip
COMPLAINT = replace(TASK, rule="complaint-done", subject="C1", period="complaint 1")


def viewer(code: str, role: Role = Role.MANAGER, *own: str) -> Viewer:
    return Viewer.for_person(f"acc-{code}", code, role, frozenset(own))


def desk(who: Viewer, now: datetime = NOW) -> Desk:
    roster = Roster(office(Assignment("M1", Role.MANAGER), people=STAFF), [AWAY], SITE.day(now))
    return Desk(who, roster, SITE, now)


M1, D1, S1 = viewer("M1"), viewer("D1", Role.DEPUTY, "C1"), viewer("S1", Role.SUPERVISOR)
LATER = DUE + timedelta(days=2)
ASKED = DutyStep(5, Act.ASK, NOW, M1.name, "M1", "abroad", LATER)
ACTS: dict[str, Callable[[Desk], Decide]] = {
    "take": take,
    "hand over": lambda at_desk: hand_over(at_desk, "D1"),
    "ask": lambda at_desk: ask(at_desk, LATER, "abroad"),
    "grant": lambda at_desk: extend(at_desk, granted=True),
    "deny": lambda at_desk: extend(at_desk, granted=False),
}
EVERY_ACT = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)


def refused(decide: Decide, duty: Duty = TASK, steps: tuple[DutyStep, ...] = ()) -> tuple[str, str]:
    with pytest.raises(Refusal) as problem:
        decide(duty, steps)
    return problem.value.say(Lang.EN), problem.value.say(Lang.ZH)


# --- who may ----------------------------------------------------------------------------------------------------------

MAY = [
    viewer("D1", Role.DEPUTY, "C1"),  # answers for the customer
    viewer("H1", Role.OFFICE_HEAD, "C1"),
    viewer("S1", Role.SUPERVISOR),
    viewer("S2", Role.COMPANY_MANAGER),
]
MAY_NOT = [
    viewer("D1", Role.DEPUTY, "C2"),
    viewer("H1", Role.OFFICE_HEAD),
    replace(viewer("D1"), named=None, phoned=None, exports=True),  # a permission to see is none to act
    Viewer("acc"),
    Viewer.for_service("notify"),
]


@EVERY_ACT
@pytest.mark.parametrize("who", MAY, ids=lambda who: who.person)
def test_whoever_answers_for_the_customer_may(act: Callable[[Desk], Decide], who: Viewer) -> None:
    assert act(desk(who))(TASK, [ASKED]).steps


@EVERY_ACT
@pytest.mark.parametrize("who", MAY_NOT, ids=lambda who: who.name)
def test_nobody_else_may(act: Callable[[Desk], Decide], who: Viewer) -> None:
    assert refused(act(desk(who)), TASK, (ASKED,)) == (
        f"{who.name} may not do that with task 5: it is neither his nor of a customer of his",
        f"{who.name} 无权对任务 5 进行此操作：既非本人任务，也非其客户的任务",
    )


@pytest.mark.parametrize("act", [take, ACTS["hand over"], ACTS["ask"]])
def test_whose_it_is_and_whom_it_climbed_to_may(act: Callable[[Desk], Decide]) -> None:
    assert act(desk(M1))(TASK, []).steps
    climbed = replace(TASK, chain=("S2", "H1", "S1"), level=1)
    assert act(desk(viewer("H1", Role.OFFICE_HEAD)))(climbed, []).steps


UNIT = replace(TASK, rule="who-january", subject="unit U1", customer="", unit="U1", person="")


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (viewer("H1", Role.OFFICE_HEAD), True),
        (viewer("S1", Role.SUPERVISOR), True),
        (viewer("D1", Role.DEPUTY, "C1"), False),
        (viewer("M1"), False),
    ],
    ids=["its head", "a supervisor", "a deputy", "a manager"],
)
@pytest.mark.parametrize(("unit", "head"), [("U1", True), ("U2", False)])
def test_a_units_task_is_its_heads_and_the_supervisors(who: Viewer, may: bool, unit: str, head: bool) -> None:
    allowed = may and (head or who.person == "S1")
    assert desk(who).may_work_on(replace(UNIT, unit=unit)) == allowed


# --- taking and handing over ------------------------------------------------------------------------------------------


def test_a_task_is_taken_and_stays_where_it_was_on_its_ladder() -> None:
    climbed = replace(TASK, level=1, chain=("D1", "H1", "S1"), act_at=DUE - 2 * HOUR)
    change = take(desk(D1))(climbed, [])
    assert (change.before, change.after) == (climbed, replace(climbed, person="D1"))
    assert change.steps == (DutyStep(5, Act.TAKE, NOW, "D1 (acc-D1)", "D1", "M1"),)


def test_a_task_of_nobody_is_taken() -> None:
    change = take(desk(D1))(replace(TASK, person=""), [])
    assert (change.after.person, change.steps[0].why) == ("D1", "")


def test_a_task_is_handed_over() -> None:
    change = hand_over(desk(M1), "D1")(TASK, [])
    assert change.after == replace(TASK, person="D1")
    assert change.steps == (DutyStep(5, Act.HAND_OVER, NOW, "M1 (acc-M1)", "D1", "M1"),)


def test_a_breached_task_changes_hands_too_and_stays_breached() -> None:
    breached = replace(TASK, state=DutyState.BREACHED, act_at=None, level=3)
    assert take(desk(D1, DUE + HOUR))(breached, []).after == replace(breached, person="D1")


@pytest.mark.parametrize("person", ["X9", "", "G1", "A1"], ids=["unknown", "nobody", "left", "away"])
def test_who_is_not_there_gets_nothing(person: str) -> None:
    said = (
        f"{person!r} can't take task 5: unknown, not in office, or away today",
        f"{person!r} 无法接手任务 5：查无此人、不在职或今日离岗",
    )
    assert refused(hand_over(desk(M1), person)) == said


@pytest.mark.parametrize("person", ["G1", "A1"])
def test_who_is_not_there_takes_nothing(person: str) -> None:
    assert refused(take(desk(viewer(person, Role.MANAGER, "C1"))))[0].startswith(f"{person!r} can't take task 5")


# --- a later deadline -------------------------------------------------------------------------------------------------


def test_asking_changes_nothing_yet() -> None:
    change = ask(desk(M1), LATER, "abroad")(TASK, [])
    assert (change.before, change.after) == (TASK, TASK)
    assert change.steps == (DutyStep(5, Act.ASK, NOW, "M1 (acc-M1)", "M1", "abroad", LATER),)


@pytest.mark.parametrize("due", [DUE, DUE - INSTANT])
def test_what_is_asked_for_is_later(due: datetime) -> None:
    assert refused(ask(desk(M1), due, "abroad")) == (
        f"{SITE.local(due)} is not later than the deadline of task 5 (2023-03-08 17:30)",
        f"{SITE.local(due)} 不晚于任务 5 的现有期限（2023-03-08 17:30）",
    )


PASSED = (
    "the deadline of task 5 has passed (2023-03-08 17:30): nothing moves it any more",
    "任务 5 已过期限（2023-03-08 17:30），不能再延期",
)


def test_a_deadline_that_has_passed_is_not_moved() -> None:
    """RULES §4: only evidence ends what is breached."""
    assert ask(desk(M1, DUE), LATER, "abroad")(TASK, []).steps, "at the deadline itself it has not passed"
    assert refused(ask(desk(M1, DUE + INSTANT), LATER, "abroad")) == PASSED
    assert refused(extend(desk(D1, DUE + INSTANT), granted=True), TASK, (ASKED,)) == PASSED
    breached = replace(TASK, state=DutyState.BREACHED)
    assert refused(ask(desk(M1), LATER, "abroad"), breached) == PASSED
    assert extend(desk(D1, DUE + INSTANT), granted=False)(TASK, [ASKED]).after == TASK, "denied it may be at any time"


LONGEST = [
    ("2023-03-01T10:00", "2023-03-10T17:30"),
    ("2023-03-01T17:30", "2023-03-10T17:30"),
    ("2023-03-01T17:31", "2023-03-13T17:30"),  # after hours: the next day is day 0
    ("2023-03-04T10:00", "2023-03-15T17:30"),  # a Saturday: Monday is
    ("2023-04-27T10:00", "2023-05-10T17:30"),  # May Day; the 6th is worked
]


@pytest.mark.parametrize(("received", "longest"), LONGEST)
def test_a_complaint_takes_seven_working_days_with_every_extension(received: str, longest: str) -> None:
    """RULES complaint (OIL 11(3)): at most 7 with approved extension."""
    taken = replace(COMPLAINT, opened_at=at(received), due_at=at(received) + HOUR)
    early = desk(M1, at(received))
    assert ask(early, at(longest), "abroad")(taken, []).steps
    said = refused(ask(early, at(longest) + timedelta(minutes=1), "abroad"), taken)
    shown = SITE.local(at(longest))
    assert said[0].endswith(f" is too late for task 5: with every extension it ends at {shown}")
    assert said[1].endswith(f" 超出任务 5 的最长期限：经批准延期后最迟为 {shown}")
    wished = replace(ASKED, due_at=at(longest) + timedelta(minutes=1))  # asked for when the site's limit was another
    assert "is too late for task 5" in refused(extend(desk(D1, at(received)), granted=True), taken, (wished,))[0]


def test_other_tasks_are_moved_as_far_as_is_agreed() -> None:
    assert ask(desk(M1), at("2033-01-01T00:00"), "abroad")(TASK, []).steps


EXTENDED = [
    # level before, hours to the deadline now and after -> level, hours before the new deadline
    (0, 100, 148, 0, 8),
    (1, 7, 55, 0, 8),  # the escalation begins anew
    (2, 1, 49, 0, 8),
    (1, 7, 7.5, 1, 2),  # what is so near does not climb at once
    (2, 1, 6, 1, 2),
    (2, 1, 8, 1, 2),  # 8 h before it is now
    (2, 1, 1.5, 2, 0),
    (0, 10, 11, 0, 8),
]


@pytest.mark.parametrize(("level", "left", "wanted", "after", "before"), EXTENDED)
def test_its_escalation_begins_anew(level: int, left: float, wanted: float, after: int, before: int) -> None:
    now = DUE - left * HOUR
    due = now + wanted * HOUR
    chain = ("D1", "H1", "S1") if level else ()
    task = replace(TASK, level=level, chain=chain)
    change = extend(desk(D1, now), granted=True)(task, [replace(ASKED, due_at=due)])
    found = change.after
    assert (found.due_at, found.level, found.act_at) == (due, after, due - before * HOUR if before else due + INSTANT)
    assert (found.chain, found.state, found.person) == (chain, DutyState.OPEN, "M1"), "what ran is not taken back"
    assert change.steps == (DutyStep(5, Act.EXTEND, now, "D1 (acc-D1)", "D1", "", due),)


def test_what_is_denied_stays_as_it_is() -> None:
    change = extend(desk(D1), granted=False)(TASK, [ASKED])
    assert change.after == TASK
    assert change.steps == (DutyStep(5, Act.DENY, NOW, "D1 (acc-D1)", "D1"),)


@pytest.mark.parametrize("granted", [True, False])
def test_who_asked_does_not_decide(granted: bool) -> None:
    said = (
        "M1 asked for the later deadline of task 5 himself: a second person decides",
        "任务 5 的延期由 M1 本人申请：须由第二人审批",
    )
    assert refused(extend(desk(M1), granted=granted), TASK, (ASKED,)) == said
    disguised = S1.acting_for("M1")  # his account acts as the supervisor
    assert refused(extend(desk(disguised), granted=granted), TASK, (ASKED,)) == said


ENDS = [Act.EXTEND, Act.DENY]


@pytest.mark.parametrize("steps", [(), *[(ASKED, replace(ASKED, act=act)) for act in ENDS]], ids=["never", *ENDS])
@pytest.mark.parametrize("granted", [True, False])
def test_there_must_be_something_to_decide(steps: tuple[DutyStep, ...], granted: bool) -> None:
    assert refused(extend(desk(D1), granted=granted), TASK, steps) == (
        "nobody asked for a later deadline of task 5: `meterwatch tasks extend 5 --until TIME --why TEXT` does",
        "任务 5 没有延期申请：用 `meterwatch tasks extend 5 --until 时间 --why 说明` 提出",
    )


def test_the_last_wish_is_decided_on_whatever_happened_since() -> None:
    climbed = DutyStep(5, Act.ESCALATE, NOW, "planner", "H1", "office_head")
    asked_again = replace(ASKED, due_at=LATER + HOUR)
    change = extend(desk(D1), granted=True)(TASK, [ASKED, asked_again, climbed])
    assert change.after.due_at == LATER + HOUR
