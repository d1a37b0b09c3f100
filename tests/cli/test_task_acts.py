"""What people do to a task at the terminal: close it, confirm, take it, hand it over, ask for time."""

from datetime import timedelta
from hashlib import sha256

import pytest

from meterwatch.cli.session import account_name
from tests.support.duties import (
    become,
    new,
    open_task,
    plan_in,
    recorded_elsewhere,
    refused,
    said,
    stands,
    task_of,
)
from tests.support.ledger import NOW
from tests.support.terminal import Terminal

DONE = ("tasks", "done")
EXTEND = ("tasks", "extend", "1")
ASK = (*EXTEND, "--until", "2023-03-03T17:30", "--why", "the customer is abroad")


@pytest.fixture
def task(empty: Terminal) -> Terminal:
    """Task 1: C1 is to be told of his abnormal use, by K1; due 2 March 17:00."""
    assert open_task(empty.folder, new("use-abnormal", "P1", "2023-03-01")) == 1
    return empty


@pytest.fixture
def confirm(empty: Terminal) -> Terminal:
    """Task 1: K1 is to decide whether C1 is lost."""
    assert open_task(empty.folder, new("churn-confirm", "C1/gas", "2023-02-28")) == 1
    return empty


class TestDone:
    def test_an_outcome_calls_for_the_next_task(self, confirm: Terminal) -> None:
        given = ("--note", "two furnaces are cold", "--outcome", "potential")
        assert said(confirm, *DONE, "1", *given) == "task 1 is met; recorded under K1\n"
        plan = task_of(confirm, "churn-plan")
        (confirm.folder / "plan.pdf").write_bytes(b"%PDF")
        said(confirm, *DONE, str(plan), "--kind", "paper", "--paper", "plan.pdf", "--note", "gas at another price")
        (proof,) = confirm("tasks", "show", str(plan), "--json").data["evidence"]
        digest = sha256(b"%PDF").hexdigest()
        assert (proof["kind"], proof["paper"]) == ("paper", digest)
        assert f"sha256 {digest}" in said(confirm, "tasks", "show", str(plan))
        filing = str(task_of(confirm, "churn-filing"))
        assert "churn-filing" not in said(confirm, "tasks", "--mine"), "the supervisor's"
        own = refused(confirm, *DONE, filing, "--kind", "approval", "--note", "7", "--outcome", "approved")
        assert "may not close task" in own[0]
        assert "the person responsible (K3) may, a supervisor or the company manager" in own[0]
        become(confirm.folder, "K3")
        said(confirm, *DONE, filing, "--kind", "approval", "--note", "7", "--outcome", "returned")
        again = confirm("tasks", "show", str(task_of(confirm, "churn-plan")), "--json").data
        assert (again["period"], again["state"], again["person"]) == ("2023-02-28+", "open", "K1")

    def test_what_does_not_close_it(self, confirm: Terminal) -> None:
        for words, english, chinese in [
            (("--note", "x"), "task 1 closes only with outcome: give --outcome", "办结任务 1 必须填写 outcome"),
            ((), "task 1 closes only with note, outcome: give --note --outcome", "办结任务 1 必须填写 note, outcome"),
            (
                ("--note", "x", "--outcome", "lost"),
                "'lost' is no outcome of task 1; choose one of: potential, special, ended",
                "'lost' 不是任务 1 的结论；可选：potential, special, ended",
            ),
            (
                ("--note", "x", "--outcome", "ended", "--kind", "sms"),
                "sms does not count as evidence for task 1; what counts: phone, visit",
                "sms 不能作为任务 1 的证据；可用的方式：phone, visit",
            ),
            (
                ("--note", "x", "--outcome", "ended", "--at", "2023-03-01T10:01"),
                "evidence can't be dated in the future: 2023-03-01T10:01:00+08:00; it is now 2023-03-01T10:00:00+08:00",
                "证据时间不能在未来：2023-03-01T10:01:00+08:00（现在 2023-03-01T10:00:00+08:00）",
            ),
        ]:
            told = refused(confirm, *DONE, "1", *words)
            assert told[0] == english
            assert told[1].startswith(chinese)
        assert stands(confirm, 1) == ("open", 0, 0)

    def test_a_task_without_outcomes_takes_none(self, task: Terminal) -> None:
        assert refused(task, *DONE, "1", "--outcome", "fine") == (
            "task 1 has no outcomes to choose from: leave --outcome out, and say it in --note",
            "任务 1 没有可选结论：请勿填写 --outcome，改用 --note 说明",
        )

    def test_so_many_times(self, empty: Terminal) -> None:
        open_task(empty.folder, new("contact-callback", period="2023", needed=2))
        assert said(empty, *DONE, "1", "--kind", "sms", "--note", "asked") == "recorded under K1: 1 of 2 for task 1\n"
        assert "open 1/2" in said(empty, "tasks")
        assert said(empty, *DONE, "1", "--note", "问候", "--lang", "zh-CN") == "任务 1：按期完成，已记录（K1）\n"

    def test_what_only_the_registry_shows_is_shown_by_nothing_else(self, empty: Terminal) -> None:
        open_task(empty.folder, new("who-manager", person="K3"))
        become(empty.folder, "K3")
        assert refused(empty, *DONE, "1")[0] == "phone does not count as evidence for task 1; what counts: registry"
        assert empty(*DONE, "1", "--kind", "registry").code == 2


class TestConfirming:
    def test_late_evidence(self, task: Terminal) -> None:
        assert refused(task, "tasks", "confirm", "1") == (
            "nothing of task 1 waits for confirmation: only evidence recorded after the deadline does",
            "任务 1 没有待确认的证据：只有逾期录入的证据才需确认",
        )
        plan_in(task.folder, NOW + timedelta(days=3))
        told = said(task, *DONE, "1", "--at", "2023-03-02T12:00")
        assert told == (
            "recorded under K1, after the deadline of task 1: it counts when a second person confirms it "
            "(`meterwatch tasks confirm 1`)\n"
        )
        assert stands(task, 1) == ("breached", 0, 1)
        assert "(to confirm)" in said(task, "tasks", "--rule", "use-abnormal")
        assert "（待确认）" in said(task, "tasks", "--rule", "use-abnormal", "--lang", "zh-CN")
        assert "recorded after the deadline: counts when a second" in said(task, "tasks", "show", "1")
        assert refused(task, "tasks", "confirm", "1") == (
            f"K1 ({account_name()}) recorded that evidence of task 1 himself: a second person confirms it",
            f"任务 1 的该证据由 K1 ({account_name()}) 本人录入：须由第二人确认",
        )
        recorded_elsewhere(task.folder)
        become(task.folder, "K3")
        assert task("tasks", "confirm", "1", "--json").data == {"id": 1, "state": "met", "waiting": 0, "counting": 1}
        assert "confirmed by K3 2023-03-04 10:00+0800" in said(task, "tasks", "show", "1")
        assert "K3 于 2023-03-04 10:00+0800 确认" in said(task, "tasks", "show", "1", "--lang", "zh-CN")
        assert refused(task, "tasks", "confirm", "1") == ("task 1 is closed already (met)", "任务 1 已结束（按期完成）")


class TestPassingOn:
    def test_taken_and_handed_over(self, task: Terminal) -> None:
        become(task.folder, "K2")
        assert said(task, "tasks", "take", "1") == "task 1 is with K2\n"
        assert said(task, "tasks", "hand-over", "1", "K3", "--lang", "zh-CN") == "任务 1 现由 K3 负责\n"
        told = task("tasks", "hand-over", "1", "K1", "--json").data
        assert told == {"id": 1, "state": "open", "person": "K1", "due_at": "2023-03-02T09:00:00+00:00"}
        at = "2023-03-01 10:00+0800"
        assert said(task, "tasks", "show", "1").splitlines()[-3:] == [
            f"  {at}  taken by K2 (K1)", f"  {at}  handed over to K3 (K2)", f"  {at}  handed over to K1 (K3)",
        ]  # fmt: skip
        assert f"  {at}  接单 K2 (K1)" in said(task, "tasks", "show", "1", "--lang", "zh-CN")

    def test_what_is_refused(self, task: Terminal) -> None:
        assert open_task(task.folder, new(subject="C3", customer="C3")) == 2
        assert refused(task, "tasks", "hand-over", "1", "K9") == (
            "'K9' can't take task 1: unknown, not in office, or away today",
            "'K9' 无法接手任务 1：查无此人、不在职或今日离岗",
        )
        become(task.folder, "K2")
        for words in (["take", "2"], ["hand-over", "2", "K3"], ["extend", "2", *ASK[3:]], ["extend", "2", "--approve"]):
            assert refused(task, "tasks", *words) == (
                f"K2 ({account_name()}) may not do that with task 2: it is neither his nor of a customer of his",
                f"K2 ({account_name()}) 无权对任务 2 进行此操作：既非本人任务，也非其客户的任务",
            )
        assert refused(task, "tasks", "take", "99")[0] == "there is no task 99; `meterwatch tasks` lists them"

    def test_an_account_that_stands_for_nobody(self, stranger: Terminal) -> None:
        for words in (["take", "1"], ["hand-over", "1", "K1"], ["confirm", "1"], ["extend", "1", "--deny"]):
            assert "stands for no person" in refused(stranger, "tasks", *words)[0]


class TestExtending:
    def test_asked_denied_asked_again_and_approved(self, task: Terminal) -> None:
        assert said(task, *ASK) == (
            "a later deadline of task 1 is asked for; it stands at 2023-03-02 17:00+0800 until a second person agrees "
            "(`meterwatch tasks extend 1 --approve`)\n"
        )
        assert refused(task, *EXTEND, "--approve") == (
            "K1 asked for the later deadline of task 1 himself: a second person decides",
            "任务 1 的延期由 K1 本人申请：须由第二人审批",
        )
        become(task.folder, "K3")
        assert said(task, *EXTEND, "--deny") == "task 1 is due 2023-03-02 17:00+0800\n"
        assert refused(task, *EXTEND, "--approve")[0].startswith("nobody asked for a later deadline of task 1: `meterwatch")
        said(task, *ASK)
        become(task.folder, "K1")
        assert said(task, *EXTEND, "--approve", "--lang", "zh-CN") == "任务 1 的期限为 2023-03-03 17:30+0800\n"
        asked = "2023-03-03 17:30+0800 (the customer is abroad)"
        assert [line.split("  ")[2] for line in said(task, "tasks", "show", "1").splitlines()[-4:]] == [
            f"extension asked by K1 {asked}", "extension denied by K3",
            f"extension asked by K3 {asked}", "extension approved by K1 2023-03-03 17:30+0800",
        ]  # fmt: skip

    def test_what_is_refused(self, task: Terminal) -> None:
        how = ("give --until and --why, or --approve, or --deny", "请给出 --until 与 --why，或 --approve，或 --deny")
        for words in ([], ["--until", "2023-03-03T17:30"], ["--why", "x"], ["--until", "2023-03-03T17:30", "--why", " "]):
            assert refused(task, *EXTEND, *words) == how
        assert refused(task, *EXTEND, "--until", "2023-03-02T17:00", "--why", "x") == (
            "2023-03-02 17:00 is not later than the deadline of task 1 (2023-03-02 17:00)",
            "2023-03-02 17:00 不晚于任务 1 的现有期限（2023-03-02 17:00）",
        )
        assert task(*EXTEND, "--approve", "--deny").code == 2
        plan_in(task.folder, NOW + timedelta(days=2))
        assert refused(task, *ASK) == (
            "the deadline of task 1 has passed (2023-03-02 17:00): nothing moves it any more",
            "任务 1 已过期限（2023-03-02 17:00），不能再延期",
        )
