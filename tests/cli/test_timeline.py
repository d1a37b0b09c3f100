"""``meterwatch timeline``: all that is recorded about a customer, each line with its hash (RULES proof)."""

import csv
import io
import re
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from sqlalchemy import text

from meterwatch.cli.session import account_name
from meterwatch.stores.database import Database
from tests.support.duties import become, refused, said
from tests.support.terminal import SECRETS, Terminal

NASTY = '<script>alert("1 & 2")</script>'


@pytest.fixture
def told(meterwatch: Terminal) -> Terminal:
    """C1: an alert with its message and its task, a contact that was corrected, a complaint, evidence."""
    said(
        meterwatch, "contact", "add", "C1", "--kind", "phone", "--note", NASTY, "--contact", "N1", "--at", "2023-02-20T09:00"
    )
    said(meterwatch, "contact", "add", "C1", "--corrects", "1", "--reached", "no")
    said(meterwatch, "complaint", "add", "C1", "--grade", "gas", "--text", "=1+1")
    said(meterwatch, "tasks", "extend", "1", "--until", "2023-03-09T17:30", "--why", "abroad")
    said(meterwatch, "tasks", "done", "1", "--cause", "one furnace is down", "--proposal", "call again in May")
    return meterwatch


LINES = [
    "contact record 1", "contact record 2", "alert 1", "stage of alert 1", "message N1", "complaint 1", "task 1", "task 4",
    "task 5", "evidence of task 1", "step of task 1",
]  # fmt: skip


def table(meterwatch: Terminal, *words: str) -> list[list[str]]:
    """Return the rows of a timeline as CSV, without the foot."""
    rows = list(csv.reader(io.StringIO(said(meterwatch, "timeline", "C1", "--format", "csv", *words))))
    return [row for row in rows[1:] if len(row) > 1]


def chained(meterwatch: Terminal, *words: str) -> str:
    found = re.search(r"(?:chained: |链式校验值：)([0-9a-f]{64})", said(meterwatch, "timeline", "C1", *words))
    assert found
    return found[1]


def tamper(meterwatch: Terminal, *statements: str) -> None:
    """Change the ledger past the program."""
    with closing(Database.file(meterwatch.folder / "data" / "ledger.db")) as database, database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "table", "thead", "tbody", "tr", "th", "td", "footer", "br"}


class Cells(HTMLParser):
    """Reads the cells of a page, and which tags it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert tag != "td" or not attrs
        self.cells += [""] * (tag == "td")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


class TestPrinting:
    def test_every_line_as_it_happened(self, told: Terminal) -> None:
        rows = table(told)
        assert [row[3] for row in rows] == LINES
        assert [row[0] for row in rows] == [str(place) for place in range(1, len(LINES) + 1)]
        content = {row[3]: row[5] for row in rows}
        assert content["contact record 1"].startswith(f"how: phone call; contact: N1; note: {NASTY}; account: ")
        assert content["contact record 1"].endswith("reached: yes; corrected by record: 2")
        assert "corrects record: 1" in content["contact record 2"]
        assert "cause: one furnace is down; proposal: call again in May" in content["evidence of task 1"]
        assert content["step of task 1"] == "act: extension asked by; to: K1; why: abroad; due: 2023-03-09 17:30+0800"
        assert "text: =1+1" in content["complaint 1"]
        assert rows[0][1:3] == ["2023-02-20 09:00+0800", "2023-03-01 10:00+0800"]

    def test_as_text_in_both_languages(self, told: Terminal) -> None:
        english = said(told, "timeline", "C1")
        assert english.startswith("Timeline of customer C1 宏达铸造厂\n")
        assert "from - to 2023-03-01, times in Asia/Shanghai\n11 lines, chained: " in english
        assert f"printed 2023-03-01 10:00+0800 by K1 ({account_name()})" in english
        chinese = said(told, "timeline", "C1", "--lang", "zh-CN")
        for word in (
            "客户 C1 宏达铸造厂 时间线",
            "告警阶段 1",
            "通知 N1",
            "任务经过 1",
            "任务证据 1",
            "期间：- 至 2023-03-01",
        ):
            assert word in chinese
        assert "内容: =1+1" in chinese

    def test_it_holds_codes_only(self, told: Terminal) -> None:
        rows = [cell for row in table(told) for cell in row]
        assert not [secret for secret in SECRETS for cell in rows if secret in cell]

    def test_as_a_page_every_text_is_escaped(self, told: Terminal) -> None:
        page = said(told, "timeline", "C1", "--format", "html")
        found = Cells(page)
        assert found.tags == TAGS
        assert "<script" not in page
        assert any(NASTY in cell for cell in found.cells)
        assert '<html lang="en">' in page
        assert '<html lang="zh-CN">' in said(told, "timeline", "C1", "--format", "html", "--lang", "zh-CN")

    def test_as_a_file_of_its_own(self, told: Terminal) -> None:
        written = said(told, "timeline", "C1", "--format", "html", "--out", "c1.html")
        path = told.folder / "c1.html"
        assert written == f"c1.html is written (sha256 {sha256(path.read_bytes()).hexdigest()})\n"
        assert path.stat().st_mode & 0o777 == 0o600
        assert "c1.html is there already" in refused(told, "timeline", "C1", "--out", "c1.html")[0]

    def test_of_some_days(self, told: Terminal) -> None:
        """A correction happened when what it corrects did."""
        for words, lines in [
            (("--to", "2023-02-20"), LINES[:2]),
            (("--to", "2023-02-19"), []),
            (("--from", "2023-02-21"), LINES[2:]),
            (("--from", "2023-02-20", "--to", "2023-03-01"), LINES),
            (("--from", "2023-03-02"), []),
        ]:
            assert [row[3] for row in table(told, *words)] == lines, words

    def test_of_somebody_nothing_is_recorded_about(self, empty: Terminal) -> None:
        assert "\n0 lines, chained: " in said(empty, "timeline", "C1")


TAMPERED = [
    ("UPDATE contact_records SET note = 'x' WHERE id = 1", "contact record 1"),
    ("UPDATE contact_records SET account = 'x' WHERE id = 2", "contact record 2"),
    ("UPDATE contact_records SET recorded_at = '2023-03-01T01:00:00.000000Z' WHERE id = 1", "contact record 1"),
    ("UPDATE evidence SET cause = 'x'", "evidence of task 1"),
    ("UPDATE evidence SET person = 'K2'", "evidence of task 1"),
    ("UPDATE evidence SET paper = 'x'", "evidence of task 1"),
    ("UPDATE duty_steps SET why = 'x' WHERE duty = 1", "step of task 1"),
    ("UPDATE complaints SET text = 'x'", "complaint 1"),
    ("UPDATE duties SET due_at = '2023-03-03T02:00:00.000000Z' WHERE id = 1", "task 1"),
    ("UPDATE duties SET state = 'late' WHERE id = 1", "task 1"),
    ("UPDATE messages SET body = 'x' WHERE number = 1", "message N1"),
    ("UPDATE message_history SET detail = 'x' WHERE message = 1", "message N1"),
]


class TestProof:
    def test_the_hashes_are_of_what_is_recorded_however_it_is_printed(self, told: Terminal) -> None:
        rows = table(told)
        assert all(re.fullmatch("[0-9a-f]{64}", row[-1]) for row in rows)
        assert len({row[-1] for row in rows}) == len(rows)
        assert [row[-1] for row in table(told, "--lang", "zh-CN")] == [row[-1] for row in rows]
        shapes = [(), ("--format", "csv"), ("--format", "html"), ("--lang", "zh-CN")]
        assert len({chained(told, *words) for words in shapes}) == 1

    def test_what_comes_later_changes_the_chain_and_nothing_before_it(self, told: Terminal) -> None:
        before, chain = table(told), chained(told)
        said(told, "contact", "add", "C1", "--kind", "sms", "--note", "x")
        after = table(told)
        assert {row[-1] for row in before} < {row[-1] for row in after}
        assert chained(told) != chain

    def test_what_was_tampered_with_shows(self, told: Terminal) -> None:
        before, chains = {row[3]: row[-1] for row in table(told)}, {chained(told)}
        for statement, line in TAMPERED:
            tamper(told, statement)
            after = {row[3]: row[-1] for row in table(told)}
            assert [what for what in before if after[what] != before[what]] == [line], statement
            before = after
            assert chained(told) not in chains, statement
            chains.add(chained(told))

    def test_what_was_left_out_shows(self, told: Terminal) -> None:
        chain = chained(told)
        tamper(told, "DELETE FROM contact_records WHERE id = 2")
        assert [row[3] for row in table(told)] == [LINES[0], *LINES[2:]]
        assert chained(told) != chain

    def test_the_seal_of_the_audit_stands_below_it(self, told: Terminal) -> None:
        assert "audit digest" not in said(told, "timeline", "C1")
        said(told, "audit", "seal")
        foot = re.search(r"audit digest: (\S+)", said(told, "timeline", "C1"))
        assert foot
        assert told("audit", "verify", "--against", foot[1]).code == 0


class TestRefusing:
    def test_who_may_not_and_that_is_written_down(self, told: Terminal) -> None:
        become(told.folder, "K2")
        told_so = refused(told, "timeline", "C3")
        assert told_so[0].startswith(f"K2 ({account_name()}) may not see what is recorded about customer C3")
        assert told_so[1].startswith(f"K2 ({account_name()}) 无权查看或登记客户 C3 的记录")
        become(told.folder, "K3")
        said(told, "timeline", "C1", "--to", "2023-02-20")
        rows = told("audit", "list", "--json").data
        looks = [(row["action"], row["subject"], row["detail"]) for row in rows if row["action"].startswith("timeline")]
        assert looks == [("timeline.read", "C1", {"count": 2}), *[("timeline.refuse", "C3", {})] * 2]

    def test_nobody_of_that_code(self, told: Terminal) -> None:
        assert refused(told, "timeline", "C9") == (
            "the registry holds no customer 'C9'; `meterwatch registry import` reads one that names him",
            "档案中没有客户 'C9'；请先用 `meterwatch registry import` 导入档案",
        )

    def test_an_account_that_stands_for_nobody(self, stranger: Terminal) -> None:
        assert "may not see what is recorded about customer C1" in refused(stranger, "timeline", "C1")[0]
