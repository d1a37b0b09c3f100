"""The settings: every mistake at once, each with its place; nothing unknown, nothing half understood."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from meterwatch.app.annotate import annotated
from meterwatch.app.settings import SECRETS, Settings
from meterwatch.app.settings_file import load
from meterwatch.stores.influx_options import InfluxOptions
from tests.support.settings import CODEC, loaded, problems, write

REPOSITORY = Path(__file__).parents[2]


SECTIONS = re.findall(r"^#?\[([a-z.]+)\]$", annotated(), re.MULTILINE)
INFLUX = "[influxdb]\nurl = 'http://h'\norg = 'o'\ntoken = 't'\n"
REQUIRED = {"mqtt": 'host = "h"', "influxdb": INFLUX.partition("\n")[2]}


class TestProblems:
    def test_all_of_them_at_once_each_with_its_line_and_the_nearest_name(self, tmp_path: Path) -> None:
        path = write(
            tmp_path,
            """\
data_dirr = "data"
[site]
time_zone = "Asia/Shanghia"
[mqtt]
hots = "broker"
port = "many"
[ingest.validation]
ahead = 5
[rules.churn]
belw = 0.5
[routing]
channel = "weebhook"
[[codecs]]
name = "gateway"
topics = ["m/#/x", "n/+"]
meter = "$topic.1"
time = "ts"
  [[codecs.readings]]
  type = "gas.registr"
  path = "total"
  [[codecs.readings]]
  type = "gas.flow"
  path = "flow"
  unit = "kWh"
""",
        )
        assert problems(path) == [
            "1: data_dirr: unknown setting; did you mean 'data_dir'?",
            "2: site: 'Asia/Shanghia' is no IANA time zone; did you mean 'Asia/Shanghai'?",
            "4: mqtt.host: is missing",
            "5: mqtt.hots: unknown setting; did you mean 'host'?",
            "6: mqtt.port: Input should be a valid integer, unable to parse string as an integer (found 'many')",
            "8: ingest.validation.ahead: unknown setting; did you mean 'ahead_s'?",
            "10: rules.churn.belw: unknown setting; did you mean 'below'?",
            "12: routing.channel: no channel is called 'weebhook'; did you mean 'webhook'?",
            "15: codecs.0.topics: 'm/#/x' is not a topic filter",
            "19: codecs.0.readings.0.type: no reading type is called 'gas.registr'; did you mean 'gas.register'?",
            "24: codecs.0.readings.1.unit: 'kWh' is no unit of gas.flow; known here: m3/h, l/s, L/s, l/h, m³/h, Nm3/h",
        ]

    @pytest.mark.parametrize("section", SECTIONS)
    def test_an_unknown_name_in_any_section(self, tmp_path: Path, section: str) -> None:
        path = write(tmp_path, f"[{section}]\n{REQUIRED.get(section, '')}\nnonsense_name = 1\n{CODEC}")
        (found,) = problems(path)
        line = path.read_text().splitlines().index("nonsense_name = 1") + 1
        assert found.startswith(f"{line}: {section}.nonsense_name: unknown setting; ")

    def test_an_unknown_section(self, tmp_path: Path) -> None:
        found = problems(write(tmp_path, "\n[chanels.spool]\n[channels.spol]\n"))
        assert found == [
            "2: chanels: unknown setting; did you mean 'channels'?",
            "3: channels.spol: unknown setting; did you mean 'spool'?",
        ]

    def test_names_all_that_are_known_when_none_is_near(self, tmp_path: Path) -> None:
        assert problems(write(tmp_path, "[readings]\nzzz = 1\n")) == ["2: readings.zzz: unknown setting; known here: store"]

    @pytest.mark.parametrize(
        "text", ["[desk]\nlisten = 5", "desk.listen = 5", "desk = {listen = 5}", "[ desk ]\n'listen' = 5"]
    )
    def test_finds_the_line_however_it_is_written(self, tmp_path: Path, text: str) -> None:
        (found,) = problems(write(tmp_path, text))
        assert re.match(r"[12]: desk.listen: Input should be a valid string \(found 5\)", found)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("[mqtt]\nhost = 'h'\ntopics = ['a']", "codecs: is missing: no message could be read"),
            ("[readings]\nstore = 'influxdb'", "influxdb: is missing, because readings.store is 'influxdb'"),
            ("[routing]\nchannel = 'webhook'", "channels.webhook.url: is missing, because routing.channel is 'webhook'"),
            ("[routing]\nchannel = 'webhook'", "channels.webhook.secret: is missing (or secret_file), because routing.chan"),
            ("[channels.webhook]\nurl = 'x'", "1: channels.webhook: url: 'x' is no address"),
            ("[outbox]\nlease_s = 10", "1: outbox: step_s: 0 to 30; lease_s: at least a minute more"),
            ("[desk]\nlisten = '0.0.0.0:80'", "1: desk: 0.0.0.0:80: only loopback"),
            ("[ledger]\nurl = 'mysql://x'", "1: ledger: url: write sqlite:///FILE or postgresql"),
            ("[ledger]\nurl = 'sqlite://'", "1: ledger: url: write sqlite:///FILE or postgresql"),
            ("[[codecs]]\nname = 'x'", "1: codecs.0.topics: is missing"),
            ("[[codecs]]\ntopics = []", "2: codecs.0.topics: is empty"),
            ("[[codecs]]\nreadings = []", "2: codecs.0.readings: is empty"),
            (
                "[rules.churn]\nstage_day = 46",
                "1: rules.churn: stage_day 46 is later than rebase_day 45: it would never come",
            ),
            (INFLUX.replace("http://h", ""), "2: influxdb.url: is empty"),
            (INFLUX.replace("http://h", "ftp://x"), "1: influxdb: url: 'ftp://x' is no address such as http://"),
            (INFLUX.replace("'t'", "''"), "1: influxdb: token is empty"),
            (INFLUX.replace("'o'", "''"), "1: influxdb: org is empty"),
            (f"{INFLUX}bucket = ''", "1: influxdb: bucket is empty"),
            (f"{INFLUX}bucket = 'b'\ntotals_bucket = 'b'", "1: influxdb: bucket and totals_bucket are both 'b'"),
        ],
    )
    def test_what_only_shows_when_the_rest_is_known(self, tmp_path: Path, text: str, found: str) -> None:
        assert any(found in line for line in problems(write(tmp_path, text)))

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"a = 1\nb = c\n", r"2: .*"),
            (b"a = 1\na = 2\n", r".*overwrite.*"),
            (b"lang = '\xc9\xcf\xba\xa3'", r" the file is not UTF-8"),
        ],
        ids=["broken", "twice", "another encoding"],
    )
    def test_what_is_no_toml(self, tmp_path: Path, content: bytes, found: str) -> None:
        path = tmp_path / "meterwatch.toml"
        path.write_bytes(content)
        (line,) = problems(path)
        assert re.fullmatch(found, line)

    def test_no_file_says_what_to_do(self, tmp_path: Path) -> None:
        (line,) = problems(tmp_path / "none.toml")
        assert "No such file or directory; write one with `meterwatch init`" in line

    def test_an_empty_file_is_all_defaults(self, tmp_path: Path) -> None:
        assert loaded(tmp_path, "").outbox == Settings().outbox

    def test_a_byte_order_mark_does_no_harm(self, tmp_path: Path) -> None:
        assert loaded(tmp_path, "\ufeff[routing]\nchannel = 'spool'").routing.channel == "spool"


class TestEnvironment:
    def test_wins_over_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("METERWATCH_ROUTING__CHANNEL", "spool")
        monkeypatch.setenv("METERWATCH_INGEST__VALIDATION__AHEAD_S", "5")
        monkeypatch.setenv("METERWATCH_SITE__WORKING_DAYS", '["2023-02-04"]')
        monkeypatch.setenv("METERWATCH_VIEWERS__ACCOUNTS__ALICE", "K1")
        settings = loaded(tmp_path, "[routing]\nchannel = 'log'\nvalid_h.load = 3\n[viewers.accounts]\nbob = 'K2'")
        assert (settings.routing.channel, settings.routing.valid_h) == ("spool", {"load": 3})
        assert settings.ingest.validation.ahead_s == 5
        assert [day.isoformat() for day in settings.site.working_days] == ["2023-02-04"]
        assert settings.viewers.accounts == {"alice": "K1", "bob": "K2"}

    @pytest.mark.parametrize(
        ("name", "value", "found"),
        [
            ("ROUTING__CHANNEL", "smoke", "METERWATCH_ROUTING__CHANNEL: routing.channel: no channel is called 'smoke'"),
            ("DESK__LISTN", "x", "METERWATCH_DESK__LISTN: desk.listn: unknown setting; did you mean 'listen'?"),
            ("OUTBOX__LEASE_S", "abc", "METERWATCH_OUTBOX__LEASE_S: outbox.lease_s: Input should be a valid integer"),
            ("DESK__LISTEN", "0.0.0.0:1", "1 or METERWATCH_DESK__LISTEN: desk: 0.0.0.0:1: only loopback"),
            ("SITE", "Shanghai", 'the environment: error parsing value for field "site"'),
        ],
    )
    def test_is_named_where_it_is_wrong(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: str
    ) -> None:
        monkeypatch.setenv(f"METERWATCH_{name}", value)
        (line,) = problems(write(tmp_path, "[desk]\n"))
        assert line.startswith(found)

    def test_other_variables_of_ours_are_no_settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("SETTINGS", "LANG", "CACHE", "NO_SKIP", "INFLUXD", "MOSQUITTO", "INFLUX_PASSWORD"):
            monkeypatch.setenv(f"METERWATCH_{name}", "anything")
        assert loaded(tmp_path, "") == load(tmp_path / "meterwatch.toml")


class TestSecrets:
    TEXT = "[mqtt]\nhost = 'h'\nusername = 'u'\npassword_file = 'secrets/mqtt'\n" + CODEC

    @pytest.fixture(autouse=True)
    def secret_file(self, tmp_path: Path) -> None:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "mqtt").write_text("  from the file\n", encoding="utf-8")

    def password(self, settings: Settings) -> str | None:
        assert settings.mqtt is not None
        return settings.mqtt.password

    def test_are_read_from_files_beside_the_settings(self, tmp_path: Path) -> None:
        assert self.password(loaded(tmp_path, self.TEXT)) == "from the file"

    def test_or_from_the_environment_which_wins(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("METERWATCH_MQTT__PASSWORD", "from outside")
        assert self.password(loaded(tmp_path, self.TEXT)) == "from outside"
        assert self.password(loaded(tmp_path, self.TEXT.replace("secrets/mqtt", "not/there"))) == "from outside"

    @pytest.mark.parametrize("section", [".".join(loc[:-1]) for loc in sorted(SECRETS)])
    def test_every_secret_can_come_from_a_file(self, tmp_path: Path, section: str) -> None:
        name = next(loc[-1] for loc in SECRETS if ".".join(loc[:-1]) == section)
        required = {"mqtt": 'host = "h"\nusername = "u"', "influxdb": 'url = "http://h"\norg = "o"'}.get(section, "")
        settings = loaded(tmp_path, f"[{section}]\n{required}\n{name}_file = 'secrets/mqtt'\n{CODEC}")
        options = settings
        for step in section.split("."):
            options = getattr(options, step)
        assert getattr(options, name) == "from the file"
        assert "from the file" not in repr(options)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (TEXT.replace("secrets/mqtt", "not/there"), r"4: mqtt.password_file: .*/not/there: No such file or directory"),
            (TEXT.replace("secrets/mqtt", "empty"), r"4: mqtt.password_file: .*/empty: the file is empty"),
            (TEXT.replace("secrets/mqtt", "gbk"), r"4: mqtt.password_file: .*/gbk: the file is not UTF-8"),
            (
                TEXT.replace("username", "password = 'x'\nusername"),
                r"5: mqtt.password_file: give password or password_file, not both",
            ),
        ],
        ids=["missing", "empty", "not UTF-8", "both"],
    )
    def test_a_file_that_does_not_hold_one(self, tmp_path: Path, text: str, found: str) -> None:
        (tmp_path / "empty").write_text(" \n")
        (tmp_path / "gbk").write_bytes("密码".encode("gb18030"))
        (line,) = problems(write(tmp_path, text))
        assert re.fullmatch(found, line)

    def test_a_wrong_one_is_not_repeated_aloud(self, tmp_path: Path) -> None:
        text = "[mqtt]\nhost = 'h'\nusername = 'u'\npassword = 123456\n" + CODEC
        assert problems(write(tmp_path, text)) == ["4: mqtt.password: Input should be a valid string"]


class TestPaths:
    def test_start_at_the_settings_files_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("/")
        (tmp_path / "etc").mkdir()
        text = "[mqtt]\nhost = 'h'\ntls = true\nca_file = 'ca.pem'\ncert_file = 'own.pem'\nkey_file = '/k.pem'\n" + CODEC
        settings = loaded(tmp_path / "etc", f"data_dir = '../data'\n{text}\n[ledger]\nurl = 'sqlite:///books/l.db'")
        folder = tmp_path / "etc"
        assert settings.data_dir == folder / "../data"
        assert settings.channels.spool.directory == folder / "../data" / "spool"
        assert settings.ledger_url == f"sqlite:///{folder}/books/l.db"
        assert settings.mqtt is not None
        tls = (settings.mqtt.ca_file, settings.mqtt.cert_file, settings.mqtt.key_file)
        assert tls == (folder / "ca.pem", folder / "own.pem", Path("/k.pem"))

    def test_absolute_ones_stay(self, tmp_path: Path) -> None:
        text = "data_dir = '/var/lib/m'\n[channels.spool]\ndirectory = '/var/spool/m'\n[ledger]\nurl = 'sqlite:////l.db'"
        settings = loaded(tmp_path, text)
        assert (settings.data_dir, settings.channels.spool.directory) == (Path("/var/lib/m"), Path("/var/spool/m"))
        assert settings.ledger_url == "sqlite:////l.db"

    @pytest.mark.parametrize("written", ["postgresql", "postgresql+psycopg"])
    def test_postgresql_is_spoken_through_one_driver(self, tmp_path: Path, written: str) -> None:
        settings = loaded(tmp_path, f"[ledger]\nurl = '{written}://u:p@h/meterwatch'")
        assert settings.ledger_url == "postgresql+psycopg://u:p@h/meterwatch"

    def test_the_ledger_lies_in_the_data_folder(self, tmp_path: Path) -> None:
        assert loaded(tmp_path, "").ledger_url == f"sqlite:///{tmp_path}/data/ledger.db"

    def test_the_key_of_the_audit_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert loaded(tmp_path, "data_dir = 'd'").audit.key_file == tmp_path / "d" / "audit.key"
        assert loaded(tmp_path, "[audit]\nkey_file = '/etc/m/key'").audit.key_file == Path("/etc/m/key")
        monkeypatch.setenv("METERWATCH_AUDIT__KEY_FILE", "/run/secrets/audit")
        assert loaded(tmp_path, "").audit.key_file == Path("/run/secrets/audit")

    def test_a_relative_settings_file_is_as_good(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, "")
        monkeypatch.chdir(tmp_path)
        assert load(Path("meterwatch.toml")).data_dir == tmp_path / "data"


class TestAnnotated:
    def test_is_what_is_shipped(self) -> None:
        assert (REPOSITORY / "deploy" / "meterwatch.toml").read_text(encoding="utf-8") == annotated()

    def test_is_the_defaults(self, tmp_path: Path) -> None:
        found, bare = loaded(tmp_path, annotated()), loaded(tmp_path, f"[mqtt]\nhost = '127.0.0.1'\n{CODEC}")
        assert found.mqtt is not None
        assert bare.mqtt is not None
        topics = ("meters/+/up",)
        assert found.mqtt == replace(bare.mqtt, topics=topics)
        assert [codec.topics for codec in found.codecs] == [topics]
        for name in set(Settings.model_fields) - {"mqtt", "codecs"}:
            assert getattr(found, name) == getattr(bare, name), name

    def test_shows_every_default_as_it_is(self, tmp_path: Path) -> None:
        """With the # taken away from every line that has a value, it still says the same."""
        before, codec, after = re.split(r"(?s)(\[\[codecs\]\].*?\n\n\n)", annotated())
        opened = re.sub(r"(?m)^#(\[|[a-z_]+ = .)", r"\1", before + after)
        opened = re.sub(r"(?m)^[a-z_]+_file = .*\n|^[a-z_]+ = ?\n", "", opened)
        opened = opened.replace("\n[influxdb]", "\n[influxdb]\ntoken = 't'")
        opened = opened.replace("\n[mqtt]", "\n[mqtt]\ntopics = ['meters/+/up']")
        found = loaded(tmp_path, opened + codec)
        bare = loaded(tmp_path, annotated())
        assert found.influxdb == InfluxOptions("http://127.0.0.1:8086", "meterwatch", "t")
        for name in set(Settings.model_fields) - {"influxdb"}:
            assert getattr(found, name) == getattr(bare, name), name

    def test_marks_what_is_required(self) -> None:
        marked = re.findall(r" Required\.\n#?([a-z_]+) = ", annotated())
        assert marked == ["host", "url", "org", "token_file"]

    def test_names_every_setting_once_with_a_word_about_it(self) -> None:
        lines = annotated().splitlines()
        settings = [number for number, line in enumerate(lines) if re.match(r"#?[a-z_]+ = ?", line)]
        assert len(settings) > 60
        codec = lines.index("[[codecs]]"), lines.index("# How packets become readings.")
        for number in settings:
            if not codec[0] < number < codec[1]:
                assert lines[number - 1].startswith("# "), lines[number]
        assert not [line for line in lines if len(line) > 122 or "``" in line]
