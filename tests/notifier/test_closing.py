"""Who may close a task, and by what."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Duty, DutyState, EvidenceKind
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from notifier.duties.closing import closing, confirming
from notifier.duties.rules import BY_NAME
from tests.support.desk import desk
from tests.support.ledger import HOUR, NOW, proof

TASK = Duty(7, "churn-warn", "C1/gas", "2023-02-28", NOW, NOW + 31 * HOUR, False, "K1", DutyState.OPEN, "C1")
NONE: frozenset[str] = frozenset()


def person(code: str, role: Role = Role.MANAGER, *own: str) -> Viewer:
    return Viewer.for_person("acc", code, role, frozenset(own))


@pytest.mark.parametrize(
    "viewer",
    [
        person("K1"),  # responsible when the task was opened, whoever is now
        person("K2", Role.DEPUTY, "C1"),
        person("K3", Role.OPERATOR, "C0", "C1"),
        person("K4", Role.OFFICE_HEAD, "C1"),
        *(person("K4", role) for role in (Role.SUPERVISOR, Role.COMPANY_MANAGER)),
    ],
)
def test_may_be_closed_by(viewer: Viewer) -> None:
    closing(desk(viewer))(TASK, proof())


@pytest.mark.parametrize(
    "viewer",
    [
        person("K2", Role.MANAGER),
        person("K2", Role.DEPUTY, "C11", "C2", "C1/gas"),
        *(person("K4", role) for role in Role if role not in (Role.SUPERVISOR, Role.COMPANY_MANAGER)),
        replace(person("K2"), named=None, phoned=None, exports=True),  # a permission to see is none to act
        Viewer("acc"),
        Viewer.for_service("notify"),
    ],
)
def test_may_not_be_closed_by(viewer: Viewer) -> None:
    with pytest.raises(Refusal) as refused:
        closing(desk(viewer))(TASK, proof())
    assert refused.value.say(Lang.EN).startswith(
        f"{viewer.name} may not close task 7: the person responsible (K1) may, whoever it was escalated to, the "
        "manager or deputy of the customer, "
    )
    assert refused.value.say(Lang.ZH).startswith(f"{viewer.name} 无权办结任务 7：可由负责人 (K1)、")


def test_a_task_for_nobody_is_not_everybodys() -> None:
    task = replace(TASK, person="")
    closing(desk(person("K2", Role.DEPUTY, "C1")))(task, proof())
    for stranger in (person("K2"), Viewer("acc"), Viewer("acc", "")):
        with pytest.raises(Refusal, match=r"the person responsible may, "):
            closing(desk(stranger))(task, proof())


def test_a_task_about_a_usage_point_is_its_persons() -> None:
    task = replace(TASK, subject="P1", customer="C3")
    closing(desk(person("K1")))(task, proof())
    with pytest.raises(Refusal):
        closing(desk(person("K2", Role.DEPUTY, "P1", "C1")))(task, proof())


@pytest.mark.parametrize("kind", EvidenceKind)
def test_only_what_the_duty_rule_takes_counts(monkeypatch: pytest.MonkeyPatch, kind: EvidenceKind) -> None:
    given = replace(proof(), kind=kind)
    monkeypatch.setitem(BY_NAME, "churn-warn", replace(BY_NAME["churn-warn"], evidence=(kind,)))
    closing(desk(person("K1")))(TASK, given)
    other = tuple(one for one in EvidenceKind if one is not kind)
    monkeypatch.setitem(BY_NAME, "churn-warn", replace(BY_NAME["churn-warn"], evidence=other))
    with pytest.raises(Refusal) as refused:
        closing(desk(person("K1")))(TASK, given)
    counts = ", ".join(other)
    assert refused.value.say(Lang.EN) == f"{kind} does not count as evidence for task 7; what counts: {counts}"
    assert refused.value.say(Lang.ZH) == f"{kind} 不能作为任务 7 的证据；可用的方式：{counts}"


def test_refuses_what_happened_before_the_task_was_opened() -> None:
    shanghai = timezone(8 * HOUR)
    early = proof(NOW + HOUR, happened_at=(NOW - timedelta(microseconds=1)).astimezone(shanghai))
    with pytest.raises(Refusal, match="no evidence for task 7: it was opened at 2023-03-01T10:00:00") as refused:
        closing(desk(person("K1")))(TASK, early)
    assert refused.value.say(Lang.ZH) == (
        "2023-03-01T09:59:59+08:00 发生的事不能作为任务 7 的证据：该任务于 2023-03-01T10:00:00+08:00 下达"
    )
    closing(desk(person("K1")))(TASK, proof(NOW + HOUR, happened_at=NOW))


def test_what_the_calendar_calls_for_may_be_done_from_the_start_of_its_period() -> None:
    visit = replace(TASK, rule="contact-visit", subject="C1", period="2023-Q1", opened_at=NOW)
    began = datetime(2023, 1, 1, tzinfo=timezone(8 * HOUR))
    closing(desk(person("K1")))(visit, proof(NOW, note="all is well", happened_at=began))
    with pytest.raises(Refusal, match="no evidence"):
        closing(desk(person("K1")))(visit, proof(NOW, note="all is well", happened_at=began - timedelta(seconds=1)))


@pytest.mark.parametrize("lacking", ["cause", "proposal"])
def test_closes_only_with_all_it_must_say(lacking: str) -> None:
    with pytest.raises(Refusal, match=f"closes only with {lacking}: give --{lacking}"):
        closing(desk(person("K1")))(TASK, proof(**{lacking: " "}))


def test_an_outcome_is_one_of_those_named() -> None:
    task = replace(TASK, rule="churn-confirm")
    given = proof(note="looked at the furnaces", outcome="maybe")
    with pytest.raises(Refusal, match="'maybe' is no outcome of task 7; choose one of: potential, special, ended"):
        closing(desk(person("K1")))(task, given)
    (follows,) = closing(desk(person("K1")))(task, replace(given, outcome="potential"))
    assert (follows.rule, follows.subject, follows.due_at) == ("churn-plan", "C1/gas", TASK.due_at)
    assert closing(desk(person("K1")))(task, replace(given, outcome="special")) == []


def test_what_a_person_called_for_himself_is_closed_by_a_second_one() -> None:
    filing = replace(TASK, rule="churn-filing", called_by="K1")
    approval = replace(proof(note="2023-14", outcome="approved"), kind=EvidenceKind.APPROVAL)
    with pytest.raises(Refusal, match="K1 called for task 7 himself"):
        closing(desk(person("K1")))(filing, approval)
    assert closing(desk(person("K2", Role.SUPERVISOR)))(filing, approval) == []


def test_late_evidence_is_confirmed_by_somebody_else() -> None:
    given = proof(NOW + 40 * HOUR)
    with pytest.raises(Refusal, match="recorded that evidence of task 7 himself"):
        confirming(desk(person("K1")))(TASK, given)
    with pytest.raises(Refusal, match="may not close task 7"):
        confirming(desk(person("K2", Role.MANAGER)))(TASK, given)
    chief = Viewer.for_person("chief", "K3", Role.SUPERVISOR, NONE)
    assert confirming(desk(chief))(TASK, given) == []


def test_who_wrote_the_plan_does_not_confirm_its_late_approval() -> None:
    filing = replace(TASK, rule="churn-filing", called_by="K1")
    approval = replace(proof(NOW + 40 * HOUR, person="K3", account="chief", outcome="approved"), kind=EvidenceKind.APPROVAL)
    with pytest.raises(Refusal, match="K1 called for task 7 himself"):
        confirming(desk(person("K1")))(filing, approval)
    with pytest.raises(Refusal, match="K1 called for task 7 himself"):
        confirming(desk(person("K2", Role.SUPERVISOR).acting_for("K1")))(filing, approval)
    assert confirming(desk(person("K2", Role.SUPERVISOR)))(filing, approval) == []


def test_a_task_without_outcomes_takes_none() -> None:
    with pytest.raises(Refusal) as refused:
        closing(desk(person("K1")))(
            replace(TASK, rule="churn-plan"), replace(proof(note="x", outcome="y"), kind=EvidenceKind.TEXT)
        )
    assert refused.value.say(Lang.EN) == ("task 7 has no outcomes to choose from: leave --outcome out, and say it in --note")
    assert refused.value.say(Lang.ZH) == "任务 7 没有可选结论：请勿填写 --outcome，改用 --note 说明"
