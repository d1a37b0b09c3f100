"""Who may close a task, and by what."""

from dataclasses import replace

import pytest

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.core.model.work import Duty, DutyState, EvidenceKind
from notifier.duties import BY_NAME
from notifier.duties.closing import closing_by
from tests.support.ledger import HOUR, NOW, proof

TASK = Duty(7, "churn-warn", "C1/gas", "2023-02-28", NOW, NOW + 31 * HOUR, False, "K1", DutyState.OPEN)
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
    closing_by(viewer)(TASK, proof())


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
        closing_by(viewer)(TASK, proof())
    assert refused.value.say(Lang.EN).startswith(
        f"{viewer.name} may not close task 7: the person responsible (K1) may, the manager or deputy of the customer, "
    )
    assert refused.value.say(Lang.ZH).startswith(f"{viewer.name} 无权办结任务 7：可由负责人 (K1)、")


def test_a_task_for_nobody_is_not_everybodys() -> None:
    task = replace(TASK, person="")
    closing_by(person("K2", Role.DEPUTY, "C1"))(task, proof())
    for stranger in (person("K2"), Viewer("acc"), Viewer("acc", "")):
        with pytest.raises(Refusal, match=r"the person responsible may, "):
            closing_by(stranger)(task, proof())


def test_a_task_about_a_usage_point_is_its_persons() -> None:
    task = replace(TASK, subject="P1")
    closing_by(person("K1"))(task, proof())
    with pytest.raises(Refusal):
        closing_by(person("K2", Role.DEPUTY, "P1", "C1"))(task, proof())


@pytest.mark.parametrize("kind", EvidenceKind)
def test_only_what_the_duty_rule_takes_counts(monkeypatch: pytest.MonkeyPatch, kind: EvidenceKind) -> None:
    given = replace(proof(), kind=kind)
    closing_by(person("K1"))(TASK, given)
    other = tuple(one for one in EvidenceKind if one is not kind)
    monkeypatch.setitem(BY_NAME, "churn-warn", replace(BY_NAME["churn-warn"], evidence=other))
    with pytest.raises(Refusal) as refused:
        closing_by(person("K1"))(TASK, given)
    counts = ", ".join(other)
    assert refused.value.say(Lang.EN) == f"{kind} does not count as evidence for task 7; what counts: {counts}"
    assert refused.value.say(Lang.ZH) == f"{kind} 不能作为任务 7 的证据；可用的方式：{counts}"
