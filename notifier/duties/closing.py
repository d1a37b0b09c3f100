"""Who may close a task, and by what; commands and pages hand this to the ledger, which asks it before it enters anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Duty, Evidence, NewDuty
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from notifier.duties.duty import DutyRule, OnCalendar, While
from notifier.duties.periods import named
from notifier.duties.plan import follow_up
from notifier.duties.rules import BY_NAME
from notifier.roster import Roster
from notifier.site import Site

_NOT_YOURS = Phrase(
    "{viewer} may not close task {number}: the person responsible{person} may, whoever it was escalated to, the manager or "
    "deputy of the customer, the head of its unit, a supervisor or the company manager",
    "{viewer} 无权办结任务 {number}：可由负责人{person}、升级通知到的人员、该客户的客户经理或其代理人、"
    "所属单位的所长、督察或公司经理办结",
)
_OVERSEEING = Phrase(
    "{viewer} may not close task {number}: the person responsible{person} may, a supervisor or the company manager",
    "{viewer} 无权办结任务 {number}：可由负责人{person}、督察或公司经理办结",
)
_OTHER_KIND = Phrase(
    "{kind} does not count as evidence for task {number}; what counts: {kinds}",
    "{kind} 不能作为任务 {number} 的证据；可用的方式：{kinds}",
)
_LACKING = Phrase(
    "task {number} closes only with {fields}: give {options}",
    "办结任务 {number} 必须填写 {fields}：请给出 {options}",
)
_NO_OUTCOME = Phrase(
    "{outcome!r} is no outcome of task {number}; choose one of: {outcomes}",
    "{outcome!r} 不是任务 {number} 的结论；可选：{outcomes}",
)
_OUTCOMELESS = Phrase(
    "task {number} has no outcomes to choose from: leave --outcome out, and say it in --note",
    "任务 {number} 没有可选结论：请勿填写 --outcome，改用 --note 说明",
)
_SECOND = Phrase(
    "{person} called for task {number} himself: a second person closes it",
    "任务 {number} 由 {person} 本人提出：须由第二人办理",
)
_COMMAND = Phrase(
    "task {number} is closed by `{command}` (or its counterpart that refuses)",
    "任务 {number} 须用 `{command}` 办结（或用相应的拒绝命令）",
)
_BEFORE = Phrase(
    "what happened at {at} is no evidence for task {number}: it was opened at {opened}",
    "{at} 发生的事不能作为任务 {number} 的证据：该任务于 {opened} 下达",
)
_OWN_WORD = Phrase(
    "{person} recorded that evidence of task {number} himself: a second person confirms it",
    "任务 {number} 的该证据由 {person} 本人录入：须由第二人确认",
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody at work: who he is, when, and in what surroundings."""

    viewer: Viewer
    roster: Roster
    site: Site
    now: datetime

    def may_work_on(self, duty: Duty) -> bool:
        """Return whether he is responsible for a task, was called to it, or answers for its customer or unit.

        A permission to see names is not enough. What a supervisor has to do is done by nobody it is about.
        """
        person = self.viewer.person
        if not person:
            return False
        if BY_NAME[duty.rule].role is Role.SUPERVISOR:
            return person == duty.person or self.viewer.oversees
        if person in (duty.person, *duty.chain):
            return True
        return self.viewer.answers_for(duty.customer) if duty.customer else self.oversees(duty.unit)

    def oversees(self, unit: str) -> bool:
        """Return whether he is the unit's office head, a supervisor or the company manager."""
        found = self.roster.registry.people.get(self.viewer.person or "")
        heads = found is not None and found.role is Role.OFFICE_HEAD and found.unit == unit
        return heads or self.viewer.oversees


Settle = Callable[[Duty, Evidence], Sequence[NewDuty]]


def closing(desk: Desk) -> Settle:
    """Return the check of evidence given at ``desk``: it raises Refusal where that does not count, and returns what duties
    it calls for.
    """

    def settle(duty: Duty, proof: Evidence) -> Sequence[NewDuty]:
        rule = BY_NAME[duty.rule]
        _require_right(desk, duty)
        if rule.command:
            command = rule.command.format(number=duty.period.rpartition(" ")[2])
            raise Refusal(_COMMAND, number=duty.id, command=command)
        _require_second(desk, rule, duty)
        _require_counting(rule, duty, proof, desk.site)
        return _follow_ups(rule, duty, proof, desk)

    return settle


def confirming(desk: Desk) -> Settle:
    """Return the check of a confirmation given at ``desk``: by somebody else than who recorded the evidence."""

    def settle(duty: Duty, proof: Evidence) -> Sequence[NewDuty]:
        _require_right(desk, duty)
        _require_second(desk, BY_NAME[duty.rule], duty)
        if desk.viewer.is_himself(proof.person) or desk.viewer.account == proof.account:
            raise Refusal(_OWN_WORD, person=desk.viewer.name, number=duty.id)
        return _follow_ups(BY_NAME[duty.rule], duty, proof, desk)

    return settle


def _require_right(desk: Desk, duty: Duty) -> None:
    if not desk.may_work_on(duty):
        person = f" ({duty.person})" if duty.person else ""
        phrase = _OVERSEEING if BY_NAME[duty.rule].role is Role.SUPERVISOR else _NOT_YOURS
        raise Refusal(phrase, viewer=desk.viewer.name, number=duty.id, person=person)


def _require_second(desk: Desk, rule: DutyRule, duty: Duty) -> None:
    if rule.second and duty.called_by and desk.viewer.is_himself(duty.called_by):
        raise Refusal(_SECOND, person=duty.called_by, number=duty.id)


def _require_counting(rule: DutyRule, duty: Duty, proof: Evidence, site: Site) -> None:
    if proof.kind not in rule.evidence:
        raise Refusal(_OTHER_KIND, kind=proof.kind, number=duty.id, kinds=", ".join(rule.evidence))
    lacking = rule.lacking(proof)
    if lacking:
        options = " ".join(f"--{name}" for name in lacking)
        raise Refusal(_LACKING, number=duty.id, fields=", ".join(lacking), options=options)
    if proof.outcome and not rule.outcomes:
        raise Refusal(_OUTCOMELESS, number=duty.id)
    if rule.outcomes and proof.outcome not in rule.outcomes:
        raise Refusal(_NO_OUTCOME, outcome=proof.outcome, number=duty.id, outcomes=", ".join(rule.outcomes))
    began = began_at(rule, duty, site)
    if proof.happened_at < began:
        zone = proof.happened_at.tzinfo
        at, opened = (moment.astimezone(zone).isoformat(timespec="seconds") for moment in (proof.happened_at, began))
        raise Refusal(_BEFORE, number=duty.id, at=at, opened=opened)


def began_at(rule: DutyRule, duty: Duty, site: Site) -> datetime:
    """Return from when on something done is evidence: the start of a calendar duty's period, else the duty's opening."""
    period = named(duty.period) if isinstance(rule.trigger, OnCalendar | While) else None
    if period is None:
        return duty.opened_at
    return min(duty.opened_at, datetime.combine(period.first, time(0), tzinfo=ZoneInfo(site.zone)))


def _follow_ups(rule: DutyRule, duty: Duty, proof: Evidence, desk: Desk) -> list[NewDuty]:
    names = [rule.then[key] for key in ("", proof.outcome) if key in rule.then]
    return [follow_up(desk.now, BY_NAME[name], duty, proof, desk.roster, desk.site) for name in dict.fromkeys(names)]
