"""What the listing commands print: tables for people in their language, JSON with keys that stay for machines."""

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.readings import QUALITY_TEXT, DayTotals, Quality
from meterwatch.stores.readings_sqlite import SqliteReadings
from tests.support.duties import become
from tests.support.ledger import DAY
from tests.support.terminal import Printed, Terminal

ALERT = "id rule policy subject name opened_day start_day stage baseline ratio closed_day closed_why suppressed withdrawn"
KEYS = {
    "alerts": f"{ALERT} registry figures opened_at",
    "tasks": "id rule state due_at provisional person subject customer unit name period alert title needed counting "
    "waiting cause proposal by recorded_at",
    "messages": "number key state created_at expires_at channel person template body attempts reference history",
    "readings P1": "time received_at type value unit quality as_metered correction corrected_by reason",
    "readings P1 --days": "day use unit known peak peak_unit quality",
    "people": "code name phone email role unit",
    "people permissions": "number person right customer unit first_day last_day reason granted_by account granted_at "
    "revoked_at revoked_by",
    "audit list": "id at actor action subject detail",
    "rejects list": "id reason reason_text detail topic record bytes position received_at replayed_at",
    "check": "codec meter type time value unit problem",
    "doctor": "check verdict text",
}
TITLES = {
    "alerts": ("no.  rule  subject  customer  opened  stage", "编号  规则  对象  客户  触发日  阶段"),
    "tasks": ("no.  state  due  person  subject  customer", "编号  状态  期限  负责人  对象  客户"),
    "messages": ("notice  state  queued  channel  to  text", "通知号  状态  生成时间  渠道  收件人  内容"),
    "readings P1": ("time  reading type  value  unit  quality  received", "时间  读数类型  数值  单位  质量  接收时间"),
    "readings P1 --days": ("meter day  use  unit  known share", "计量日  用量  单位  已知比例"),
    "people": ("person  name  role  unit  phone", "人员  姓名  角色  单位  电话"),
    "people permissions": ("no.  person  right  customer  from  until", "编号  人员  权限  客户  起  止"),
    "audit list": ("no.  time  by  action  subject  detail", "编号  时间  操作者  操作  对象  明细"),
    "rejects list": ("no.  received  why  found  topic  record", "编号  接收时间  原因  内容  主题  记录"),
    "check": ("codec  meter  reading type  time (UTC)", "解码器  表号  读数类型  时间（UTC）"),
    "doctor": ("check  result  found", "检查项  结果  说明"),
}
EMPTY = {
    "alerts": ("no open alerts", "没有未结束的告警"),
    "tasks": ("no open tasks", "没有待办任务"),
    "messages": ("no messages", "没有短信"),
    "people permissions": ("no permissions", "没有权限记录"),
    "audit list --actor nobody": ("no such row in the audit", "没有符合的审计记录"),
    "rejects list": ("no rejects wait", "没有待处理的拒收报文"),
}


def rows(printed: Printed) -> list[list[str]]:
    """Return the cells of a printed table, empty ones left out."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in printed.out.splitlines()]


def titles(printed: Printed) -> str:
    lines = rows(printed)
    return "  ".join(lines[1] if printed.out.startswith("meterwatch.toml") else lines[0])


@pytest.mark.parametrize("command", KEYS)
class TestEveryList:
    def test_is_json_with_keys_that_stay(self, meterwatch: Terminal, command: str) -> None:
        for lang in Lang:
            printed = meterwatch(*command.split(), "--json", "--lang", lang)
            assert printed.err == ""
            assert len(printed.data) > 0
            assert {" ".join(row) for row in printed.data} == {KEYS[command]}

    def test_is_a_table_in_each_language(self, meterwatch: Terminal, command: str) -> None:
        for lang, wanted in zip((Lang.EN, Lang.ZH), TITLES[command], strict=True):
            printed = meterwatch(*command.split(), "--lang", lang)
            assert titles(printed).startswith(wanted)
            assert len(rows(printed)) >= 1 + len(meterwatch(*command.split(), "--json").data)


@pytest.mark.parametrize("command", EMPTY)
def test_an_empty_list_says_so(empty: Terminal, command: str) -> None:
    for lang, wanted in zip((Lang.EN, Lang.ZH), EMPTY[command], strict=True):
        assert empty(*command.split(), "--lang", lang) == Printed(0, f"{wanted}\n", "")
    assert empty(*command.split(), "--json") == Printed(0, "[]\n", "")


class TestAlerts:
    def test_open_ones_or_all_newest_first(self, meterwatch: Terminal) -> None:
        assert [row["id"] for row in meterwatch("alerts", "--json").data] == [1]
        everything = meterwatch("alerts", "--all", "--json").data
        assert [row["id"] for row in everything] == [3, 2, 1, 4]
        assert [row["withdrawn"] for row in everything] == [True, False, False, False]
        assert [row["id"] for row in meterwatch("alerts", "--all", "--limit", "2", "--json").data] == [3, 2]

    def test_in_words(self, meterwatch: Terminal) -> None:
        assert rows(meterwatch("alerts", "--all"))[1:] == [
            ["3", "churn", "C3/gas", "Carried Gas Ltd", "2023-02-28", "warning", "25.5", "0.55", "withdrawn"],
            [
                "2",
                "load over capacity",
                "P2",
                "Bright Hotel",
                "2023-02-28",
                "warning",
                "100",
                "1.2",
                "2023-02-28",
                "day over",
            ],
            ["1", "churn", "C1/gas", "宏达铸造厂", "2023-02-28", "warning", "25.5", "0.55"],
            [
                *("4", "churn", "C2/electricity", "Bright Hotel", "2023-01-29", "warning", "25.5", "0.55", "2023-02-27"),
                *("recovered", "found too late for a message to mean anything"),
            ],
        ]
        assert "已撤销" in meterwatch("alerts", "--all", "--lang", "zh-CN").out

    def test_one_in_full(self, meterwatch: Terminal) -> None:
        shown = meterwatch("alerts", "4").out.splitlines()
        assert shown[0] == "4  churn  C2/electricity  (RULES churn-warn, churn-potential (G 19, M 5(3)))"
        assert "  customer: Bright Hotel" in shown
        assert "  closed: 2023-02-27" in shown
        assert "  silent because: found too late for a message to mean anything" in shown
        assert "  judged by registry snapshot 1 at 2023-03-01 10:00+0800" in shown
        assert "  mean day of the 30 days before the last 7: 25.5 kWh" in shown
        assert "  两者之比: 1.2" in meterwatch("alerts", "2", "--lang", "zh-CN").out.splitlines()
        one = meterwatch("alerts", "3", "--json").data
        assert (" ".join(one), one["withdrawn"], one["figures"]["week_ratio"]) == (KEYS["alerts"], True, 0.5)


class TestTasks:
    def test_open_ones_by_due_time_or_all(self, meterwatch: Terminal) -> None:
        assert [(row["id"], row["person"]) for row in meterwatch("tasks", "--json").data] == [(1, "K1"), (3, "")]
        assert [row["state"] for row in meterwatch("tasks", "--all", "--json").data] == ["open", "void", "open"]
        assert len(meterwatch("tasks", "--limit", "1", "--json").data) == 1

    def test_in_words(self, meterwatch: Terminal) -> None:
        first, second = rows(meterwatch("tasks"))[1:]
        what = "visit or phone: find the cause and propose measures"
        assert first == ["1", "open", "2023-03-02 17:00+0800", "K1", "C1/gas", "宏达铸造厂", "2023-02-28", what]
        assert second[3] == "(nobody)"
        assert "（无人负责）" in meterwatch("tasks", "--lang", "zh-CN").out


class TestMessages:
    def test_newest_first(self, meterwatch: Terminal) -> None:
        assert rows(meterwatch("messages"))[1:] == [
            ["N3", "withdrawn", "2023-03-01 10:00+0800", "webhook", "K1", "用气减少"],
            ["N2", "queued", "2023-03-01 10:00+0800", "webhook", "K1", "用气减少"],
            ["N1", "accepted", "2023-03-01 10:00+0800", "webhook", "K1", "用气减少"],
        ]
        assert len(meterwatch("messages", "--limit", "1", "--json").data) == 1

    @pytest.mark.parametrize("number", ["N1", "1"])
    def test_one_with_its_history(self, meterwatch: Terminal, number: str) -> None:
        assert meterwatch("messages", number).out.splitlines()[2:] == [
            "  2023-03-01 10:00+0800  queued",
            "  2023-03-01 10:00+0800  being sent  A",
            "  2023-03-01 10:00+0800  accepted",
        ]
        one = meterwatch("messages", number, "--json").data
        assert " ".join(one) == KEYS["messages"]
        assert (one["number"], one["reference"], one["attempts"]) == ("N1", "P-77", 1)
        assert [step["state"] for step in one["history"]] == ["queued", "in_flight", "accepted"]
        assert one["history"][0] == {"at": "2023-03-01T02:00:00+00:00", "state": "queued", "detail": ""}


class TestReadings:
    def test_of_the_last_two_days_by_default(self, meterwatch: Terminal) -> None:
        assert rows(meterwatch("readings", "P1"))[1:] == [
            ["2023-03-01 08:00+0800", "gas.register", "1234.5", "m3", "2023-03-01 08:00+0800"],
            ["2023-03-01 08:00+0800", "gas.flow", "31.25", "m3/h", "suspect late", "2023-03-01 08:00+0800"],
        ]

    @pytest.mark.parametrize(
        ("span", "days"),
        [
            ([], ["2023-02-28"]),
            (["--from", "2023-02-27"], ["2023-02-27", "2023-02-28"]),
            (["--from", "2023-02-27", "--to", "2023-02-27"], ["2023-02-27"]),
            (["--from", "2023-03-01", "--to", "2023-02-01"], []),
        ],
        ids=str,
    )
    def test_of_the_days_asked_for(self, meterwatch: Terminal, span: list[str], days: list[str]) -> None:
        found = meterwatch("readings", "P1", "--days", "--json", *span).data
        assert [row["day"] for row in found] == days

    def test_what_is_not_known_is_null(self, meterwatch: Terminal) -> None:
        (row,) = meterwatch("readings", "P1", "--days", "--json", "--from", "2023-02-27", "--to", "2023-02-27").data
        assert (row["use"], row["peak"], row["quality"]) == (500.25, None, "")

    def test_a_day_of_which_nothing_is_known_had_no_use_of_0(self, meterwatch: Terminal) -> None:
        with closing(SqliteReadings(meterwatch.folder / "data" / "readings.db")) as store:
            store.know(["P1", "P2", "P3"])
            store.write_totals(DayTotals.of([DAY], [0], [0.0], [0.0], [np.nan], [0]))
        days = ("readings", "P1", "--days", "--from", "2023-02-27")
        assert rows(meterwatch(*days))[2] == ["2023-02-28", "m3", "0", "m3/h"]
        known, unknown = meterwatch(*days, "--json").data
        assert (known["use"], unknown["use"], unknown["known"]) == (500.25, None, 0)

    def test_quality_is_said_in_words(self, meterwatch: Terminal) -> None:
        assert "可疑 迟到" in meterwatch("readings", "P1", "--lang", "zh-CN").out
        found = meterwatch("readings", "P1", "--lang", "zh-CN", "--json").data
        assert [row["quality"] for row in found] == ["", "suspect late"]

    def test_every_quality_has_its_word(self) -> None:
        assert set(QUALITY_TEXT) == {flag for flag in Quality if flag}
        assert [text.en for text in QUALITY_TEXT.values()] == [str(flag.name).lower() for flag in QUALITY_TEXT]

    @pytest.mark.parametrize(("lang", "text"), [("en", "no readings in this time"), ("zh-CN", "该时段没有读数")])
    def test_none_says_so(self, meterwatch: Terminal, lang: str, text: str) -> None:
        assert meterwatch("readings", "P2", "--lang", lang).out.startswith(text)
        assert meterwatch("readings", "P2", "--json").data == []


class TestRejects:
    def test_say_why_in_the_clerks_words(self, meterwatch: Terminal) -> None:
        first, second = rows(meterwatch("rejects", "list"))[1:]
        assert first == ["2", "2023-03-01 10:00+0800", "the meter is not in the registry", "M9", "m/M9", "0", "30"]
        assert second[2] == "the message is not valid JSON"
        assert "档案中没有该表" in meterwatch("rejects", "list", "--lang", "zh-CN").out
        assert [row["id"] for row in meterwatch("rejects", "list", "--reason", "not_json", "--json").data] == [1]

    def test_show_one_with_its_message(self, meterwatch: Terminal) -> None:
        one = meterwatch("rejects", "show", "1", "--json").data
        assert " ".join(one) == f"{KEYS['rejects list']} payload"
        assert one["payload"] == '{"ts": 1, "total": "\x1b[31mred"}'
        assert meterwatch("rejects", "show", "2").out.splitlines()[0] == "no.: 2"

    def test_never_steer_the_terminal(self, meterwatch: Terminal) -> None:
        shown = meterwatch("rejects", "show", "1").out + meterwatch("rejects", "list").out
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert r'{"ts": 1, "total": "\x1b[31mred"}' in shown


class TestCheck:
    def test_decodes_the_samples(self, empty: Terminal) -> None:
        printed = empty("check")
        assert printed.out.splitlines()[0] == "meterwatch.toml: the settings are right"
        assert rows(printed)[2] == ["gateway", "M1", "gas.register", "2023-01-01 00:00:00", "12.5", "m3"]

    @pytest.mark.parametrize(
        ("topic", "payload", "code", "problem"),
        [
            ("m/M1", '{"ts": 1672531200000, "total": 1}', 0, ""),
            ("m/M1", "{", 1, "报文不是合法的 JSON: "),
            ("m/M1", '{"ts": 1672531200000, "total": "x"}', 1, "数值不是有效数字: "),
            ("other", "{}", 1, "设置中没有解码器对应该主题: other"),
            ("m/M1", "", 1, "报文为空: m/M1"),
        ],
    )
    def test_decodes_a_message_of_ones_own(self, empty: Terminal, topic: str, payload: str, code: int, problem: str) -> None:
        (empty.folder / "message").write_text(payload)
        printed = empty("check", "--topic", topic, "--payload", "message", "--json", "--lang", "zh-CN")
        assert printed.code == code
        assert [row["problem"][: len(problem)] for row in printed.data] == [problem]

    def test_without_a_sample_says_so(self, empty: Terminal) -> None:
        path = empty.folder / "meterwatch.toml"
        path.write_text(
            "".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("sample"))
        )
        printed = empty("check")
        assert (printed.code, "no codec has a sample message" in printed.out) == (0, True)


def test_doctor_fails_when_anything_is_bad(empty: Terminal) -> None:
    printed = empty("doctor", "--json")
    found: list[dict[str, Any]] = printed.data
    assert printed.code == 1
    assert [row["check"] for row in found if row["verdict"] == "bad"] == ["broker"]
    assert "异常" in empty("doctor", "--lang", "zh-CN").out


@pytest.mark.parametrize("words", [["--json", "import"], ["import", "--json"]], ids=str)
def test_registry_import_takes_its_options_before_or_after_the_verb(empty: Terminal, words: list[str]) -> None:
    become(empty.folder, "K3")
    assert empty("registry", *words, "registry").data["snapshot"] == 1


def test_registry_import_says_what_changed(empty: Terminal) -> None:
    become(empty.folder, "K3")
    assert "nothing changed; snapshot 1 stays in use" in empty("registry", "import", "registry").out
    people = empty.folder / "registry" / "people.csv"
    people.write_text(people.read_text() + "K4,New One,manager,,,,,,\n")
    assert "第 2 版档案已生效" in empty("registry", "import", "registry", "--lang", "zh-CN").out
