"""Names and phones lie in files: who may open them, and what an account sees that may only read them."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import date, datetime
from pathlib import Path

import pytest

from meterwatch.app import parts
from meterwatch.app.books import open_books
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.registry import SqlRegistry
from tests.support.account import ELSEWHERE, GROUP, LedgerService, as_account, give_to_group, need_root
from tests.support.ledger import NOW, anybody, episode, fresh_database, opened, proof
from tests.support.registry_csv import SOUND, write_files
from tests.support.scratch import scratch
from tests.support.settings import loaded, no_environment

LATER = "2023-03-01T03:00:00+00:00"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def masked(umask: int) -> Iterator[None]:
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


class TestModes:
    @pytest.fixture(autouse=True)
    def bare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        no_environment(monkeypatch)

    @pytest.mark.parametrize(("umask", "folder", "file"), [(0, 0o750, 0o640), (0o22, 0o750, 0o640), (0o77, 0o700, 0o600)])
    def test_only_the_services_group_may_look(self, tmp_path: Path, umask: int, folder: int, file: int) -> None:
        settings = loaded(tmp_path, "")
        with masked(umask), ExitStack() as held:
            open_books(settings, held)
            parts.open_readings(settings, held).read_totals(0, 0)
            files = {path.name: mode(path) for path in settings.data_dir.iterdir()}
        names = ("ledger.db", "readings.db")
        assert files == {f"{name}{end}": file for name in names for end in ("", "-wal", "-shm")}
        assert mode(settings.data_dir) == folder

    def test_the_folder_is_closed_whoever_makes_it(self, tmp_path: Path) -> None:
        settings = loaded(tmp_path, "")
        with masked(0), ExitStack() as held:
            parts.open_journal(settings, held)
            assert mode(settings.data_dir) == 0o750
            parts.open_readings(settings.model_copy(update={"data_dir": tmp_path / "a" / "b"}), held)
            assert mode(tmp_path / "a" / "b") == 0o750

    def test_what_is_there_keeps_its_mode(self, tmp_path: Path) -> None:
        settings = loaded(tmp_path, "")
        for wanted in (0o755, 0o700):
            with masked(0), ExitStack() as held:
                settings.data_dir.mkdir(exist_ok=True)
                settings.data_dir.chmod(wanted)
                open_books(settings, held)
                parts.open_readings(settings, held)
                assert mode(settings.data_dir) == wanted
                for name in ("ledger.db", "readings.db"):
                    assert mode(settings.data_dir / name) == (0o640 if wanted == 0o755 else 0o604)
                    (settings.data_dir / name).chmod(0o604)

    def test_a_folder_that_can_not_be_made_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("")
        with ExitStack() as held, pytest.raises(Unavailable, match="data: File exists"):
            open_books(loaded(tmp_path, ""), held)
        settings = loaded(tmp_path, f'data_dir = "{tmp_path}/data/x"')
        with ExitStack() as held, pytest.raises(Unavailable, match="data/x: Not a directory"):
            parts.open_readings(settings, held)


# --- other accounts ---------------------------------------------------------------------------------------------------


@pytest.fixture
def path() -> Iterator[Path]:
    """A ledger with a registry and a task, for the service's account and its group; nobody has it open."""
    need_root()
    with scratch() as folder:
        folder.chmod(0o755)
        ledger = folder / "data" / "ledger.db"
        ledger.parent.mkdir(mode=0o750)
        with fresh_database("sqlite", ledger.parent) as database:
            files = write_files(folder / "registry", SOUND)
            SqlRegistry(database).import_files(files, by="clerk", now=NOW, default_zone="Asia/Shanghai")
            Ledger(database).evaluation.commit(opened(episode()))
            Ledger(database).clock.move(NOW)
        ledger.chmod(0o640)
        give_to_group(ledger.parent)
        yield ledger


@contextmanager
def stopped(_path: Path) -> Iterator[None]:
    yield


@contextmanager
def running(path: Path) -> Iterator[None]:
    with LedgerService(path) as service:
        service.open()
        service.move(LATER)
        yield
        service.close()


@contextmanager
def killed(path: Path) -> Iterator[None]:
    with LedgerService(path) as service:
        service.open()
        service.move(LATER)
        service.kill()
        yield


STATES = pytest.mark.parametrize("service", [stopped, running, killed], ids=lambda state: state.__name__)
State = Callable[[Path], AbstractContextManager[None]]


def listed(database: Database) -> str:
    """Return something of everything that commands list, as someone sees it who may see every name."""
    ledger, archive = Ledger(database), SqlArchive(database)
    boss = archive.viewer_for("acc", "K3", date(2023, 3, 1))
    assert boss.may_see("C1")
    tasks = [task.subject for task in ledger.work.tasks()]
    messages = [message.number for message in ledger.outbox.messages()]
    names = list(archive.customer_names(boss, ["C1", "C9"], NOW).values())
    return f"{tasks} {messages} {names} {SqlRegistry(database).load().number} {ledger.clock.moved_to()}"


def refusal(act: Callable[[], object]) -> str:
    """Return how something is refused, in both languages."""
    try:
        act()
    except Refusal as refused:
        return f"{refused.say(Lang.EN)}\n{refused.say(Lang.ZH)}"
    return "not refused"


@STATES
def test_who_may_read_only_sees_codes_and_leaves_nothing_behind(path: Path, service: State) -> None:
    """Every look at a name is written down: where that can't be, there is nothing to look at."""

    def read() -> str:
        with closing(Database(f"sqlite:///{path}")) as database:
            return listed(database)

    with service(path):
        there = sorted(path.parent.iterdir())
        now = NOW if service is stopped else datetime.fromisoformat(LATER)
        assert as_account(GROUP, read) == f"['C1/gas'] [1] ['C1', 'C9'] 1 {now}"
        assert sorted(path.parent.iterdir()) == there


@pytest.mark.parametrize(("service", "beside"), [(stopped, []), (running, ["-wal", "-shm"])], ids=["stopped", "running"])
def test_who_may_read_only_is_told_what_writing_needs(path: Path, service: State, beside: list[str]) -> None:
    def write() -> str:
        with closing(Database(f"sqlite:///{path}")) as database:
            closing_a_task = refusal(lambda: Ledger(database).work.done(1, proof(), anybody))
            assert refusal(lambda: SqlArchive(database).people(Viewer("acc", "K1"), NOW)) == closing_a_task
            return closing_a_task

    with service(path):
        english, chinese = as_account(GROUP, write).split("\n")
    needed = ", ".join(map(str, (path, path.parent, *(f"{path}{end}" for end in beside))))
    assert english == (
        f"this account may only read {path}: to change anything, or to see names (every look at them is recorded there), "
        f"it must be able to write {needed}; or use the account the service runs under"
    )
    assert chinese == (
        f"当前账号只能读取 {path}：修改内容或查看姓名（每次查看均记录在其中）须能写入 {needed}，或改用服务所用账号"
    )


def test_a_reader_follows_what_the_service_writes(path: Path) -> None:
    with LedgerService(path) as service:
        service.open()

        def follow() -> str:
            with closing(Database(f"sqlite:///{path}")) as database:
                before = Ledger(database).clock.moved_to()
                service.move(LATER)
                return f"{before} {Ledger(database).clock.moved_to()}"

        assert as_account(GROUP, follow) == f"{NOW} {datetime.fromisoformat(LATER)}"


def test_a_reader_notices_that_the_file_was_written_under_him(path: Path) -> None:
    """With no service there SQLite guards nothing; one that comes and goes meanwhile could leave half of a page read."""

    with LedgerService(path) as service:

        def read() -> str:
            with closing(Database(f"sqlite:///{path}")) as database:
                service.open()
                service.move(LATER)
                assert listed(database).endswith(f" {NOW}")  # what was there when he began
                service.close()
                try:
                    return listed(database)
                except Unavailable as problem:
                    return str(problem)

        assert as_account(GROUP, read) == f"ledger {path}: it was written while it was read; ask again"


def test_anybody_else_opens_nothing(path: Path) -> None:
    with running(path):
        english, chinese = as_account(ELSEWHERE, lambda: refusal(lambda: Database(f"sqlite:///{path}"))).split("\n")
    assert english == (
        f"this account may not open {path}, in which names and phones lie: use the account the service runs under, "
        "or have yours put into its group"
    )
    assert chinese.startswith(f"当前账号无权打开 {path}（内含姓名与电话）：")


def test_what_another_left_open_and_nobody_can_mend_is_said(path: Path) -> None:
    """Without -shm what stands in -wal can't be read by someone who may make no files."""
    with killed(path):
        Path(f"{path}-shm").unlink()
        assert "may not open" in as_account(GROUP, lambda: refusal(lambda: Database(f"sqlite:///{path}")))


def test_an_account_that_was_given_the_right_writes(path: Path) -> None:
    path.chmod(0o660)
    path.parent.chmod(0o2770)

    def write() -> str:
        with closing(Database(f"sqlite:///{path}")) as database:
            return Ledger(database).work.done(1, proof(), anybody).state

    with running(path):
        assert as_account(GROUP, write) == "met"
