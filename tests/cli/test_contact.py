"""``meterwatch contact``: records of contacts, what they prove, and what their corrections take back."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from meterwatch.cli.session import account_name
from tests.support.desk import ZONE
from tests.support.duties import become, plan_in, recorded_elsewhere, refused, said, stands, task_of
from tests.support.ledger import NOW
from tests.support.terminal import SECRETS, Terminal

CALL = ("--kind", "phone", "--note", "asked for the plan of April")
VISIT, BACK = "contact-visit", "contact-callback"


@pytest.fixture
def office(empty: Terminal) -> Terminal:
    """C2, a large A2 customer of K1's, is to be seen this quarter and called back twice this year; C3 four times."""
    plan_in(empty.folder)
    return empty


def audited(meterwatch: Terminal) -> list[str]:
    become(meterwatch.folder, "K3")
    return [row["action"] for row in meterwatch("audit", "list", "--json").data][::-1]


class TestAdding:
    def test_a_call_is_evidence_of_what_it_meets(self, office: Terminal) -> None:
        visit, back = task_of(office, VISIT, "C2"), task_of(office, BACK, "C2")
        lines = said(office, "contact", "add", "C2", *CALL, "--contact", "N3").splitlines()
        assert lines[0] == "contact record 1 is entered under K1"
        assert sorted(lines[1:]) == sorted(
            [f"  task {visit} (visit or phone the customer): met", f"  task {back} (call the customer back): open 1/2"]
        )
        assert (stands(office, visit), stands(office, back)) == (("met", 1, 0), ("open", 1, 0))
        shown = said(office, "tasks", "show", str(visit))
        assert "asked for the plan of April" in shown
        lines = said(office, "contact", "add", "C2", *CALL, "--lang", "zh-CN").splitlines()
        assert lines == ["联系记录 2 已登记（K1）", f"  任务 {back}（回访客户）：按期完成 2/2"]
        assert said(office, "contact", "add", "C2", *CALL) == "contact record 3 is entered under K1\n", "nothing is left"

    def test_as_json(self, office: Terminal) -> None:
        told = office("contact", "add", "C3", *CALL, "--json").data
        assert (told["id"], told["customer"]) == (1, "C3")
        assert {one["rule"]: (one["id"], one["state"], one["waiting"]) for one in told["tasks"]} == {
            VISIT: (task_of(office, VISIT, "C3"), "met", 0),
            BACK: (task_of(office, BACK, "C3"), "open", 0),
        }

    @pytest.mark.parametrize(
        ("more", "visit", "back"),
        [
            (("--kind", "visit"), "met", 1),
            (("--kind", "sms"), "open", 1),  # an SMS calls back, and is no visit
            (("--kind", "network"), "open", 1),
            (("--kind", "paper"), "open", 0),
            (("--reached", "no"), "open", 0),  # nobody answered
            (("--at", "2023-01-01T00:00"), "met", 1),  # the first of the quarter
            (("--at", "2022-12-31T23:59"), "open", 0),
        ],
        ids=str,
    )
    def test_what_counts(self, office: Terminal, more: tuple[str, ...], visit: str, back: int) -> None:
        """RULES contact-visit: a visit or a call; contact-callback: SMS and network as well."""
        said(office, "contact", "add", "C2", *CALL, *more)
        assert stands(office, task_of(office, VISIT, "C2"))[0] == visit
        assert stands(office, task_of(office, BACK, "C2"))[1] == back

    def test_what_is_entered_after_the_deadline_waits_for_a_second_person(self, office: Terminal) -> None:
        visit = task_of(office, VISIT, "C2")
        plan_in(office.folder, NOW + timedelta(days=40))
        lines = said(office, "contact", "add", "C2", *CALL, "--at", "2023-03-10T10:00").splitlines()
        told = ", recorded after its deadline: counts when a second person confirms it (`meterwatch tasks confirm {})`"
        assert f"  task {visit} (visit or phone the customer): breached{told.format(visit)}".replace(")`", "`)") in lines
        assert stands(office, visit) == ("breached", 0, 1)
        assert "recorded that evidence" in refused(office, "tasks", "confirm", str(visit))[0]
        become(office.folder, "K3")
        assert "recorded that evidence" in refused(office, "tasks", "confirm", str(visit))[0], "one account, two people"
        recorded_elsewhere(office.folder)
        assert said(office, "tasks", "confirm", str(visit)) == f"task {visit} is met; recorded under K3\n"

    def test_what_was_said_before_the_task_counts_with_the_next_and_no_more_than_is_needed(self, empty: Terminal) -> None:
        for day in (3, 4):
            assert said(empty, "contact", "add", "C2", *CALL, "--at", f"2023-01-0{day}T09:00").count("\n") == 1
        plan_in(empty.folder)
        said(empty, "contact", "add", "C2", *CALL)
        visit, back = (str(task_of(empty, rule, "C2")) for rule in (VISIT, BACK))
        shown = [empty("tasks", "show", number, "--json").data for number in (visit, back)]
        assert [(one["state"], [proof["record"] for proof in one["evidence"]]) for one in shown] == [
            ("met", [1]), ("met", [1, 2]),
        ]  # fmt: skip

    def test_is_audited(self, office: Terminal) -> None:
        said(office, "contact", "add", "C2", *CALL)
        assert sorted(audited(office)[-3:]) == ["contact.add", "task.done", "task.evidence"]


class TestCorrecting:
    def test_evidence_is_taken_back_and_the_task_open_again(self, office: Terminal) -> None:
        visit, back = task_of(office, VISIT, "C2"), task_of(office, BACK, "C2")
        said(office, "contact", "add", "C2", *CALL)
        lines = said(office, "contact", "add", "C2", "--corrects", "1", "--reached", "no").splitlines()
        assert sorted(lines[1:]) == sorted(
            [f"  task {visit} (visit or phone the customer): open", f"  task {back} (call the customer back): open 0/2"]
        )
        assert (stands(office, visit), stands(office, back)) == (("open", 0, 0), ("open", 0, 0))
        assert "open again: evidence taken back by contact record (2)" in said(office, "tasks", "show", str(visit))
        assert "任务重新待办： (2)" in said(office, "tasks", "show", str(visit), "--lang", "zh-CN")
        assert {"task.take-back", "task.reopen"} <= set(audited(office))

    def test_it_is_breached_if_its_time_has_passed(self, office: Terminal) -> None:
        visit = task_of(office, VISIT, "C2")
        said(office, "contact", "add", "C2", *CALL)
        later = NOW + timedelta(days=40)
        plan_in(office.folder, later)
        said(office, "contact", "add", "C2", "--corrects", "1", "--reached", "no")
        plan_in(office.folder, later)
        assert stands(office, visit) == ("breached", 0, 0)

    def test_another_kind_counts_for_what_that_kind_counts_for(self, office: Terminal) -> None:
        visit, back = task_of(office, VISIT, "C2"), task_of(office, BACK, "C2")
        said(office, "contact", "add", "C2", *CALL)
        said(office, "contact", "add", "C2", "--corrects", "1", "--kind", "sms")
        assert (stands(office, visit)[:2], stands(office, back)[:2]) == (("open", 0), ("open", 1))
        said(office, "contact", "add", "C2", "--corrects", "2", "--kind", "visit")
        assert (stands(office, visit)[:2], stands(office, back)[:2]) == (("met", 1), ("open", 1))

    def test_another_note_takes_nothing_back(self, office: Terminal) -> None:
        visit = task_of(office, VISIT, "C2")
        said(office, "contact", "add", "C2", *CALL)
        assert (
            said(office, "contact", "add", "C2", "--corrects", "1", "--note", "asked for the plan of May").count("\n") == 1
        )
        assert stands(office, visit) == ("met", 1, 0)
        first, second = office("contact", "list", "C2", "--json").data
        assert (first["corrected_by"], second["corrects"], second["note"]) == (2, 1, "asked for the plan of May")
        assert (second["kind"], second["happened_at"]) == (first["kind"], first["happened_at"]), "as the record said"


MAY = "his manager or deputy may, an office head, a supervisor or the company manager"
NOT_HIS = (
    f"K2 ({account_name()}) may not see what is recorded about customer C3, nor add to it: {MAY}",
    f"K2 ({account_name()}) 无权查看或登记客户 C3 的记录：可由其客户经理或代理人、所长、督察或公司经理办理",
)
REFUSALS = [
    (
        ("C2", *CALL, "--at", "2023-03-01T10:01"),
        "a contact can't be dated in the future: 2023-03-01 10:01+0800; it is now 2023-03-01 10:00+0800",
        "联系时间不能在未来：2023-03-01 10:01+0800（现在 2023-03-01 10:00+0800）",
    ),
    (("CC2", *CALL), "the registry holds no customer 'CC2'; did you mean 'C2'?", "档案中没有客户 'CC2'；是否应为 'C2'？"),
    (
        ("X", *CALL),
        "the registry holds no customer 'X'; `meterwatch registry import` reads one that names him",
        "档案中没有客户 'X'；请先用 `meterwatch registry import` 导入档案",
    ),
    (
        ("C2", *CALL, "--contact", "N1"),
        "customer C2 names no contact 'N1' (N3); leave --contact out for somebody else",
        "客户 C2 没有联系人 'N1' (N3)；其他人员请勿填写 --contact",
    ),
    (
        ("C3", *CALL, "--contact", "N1"),
        "customer C3 names no contact 'N1'; leave --contact out for somebody else",
        "客户 C3 没有联系人 'N1'；其他人员请勿填写 --contact",
    ),
    (("C2", "--kind", "phone"), "a contact record needs --kind and --note", "联系记录必须填写 --kind 与 --note"),
    (("C2", "--note", "x"), "a contact record needs --kind and --note", "联系记录必须填写 --kind 与 --note"),
    (("C2", "--kind", "phone", "--note", " "), "a contact record needs --kind and --note", "联系记录必须填写"),
    (
        ("C3", "--corrects", "1"),
        "there is no contact record 1 of customer C3; `meterwatch contact list C3` lists them",
        "客户 C3 没有联系记录 1；用 `meterwatch contact list C3` 查看",
    ),
    (("C2", "--corrects", "9"), "there is no contact record 9 of customer C2", "客户 C2 没有联系记录 9"),
    (
        ("C2", "--corrects", "1"),
        "contact record 1 was corrected by 2 already: correct that one",
        "联系记录 1 已由记录 2 更正：请更正后者",
    ),
]  # fmt: skip


class TestRefusing:
    def test_what_can_not_be_entered(self, office: Terminal) -> None:
        said(office, "contact", "add", "C2", "--kind", "sms", "--note", "x")
        said(office, "contact", "add", "C2", "--corrects", "1", "--note", "y")
        for words, english, chinese in REFUSALS:
            told = refused(office, "contact", "add", *words)
            assert told[0].startswith(english)
            assert told[1].startswith(chinese)
        assert len(office("contact", "list", "C2", "--json").data) == 2

    @pytest.mark.parametrize("words", [("add", "C3", *CALL), ("list", "C3")])
    def test_who_may_not_and_that_is_written_down(self, office: Terminal, words: tuple[str, ...]) -> None:
        become(office.folder, "K2")
        assert refused(office, "contact", *words) == NOT_HIS
        assert audited(office)[-2:] == ["contact.refuse"] * 2

    def test_an_account_that_stands_for_nobody(self, stranger: Terminal) -> None:
        assert "stands for no person" in refused(stranger, "contact", "add", "C2", *CALL)[0]
        assert "may not see what is recorded about customer C2" in refused(stranger, "contact", "list", "C2")[0]


class TestListing:
    def test_every_record_stands_as_it_was_entered(self, office: Terminal) -> None:
        said(office, "contact", "add", "C2", *CALL, "--at", "2023-02-28T09:30", "--contact", "N3")
        said(office, "contact", "add", "C2", "--corrects", "1", "--reached", "no")
        head, *rows = [" ".join(line.split()) for line in said(office, "contact", "list", "C2").splitlines()]
        assert head == "no. happened recorded how reached contact by corrects corrected by note"
        times, note = "2023-02-28 09:30+0800 2023-03-01 10:00+0800", "asked for the plan of April"
        assert rows == [f"1 {times} phone call yes N3 K1 2 {note}", f"2 {times} phone call no N3 K1 1 {note}"]
        chinese = said(office, "contact", "list", "C2", "--lang", "zh-CN")
        assert [word in chinese for word in ("编号", "是否联系到", "电话", "被更正")] == [True] * 4
        assert not [secret for secret in SECRETS if secret in chinese]

    def test_nothing_yet(self, office: Terminal) -> None:
        assert said(office, "contact", "list", "C2") == "no contact records\n"
        assert said(office, "contact", "list", "C2", "--lang", "zh-CN") == "没有联系记录\n"

    def test_a_look_is_written_down(self, office: Terminal) -> None:
        said(office, "contact", "list", "C2")
        assert audited(office)[-1] == "contact.read"


def test_moments_are_the_sites(office: Terminal) -> None:
    said(office, "contact", "add", "C2", *CALL, "--at", "2023-02-28T09:30")
    (row,) = office("contact", "list", "C2", "--json").data
    assert datetime.fromisoformat(row["happened_at"]) == datetime(2023, 2, 28, 9, 30, tzinfo=ZoneInfo(ZONE))
