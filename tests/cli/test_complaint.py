"""``meterwatch complaint``: the register, its clocks, and how a complaint is answered and settled (RULES complaint)."""

from datetime import timedelta

import pytest

from meterwatch.cli.session import account_name
from tests.cli.test_registry import mend
from tests.support.duties import become, plan_in, recorded_elsewhere, refused, said, stands
from tests.support.ledger import NOW
from tests.support.terminal import SECRETS, Terminal

ADD = ("complaint", "add", "C1", "--grade", "gas", "--text", "the meter hums at night")


@pytest.fixture
def office(empty: Terminal) -> Terminal:
    return empty


@pytest.fixture
def taken(empty: Terminal) -> Terminal:
    """Complaint 1 of C1: task 1 to answer it, task 2 to settle it."""
    said(empty, *ADD)
    return empty


CLOCKS = [
    # grade, received (local) -> answered by, settled by: the day of receipt is not counted
    ("gas", "2023-03-01T10:00", "2023-03-06", "2023-03-10"),
    ("ordinary", "2023-03-01T10:00", "2023-03-02", "2023-03-02"),
    ("larger", "2023-03-01T10:00", "2023-03-06", "2023-03-06"),
    ("ordinary", "2023-02-28T17:30", "2023-03-01", "2023-03-01"),
    ("ordinary", "2023-02-28T17:31", "2023-03-02", "2023-03-02"),  # after hours: the 1st is day 0
    ("ordinary", "2023-02-25T11:00", "2023-02-28", "2023-02-28"),  # a Saturday: Monday is day 0
    ("gas", "2023-01-24T11:00", "2023-01-31", "2023-02-06"),  # Spring Festival: Saturday the 28th, worked, is day 0
    ("gas", "2023-01-28T17:31", "2023-02-01", "2023-02-07"),  # and Sunday the 29th is worked too
]


class TestAdding:
    def test_its_clocks_run_from_its_receipt(self, office: Terminal) -> None:
        for number, (grade, received, answer, done) in enumerate(CLOCKS, 1):
            told = said(office, "complaint", "add", "C1", "--grade", grade, "--text", "x", "--received", received)
            assert told == (
                f"complaint {number} is entered: answer it by {answer} 17:30+0800 (task {2 * number - 1}), "
                f"settle it by {done} 17:30+0800 (task {2 * number})\n"
            )
        assert {row["person"] for row in office("tasks", "--json").data} == {"K1"}

    def test_in_chinese_and_as_json(self, office: Terminal) -> None:
        assert said(office, *ADD, "--lang", "zh-CN") == (
            "投诉 1 已登记：须于 2023-03-06 17:30+0800 前答复（任务 1），2023-03-10 17:30+0800 前办结（任务 2）\n"
        )
        told = office(*ADD, "--json").data
        assert (told["id"], told["tasks"]) == (2, {"complaint-answer": 3, "complaint-done": 4})
        assert (told["answer_by"], told["done_by"]) == ("2023-03-06T09:30:00+00:00", "2023-03-10T09:30:00+00:00")

    def test_the_site_may_give_less_time(self, office: Terminal) -> None:
        path = office.folder / "meterwatch.toml"
        path.write_text("[complaints]\ngas_done_days = 4\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
        assert "settle it by 2023-03-07 17:30+0800" in said(office, *ADD)

    def test_the_call_centre_hears_every_customer_and_sees_none(self, office: Terminal) -> None:
        mend(office, "people", "K3,", "K5,Call,call_centre,,,,,,\nK3,")
        become(office.folder, "K3")
        said(office, "registry", "import", "registry")
        become(office.folder, "K5")
        assert "complaint 1 is entered" in said(office, *ADD)
        assert said(office, "complaint", "list") == "no open complaints\n"
        assert "may not close task 1" in refused(office, "complaint", "answer", "1", "--note", "x")[0]

    @pytest.mark.parametrize(
        ("words", "english", "chinese"),
        [
            (
                ("C1", "--text", "x", "--received", "2023-03-01T10:01"),
                "a complaint can't be received in the future: 2023-03-01 10:01+0800; it is now 2023-03-01 10:00+0800",
                "受理时间不能在未来：2023-03-01 10:01+0800（现在 2023-03-01 10:00+0800）",
            ),
            (("C9", "--text", "x"), "the registry holds no customer 'C9'", "档案中没有客户 'C9'"),
            (("C1", "--text", " "), "a complaint needs --text: what the customer says", "必须填写 --text：投诉内容"),
        ],
    )
    def test_what_can_not_be_entered(self, office: Terminal, words: tuple[str, ...], english: str, chinese: str) -> None:
        told = refused(office, "complaint", "add", *words, "--grade", "gas")
        assert told[0].startswith(english)
        assert told[1].startswith(chinese)
        assert office("tasks", "--all", "--json").data == []

    @pytest.mark.parametrize("words", [("C1", "--text", "x"), ("C1", "--grade", "gas"), ("C1", "--grade", "huge")])
    def test_what_must_be_said(self, office: Terminal, words: tuple[str, ...]) -> None:
        assert office("complaint", "add", *words).code == 2

    def test_an_account_that_stands_for_nobody(self, stranger: Terminal) -> None:
        assert "stands for no person" in refused(stranger, *ADD)[0]

    def test_one_who_may_not(self, office: Terminal) -> None:
        become(office.folder, "K2")
        told = refused(office, "complaint", "add", "C3", "--grade", "gas", "--text", "x")
        assert told[0].startswith(f"K2 ({account_name()}) may not see what is recorded about customer C3, nor add to it")


class TestProving:
    def test_answered_and_settled(self, taken: Terminal) -> None:
        assert said(taken, "complaint", "answer", "1", "--note", "we come on Friday") == "task 1 is met; recorded under K1\n"
        closed = said(taken, "complaint", "close", "1", "--kind", "visit", "--note", "it was changed", "--lang", "zh-CN")
        assert closed == "任务 2：按期完成，已记录（K1）\n"
        assert said(taken, "complaint", "list") == "no open complaints\n"
        assert [stands(taken, number) for number in (1, 2)] == [("met", 1, 0)] * 2

    def test_settled_is_not_answered(self, taken: Terminal) -> None:
        said(taken, "complaint", "close", "1", "--note", "it was changed")
        assert [stands(taken, number)[0] for number in (1, 2)] == ["open", "met"]
        assert "open 2023-03-06" in said(taken, "complaint", "list")

    def test_an_answer_in_time_entered_late_waits_for_a_second_person(self, taken: Terminal) -> None:
        plan_in(taken.folder, NOW + timedelta(days=6))
        told = said(taken, "complaint", "answer", "1", "--note", "x", "--at", "2023-03-02T09:00")
        assert told.startswith("recorded under K1, after the deadline of task 1: it counts when a second person confirms it")
        recorded_elsewhere(taken.folder)
        become(taken.folder, "K3")
        assert said(taken, "tasks", "confirm", "1") == "task 1 is met; recorded under K3\n"

    @pytest.mark.parametrize(
        ("words", "english", "chinese"),
        [
            (("close", "1", "--note", " "), "task 2 closes only with note: give --note", "办结任务 2 必须填写 note"),
            (
                ("answer", "7", "--note", "x"),
                "there is no complaint 7; `meterwatch complaint list --all` lists",
                "没有投诉 7",
            ),
            (
                ("answer", "1", "--note", "x", "--at", "2023-03-01T10:01"),
                "evidence can't be dated in the future",
                "证据时间不能",
            ),
            (
                ("answer", "1", "--note", "x", "--at", "2023-03-01T09:59"),
                "what happened at 2023-03-01T09:59:00+08:00 is no evidence for task 1: it was opened at 2023-03-01T10:00:00",
                "2023-03-01T09:59:00+08:00 发生的事不能作为任务 1 的证据",
            ),
        ],
    )
    def test_what_does_not_count(self, taken: Terminal, words: tuple[str, ...], english: str, chinese: str) -> None:
        told = refused(taken, "complaint", *words)
        assert told[0].startswith(english)
        assert told[1].startswith(chinese)
        assert [stands(taken, number) for number in (1, 2)] == [("open", 0, 0)] * 2

    def test_a_complaint_is_answered_once(self, taken: Terminal) -> None:
        said(taken, "complaint", "answer", "1", "--note", "x")
        told = refused(taken, "complaint", "answer", "1", "--note", "x")
        assert told == ("task 1 is closed already (met)", "任务 1 已结束（按期完成）")


class TestExtending:
    """RULES complaint: at most 7 working days with approved extension."""

    def test_as_far_as_the_longest_and_no_further(self, taken: Terminal) -> None:
        ask = ("tasks", "extend", "1", "--why", "a part is lacking", "--until")
        assert refused(taken, *ask, "2023-03-10T17:31") == (
            "2023-03-10 17:31 is too late for task 1: with every extension it ends at 2023-03-10 17:30",
            "2023-03-10 17:31 超出任务 1 的最长期限：经批准延期后最迟为 2023-03-10 17:30",
        )
        assert "is asked for; it stands at 2023-03-06 17:30+0800" in said(taken, *ask, "2023-03-10T17:30")
        assert refused(taken, "tasks", "extend", "1", "--approve")[0].endswith("himself: a second person decides")
        become(taken.folder, "K3")
        assert said(taken, "tasks", "extend", "1", "--approve") == "task 1 is due 2023-03-10 17:30+0800\n"
        (shown,) = said(taken, "complaint", "list").splitlines()[1:]
        assert shown.count("open 2023-03-10 17:30+0800") == 2

    def test_what_is_settled_on_its_last_day_already_gets_no_more(self, taken: Terminal) -> None:
        told = refused(taken, "tasks", "extend", "2", "--until", "2023-03-13T17:30", "--why", "x")
        assert told[0].startswith("2023-03-13 17:30 is too late for task 2")


class TestListing:
    def test_open_ones_with_their_clocks(self, taken: Terminal) -> None:
        said(taken, "complaint", "answer", "1", "--note", "x")
        head, row = [" ".join(line.split()) for line in said(taken, "complaint", "list").splitlines()]
        assert head == "no. customer grade received answer settlement text"
        clocks = "2023-03-01 10:00+0800 met 2023-03-06 17:30+0800 open 2023-03-10 17:30+0800"
        assert row == f"1 C1 gas {clocks} the meter hums at night"
        assert "燃气" in said(taken, "complaint", "list", "--lang", "zh-CN")
        said(taken, "complaint", "close", "1", "--note", "x")
        assert said(taken, "complaint", "list", "--lang", "zh-CN") == "没有未办结的投诉\n"
        shown = said(taken, "complaint", "list", "--all")
        assert len(shown.splitlines()) == 2
        assert not [secret for secret in SECRETS if secret in shown]

    def test_only_those_of_ones_own_customers(self, taken: Terminal) -> None:
        said(taken, "complaint", "add", "C3", "--grade", "ordinary", "--text", "x")
        become(taken.folder, "K2")  # deputy in the north
        assert [row["customer"] for row in taken("complaint", "list", "--json").data] == ["C1"]
        become(taken.folder, "K3")
        assert [row["customer"] for row in taken("complaint", "list", "--json").data] == ["C1", "C3"]

    def test_as_json(self, taken: Terminal) -> None:
        (row,) = taken("complaint", "list", "--json").data
        assert (row["id"], row["grade"], row["text"]) == (1, "gas", "the meter hums at night")
        assert row["answer"] == {"id": 1, "state": "open", "due_at": "2023-03-06T09:30:00+00:00"}
        assert row["done"]["id"] == 2
