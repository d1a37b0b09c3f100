"""The doctor: what it finds in this machine and around it, and that it leaves no trace."""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from meterwatch.app import doctor
from meterwatch.app.doctor import Finding, Verdict, examine
from meterwatch.app.settings import Settings
from meterwatch.core.model.phrase import Lang
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.registry import SqlRegistry
from tests.support.ledger import NOW
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.registry_csv import SOUND, write_files
from tests.support.settings import CODEC, loaded


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


def settings_for(folder: Path, port: int, more: str = "") -> Settings:
    return loaded(folder, f"[mqtt]\nhost = '127.0.0.1'\nport = {port}\n{more}\n{CODEC}")


def found(settings: Settings) -> dict[str, list[tuple[Verdict, str]]]:
    grouped: dict[str, list[tuple[Verdict, str]]] = {}
    for finding in examine(settings):
        grouped.setdefault(finding.check, []).append((finding.verdict, finding.say(Lang.EN)))
    return grouped


@contextmanager
def forgetful_broker(hours: int) -> Iterator[int]:
    """Listen as a broker that lets one client in and keeps its session for some hours only (MQTT 5, CONNACK)."""
    connack = struct.pack(">BBBBBBI", 0x20, 8, 0, 0, 5, 0x11, hours * 3600)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(4096)
                client.sendall(connack)
                client.recv(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join()


class TestBroker:
    def test_a_good_one_says_its_limits(self, tmp_path: Path, broker: Mosquitto) -> None:
        ((verdict, text),) = found(settings_for(tmp_path, broker.port))["broker"]
        assert verdict is Verdict.GOOD
        assert text.startswith(f"127.0.0.1:{broker.port} lets us in; SessionExpiryInterval 604800, ")
        assert "MaximumQoS 2" in text

    def test_an_older_one_can_not_say_them(self, tmp_path: Path, broker: Mosquitto) -> None:
        ((verdict, text),) = found(settings_for(tmp_path, broker.port, "protocol = '3.1.1'"))["broker"]
        assert verdict is Verdict.GOOD
        assert text == f"127.0.0.1:{broker.port} lets us in; MQTT 3.1.1 can't tell its limits"

    def test_one_that_forgets_our_session_too_soon(self, tmp_path: Path) -> None:
        with forgetful_broker(hours=1) as port:
            findings = found(settings_for(tmp_path, port))["broker"]
        text = "the broker forgets our session after 3600 s, not 604800 s: raise its session expiry"
        assert [verdict for verdict, _ in findings] == [Verdict.GOOD, Verdict.WARNING]
        assert findings[1][1] == text

    def test_one_without_qos_1(self, tmp_path: Path) -> None:
        with Mosquitto(tmp_path / "broker", lines=["max_qos 0"]) as lossy:
            findings = found(settings_for(tmp_path, lossy.port))["broker"]
        assert findings[-1] == (Verdict.BAD, "the broker allows only QoS 0: readings can be lost on the way")

    def test_one_that_does_not_let_us_in(self, tmp_path: Path) -> None:
        with Mosquitto(tmp_path / "broker", users={"someone": "else"}) as closed:
            ((verdict, text),) = found(settings_for(tmp_path, closed.port))["broker"]
        assert verdict is Verdict.BAD
        assert "does not let us in" in text

    def test_none_at_all(self, tmp_path: Path) -> None:
        port = free_port()
        ((verdict, text),) = found(settings_for(tmp_path, port))["broker"]
        assert verdict is Verdict.BAD
        assert text.startswith(f"the broker at 127.0.0.1:{port} can't be reached: ")

    def test_none_in_the_settings(self, tmp_path: Path) -> None:
        assert found(loaded(tmp_path, ""))["broker"] == [(Verdict.BAD, "the settings name no broker ([mqtt] host)")]


@contextmanager
def somebody_else() -> Iterator[None]:
    """Be an account without rights: modes of files mean nothing to root."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(own)


class TestDataFolder:
    @pytest.fixture
    def settings(self) -> Iterator[Settings]:
        """Settings whose data folder is not there yet, in a folder that everybody may look into (pytest's are closed)."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            settings = loaded(folder, "data_dir = 'site/data'")
            settings.data_dir.parent.mkdir()
            yield settings
            settings.data_dir.parent.chmod(0o700)
            if settings.data_dir.is_dir():
                settings.data_dir.chmod(0o700)

    def found(self, settings: Settings) -> tuple[Verdict, str]:
        (finding,) = doctor.data_folder(settings)
        assert finding.check == "data folder"
        return finding.verdict, finding.text.en

    def test_a_private_one(self, settings: Settings) -> None:
        settings.data_dir.mkdir()
        settings.data_dir.chmod(0o750)
        assert self.found(settings) == (Verdict.GOOD, f"{settings.data_dir} is ours to write, and private")

    @pytest.mark.parametrize("mode", [0o754, 0o752, 0o751])
    def test_one_that_others_can_look_into(self, settings: Settings, mode: int) -> None:
        settings.data_dir.mkdir()
        settings.data_dir.chmod(mode)
        verdict, text = self.found(settings)
        assert verdict is Verdict.WARNING
        assert text.endswith(f"where names and phones lie: chmod o-rwx {settings.data_dir}")

    def test_one_that_can_be_made(self, settings: Settings) -> None:
        assert self.found(settings) == (Verdict.GOOD, f"{settings.data_dir} will be made by the first start")

    def test_a_file_in_its_place(self, settings: Settings) -> None:
        settings.data_dir.write_text("")
        assert self.found(settings) == (Verdict.BAD, f"{settings.data_dir} is no folder: name another in data_dir")

    def test_a_file_above_it(self, settings: Settings) -> None:
        settings.data_dir.parent.rmdir()
        settings.data_dir.parent.write_text("")
        assert self.found(settings) == (Verdict.BAD, f"{settings.data_dir.parent} is no folder: name another in data_dir")

    @pytest.mark.parametrize("mode", [0o333, 0o555, 0o666], ids=oct)
    def test_one_that_is_not_ours_to_write(self, settings: Settings, mode: int) -> None:
        settings.data_dir.mkdir()
        settings.data_dir.chmod(mode)
        self.is_not_ours(settings, settings.data_dir)

    def test_one_that_can_not_be_made(self, settings: Settings) -> None:
        settings.data_dir.parent.chmod(0o555)
        self.is_not_ours(settings, settings.data_dir.parent)

    def is_not_ours(self, settings: Settings, folder: Path) -> None:
        with somebody_else():
            verdict, text = self.found(settings)
        assert (verdict, text.partition(":")[0]) == (Verdict.BAD, f"this account can't write in {folder}")

    @pytest.mark.parametrize("closed", ["site/data", "site"])
    def test_nothing_of_it_lets_the_doctor_die(self, settings: Settings, closed: str) -> None:
        settings.data_dir.mkdir()
        Database.file(settings.data_dir / "ledger.db").close()
        SqliteReadings(settings.data_dir / "readings.db").close()
        (settings.data_dir.parents[1] / closed).chmod(0)
        with somebody_else():
            findings = found(settings)
        bad = [check for check, ((verdict, _), *_more) in findings.items() if verdict is Verdict.BAD]
        assert bad == ["data folder", "ledger", "readings", "broker"]
        assert (len(findings["disk"]), len(findings["clock"])) == (1, 1)
        assert "can't be examined: [Errno 13] Permission denied" in findings["ledger"][0][1]


class TestFiles:
    def test_nothing_is_there_yet_and_nothing_is_made(self, tmp_path: Path) -> None:
        findings = found(loaded(tmp_path, ""))
        assert findings["ledger"] == [(Verdict.WARNING, "no registry yet: `meterwatch registry import DIR`")]
        assert findings["readings"] == [(Verdict.GOOD, "none yet: the first start of the service makes the file")]
        assert [path.name for path in tmp_path.iterdir()] == ["meterwatch.toml"]

    def test_ledger_registry_and_readings(self, tmp_path: Path) -> None:
        settings = loaded(tmp_path, "")
        with closing(Database.file(settings.data_dir / "ledger.db")) as database:
            folder = write_files(tmp_path / "csv", SOUND)
            SqlRegistry(database).import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")
        SqliteReadings(settings.data_dir / "readings.db").close()
        findings = found(settings)
        assert findings["ledger"] == [(Verdict.GOOD, "registry snapshot 1, 3 usage points")]
        assert findings["readings"] == [(Verdict.GOOD, "sqlite answers")]

    def test_what_is_no_database(self, tmp_path: Path) -> None:
        settings = loaded(tmp_path, "")
        settings.data_dir.mkdir()
        for name in ("ledger.db", "readings.db"):
            (settings.data_dir / name).write_text("this is not the file you are looking for " * 200)
        findings = found(settings)
        assert [verdict for name in ("ledger", "readings") for verdict, _ in findings[name]] == [Verdict.BAD, Verdict.BAD]
        assert len(findings["clock"]) == 1


class TestClock:
    def test_a_moved_one_is_a_demonstration(self, tmp_path: Path) -> None:
        settings = loaded(tmp_path, "")
        with closing(Database.file(settings.data_dir / "ledger.db")) as database:
            Ledger(database).clock.move(NOW)
        assert found(settings)["clock"][1:] == [
            (Verdict.WARNING, "business time was moved to 2023-03-01 02:00 UTC: this ledger is a demonstration")
        ]

    def test_the_machines_is_shown(self, tmp_path: Path) -> None:
        ((verdict, text),) = found(loaded(tmp_path, ""))["clock"]
        assert verdict in (Verdict.GOOD, Verdict.WARNING)
        assert datetime.strptime(text[:16], "%Y-%m-%d %H:%M").year >= 2026  # noqa: DTZ007


class TestDisk:
    @pytest.mark.parametrize(
        ("bound", "verdict"), [(1 << 20, Verdict.GOOD), (1 << 60, Verdict.WARNING)], ids=["enough", "too little"]
    )
    def test_is_compared_with_the_journals_bound(self, tmp_path: Path, bound: int, verdict: Verdict) -> None:
        settings = loaded(tmp_path, f"data_dir = 'not/yet/there'\n[journal]\nsegment_bytes = 65536\nmax_bytes = {bound}")
        ((found_verdict, text),) = found(settings)["disk"]
        assert found_verdict is verdict
        assert "GiB free, the journal may grow to" in text


class TestPackages:
    def test_nobody_owns_our_names(self) -> None:
        assert [finding.verdict for finding in doctor.packages(Settings())] == [Verdict.GOOD]

    def test_a_clash_is_named(self, tmp_path: Path) -> None:
        """Another distribution with a package called ``desk``, as it would lie in a shared environment."""
        info = tmp_path / "office_furniture-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: office-furniture\nVersion: 1.0\n")
        (info / "top_level.txt").write_text("desk\nchairs\n")
        (info / "RECORD").write_text("desk/__init__.py,,\n")
        code = (
            "from meterwatch.app.doctor import packages; from meterwatch.app.settings import Settings\n"
            "for found in packages(Settings()): print(found.verdict, found.text.en, found.text.zh, sep='|')"
        )
        path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(tmp_path))))
        env = os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        verdict, english, chinese = done.stdout.strip().split("|")
        assert verdict == "bad"
        assert english == "other packages own our names: desk (office-furniture); give meterwatch an environment of its own"
        assert "desk (office-furniture)" in chinese


def test_every_finding_is_said_in_both_languages(tmp_path: Path) -> None:
    findings = examine(loaded(tmp_path, ""))
    assert {finding.check for finding in findings} == {
        "packages",
        "data folder",
        "disk",
        "clock",
        "ledger",
        "readings",
        "broker",
    }
    for finding in findings:
        assert isinstance(finding, Finding)
        assert finding.say(Lang.EN)
        assert finding.say(Lang.ZH)
