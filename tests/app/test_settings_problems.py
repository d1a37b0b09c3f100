"""No problem of the settings hides another or makes one up, no value silences everything, and both languages say so."""

import re
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from meterwatch.app.settings_file import SettingsError, load
from meterwatch.cli.main import main
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang
from meterwatch.stores.database import Database
from tests.support.settings import CODEC, loaded, problems, write

MQTT = "[mqtt]\nhost = 'h'\n"
ANOTHER = "[[codecs]]\nname = 'b'\ntopics = ['n']\nmeter = 'm'\ntime = 't'\n"
INFLUX = "[influxdb]\nurl = 'http://h'\norg = 'o'\ntoken = 't'\n"


class TestOneHidesNoOther:
    """All is said that is wrong, and nothing more: what was taken out has no further complaints."""

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (
                "[site]\nworking_days = ['x', 2024-01-01, 5.5]\ntime_zone = 'Mars'\nclose_after_h = 1",
                [
                    "1: site: 'Mars' is no IANA time zone",
                    "2: site.working_days.0: Input should be a valid date",
                    "2: site.working_days.2: Datetimes provided to dates should have zero time",
                    "4: site.close_after_h: 1.0 is not within 2 to 168: a day's last interval may end two hours after it",
                ],
            ),
            (
                f"{MQTT}{CODEC.replace('m/+', 'm/#/x')}time_formt = 'iso'\n{ANOTHER}time_format = 'mss'",
                [
                    "5: codecs.0.topics: 'm/#/x' is not a topic filter",
                    "14: codecs.0.readings.0.time_formt: unknown setting",
                    "15: codecs.1.readings: is missing",
                    "20: codecs.1.time_format: 'mss' is no time format",
                ],
            ),
            (
                f"{MQTT}{CODEC.replace('gas.register', 'gas.registr')}[[codecs]]\nname = 'b'\nreadings = ['total']",
                [
                    "12: codecs.0.readings.0.type: no reading type is called 'gas.registr'",
                    "14: codecs.1.topics: is missing",
                    "14: codecs.1.meter: is missing",
                    "14: codecs.1.time: is missing",
                    "16: codecs.1.readings.0: Input should be a dictionary",
                ],
            ),
            (f"[mqtt]\nhost = 5\n{CODEC}", ["2: mqtt.host: Input should be a valid string (found 5)"]),
            (f"{MQTT}topics = 5\n{CODEC}", ["3: mqtt.topics: Input should be a valid tuple (found 5)"]),
            (MQTT, ["codecs: is missing: no message could be read"]),
            (f"codecs = 5\n{MQTT}", ["1: codecs: Input should be a valid tuple (found 5)"]),
            (
                f"{MQTT}port = 0\nreceive_maximum = 'x'\nqueue_packets = 500\npassword = 'p'\n{CODEC}",
                [
                    "1: mqtt: password needs a username",
                    "3: mqtt.port: 0 is not within 1 to 65535",
                    "4: mqtt.receive_maximum: Input should be a valid integer",
                ],
            ),
            (
                "[readings]\nstore = 'influxdb'\n[influxdb]\nurl = 5\nretention_days = -1\ntoken = ''",
                [
                    "3: influxdb.org: is missing",
                    "3: influxdb: token is empty",
                    "4: influxdb.url: Input should be a valid string (found 5)",
                    "5: influxdb.retention_days: -1 is not within 0 to 36500",
                ],
            ),
            ("influxdb = 5\nreadings.store = 'influxdb'", ["1: influxdb: Input should be a dictionary or an instance"]),
            (
                "[routing]\nchannel = 'webhook'\nsilent_together = -1\n[channels.webhook]\nurl = 5",
                [
                    "3: routing.silent_together: -1.0 is not within 0 to 1",
                    "4: channels.webhook.secret: is missing (or secret_file), because routing.channel is 'webhook'",
                    "5: channels.webhook.url: Input should be a valid string (found 5)",
                ],
            ),
            (
                "[rules.churn]\nrebase_day = 900\nstage_day = 60\nbelow = 11",
                [
                    "2: rules.churn.rebase_day: 900 is not within 8 to 365",
                    "4: rules.churn.below: 11.0 is not within 0.01 to 10",
                ],
            ),
        ],
    )
    def test_in_one_section_or_in_several(self, tmp_path: Path, text: str, found: list[str]) -> None:
        lines = [line.removeprefix(" ") for line in problems(write(tmp_path, text))]
        assert [line[: len(wanted)] for line, wanted in zip(lines, found, strict=True)] == found

    @pytest.mark.parametrize(
        "line", [line for line in (MQTT + INFLUX + CODEC).splitlines() if re.match(r"(?!sample)\w+ = ", line)]
    )
    def test_a_required_setting_that_is_missing_is_one(self, tmp_path: Path, line: str) -> None:
        (found,) = problems(write(tmp_path, f"{MQTT}{INFLUX}{CODEC}".replace(f"{line}\n", "")))
        name = line.partition(" ")[0]
        assert re.search(rf"\.{name}: is missing( \({name}_file\))?".replace("\\(", "\\(or "), found)


class TestPaths:
    @pytest.mark.parametrize(
        ("name", "path", "found"),
        [
            ("meter", "$topc.1", "'$topc.1': only $root. and $topic. begin with $"),
            ("time", "$root", "'$root': only $root. and $topic. begin with $"),
            ("records", "$root.data", "'$root.data': no $ here"),
            ("readings.0.path", "$.total", "'$.total': only $root. and $topic. begin with $"),
            ("readings.0.unit_path", "$unit", "'$unit': only $root. and $topic. begin with $"),
        ],
    )
    def test_under_a_misspelt_dollar(self, tmp_path: Path, name: str, path: str, found: str) -> None:
        setting = name.rpartition(".")[2]
        lines = [line for line in CODEC.splitlines() if not line.startswith(f"{setting} =")]
        lines.insert(1 if setting == name else lines.index("[[codecs.readings]]") + 1, f"{setting} = '{path}'")
        (line,) = problems(write(tmp_path, "\n".join(lines)))
        assert line.partition(": ")[2] == f"codecs.0.{name}: {found}"

    def test_with_dollars_that_mean_something(self, tmp_path: Path) -> None:
        text = CODEC.replace('time = "ts"', 'time = "$root.ts"').replace('path = "total"', 'path = "a.$key"')
        (codec,) = loaded(tmp_path, text).codecs
        assert (codec.meter, codec.time, codec.readings[0].path) == ("$topic.1", "$root.ts", "a.$key")


BOUNDS: list[tuple[str, str, float, float]] = [
    ("site", "close_after_h", 2.0, 168.0),
    ("daily", "min_known", 0.0, 1.0),
    ("rules.churn", "below", 0.01, 1.0),
    ("rules.churn", "month_known", 1, 30),
    ("rules.churn", "week_known", 1, 7),
    ("rules.churn", "stage_day", 8, 365),
    ("rules.churn", "stage_share", 0.01, 1.0),
    ("rules.churn", "recovered", 0.01, 1.0),
    ("rules.churn", "recovered_days", 1, 365),
    ("rules.churn", "rebase_day", 8, 365),
    ("rules.churn", "rounding", 0.0, 0.01),
    ("rules.load", "above", 0.1, 10.0),
    ("rules.load", "rounding", 0.0, 0.01),
    ("rules.swing", "above", 1.0, 10.0),
    ("rules.swing", "below", 0.01, 1.0),
    ("rules.swing", "known", 1, 7),
    ("rules.swing", "rounding", 0.0, 0.01),
    ("rules.silent", "days", 1, 30),
    ("rules.weekly_read", "share", 0.0, 1.0),
    ("rules.weekly_read", "digits", 0.0, 1000.0),
    ("rules.weekly_read", "rounding", 0.0, 0.01),
    ("routing", "silent_together", 0.0, 1.0),
    ("judging", "festival_days", 0, 60),
    ("judging", "exclusion_days", 1, 366),
    ("judging", "exclusion_years", 1, 3),
    ("judging", "ending_days", 0, 366),
    ("ingest", "max_payload_bytes", 1024, 268_435_455),
    ("ingest", "step_bytes", 1, 1 << 30),
    ("journal", "keep_days", 0, 36_500),
    ("ingest.validation", "oldest_days", 1, 36_500),
    ("ingest.validation", "ahead_s", 0, 86_400),
    ("ingest.validation", "late_after_s", 0, 31_536_000),
    ("influxdb", "retention_days", 0, 36_500),
    ("influxdb", "totals_retention_days", 0, 36_500),
    ("influxdb", "timeout_s", 0.1, 600.0),
    ("influxdb", "batch_lines", 1, 100_000),
]


class TestBounds:
    """A value that would silence or flood everything is no setting."""

    BESIDE: ClassVar[dict[str, str]] = {
        "stage_day": "rebase_day = 365",
        "rebase_day": "stage_day = 8",
        "influxdb": INFLUX.partition("\n")[2],
    }

    def text(self, section: str, name: str, value: float) -> str:
        beside = (self.BESIDE.get(key, "") for key in (section, name))
        return "\n".join([f"[{section}]", f"{name} = {value}", *beside])

    @pytest.mark.parametrize(("section", "name", "low", "high"), BOUNDS)
    def test_both_ends_are_good(self, tmp_path: Path, section: str, name: str, low: float, high: float) -> None:
        for value in (low, high):
            options = loaded(tmp_path, self.text(section, name, value))
            for step in section.split("."):
                options = getattr(options, step)
            assert getattr(options, name) == value

    @pytest.mark.parametrize(("section", "name", "low", "high"), BOUNDS)
    def test_what_lies_beyond_is_named_where_it_stands(
        self, tmp_path: Path, section: str, name: str, low: float, high: float
    ) -> None:
        whole = isinstance(low, int)
        for value in (low - 1, high + 1) if whole else (low - 0.001, high + 0.001, float("nan"), float("inf")):
            (found,) = problems(write(tmp_path, self.text(section, name, value)))
            assert found.startswith(f"2: {section}.{name}: {value} is not within {low:g} to ")

    def test_how_long_a_message_means_something_is_said_by_rule(self, tmp_path: Path) -> None:
        assert loaded(tmp_path, "[routing.valid_h]\nchurn = 1\nload = 100000").routing.valid_h == {
            "churn": 1,
            "load": 100_000,
        }
        assert problems(write(tmp_path, "[routing.valid_h]\nchurn = 0\nload = 100001\nlod = 5")) == [
            "2: routing.valid_h.churn: 0 is not within 1 to 100000",
            "3: routing.valid_h.load: 100001 is not within 1 to 100000",
            "4: routing.valid_h.lod: unknown setting; did you mean 'load'?",
        ]


class TestChinese:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("[outbox]\nbach = 1", ":2: outbox.bach: 未知设置；是否应为 'batch'？"),
            ("[readings]\nzzz = 1", ":2: readings.zzz: 未知设置；可用：store"),
            ("[readings]\nstore = 'x'", ":2: readings.store: 只能是 'sqlite' or 'influxdb'（现为 'x'）"),
            ("[daily]\nmin_known = 5", ":2: daily.min_known: 5.0 超出允许范围 0 至 1"),
            ("[rules.churn]\nbelow = 7", ":2: rules.churn.below: 7.0 超出允许范围 0.01 至 1"),
            ("[mqtt]", ":1: mqtt.host: 缺失"),
            (f"{MQTT}password = 5", ":3: mqtt.password: 应为文本"),
            ("[mqtt]\nport = 'many'", ":2: mqtt.port: 应为整数（现为 'many'）"),
            ("[site]\nlunar = 'perhaps'", ":2: site.lunar: 应为 true 或 false（现为 'perhaps'）"),
            ("[site]\nclose_after_h = 'late'", ":2: site.close_after_h: 应为数字（现为 'late'）"),
            ("[site]\nresting_days = ['{x}']", ":2: site.resting_days.0: 应为日期，例如 2026-01-31（现为 '{x}'）"),
            ("site = 5", ":1: site: 应为一个设置段（现为 5）"),
            ("rules = 5", ":1: rules: 应为一个设置段（现为 5）"),
            ("viewers.accounts = 5", ":1: viewers.accounts: 应为一个设置段（现为 5）"),
            ("data_dir = 5", ":1: data_dir: 应为路径（现为 5）"),
            ("codecs = 5", ":1: codecs: 应为列表（现为 5）"),
            (MQTT, ": codecs: 缺失：无法解读任何报文；示例见 `meterwatch init`"),
            ("[routing]\nchannel = 'logg'", ":2: routing.channel: 没有名为 'logg' 的通道；是否应为 'log'？"),
            (
                "[routing]\nchannel = 'webhook'",
                ": channels.webhook.secret: 缺失（或 secret_file），因为 routing.channel 为 'webhook'",
            ),
            (
                CODEC.replace("s.register", "s.registr"),
                ":10: codecs.0.readings.0.type: 没有 'gas.registr'；是否应为 'gas.register'？",
            ),
            (CODEC.replace("$topic", "$topc"), ":4: codecs.0.meter: '$topc.1'：仅 $root. 与 $topic. 可以 $ 开头"),
            ("[channels.webhook]\nsecret_file = 'here'", "/here: No such file or directory"),
            ("[desk]\nlisten = '0.0.0.0:80'", ":1: desk: 0.0.0.0:80: only loopback (127.0.0.1:PORT) is allowed"),
        ],
    )
    def test_says_the_common_problems(self, tmp_path: Path, text: str, found: str) -> None:
        path = write(tmp_path, text)
        with pytest.raises(SettingsError) as wrong:
            load(path)
        assert found in wrong.value.say(Lang.ZH)

    def test_says_that_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as wrong:
            load(tmp_path / "none.toml")
        assert "；请用 `meterwatch init` 生成" in wrong.value.say(Lang.ZH)

    def test_names_both_places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("METERWATCH_DESK__LISTEN", "0.0.0.0:1")
        with pytest.raises(SettingsError) as wrong:
            load(write(tmp_path, "[desk]\n"))
        assert ":1 或 METERWATCH_DESK__LISTEN: desk: " in wrong.value.say(Lang.ZH)


class TestDriver:
    """A ledger in PostgreSQL, on a machine without the package that speaks to it."""

    URL = "postgresql://u:secret@h/meterwatch"

    @pytest.fixture(autouse=True)
    def without_psycopg(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)

    def test_opening_the_ledger_names_the_package(self, tmp_path: Path) -> None:
        settings = loaded(tmp_path, f"[ledger]\nurl = '{self.URL}'")
        with pytest.raises(Refusal, match="needs the Python package psycopg, which can't be imported") as refused:
            Database(settings.ledger_url)
        assert "需要 Python 软件包 psycopg" in refused.value.say(Lang.ZH)
        assert "secret" not in str(refused.value)

    def test_check_says_it_too(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = write(tmp_path, f"[ledger]\nurl = '{self.URL}'\n{CODEC}")
        assert main(["check", "--settings", str(path), "--lang", "en"]) == 1
        printed = capsys.readouterr()
        assert (printed.out, "needs the Python package psycopg" in printed.err) == ("", True)

    def test_check_opens_nothing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", "--settings", str(write(tmp_path, CODEC)), "--lang", "en"]) == 0
        assert "the settings are right" in capsys.readouterr().out
        assert [path.name for path in tmp_path.iterdir()] == ["meterwatch.toml"]
