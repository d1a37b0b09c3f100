"""Duties under any order of events, over a real ledger: what people do, what the registry says, and what time does."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import func, select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.contacts import NewContactRecord
from meterwatch.core.model.duties import UNFINISHED, Absence, Act, Duty, DutyState, DutyStep, Evidence, EvidenceKind
from meterwatch.core.model.registry import (
    FOREVER_DAY,
    Agreements,
    Assignment,
    Customer,
    CustomerClass,
    Person,
    Registry,
    Role,
)
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.duty_tables import duty_steps
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.duty_rows import load_steps
from meterwatch.stores.ledger.work import Wanted
from meterwatch.stores.tables import audit, messages
from notifier.duties.acting import ask, extend, hand_over, take
from notifier.duties.closing import Desk, closing, confirming
from notifier.duties.contacts import BY_CONTACT, meeting
from notifier.duties.duty import OnCalendar, Want, While
from notifier.duties.plan import new_duty
from notifier.duties.rules import BY_NAME, DUTIES
from notifier.roster import Roster
from tests.support.desk import SITE
from tests.support.duties import Shelf
from tests.support.ledger import HOUR, NOW, audited, episode, fresh_database, opened, withdrawn
from tests.support.office import office
from tests.support.scratch import scratch

DAY = timedelta(days=1)
STAFF = {
    "M1": Person("M1", Role.MANAGER),
    "M2": Person("M2", Role.MANAGER),
    "D1": Person("D1", Role.DEPUTY),
    "H1": Person("H1", Role.OFFICE_HEAD, unit="U1"),
    "S1": Person("S1", Role.SUPERVISOR),
}
CODES = st.sampled_from(sorted(STAFF))
CALLED = ("churn-confirm", "churn-warn", "use-abnormal", "use-validate")
AUDITED = {
    Act.TAKE: "task.take",
    Act.HAND_OVER: "task.hand-over",
    Act.ESCALATE: "task.escalate",
    Act.BREACH: "task.breach",
    Act.VOID: "task.void",
    Act.REOPEN: "task.reopen",
    Act.ASK: "task.ask",
    Act.EXTEND: "task.extend",
    Act.DENY: "task.deny",
}


@dataclass
class Office:
    """What the registry says; each change of it is another snapshot."""

    number: int = 1
    kind: str = "A1"
    manager: str = "M1"
    deputy: bool = True
    large: bool = False
    supplied: tuple[int, int] = (1, FOREVER_DAY)  # C2
    left: tuple[str, date] = ("", date.max)

    def registry(self) -> Registry:
        assigned = (Assignment(self.manager, Role.MANAGER), *[Assignment("D1", Role.DEPUTY)] * self.deputy)
        who, when = self.left
        people = {code: replace(one, last_day=when) if code == who else one for code, one in STAFF.items()}
        customers = tuple(Customer(f"C{n}", CustomerClass(kind), unit="U1") for n, kind in ((1, self.kind), (2, "A2")))
        (first, last), large = self.supplied, frozenset({"C1"} if self.large else ())
        agreements = Agreements.of([0, 1], [0, 1], [1, first], [FOREVER_DAY, last])
        held = replace(office(*assigned, people=people), number=self.number, customers=customers)
        return replace(held, agreements=agreements, large=large)


CHANGES: dict[str, Callable[[Office, date], dict[str, Any]]] = {
    "another class": lambda was, _: {"kind": {"A1": "A2", "A2": "B2", "B2": "A1"}[was.kind]},
    "another manager": lambda was, _: {"manager": "M2" if was.manager == "M1" else "M1"},
    "a manager leaves": lambda was, today: {"left": (was.manager, today)},
    "the deputy comes or goes": lambda was, _: {"deputy": not was.deputy},
    "large or not": lambda was, _: {"large": not was.large},
    "supplied from next week on": lambda _, today: {"supplied": ((today + 7 * DAY).toordinal(), FOREVER_DAY)},
    "supplied until tomorrow": lambda _, today: {"supplied": (1, (today + DAY).toordinal())},
    "nothing we look at": lambda *_: {},
}


def what_evidence_says(duty: Duty) -> DutyState | None:
    """Return how a duty stands by the evidence nobody took back, and that was recorded in time or confirmed (RULES §4)."""
    standing = [proof for proof in duty.evidence if not proof.taken_back_at]
    in_time = [p for p in standing if p.kind is EvidenceKind.REGISTRY or p.recorded_at <= duty.due_at or p.confirmed_by]
    if len(in_time) < duty.needed:
        return None
    done = sum(proof.happened_at <= duty.due_at for proof in in_time) >= duty.needed
    return DutyState.MET if done else DutyState.LATE


def acts_at(duty: Duty) -> datetime:
    """Return when an open duty reaches its next rung; the last is just after its deadline."""
    before = [rung.before for rung in BY_NAME[duty.rule].escalation][duty.level]
    return duty.due_at - before if before else duty.due_at + timedelta(microseconds=1)


class DutyMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        folder = self.opened.enter_context(scratch())
        self.database = self.opened.enter_context(fresh_database("sqlite", folder))
        self.ledger, self.now = Ledger(self.database), NOW
        self.office = Office()
        self.shelf = Shelf(self.ledger, self.office.registry())
        self.planner = self.shelf.planner()
        self.before: dict[int, tuple[Duty, int]] = {}
        self.planner.step(self.now)

    def teardown(self) -> None:
        self.opened.close()

    # --- what stands ---------------------------------------------------------------------------------------------

    @property
    def roster(self) -> Roster:
        return Roster(self.shelf.newest(), self.ledger.orders.absences(), SITE.day(self.now))

    def every(self) -> list[Duty]:
        return sorted(self.ledger.work.tasks(Wanted(finished=True), None), key=lambda duty: duty.id)

    def steps(self) -> dict[int, list[DutyStep]]:
        with self.database.read() as connection:
            return load_steps(connection, [duty.id for duty in self.every()])

    def pick(self, which: int) -> Duty:
        """Return one of the unfinished duties, or any if none is: those people called for lead."""
        every = self.every()
        found = [duty for duty in every if duty.state in UNFINISHED] or every
        return sorted(found, key=lambda duty: (duty.rule not in CALLED, duty.id))[which % len(found)]

    def desk(self, person: str) -> Desk:
        viewer = Viewer.for_person(f"acc-{person}", person, STAFF[person].role, frozenset({"C1", "C2"}))
        return Desk(viewer, self.roster, SITE, self.now)

    def tried(self, act: Callable[[], object]) -> None:
        """Do something that may be refused; what is refused leaves nothing behind."""
        before = self.traces()
        try:
            act()
        except Refusal:
            assert self.traces() == before

    def traces(self) -> tuple[Any, ...]:
        with self.database.read() as connection:
            counts = [connection.scalar(select(func.count()).select_from(table)) for table in (audit, duty_steps, messages)]
        return (*counts, self.every())

    # --- what people do ------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(CALLED), customer=st.sampled_from(["C1", "C2"]))
    def call_for(self, name: str, customer: str) -> None:
        found, today = self.roster, SITE.day(self.now).isoformat()
        want = Want(f"{customer}/gas", today, found.registry.customer(customer))
        self.ledger.work.open(new_duty(self.now, BY_NAME[name], want, found, SITE), self.now, "desk")

    @rule(which=st.integers(0, 5), person=CODES, ago=st.sampled_from([0, 0, 3]), outcome=st.integers(0, 2))
    def prove(self, which: int, person: str, ago: int, outcome: int) -> None:
        duty, desk = self.pick(which), self.desk(person)
        declared = BY_NAME[duty.rule]
        said = [*declared.outcomes, "", "", ""][outcome]
        proof = Evidence(
            declared.evidence[0],
            person,
            desk.viewer.account,
            "why",
            "what",
            self.now - ago * HOUR,
            self.now,
            "so",
            said,
            "h",
        )
        self.tried(lambda: self.ledger.work.done(duty.id, proof, closing(desk)))

    @rule(customer=st.sampled_from(["C1", "C2"]), kind=st.sampled_from(["phone", "sms"]), correct=st.booleans())
    def speak(self, customer: str, kind: str, correct: bool) -> None:
        """Enter a contact, or correct the last one: nobody was reached after all."""
        desk = self.desk("M1")
        last = self.ledger.records.contacts(customer)[-1:] if correct else []
        corrects = last[0].id if last else None
        new = NewContactRecord(
            customer, EvidenceKind(kind), "", not last, "spoke", "M1", "acc-M1", self.now, self.now, corrects
        )
        self.ledger.records.add_contact(new, BY_CONTACT, meeting(desk))

    @rule(which=st.integers(0, 5), person=CODES)
    def confirm(self, which: int, person: str) -> None:
        waiting = [duty for duty in self.every() if duty.waiting] or [self.pick(which)]
        number, desk = waiting[which % len(waiting)].id, self.desk(person)
        confirmed = confirming(desk)
        self.tried(lambda: self.ledger.work.confirm(number, person, desk.viewer.account, self.now, confirmed))

    @rule(which=st.integers(0, 5), person=CODES, other=st.sampled_from(["", "M1", "M2", "D1"]))
    def pass_on(self, which: int, person: str, other: str) -> None:
        decide = hand_over(self.desk(person), other) if other else take(self.desk(person))
        number = self.pick(which).id
        self.tried(lambda: self.ledger.work.change(number, decide))

    @rule(which=st.integers(0, 5), person=CODES, days=st.sampled_from([1, 30]))
    def ask_for_time(self, which: int, person: str, days: int) -> None:
        duty = self.pick(which)
        decide = ask(self.desk(person), duty.due_at + days * DAY, "abroad")
        self.tried(lambda: self.ledger.work.change(duty.id, decide))

    @rule(which=st.integers(0, 5), person=CODES, granted=st.booleans())
    def decide(self, which: int, person: str, granted: bool) -> None:
        asked = [number for number, own in self.steps().items() if own[-1].act is Act.ASK]
        number = asked[which % len(asked)] if asked else self.pick(which).id
        self.tried(lambda: self.ledger.work.change(number, extend(self.desk(person), granted=granted)))

    @rule(person=CODES, days=st.sampled_from([1, 20]), stand_in=st.sampled_from(["", "M2", "D1"]))
    def leave(self, person: str, days: int, stand_in: str) -> None:
        today = SITE.day(self.now)
        self.ledger.orders.add_absence(Absence(person, today, today + days * DAY, stand_in), "S1", "chief", self.now)

    @precondition(lambda self: self.ledger.orders.absences())
    @rule()
    def come_back(self) -> None:
        self.ledger.orders.end_absence(self.ledger.orders.absences()[-1].id, "S1", "chief", self.now)

    # --- what the meters and the registry say --------------------------------------------------------------------

    @rule(back=st.booleans())
    def alert(self, back: bool) -> None:
        """Late readings speak for an alert, or against the one that stands."""
        about = episode("C1/gas")
        standing = self.ledger.evaluation.alerts("churn", 0)
        if standing and back:
            self.ledger.evaluation.commit(withdrawn(*standing, now=self.now))
        elif not standing:
            found = self.roster
            want = Want(about.subject, date.fromordinal(about.opened_day).isoformat(), found.registry.customer("C1"))
            duty = replace(new_duty(self.now, BY_NAME["churn-warn"], want, found, SITE), alert=about.key)
            self.ledger.evaluation.commit(opened(about, now=self.now, duties=[duty], messages=[]))

    @rule(what=st.sampled_from(sorted(CHANGES)))
    def import_registry(self, what: str) -> None:
        was = self.office
        self.office = replace(was, number=was.number + 1, **CHANGES[what](was, SITE.day(self.now)))
        self.shelf.registry = self.office.registry()

    # --- what time does ------------------------------------------------------------------------------------------

    @rule(wait=st.sampled_from([11 * timedelta(minutes=1), 5 * HOUR, 16 * HOUR, 2 * DAY, 9 * DAY, 40 * DAY]))
    def time_passes(self, wait: timedelta) -> None:
        self.now += wait
        self.plan()

    @rule()
    def the_next_thing_happens(self) -> None:
        self.now = max(self.now, self.planner.next_due(self.now) or self.now)
        self.plan()

    def plan(self) -> None:
        self.planner.step(self.now)
        self.planned_is_planned()
        self.everybody_with_a_task_is_there()
        self.what_is_called_for_stands()

    def planned_is_planned(self) -> None:
        before = self.traces()
        self.planner.step(self.now)
        assert self.traces() == before, "planning twice at one moment changes something"
        due = self.ledger.planner.next_act()
        assert due is None or due > self.now, "something was due and did not happen"

    def everybody_with_a_task_is_there(self) -> None:
        found = self.roster
        for duty in self.every():
            if duty.state in UNFINISHED and not found.available(duty.person):
                role, customer = BY_NAME[duty.rule].role, found.registry.customer(duty.customer)
                other = found.in_charge(customer, role) if customer else found.officer_in_charge(role, duty.unit)
                assert other is None, (duty, other)

    def what_is_called_for_stands(self) -> None:
        found = self.roster
        for declared in DUTIES:
            trigger, own = declared.trigger, [duty for duty in self.every() if duty.rule == declared.name]
            if isinstance(trigger, OnCalendar):
                wanted = {(want.subject, want.period) for want in trigger.wants(found, SITE)}
                assert wanted <= {(duty.subject, duty.period) for duty in own if duty.state is not DutyState.VOID}
                left = [d for d in own if d.state in UNFINISHED and trigger.covers(d.period, found.day)]
                assert {(duty.subject, duty.period) for duty in left} <= wanted
            elif isinstance(trigger, While):
                subjects = {want.subject for want in trigger.wants(found, SITE)}
                standing = Counter(duty.subject for duty in own if duty.state in UNFINISHED)
                today = {duty.subject for duty in own if duty.period == found.day.isoformat()}
                assert set(standing) <= subjects <= set(standing) | today
                assert not standing or max(standing.values()) == 1

    # --- what always holds ---------------------------------------------------------------------------------------

    @invariant()
    def everything_stands_as_it_should(self) -> None:
        every, steps = self.every(), self.steps()
        self.each_duty_is_one_and_stands_as_its_evidence_says(every)
        self.escalation_goes_up_on_the_chain_it_began_with(every, steps)
        self.every_change_has_its_step_and_its_audit_row(every, steps)

    def each_duty_is_one_and_stands_as_its_evidence_says(self, every: list[Duty]) -> None:
        assert len({(duty.rule, duty.subject, duty.period) for duty in every}) == len(every)
        for duty in every:
            finished = duty.state in (DutyState.MET, DutyState.LATE)
            assert not finished or duty.state is what_evidence_says(duty), duty
            again = any(proof.recorded_at < duty.opened_at for proof in duty.evidence)  # it was void, and stands again
            assert finished or again or duty.state is DutyState.VOID or duty.proven() is None, duty
            assert (duty.settled_at is None) == (duty.state in UNFINISHED), duty
            assert duty.state is not DutyState.BREACHED or duty.due_at < self.now, duty
            assert duty.act_at == (acts_at(duty) if duty.state is DutyState.OPEN else None), (
                "only what is open acts by itself"
            )

    def escalation_goes_up_on_the_chain_it_began_with(self, every: list[Duty], steps: dict[int, list[DutyStep]]) -> None:
        now: dict[int, tuple[Duty, int]] = {}
        for duty in every:
            acts = [step.act for step in steps.get(duty.id, ()) if step.at >= duty.opened_at]
            anew = sum(act in (Act.EXTEND, Act.REOPEN, Act.VOID) for act in acts)
            now[duty.id] = duty, anew
            was, earlier = self.before.get(duty.id, (duty, anew))
            assert not (Act.ESCALATE in acts and not anew) or len(duty.chain) == len(BY_NAME[duty.rule].escalation)
            if was.opened_at == duty.opened_at and earlier == anew:
                assert duty.level >= was.level
                assert not was.chain or duty.chain == was.chain
        self.before = now

    def every_change_has_its_step_and_its_audit_row(self, every: list[Duty], steps: dict[int, list[DutyStep]]) -> None:
        walked = Counter((duty, AUDITED[step.act]) for duty, own in steps.items() for step in own if step.act in AUDITED)
        noted = Counter((detail.get("duty", 0), action) for action, _, detail in audited(self.database))
        assert walked == Counter({row: count for row, count in noted.items() if row[1] in AUDITED.values()})
        for duty in every:
            acts = [step.act for step in steps.get(duty.id, ())]
            assert duty.state is not DutyState.BREACHED or Act.BREACH in acts
            assert duty.state is not DutyState.VOID or Act.VOID in acts
            assert (duty.id, "task.open") in noted
            assert duty.state not in (DutyState.MET, DutyState.LATE) or (duty.id, "task.done") in noted


DutyMachine.TestCase.settings = settings(
    max_examples=13, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDuties = DutyMachine.TestCase
