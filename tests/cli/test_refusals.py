"""What can't be done is refused with why and what to do, in the caller's language, and exit code 1; nothing is changed."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest import segments
from meterwatch.cli.session import account_name
from meterwatch.core.instants import to_us
from meterwatch.core.model.packets import Packet, Position, Reason, Reject
from meterwatch.core.ports import Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.ingest import PAGE
from tests.support.duties import become
from tests.support.ledger import HOUR, NOW, contents
from tests.support.terminal import SECRETS, Printed, Terminal

PROOF = ("--cause", "一台炉子停用", "--proposal", "五月回访")


def ledger_of(terminal: Terminal) -> dict[str, list[tuple[Any, ...]]]:
    with closing(Database.file(terminal.folder / "data" / "ledger.db")) as database:
        return contents(database)


class TestTaskDone:
    def test_records_cause_and_proposal_under_the_persons_name(self, meterwatch: Terminal) -> None:
        with closing(Database.file(meterwatch.folder / "data" / "ledger.db")) as database:
            Ledger(database).clock.move(NOW + HOUR)
        printed = meterwatch("tasks", "done", "1", *PROOF, "--kind", "visit", "--at", "2023-03-01T10:30")
        assert printed == Printed(0, "task 1 is met; recorded under K1\n", "")
        (closed,) = [row for row in meterwatch("tasks", "--all", "--json").data if row["id"] == 1]
        assert (closed["state"], closed["cause"], closed["proposal"], closed["by"]) == ("met", PROOF[1], PROOF[3], "K1")
        (row,) = ledger_of(meterwatch)["evidence"]
        assert (row[2], row[4]) == ("visit", account_name())
        assert row[7].isoformat() == "2023-03-01T02:30:00+00:00"

    def test_answers_machines_and_chinese_alike(self, meterwatch: Terminal) -> None:
        closed = {"id": 1, "state": "met", "waiting": 0, "counting": 1}
        assert meterwatch("tasks", "done", "1", *PROOF, "--json").data == closed
        chinese = meterwatch("tasks", "done", "3", *PROOF, "--lang", "zh-CN")
        assert chinese.out == "任务 3：按期完成，已记录（K1）\n"

    def test_takes_its_options_before_or_after_the_verb(
        self, meterwatch: Terminal, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = str(meterwatch.folder / "meterwatch.toml")
        monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
        assert meterwatch("tasks", "--settings", settings, "--json", "done", "1", *PROOF).data["state"] == "met"
        assert meterwatch("tasks", "done", "3", *PROOF, "--settings", settings, "--json").data["id"] == 3

    @pytest.mark.parametrize(
        ("words", "english", "chinese"),
        [
            (
                ["1"],
                "task 1 closes only with cause, proposal: give --cause --proposal",
                "办结任务 1 必须填写 cause, proposal",
            ),
            (["1", "--cause", "x"], "task 1 closes only with proposal: give --proposal", "办结任务 1 必须填写 proposal"),
            (
                ["1", "--cause", " ", "--proposal", "x"],
                "task 1 closes only with cause: give --cause",
                "办结任务 1 必须填写 cause",
            ),
            (["99", *PROOF], "there is no task 99; `meterwatch tasks` lists them", "没有任务 99"),
            (["2", *PROOF], "task 2 is closed already (void)", "任务 2 已结束（已作废）"),
            (
                ["1", *PROOF, "--at", "2023-03-01T10:01"],
                "evidence can't be dated in the future: 2023-03-01T10:01",
                "证据时间不能",
            ),
            (
                ["1", *PROOF, "--at", "1970-01-01"],
                "what happened at 1970-01-01T00:00:00+08:00 is no evidence for task 1: it was opened at 2023-03-01T10:00:00",
                "1970-01-01T00:00:00+08:00 发生的事不能作为任务 1 的证据：该任务于 2023-03-01T10:00:00+08:00 下达",
            ),
            (["1", *PROOF, "--at", "2023-03-01T10:00+00:00"], "evidence can't be dated in the future", "证据时间不能在未来"),
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

    def test_is_refused_to_a_person_it_does_not_concern(self, meterwatch: Terminal) -> None:
        people = meterwatch.folder / "registry" / "people.csv"
        people.write_text(people.read_text() + "K4,New One,operator,,,,,,\n")
        become(meterwatch.folder, "K3")
        assert meterwatch("registry", "import", "registry").code == 0
        become(meterwatch.folder, "K4")
        before = ledger_of(meterwatch)
        printed = meterwatch("tasks", "done", "1", *PROOF)
        assert printed.code == 1
        assert printed.err.startswith(
            f"meterwatch: K4 ({account_name()}) may not close task 1: the person responsible (K1) may, whoever it"
        )
        assert ledger_of(meterwatch) == before

    def test_is_refused_to_an_account_that_stands_for_nobody(self, stranger: Terminal) -> None:
        before = ledger_of(stranger)
        printed = stranger("tasks", "done", "1", *PROOF)
        assert printed.code == 1
        assert f'add `"{account_name()}" = "PERSON"` to [viewers.accounts]' in printed.err
        assert ledger_of(stranger) == before

    def test_is_refused_to_an_account_that_stands_for_somebody_unknown(self, stranger: Terminal) -> None:
        settings = stranger.folder / "meterwatch.toml"
        settings.write_text(f'{settings.read_text()}\n[viewers.accounts]\n"{account_name()}" = "K9"\n')
        for lang, wanted in (("en", "who is unknown to the registry or not in office"), ("zh-CN", "此人今日不在职")):
            printed = stranger("tasks", "done", "1", *PROOF, "--lang", lang)
            assert printed.code == 1
            assert f"{account_name()!r}" in printed.err
            assert "'K9'" in printed.err
            assert wanted in printed.err
            assert "PERSON" not in printed.err


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
            (["registry", "import", "none", "--dry-run"], "", ""),
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
        assert printed.err.startswith("meterwatch: there are no readings yet: the first start of the service")
        assert "服务首次启动" in empty("readings", "P1", "--days", "--lang", "zh-CN").err
        assert not (empty.folder / "data" / "readings.db").exists()


class TestCalledWrongly:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], "COMMAND"),
            (["nonsense"], "invalid choice: 'nonsense'"),
            (["alerts", "first"], "'first' is no number from 1 to 2147483647"),
            (["alerts", "0"], "'0' is no number"),
            (["alerts", "9" * 20], "is no number"),
            (["alerts", "--limit", "-1"], "'-1' is no number"),
            (["alerts", "--lang", "it"], "invalid choice: 'it' (choose from 'en', 'zh-CN')"),
            (["--lang", "it", "alerts"], "invalid choice: 'it' (choose from 'en', 'zh-CN')"),
            (["--set=x.toml", "alerts"], "unrecognized arguments: --set=x.toml"),
            (["tasks", "done"], "required: TASK"),
            (["tasks", "done", "9" * 20, *PROOF], "is no number"),
            (["tasks", "done", "1", *PROOF, "--at", "yesterday"], "'yesterday' is no time"),
            (["tasks", "done", "1", *PROOF, "--at", "0001-01-01"], "is no time from 1970 to 2199, write 2026-01-31T14:30"),
            (["tasks", "done", "1", *PROOF, "--at", "9999-12-31T23:59-12:00"], "is no time from 1970 to 2199"),
            (["tasks", "done", "1", "--kind", "telepathy"], "invalid choice: 'telepathy'"),
            (["messages", "seven"], "'seven' is no notice number, write N7"),
            (["messages", "N²"], "'N²' is no notice number, write N7"),
            (["messages", "N" + "9" * 20], "is no notice number, write N7"),
            (["readings", "P1", "--from", "yesterday"], "'yesterday' is no date from 1970 to 2199, write 2026-01-31"),
            (["readings", "P1", "--from", "0001-01-01"], "'0001-01-01' is no date from 1970 to 2199"),
            (["readings", "P1", "--to", "9999-12-31"], "'9999-12-31' is no date from 1970 to 2199"),
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
            first, *found = printed.err.splitlines()
            assert first == head
            places = ["meterwatch.toml:2: desk.listen", "meterwatch.toml:4: outbox.bach"]
            assert [": ".join(line.split(": ")[:2]) for line in found] == places
            assert ("unknown setting" in printed.err) == (lang == "en")

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
        assert printed.data == {"rejects": 1, "packets": 1}
        assert len(list((meterwatch.folder / "data" / "journal" / "inbox").iterdir())) == 1
        assert [row["id"] for row in meterwatch("rejects", "list", "--json").data] == [1]
        assert [row["id"] for row in meterwatch("rejects", "list", "--all", "--json").data] == [2, 1]
        audit = [row[2:5] for row in ledger_of(meterwatch)["audit"]]
        assert audit.count((f"K1 ({account_name()})", "reject.replay", "2")) == 1

    def test_all_of_them_once(self, meterwatch: Terminal) -> None:
        assert "2 messages of 2 rejects are handed in again" in meterwatch("rejects", "replay", "--all").out
        assert meterwatch("rejects", "replay", "--all").code == 1

    @pytest.mark.parametrize("words", ["3 4", "4 3 4", "--reason bad_time"])
    def test_a_message_of_several_rejects_once_and_whole(self, meterwatch: Terminal, words: str) -> None:
        packet = Packet("m/M9", b"{}", received_at=to_us(NOW))
        reasons = [Reason.UNKNOWN_METER, Reason.BAD_TIME, Reason.BAD_TIME]
        enter(meterwatch, [Reject(Position(2, 16), reason, packet, n) for n, reason in enumerate(reasons)])
        printed = meterwatch("rejects", "replay", *words.split(), "--json")
        assert printed.data == {"rejects": 3, "packets": 1}
        assert [(found.topic, found.payload) for found in inbox(meterwatch)] == [("m/M9", b"{}")]
        assert [row["id"] for row in meterwatch("rejects", "list", "--json").data] == [2, 1]

    def test_more_than_fit_a_page_in_the_order_they_came(self, meterwatch: Terminal) -> None:
        packets = [Packet("m/M9", b"%d" % n, received_at=to_us(NOW) + n) for n in range(PAGE + 50)]
        enter(meterwatch, [Reject(Position(2, n), Reason.NOT_JSON, p, r) for n, p in enumerate(packets) for r in (0, 1)])
        printed = meterwatch("rejects", "replay", "--all", "--json")
        assert printed.data == {"rejects": 2 * PAGE + 102, "packets": PAGE + 52}
        assert [found.payload for found in inbox(meterwatch)[2:]] == [packet.payload for packet in packets]
        assert meterwatch("rejects", "list", "--json").data == []


def enter(meterwatch: Terminal, rejects: list[Reject]) -> None:
    with closing(Database.file(meterwatch.folder / "data" / "ledger.db")) as database:
        Ledger(database).ingest.settle(Settlement(rejects=rejects), NOW)


def inbox(meterwatch: Terminal) -> list[Packet]:
    """Return what was handed in, in the order in which the service takes it."""
    files = sorted((meterwatch.folder / "data" / "journal" / "inbox").iterdir())
    return [packet for path in files for _, packet in segments.read(path, segments.HEADER.size, path.stat().st_size).packets]


@pytest.mark.parametrize(
    "command",
    [
        *("alerts", "alerts --all --json", "alerts 1", "alerts 2 --lang zh-CN", "tasks --all", "tasks --all --json"),
        *("messages", "messages N1 --json", "readings P1", "readings P1 --days --json", "rejects list", "rejects show 1"),
        *("check", "doctor", "registry import registry", "tasks done 1 --cause a --proposal b"),
        *("people", "people --json", "people permissions", "audit list", "audit verify", "audit seal", "alerts --as K1"),
    ],
)
def test_no_name_and_no_phone_in_what_a_stranger_sees(stranger: Terminal, command: str) -> None:
    printed = stranger(*command.split())
    assert printed.out + printed.err
    for secret in SECRETS:
        assert secret not in printed.out + printed.err
