"""The duty engine: what is to be done about duties at a moment. Pure and idempotent: done once, there is nothing left to do.

Duties of alerts are entered with their alerts (notifier.routing); those of the calendar and of the registry's state begin
here, and here every open duty climbs its escalation, is breached, or passes to somebody who is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from meterwatch.core.calendar import Deadline
from meterwatch.core.model.duties import (
    UNFINISHED,
    Act,
    Duty,
    DutyChange,
    DutyPlan,
    DutyState,
    DutyStep,
    Evidence,
    NewDuty,
)
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.model.registry import Person, Role
from notifier.duties.duty import DutyRule, OnCalendar, Want, While
from notifier.pace import DIGEST
from notifier.roster import Roster
from notifier.site import Site

PLANNER = "planner"
TOLD = "told"  # stands beside the rules' names: the number of the duty opened last that people were told of
PEOPLE = "people"  # stands beside the rules' names: when it was last seen to that every duty is with somebody who is there
_INSTANT = timedelta(microseconds=1)  # evidence at the deadline itself is in time


@dataclass(frozen=True, slots=True)
class Situation:
    """What planning looks at.

    ``planned`` says what each rule was last asked; ``standing`` holds the unfinished duties of those to be asked anew;
    ``due`` the duties whose ``act_at`` has come; ``stranded`` the unfinished ones of people who are not there. ``absences``
    names the state of who is away. ``newest`` is the number of the duty opened last, ``opened`` those opened since people
    were told; ``lately`` what messages they were sent (notifier.pace); ``morning`` the day whose digest is due, with the
    messages in ``digests``.
    """

    roster: Roster
    site: Site
    planned: Mapping[str, str] = field(default_factory=dict)
    standing: Mapping[str, Sequence[Duty]] = field(default_factory=dict)
    due: Sequence[Duty] = ()
    stranded: Sequence[Duty] = ()
    absences: str = ""
    newest: int = 0
    opened: Sequence[Duty] = ()
    lately: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    morning: str = ""
    digests: Sequence[NewMessage] = ()


def questions(rules: Iterable[DutyRule], roster: Roster, absences: str) -> dict[str, str]:
    """Return what each rule of calendar or registry is asked now, by its name, and what is asked about people."""
    snapshot = roster.registry.number
    asked = {rule.name: _question(rule, roster) for rule in rules if isinstance(rule.trigger, OnCalendar | While)}
    asked[PEOPLE] = f"{roster.day} {absences}".rstrip()
    return {name: f"{question} #{snapshot}" for name, question in asked.items()}


def _question(rule: DutyRule, roster: Roster) -> str:
    """Return what a rule is asked. What the calendar calls for depends on who is supplied, and that may change any day."""
    if not isinstance(rule.trigger, OnCalendar):
        return roster.day.isoformat()
    return f"{rule.trigger.asks(roster.day)} @{roster.registry.supply_turned(roster.day.toordinal())}"


def plan(now: datetime, situation: Situation, rules: Mapping[str, DutyRule]) -> DutyPlan:
    """Return what is to be done about duties at ``now``."""
    asked = questions(rules.values(), situation.roster, situation.absences)
    anew = {name: question for name, question in asked.items() if situation.planned.get(name) != question}
    opened: list[NewDuty] = []
    changed: dict[int, DutyChange] = {}
    for name in (name for name in anew if name != PEOPLE):
        new, settled = _asked(now, rules[name], situation)
        opened += new
        changed |= {change.before.id: change for change in settled}
    for duty in situation.due:
        if duty.id not in changed:
            changed[duty.id] = _climbed(now, duty, rules[duty.rule], situation)
    for duty in situation.stranded:
        so_far = changed.get(duty.id, DutyChange(duty, duty, ()))
        if so_far.after.state in UNFINISHED and (step := hand_over(now, so_far.after, rules[duty.rule], situation.roster)):
            after = replace(so_far.after, person=step.person)
            changed[duty.id] = DutyChange(so_far.before, after, (*so_far.steps, step))
    said = {TOLD: str(situation.newest)} | ({DIGEST: situation.morning} if situation.morning else {})
    anew |= {name: text for name, text in said.items() if situation.planned.get(name) != text}
    return DutyPlan(tuple(opened), tuple(changed.values()), tuple(situation.digests), anew)


# --- opening ----------------------------------------------------------------------------------------------------------


def new_duty(now: datetime, rule: DutyRule, want: Want, roster: Roster, site: Site) -> NewDuty:
    """Return the duty ``want`` stands for, with its deadline and whoever has to act."""
    due = want.due or rule.term(now, site)
    level = _first_rung(rule, due.at, now)
    person = _in_charge(rule.role, want, roster)
    return NewDuty(
        rule.name,
        want.subject,
        want.period,
        due_at=due.at,
        provisional=due.provisional,
        person=person.code if person else "",
        act_at=_act_at(rule, due.at, level),
        customer=want.customer.code if want.customer else "",
        unit=want.customer.unit if want.customer else want.unit,
        needed=want.needed,
        level=level,
        called_by=want.called_by,
    )


def follow_up(now: datetime, rule: DutyRule, duty: Duty, proof: Evidence, roster: Roster, site: Site) -> NewDuty:
    """Return the duty of ``rule`` that ``proof`` of ``duty`` calls for, about the same subject.

    What an outcome sends back to whom it came from is asked anew, under a period of its own.
    """
    customer = roster.registry.customer(duty.customer)
    due = Deadline(duty.due_at, duty.provisional) if rule.inherits else None
    back = bool(proof.outcome) and duty.rule in rule.then.values()
    want = Want(duty.subject, duty.period + "+" * back, customer, duty.unit, due, called_by=proof.person)
    return new_duty(now, rule, want, roster, site)


def moved(duty: Duty, rule: DutyRule, due_at: datetime, now: datetime) -> Duty:
    """Return an unfinished duty with another deadline: its escalation begins anew, nothing that ran is taken back."""
    level = _first_rung(rule, due_at, now)
    return replace(duty, due_at=due_at, level=level, act_at=_act_at(rule, due_at, level), state=DutyState.OPEN)


def _in_charge(role: Role, want: Want, roster: Roster) -> Person | None:
    if want.customer is not None:
        return roster.in_charge(want.customer, role)
    return roster.officer_in_charge(role, want.unit)


def _first_rung(rule: DutyRule, due_at: datetime, now: datetime) -> int:
    """Return the first rung that is still to come: what is opened late does not climb at once."""
    return sum(1 for rung in rule.escalation if rung.before and due_at - rung.before <= now)


def _act_at(rule: DutyRule, due_at: datetime, level: int) -> datetime:
    """Return when a rung is reached; what stands on the deadline itself comes just after it."""
    before = rule.escalation[level].before if level < len(rule.escalation) else timedelta(0)
    return due_at - before if before else due_at + _INSTANT


# --- what calendar and registry call for --------------------------------------------------------------------------


def _asked(now: datetime, rule: DutyRule, situation: Situation) -> tuple[list[NewDuty], list[DutyChange]]:
    """Return the duties a rule calls for and has not, and what becomes of those it calls for no more."""
    roster, trigger = situation.roster, rule.trigger
    if not isinstance(trigger, OnCalendar | While):
        return [], []
    wants = list(trigger.wants(roster, situation.site))
    standing = situation.standing.get(rule.name, ())
    if isinstance(trigger, OnCalendar):
        wanted = {(want.subject, want.period) for want in wants}
        have = {(duty.subject, duty.period) for duty in standing}
        gone = [d for d in standing if trigger.covers(d.period, roster.day) and (d.subject, d.period) not in wanted]
        settled = [_settled(now, duty, DutyState.VOID, Act.VOID) for duty in gone]
        missing = [want for want in wants if (want.subject, want.period) not in have]
    else:
        subjects, known = {want.subject for want in wants}, {duty.subject for duty in standing}
        over = [duty for duty in standing if duty.subject not in subjects]
        settled = [_settled(now, duty, _in_time(duty, now), Act.SETTLE, f"#{roster.registry.number}") for duty in over]
        missing = [want for want in wants if want.subject not in known]
    return [new_duty(now, rule, want, roster, situation.site) for want in missing], settled


def _in_time(duty: Duty, now: datetime) -> DutyState:
    return DutyState.MET if now <= duty.due_at else DutyState.LATE


def _settled(now: datetime, duty: Duty, state: DutyState, act: Act, why: str = "") -> DutyChange:
    after = replace(duty, state=state, settled_at=now, act_at=None)
    return DutyChange(duty, after, (DutyStep(duty.id, act, now, PLANNER, why=why),))


# --- what time does to an open duty -------------------------------------------------------------------------------


def _climbed(now: datetime, duty: Duty, rule: DutyRule, situation: Situation) -> DutyChange:
    """Return a duty after every rung whose time has come, breached if its deadline has passed.

    With the first rung its chain is kept: whoever becomes manager later, the escalation that runs goes on as it began. Where
    it leads to nobody who is there, whoever is to act for that role now is told, climbing as a duty does.
    """
    steps: list[DutyStep] = []
    after, act_at = duty, duty.act_at
    while act_at is not None and act_at <= now:
        after, made = _next_rung(now, after, rule, situation.roster)
        steps += made
        act_at = after.act_at
    return DutyChange(duty, after, tuple(steps))


def _next_rung(now: datetime, duty: Duty, rule: DutyRule, roster: Roster) -> tuple[Duty, list[DutyStep]]:
    steps: list[DutyStep] = []
    if duty.state is DutyState.OPEN and duty.due_at < now:
        steps.append(DutyStep(duty.id, Act.BREACH, now, PLANNER))
        duty = replace(duty, state=DutyState.BREACHED)
    if duty.level < len(rule.escalation):
        chain = duty.chain or tuple(_holder(duty, rung.role, roster) for rung in rule.escalation)
        rung = rule.escalation[duty.level]
        told = roster.present(roster.registry.people.get(chain[duty.level])) or _now_in_charge(rung.role, duty, roster)
        steps.append(DutyStep(duty.id, Act.ESCALATE, now, PLANNER, told.code if told else "", rung.role.value))
        duty = replace(duty, level=duty.level + 1, chain=chain)
    more = duty.level < len(rule.escalation) or duty.state is DutyState.OPEN
    return replace(duty, act_at=_act_at(rule, duty.due_at, duty.level) if more else None), steps


def _holder(duty: Duty, role: Role, roster: Roster) -> str:
    customer = roster.registry.customer(duty.customer)
    found = roster.appointed(customer, role) if customer else roster.officer(role, duty.unit)
    return found.code if found else ""


def _now_in_charge(role: Role, duty: Duty, roster: Roster) -> Person | None:
    customer = roster.registry.customer(duty.customer)
    return _in_charge(role, Want(duty.subject, duty.period, customer, duty.unit), roster)


def hand_over(now: datetime, duty: Duty, rule: DutyRule, roster: Roster) -> DutyStep | None:
    """Return the step that gives a duty whose person is not there to somebody who is; None if nobody is."""
    stand_in = roster.present(roster.registry.people.get(duty.person)) if duty.person else None
    person = stand_in or _now_in_charge(rule.role, duty, roster)
    if person is None or person.code == duty.person:
        return None
    return DutyStep(duty.id, Act.HAND_OVER, now, PLANNER, person.code, duty.person or "-")
