"""``readings correct`` and ``readings health``: who may, what is entered, what is refused and why (RULES use-validate)."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from meterwatch.cli.session import account_name
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_sqlite import SqliteReadings
from tests.support.ledger import DAY, HOUR, NOW, SCHEME, audited, contents
from tests.support.terminal import SECRETS, Printed, Terminal

NOON = "2023-03-01T08:00"  # P1's register said 1234.5 then
ONE = ("P1", "gas.register", NOON, "1200", "--reason", "digit misread")
HEADER = "usage_point,reading_type,time,value,reason\n"


@contextmanager
def ledger_of(terminal: Terminal) -> Iterator[Ledger]:
    with closing(Database.file(terminal.folder / "data" / "ledger.db")) as database:
        yield Ledger(database)


def image(terminal: Terminal) -> dict[str, list[tuple[Any, ...]]]:
    with ledger_of(terminal) as ledger:
        return contents(ledger.database)


def correct(terminal: Terminal, *words: str) -> Printed:
    return terminal("readings", "correct", *words)


def listed(terminal: Terminal, kind: str = "gas.register") -> list[dict[str, Any]]:
    return [row for row in terminal("readings", "P1", "--json").data if row["type"] == kind]


def act_as(terminal: Terminal, person: str, instead_of: str = "K1") -> None:
    path = terminal.folder / "meterwatch.toml"
    path.write_text(path.read_text().replace(f'"{instead_of}"', f'"{person}"'))


class TestOne:
    def test_counts_from_now_on_with_the_raw_value_beside(self, meterwatch: Terminal) -> None:
        with ledger_of(meterwatch) as ledger:
            ledger.evaluation.open_scheme(SCHEME, DAY - 1, NOW)
            ledger.evaluation.begin_day(SCHEME, DAY, NOW)
        said = "corrected under no. 1; the raw values stay beside. Judged days the running service redoes: 1\n"
        assert correct(meterwatch, *ONE) == Printed(0, said, "")
        (row,) = listed(meterwatch)
        assert (row["value"], row["as_metered"], row["quality"]) == (1200.0, 1234.5, "corrected")
        assert (row["correction"], row["corrected_by"], row["reason"]) == (1, "K1", "digit misread")
        (flow,) = listed(meterwatch, "gas.flow")
        assert (flow["value"], flow["as_metered"], flow["correction"]) == (31.25, None, None)
        with ledger_of(meterwatch) as ledger:
            assert [(dirty.day, dirty.point) for dirty in ledger.evaluation.dirty_days(9)] == [(DAY, 0)]
            action, subject, detail = audited(ledger.database)[-1]
        assert (action, subject, detail["raw_value"], detail["by"]) == ("reading.correct", "P1", 1234.5, "K1")
        with closing(SqliteReadings.read_only(meterwatch.folder / "data" / "readings.db")) as store:
            assert store.read(0, 2**42).value.tolist() == [1234.5, 31.25]

    def test_stands_in_the_table(self, meterwatch: Terminal) -> None:
        correct(meterwatch, *ONE)
        title, row = meterwatch("readings", "P1").out.splitlines()[:2]
        assert title.split("  ")[0] == "time"
        for word in ("as metered", "correction", "by", "reason"):
            assert word in title
        for cell in ("1200", "1234.5", "corrected", "K1", "digit misread"):
            assert cell in row
        assert "表计原值" in meterwatch("readings", "P1", "--lang", "zh-CN").out

    def test_is_taken_back(self, meterwatch: Terminal) -> None:
        correct(meterwatch, *ONE)
        correct(meterwatch, "P1", "gas.register", NOON, "1210", "--reason", "read again")
        values = []
        for number in ("2", "1"):
            values += [row["value"] for row in listed(meterwatch)]
            assert correct(meterwatch, "--withdraw", number).out.startswith(f"correction {number} is withdrawn.")
        values += [row["value"] for row in listed(meterwatch)]
        assert values == [1210.0, 1200.0, 1234.5]
        assert correct(meterwatch, "--withdraw", "2").err == "meterwatch: correction 2 is withdrawn already, by K1\n"

    @pytest.mark.parametrize("time", ["2023-03-01 07:59", "2023-02-28T23:59:00+00:00"])
    def test_is_added_where_there_is_none(self, meterwatch: Terminal, time: str) -> None:
        added = correct(meterwatch, "P1", "gas.register", time, "1200", "--reason", "read by hand", "--add", "--json")
        assert added.data == {"corrections": [1], "days": 0}
        first, second = listed(meterwatch)
        assert (first["time"], first["as_metered"], first["received_at"]) == ("2023-02-28T23:59:00+00:00", None, None)
        assert (first["value"], first["correction"], second["correction"]) == (1200.0, 1, None)

    def test_options_stand_anywhere(self, meterwatch: Terminal) -> None:
        (meterwatch.folder / "meterwatch.toml").rename(meterwatch.folder / "other.toml")
        assert meterwatch("readings", "--settings", "other.toml", "--json", "correct", *ONE).data["corrections"] == [1]
        assert meterwatch("--settings", "other.toml", "readings", "correct", "--json", *ONE).data["corrections"] == [2]


REFUSED = [
    (["P11", *ONE[1:]], "the registry holds no usage point 'P11'; did you mean 'P1'?", "是否应为 'P1'？"),
    (["X", *ONE[1:]], "the registry holds no usage point 'X'; `meterwatch registry import`", "档案中没有用户点 'X'"),
    (
        ["P1", "gas.registr", *ONE[2:]],
        "no reading type of P1 is called 'gas.registr'; did you mean 'gas.register'?",
        "是否应为",
    ),
    (["P1", "electricity.register", *ONE[2:]], "did you mean 'gas.register'?", "是否应为 'gas.register'？"),
    (["P1", "gas.register", "2023-03-01T10:01", *ONE[3:]], "2023-03-01T10:01:00+08:00 lies in the future", "在未来"),
    (
        ["P1", "gas.flow", NOON, "3", "--reason", "x"],
        "no gas.flow reading of P1 at 2023-03-01T08:00:00+08:00; the nearest is at 2023-03-01T08:00:01+08:00: name",
        "最近一条在 2023-03-01T08:00:01+08:00",
    ),
    (["P1", "gas.register", "2023-02-27", *ONE[3:]], "nor within a day of it; --add enters one", "可用 --add 补录"),
    ([*ONE[:4]], "a correction needs its reason", "修正必须填写原因"),
    ([*ONE[:4], "--reason", " "], "a correction needs its reason", "修正必须填写原因"),
    ([*ONE[:3]], "name one reading (POINT TYPE TIME VALUE --reason TEXT), or --file FILE", "三者之一"),
    ([], "name one reading", "三者之一"),
    ([*ONE, "--withdraw", "1"], "and only one of these", "三者之一"),
    (["--file", "x.csv", "--withdraw", "1"], "and only one of these", "三者之一"),
    (["--withdraw", "9"], "there is no correction 9; `meterwatch readings POINT`", "没有修正 9"),
]


@pytest.mark.parametrize(("words", "english", "chinese"), REFUSED, ids=[" ".join(case[0])[:50] for case in REFUSED])
def test_is_refused(meterwatch: Terminal, words: list[str], english: str, chinese: str) -> None:
    before = image(meterwatch)
    for lang, wanted in (("en", english), ("zh-CN", chinese)):
        printed = correct(meterwatch, *words, "--lang", lang)
        assert (printed.code, printed.out) == (1, "")
        assert wanted in printed.err
    assert image(meterwatch) == before


def test_of_several_the_nearest_reading_is_named(meterwatch: Terminal) -> None:
    with closing(SqliteReadings(meterwatch.folder / "data" / "readings.db")) as store:
        store.know(["P1", "P2", "P3"])
        hours = [int((NOW + shift * HOUR).timestamp() * 1000) for shift in (-9, -5, -1)]
        store.append(ReadingBatch.of([0] * 3, [201] * 3, hours, [1.0, 2.0, 3.0], [0] * 3, [1, 2, 3]))
    for time, nearest in (("05:20", "05:00"), ("07:59", "08:00"), ("00:30", "01:00")):
        printed = correct(meterwatch, "P1", "gas.register", f"2023-03-01T{time}", *ONE[3:])
        assert f"the nearest is at 2023-03-01T{nearest}:00+08:00" in printed.err


@pytest.mark.parametrize(
    ("at", "wrong", "said"),
    [
        (3, "nan", "'nan' is no number a meter can show, write 1234.5"),
        (3, "inf", "'inf' is no number a meter can show"),
        (3, "1e16", "'1e16' is no number a meter can show"),
        (3, "much", "'much' is no number a meter can show"),
        (2, "yesterday", "'yesterday' is no time"),
    ],
)
def test_what_is_no_value_or_time_is_called_wrongly(empty: Terminal, at: int, wrong: str, said: str) -> None:
    words = [wrong if place == at else word for place, word in enumerate(ONE)]
    printed = correct(empty, *words)
    assert (printed.code, printed.out) == (2, "")
    assert said in printed.err


class TestWhoMay:
    """P1 is C3's (A1, area south) since 2022-07-01, before C1's (area north); P3 is nobody's. K1 manages all A1; K2 is
    deputy in the north; K3 is supervisor."""

    @pytest.mark.parametrize(
        ("person", "point", "time", "may"),
        [
            ("K1", "P1", NOON, True),
            ("K2", "P1", NOON, False),
            ("K2", "P1", "2022-06-30", True),
            ("K3", "P1", NOON, True),
            ("K1", "P3", "2023-03-01T02:00", False),
            ("K3", "P3", "2023-03-01T02:00", True),
        ],
    )
    def test_correct(self, meterwatch: Terminal, person: str, point: str, time: str, may: bool) -> None:
        act_as(meterwatch, person)
        before = image(meterwatch)
        printed = correct(meterwatch, point, "gas.register", time, "1200", "--reason", "x", "--add")
        assert printed.code == (0 if may else 1)
        if not may:
            assert f"{person} ({account_name()}) may not judge readings and meter of {point}" in printed.err
            assert image(meterwatch) == before

    def test_withdraw(self, meterwatch: Terminal) -> None:
        correct(meterwatch, *ONE)
        act_as(meterwatch, "K2")
        assert "K2" in correct(meterwatch, "--withdraw", "1").err
        act_as(meterwatch, "K3", "K2")
        assert correct(meterwatch, "--withdraw", "1").code == 0

    def test_nobody_unknown(self, stranger: Terminal) -> None:
        before = image(stranger)
        for words in (("correct", *ONE), ("health", "P1", "--verdict", "ok"), ("correct", "--withdraw", "1")):
            printed = stranger("readings", *words)
            assert printed.code == 1
            assert "stands for no person" in printed.err
        assert image(stranger) == before


class TestFile:
    def test_enters_every_row(self, meterwatch: Terminal) -> None:
        rows = f"P1,gas.register,{NOON},1200,误读\nP1,gas.flow,2023/3/1 08:00:01,30,误读\n"
        (meterwatch.folder / "f.csv").write_bytes((HEADER + rows).encode("gb18030"))
        assert correct(meterwatch, "--file", "f.csv", "--json").data == {"corrections": [1, 2], "days": 0}
        assert [(row["value"], row["reason"]) for row in meterwatch("readings", "P1", "--json").data] == [
            (1200.0, "误读"),
            (30.0, "误读"),
        ]

    def test_names_every_bad_row_and_enters_none(self, meterwatch: Terminal) -> None:
        rows = (
            f"P1,gas.register,{NOON},1200,fine\n"
            f"P11,gas.register,{NOON},1200,x\n"
            f"P1,gas.registr,{NOON},1200,x\n"
            f"P1,gas.register,{NOON},much,x\n"
            f"P1,gas.register,{NOON},1e16,x\n"
            f"P1,gas.register,{NOON},1200,\n"
            f"P1,gas.register,2023-02-27,1200,x\n"
            f"P1,gas.register,2023-03-01T00:00:00+00:00,1300,x\n"
            "P3,gas.register,2023-03-01 02:00,1200,x\n"
        )
        (meterwatch.folder / "f.csv").write_text(HEADER + rows)
        before = image(meterwatch)
        printed = correct(meterwatch, "--file", "f.csv")
        assert (printed.code, printed.out) == (1, "")
        lines = printed.err.splitlines()
        assert lines[0] == "meterwatch: nothing was corrected; problems found: 8"
        wanted = [
            "f.csv:3: the registry holds no usage point 'P11'; did you mean 'P1'?",
            "f.csv:4: no reading type of P1 is called 'gas.registr'",
            'f.csv:5 value: "much" is not a number a meter can show',
            'f.csv:6 value: "1e16" is not a number a meter can show',
            "f.csv:7 reason: must not be empty",
            "f.csv:8: there is no gas.register reading of P1",
            "f.csv:9: line 2 corrects the same reading",
            "f.csv:10: K1",
        ]
        assert len(lines) == 1 + len(wanted)
        for line, start in zip(lines[1:], wanted, strict=True):
            assert line.startswith(start)
        told = correct(meterwatch, "--file", "f.csv", "--json", "--lang", "zh-CN")
        assert len(json.loads(told.out)["problems"]) == 8
        assert "未作任何修正；共发现 8 处问题" in told.err
        assert image(meterwatch) == before

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "f.csv: the header line is missing"),
            (HEADER, "f.csv: holds no rows below its header"),
            (
                "usage_point,reading_type,time,value\nP1,gas.register,2023-03-01T08:00,1\n",
                "reason: the required column is missing",
            ),
            (HEADER.replace("value", "valu"), 'f.csv:1: "valu" is not a column of this file; did you mean "value"?'),
        ],
    )
    def test_that_holds_none_is_refused(self, meterwatch: Terminal, content: str, said: str) -> None:
        (meterwatch.folder / "f.csv").write_text(content)
        printed = correct(meterwatch, "--file", "f.csv")
        assert printed.code == 1
        assert said in printed.err

    def test_that_is_not_there_is_refused(self, meterwatch: Terminal) -> None:
        printed = correct(meterwatch, "--file", "none.csv")
        assert (printed.code, printed.err.startswith("meterwatch: none.csv: No such file")) == (1, True)


class TestHealth:
    WORDS = ("--verdict", "faulty", "--severity", "high", "--check", "计数器不走")

    def test_is_entered_for_the_meter_that_stands_there(self, meterwatch: Terminal) -> None:
        printed = meterwatch("readings", "health", "P1", *self.WORDS)
        assert printed == Printed(0, "verdict 1: meter M2 of P1: faulty\n", "")
        assert meterwatch("readings", "health", "P1", "--verdict", "ok", "--json").data == {
            "id": 2,
            "meter": "M2",
            "verdict": "ok",
        }
        newest, oldest = meterwatch("readings", "health", "P1", "--json").data
        assert (newest["verdict"], newest["severity"], newest["what_to_check"]) == ("ok", "", "")
        assert (oldest["verdict"], oldest["severity"], oldest["what_to_check"]) == ("faulty", "high", "计数器不走")
        assert (oldest["person"], oldest["at"]) == ("K1", NOW.isoformat())
        table = meterwatch("readings", "health", "P1", "--lang", "zh-CN").out.splitlines()
        assert "严重程度" in table[0]
        assert "故障" in table[2]
        with ledger_of(meterwatch) as ledger:
            actions = [action for action, _, _ in audited(ledger.database)]
            assert actions[-3:] == ["meter.verdict", "task.open", "meter.verdict"]

    def test_nobody_has_said_anything_yet(self, meterwatch: Terminal) -> None:
        assert meterwatch("readings", "health", "P2").out == "nobody has judged a meter here; --verdict does\n"

    @pytest.mark.parametrize(
        ("words", "english", "chinese"),
        [
            (["P11", *WORDS], "did you mean 'P1'?", "是否应为 'P1'？"),
            (
                ["P1", "--verdict", "suspect"],
                "a meter that is not ok needs --severity and --check",
                "须填写 --severity 与 --check",
            ),
            (["P1", *WORDS[:4]], "a meter that is not ok needs", "须填写"),
            (["P1", *WORDS[:2], *WORDS[4:]], "a meter that is not ok needs", "须填写"),
            (["P1", "--verdict", "ok", "--severity", "low"], "--severity and --check belong to --verdict suspect", "只用于"),
            (["P1", "--check", "x"], "--severity and --check belong to --verdict suspect", "只用于"),
            (["P3", *WORDS], "may not judge readings and meter of P3", "无权修正 P3"),
        ],
        ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
    )
    def test_is_refused(self, meterwatch: Terminal, words: list[str], english: str, chinese: str) -> None:
        before = image(meterwatch)
        for lang, wanted in (("en", english), ("zh-CN", chinese)):
            printed = meterwatch("readings", "health", *words, "--lang", lang)
            assert (printed.code, printed.out) == (1, "")
            assert wanted in printed.err
        assert image(meterwatch) == before

    def test_where_no_meter_stands_is_refused(self, meterwatch: Terminal) -> None:
        act_as(meterwatch, "K3")
        assert "no meter stands at P3 now" in meterwatch("readings", "health", "P3", *self.WORDS).err


def test_no_name_is_shown(meterwatch: Terminal) -> None:
    printed = [
        correct(meterwatch, *ONE),
        meterwatch("readings", "P1"),
        meterwatch("readings", "health", "P1", *TestHealth.WORDS),
    ]
    for secret in SECRETS:
        assert not any(secret in one.out + one.err for one in printed)


def test_a_verdict_on_a_bad_meter_opens_one_work_order_a_day(meterwatch: Terminal) -> None:
    faulty = ("--verdict", "faulty", "--severity", "high", "--check", "register stands still")
    for _ in range(2):
        assert meterwatch("readings", "health", "P2", *faulty).code == 0
    orders = meterwatch("tasks", "--rule", "use-validate", "--json").data
    assert [(row["subject"], row["customer"], row["person"]) for row in orders] == [("P2", "C2", "K1")]
    assert meterwatch("readings", "health", "P2", "--verdict", "ok").code == 0
    assert len(meterwatch("tasks", "--rule", "use-validate", "--json").data) == 1
