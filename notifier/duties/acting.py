"""What people do to a task besides proving it: take it, hand it over, ask for a later deadline, grant or deny that."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Act, Duty, DutyChange, DutyState, DutyStep
from meterwatch.core.model.phrase import Phrase
from notifier.duties.closing import Desk
from notifier.duties.plan import moved
from notifier.duties.rules import BY_NAME

Decide = Callable[[Duty, Sequence[DutyStep]], DutyChange]

_NO_RIGHT = Phrase(
    "{viewer} may not do that with task {number}: it is neither his nor of a customer of his",
    "{viewer} 无权对任务 {number} 进行此操作：既非本人任务，也非其客户的任务",
)
_NOBODY = Phrase(
    "{person!r} can't take task {number}: unknown, not in office, or away today",
    "{person!r} 无法接手任务 {number}：查无此人、不在职或今日离岗",
)
_PASSED = Phrase(
    "the deadline of task {number} has passed ({due}): nothing moves it any more",
    "任务 {number} 已过期限（{due}），不能再延期",
)
_NOT_LATER = Phrase(
    "{due} is not later than the deadline of task {number} ({now})", "{due} 不晚于任务 {number} 的现有期限（{now}）"
)
_TOO_LATE = Phrase(
    "{due} is too late for task {number}: with every extension it ends at {longest}",
    "{due} 超出任务 {number} 的最长期限：经批准延期后最迟为 {longest}",
)
_NOT_ASKED = Phrase(
    "nobody asked for a later deadline of task {number}: `meterwatch tasks extend {number} --until TIME --why TEXT` does",
    "任务 {number} 没有延期申请：用 `meterwatch tasks extend {number} --until 时间 --why 说明` 提出",
)
_OWN_ASKING = Phrase(
    "{person} asked for the later deadline of task {number} himself: a second person decides",
    "任务 {number} 的延期由 {person} 本人申请：须由第二人审批",
)


def take(desk: Desk) -> Decide:
    """Return the change by which whoever is at ``desk`` takes a task."""
    return _given(desk, Act.TAKE, desk.viewer.person or "")


def hand_over(desk: Desk, person: str) -> Decide:
    """Return the change that gives a task to ``person``, who must be there today."""
    return _given(desk, Act.HAND_OVER, person)


def _given(desk: Desk, act: Act, person: str) -> Decide:
    def decide(duty: Duty, _steps: Sequence[DutyStep]) -> DutyChange:
        _require_right(desk, duty)
        if not desk.roster.available(person):
            raise Refusal(_NOBODY, person=person, number=duty.id)
        return DutyChange(duty, replace(duty, person=person), (_step(desk, duty, act, person, duty.person),))

    return decide


def ask(desk: Desk, due_at: datetime, why: str) -> Decide:
    """Return the change by which a later deadline is asked for; it stands as it is until a second person agrees."""

    def decide(duty: Duty, _steps: Sequence[DutyStep]) -> DutyChange:
        _require_right(desk, duty)
        _require_before_deadline(duty, desk)
        if due_at <= duty.due_at:
            raise Refusal(_NOT_LATER, due=desk.site.local(due_at), number=duty.id, now=desk.site.local(duty.due_at))
        _require_not_too_late(duty, due_at, desk)
        step = replace(_step(desk, duty, Act.ASK, desk.viewer.person or "", why), due_at=due_at)
        return DutyChange(duty, duty, (step,))

    return decide


def extend(desk: Desk, *, granted: bool) -> Decide:
    """Return the change that grants or denies the later deadline that was asked for last."""

    def decide(duty: Duty, steps: Sequence[DutyStep]) -> DutyChange:
        _require_right(desk, duty)
        asked = _asked(steps)
        if asked is None or asked.due_at is None:
            raise Refusal(_NOT_ASKED, number=duty.id)
        if desk.viewer.is_himself(asked.person):
            raise Refusal(_OWN_ASKING, person=asked.person, number=duty.id)
        if not granted:
            return DutyChange(duty, duty, (_step(desk, duty, Act.DENY, desk.viewer.person or "", ""),))
        _require_before_deadline(duty, desk)
        _require_not_too_late(duty, asked.due_at, desk)
        step = replace(_step(desk, duty, Act.EXTEND, desk.viewer.person or "", ""), due_at=asked.due_at)
        return DutyChange(duty, moved(duty, BY_NAME[duty.rule], asked.due_at, desk.now), (step,))

    return decide


def _asked(steps: Sequence[DutyStep]) -> DutyStep | None:
    """Return the last wish for a later deadline that nobody has decided on."""
    found = [step for step in steps if step.act in (Act.ASK, Act.EXTEND, Act.DENY)]
    return found[-1] if found and found[-1].act is Act.ASK else None


def _require_right(desk: Desk, duty: Duty) -> None:
    if not desk.may_work_on(duty):
        raise Refusal(_NO_RIGHT, viewer=desk.viewer.name, number=duty.id)


def _require_before_deadline(duty: Duty, desk: Desk) -> None:
    if duty.state is not DutyState.OPEN or duty.due_at < desk.now:
        raise Refusal(_PASSED, number=duty.id, due=desk.site.local(duty.due_at))


def _require_not_too_late(duty: Duty, due_at: datetime, desk: Desk) -> None:
    rule = BY_NAME[duty.rule]
    longest = rule.longest(duty.opened_at, desk.site).at if rule.longest else due_at
    if due_at > longest:
        local = desk.site.local
        raise Refusal(_TOO_LATE, due=local(due_at), number=duty.id, longest=local(longest))


def _step(desk: Desk, duty: Duty, act: Act, person: str, why: str) -> DutyStep:
    return DutyStep(duty.id, act, desk.now, desk.viewer.name, person, why)
