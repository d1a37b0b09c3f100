"""What can't be done is refused with why and what to do, in the caller's language, and exit code 1; nothing is changed."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from meterwatch.cli.session import account_name
from meterwatch.stores.database import Database
from tests.support.ledger import contents
from tests.support.terminal import SECRETS, Printed, Terminal

PROOF = ("--cause", "一台炉子停用", "--proposal", "五月回访")


def ledger_of(terminal: Terminal) -> dict[str, list[tuple[Any, ...]]]:
    with closing(Database.file(terminal.folder / "data" / "ledger.db")) as database:
        return contents(database)


class TestTaskDone:
    def test_records_cause_and_proposal_under_the_persons_name(self, meterwatch: Terminal) -> None:
        printed = meterwatch("tasks", "done", "1", *PROOF, "--kind", "visit", "--at", "2023-03-01T09:30")
        assert printed == Printed(0, "task 1 is met; cause and proposal are recorded under K1\n", "")
        (closed,) = [row for row in meterwatch("tasks", "--all", "--json").data if row["id"] == 1]
        assert (closed["state"], closed["cause"], closed["proposal"], closed["by"]) == ("met", PROOF[1], PROOF[3], "K1")
        (row,) = ledger_of(meterwatch)["evidence"]
        assert (row[2], row[4]) == ("visit", account_name())
        assert row[7].isoformat() == "2023-03-01T01:30:00+00:00"

    def test_answers_machines_and_chinese_alike(self, meterwatch: Terminal) -> None:
        assert meterwatch("tasks", "done", "1", *PROOF, "--json").data == {"id": 1, "state": "met"}
        chinese = meterwatch("tasks", "done", "3", *PROOF, "--lang", "zh-CN")
        assert chinese.out == "任务 3：按期完成，已记录（K1）\n"

    def test_takes_its_options_before_or_after_the_verb(
        self, meterwatch: Terminal, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = str(meterwatch.folder / "meterwatch.toml")
        monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
        assert meterwatch("tasks", "--settings", settings, "--json", "done", "1", *PROOF).data == {"id": 1, "state": "met"}
        assert meterwatch("tasks", "done", "3", *PROOF, "--settings", settings, "--json").data == {"id": 3, "state": "met"}

    @pytest.mark.parametrize(
        ("words", "english", "chinese"),
        [
            (["1"], "a task closes only with a cause and a proposal: give --cause and --proposal", "办结任务必须填写原因"),
            (["1", "--cause", "x"], "a task closes only with a cause and a proposal", "办结任务必须填写原因"),
            (
                ["1", "--cause", " ", "--proposal", "x"],
                "a task closes only with a cause and a proposal",
                "办结任务必须填写原因",
            ),
            (["99", *PROOF], "there is no task 99; `meterwatch tasks` lists them", "没有任务 99"),
            (["2", *PROOF], "task 2 is closed already (void)", "任务 2 已结束（void）"),
            (
                ["1", *PROOF, "--at", "2023-03-01T10:01"],
                "evidence can't be dated in the future: 2023-03-01T10:01",
                "证据时间不能",
            ),
            (["1", *PROOF, "--at", "2023-03-01T10:00+00:00"], "evidence can't be dated in the future", "证据时间不能在未来"),
            (["1", *PROOF, "--at", "yesterday"], "'yesterday' is no time, write 2026-01-31T14:30", "'yesterday' 不是时间"),
        ],
        ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
    )
    def test_is_refused(self, meterwatch: Terminal, words: list[str], english: str, chinese: str) -> None:
        before = ledger_of(meterwatch)
        for lang, wanted in (("en", english), ("zh-CN", chinese)):
            printed = meterwatch("tasks", "done", *words, "--lang", lang)
            assert (printed.code, printed.out) == (1, "")
            assert printed.err.startswith(f"meterwatch: {wanted}")
        assert ledger_of(meterwatch) == before

    def test_is_refused_twice(self, meterwatch: Terminal) -> None:
        meterwatch("tasks", "done", "1", *PROOF)
        assert meterwatch("tasks", "done", "1", *PROOF).err == "meterwatch: task 1 is closed already (met)\n"

    def test_is_refused_to_an_account_that_stands_for_nobody(self, stranger: Terminal) -> None:
        before = ledger_of(stranger)
        printed = stranger("tasks", "done", "1", *PROOF)
        assert printed.code == 1
        assert f'add `{account_name()} = "PERSON"` to [viewers.accounts]' in printed.err
        assert ledger_of(stranger) == before


class TestUnknown:
    @pytest.mark.parametrize(
        ("words", "english", "chinese"),
        [
            (["alerts", "99"], "there is no alert 99", "没有告警 99"),
            (["messages", "N99"], "there is no message N99", "没有通知 N99"),
            (["rejects", "show", "99"], "there is no reject 99", "没有拒收记录 99"),
            (["rejects", "replay", "99"], "there is no reject 99", "没有拒收记录 99"),
            (["rejects", "replay"], "nothing to replay: name rejects by number", "没有可重放的记录"),
            (
                ["readings", "P99"],
                "the registry holds no usage point 'P99'; `meterwatch registry import`",
                "档案中没有用户点 'P99'",
            ),
            (["influx", "init"], "the settings have no [influxdb] section", "设置中没有 [influxdb] 段"),
            (["check", "--topic", "m/1"], "--topic and --payload belong together", "--topic 与 --payload 须同时给出"),
            (["check", "--topic", "m/1", "--payload", "none"], "none can't be read: No such file", "无法读取 none"),
            (["registry", "import", "none"], "", ""),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_is_refused(self, meterwatch: Terminal, words: list[str], english: str, chinese: str) -> None:
        before = ledger_of(meterwatch)
        for lang, wanted in (("en", english), ("zh-CN", chinese)):
            printed = meterwatch(*words, "--lang", lang)
            assert printed.code == 1
            assert wanted in printed.err
            assert "Traceback" not in printed.err
        assert ledger_of(meterwatch) == before

    def test_readings_before_the_service_ever_ran(self, empty: Terminal) -> None:
        printed = empty("readings", "P1")
        assert (printed.code, printed.out) == (1, "")
        assert printed.err.startswith("meterwatch: ")
        assert not (empty.folder / "data" / "readings.db").exists()


class TestCalledWrongly:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], "COMMAND"),
            (["nonsense"], "invalid choice: 'nonsense'"),
            (["alerts", "first"], "invalid int value: 'first'"),
            (["alerts", "--lang", "it"], "invalid choice"),
            (["tasks", "done"], "number"),
            (["tasks", "done", "1", "--kind", "telepathy"], "invalid choice: 'telepathy'"),
            (["messages", "seven"], "'seven' is no notice number, write N7"),
            (["messages", "N²"], "'N²' is no notice number, write N7"),
            (["readings", "P1", "--from", "yesterday"], "'yesterday' is no date, write 2026-01-31"),
            (["rejects", "list", "--reason", "bad"], "invalid choice: 'bad'"),
            (["rejects"], "list|show|replay"),
            (["run", "--role", "boss"], "invalid choice: 'boss'"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_ends_with_2(self, empty: Terminal, words: list[str], said: str) -> None:
        printed = empty(*words)
        assert (printed.code, printed.out) == (2, "")
        assert said in printed.err


class TestSettings:
    @pytest.mark.parametrize(
        "command", ["alerts", "tasks", "messages", "readings P1", "rejects list", "check", "doctor", "run"]
    )
    def test_broken_ones_start_nothing(self, empty: Terminal, command: str) -> None:
        (empty.folder / "meterwatch.toml").write_text("[desk]\nlisten = 5\n[outbox]\nbach = 1\n")
        for lang, head in (("en", "meterwatch: the settings can't be used:"), ("zh-CN", "meterwatch: 设置有误：")):
            printed = empty(*command.split(), "--lang", lang)
            assert (printed.code, printed.out) == (1, "")
            assert printed.err.splitlines() == [
                head,
                "meterwatch.toml:2: desk.listen: Input should be a valid string (found 5)",
                "meterwatch.toml:4: outbox.bach: unknown setting; did you mean 'batch'?",
            ]

    def test_missing_ones_say_how_to_make_them(self, empty: Terminal) -> None:
        printed = empty("alerts", "--settings", "none.toml")
        assert "none.toml: No such file or directory; write one with `meterwatch init`" in printed.err

    def test_may_be_named_by_the_environment(self, empty: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("METERWATCH_SETTINGS", str(empty.folder / "meterwatch.toml"))
        monkeypatch.chdir("/")
        assert empty("alerts").code == 0

    def test_a_ledger_that_does_not_answer_is_said(self, empty: Terminal) -> None:
        (empty.folder / "data" / "ledger.db").write_text("this is not the file you are looking for " * 200)
        for extra in empty.folder.glob("data/ledger.db-*"):
            extra.unlink()
        printed = empty("alerts")
        assert (printed.code, printed.out) == (1, "")
        assert printed.err == "meterwatch: ledger: file is not a database\n"


class TestInit:
    def test_writes_the_annotated_file(self, empty: Terminal) -> None:
        printed = empty("init", "new.toml")
        assert (printed.code, "new.toml is written" in printed.out) == (0, True)
        assert empty("check", "--settings", "new.toml").code == 0

    def test_never_overwrites(self, empty: Terminal) -> None:
        before = (empty.folder / "meterwatch.toml").read_text()
        for lang, wanted in (("en", "is there already; nothing was written"), ("zh-CN", "已存在，未作改动")):
            printed = empty("init", "--lang", lang)
            assert (printed.code, wanted in printed.err) == (1, True)
        assert (empty.folder / "meterwatch.toml").read_text() == before

    def test_not_even_through_a_link(self, empty: Terminal) -> None:
        Path("link.toml").symlink_to("nowhere.toml")
        assert empty("init", "link.toml").code == 1
        assert not Path("nowhere.toml").exists()

    def test_says_why_it_can_not(self, empty: Terminal) -> None:
        assert empty("init", "no/such/folder.toml").err == (
            "meterwatch: no/such/folder.toml can't be written: No such file or directory\n"
        )


class TestRejectsReplay:
    def test_hands_in_marks_and_audits(self, meterwatch: Terminal) -> None:
        printed = meterwatch("rejects", "replay", "--reason", "unknown_meter", "--json")
        assert printed.data == {"rejects": [2], "packets": 1}
        assert len(list((meterwatch.folder / "data" / "journal" / "inbox").iterdir())) == 1
        assert [row["id"] for row in meterwatch("rejects", "list", "--json").data] == [1]
        assert [row["id"] for row in meterwatch("rejects", "list", "--all", "--json").data] == [2, 1]
        audit = [row[2:5] for row in ledger_of(meterwatch)["audit"]]
        assert audit.count((f"K1 ({account_name()})", "reject.replay", "2")) == 1

    def test_all_of_them_once(self, meterwatch: Terminal) -> None:
        assert "2 messages of 2 rejects are handed in again" in meterwatch("rejects", "replay", "--all").out
        assert meterwatch("rejects", "replay", "--all").code == 1


@pytest.mark.parametrize(
    "command",
    [
        *("alerts", "alerts --all --json", "alerts 1", "alerts 2 --lang zh-CN", "tasks --all", "tasks --all --json"),
        *("messages", "messages N1 --json", "readings P1", "readings P1 --days --json", "rejects list", "rejects show 1"),
        *("check", "doctor", "registry import registry", "tasks done 1 --cause a --proposal b"),
    ],
)
def test_no_name_and_no_phone_in_what_a_stranger_sees(stranger: Terminal, command: str) -> None:
    printed = stranger(*command.split())
    assert printed.out + printed.err
    for secret in SECRETS:
        assert secret not in printed.out + printed.err
