"""The seal of the audit: which rows it covers, with which key, and what a verification finds after tampering."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from meterwatch.core.errors import Refusal
from meterwatch.core.model.audit import Finding
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.audit_key import AuditKey
from tests.support.audit import EIGHT, HOUR, MINUTE, key_of, sealed_hours, tamper, wrote
from tests.support.ledger import fresh_database

BOSS = Viewer.for_person("ops", "K3", Role.SUPERVISOR, frozenset())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with fresh_database("sqlite", tmp_path) as opened:
        yield opened


@pytest.fixture
def key(tmp_path: Path) -> AuditKey:
    return key_of(tmp_path)


@pytest.fixture
def ledger(database: Database, key: AuditKey) -> Ledger:
    """Rows 1 to 9 in three hours, each hour sealed."""
    return sealed_hours(database, key)


def found(ledger: Ledger, key: AuditKey) -> Finding | None:
    return ledger.audit.verify(key).finding


class TestSealing:
    def test_an_hour_is_sealed_when_it_is_over(self, database: Database, key: AuditKey) -> None:
        audit = Ledger(database).audit
        wrote(database, EIGHT + 5 * MINUTE, EIGHT + 50 * MINUTE)
        assert audit.seal_due(EIGHT + 59 * MINUTE, key) is None
        assert audit.next_due(EIGHT + 59 * MINUTE) == EIGHT + HOUR
        first = audit.seal_due(EIGHT + HOUR, key)
        assert first is not None
        assert (first.number, first.hour, first.first_id, first.last_id, first.rows, first.previous) == (
            1,
            EIGHT,
            1,
            2,
            2,
            "",
        )
        assert audit.newest() == first
        assert audit.latest_digest() == first.short == f"1-{first.digest[:16]}"
        assert audit.next_due(EIGHT + HOUR) is None

    def test_an_hour_without_rows_needs_no_digest(self, database: Database, key: AuditKey) -> None:
        audit = Ledger(database).audit
        assert audit.seal_due(EIGHT, key) is None
        assert audit.latest_digest() == ""
        wrote(database, EIGHT)
        first = audit.seal_due(EIGHT + HOUR, key)
        assert [audit.seal_due(EIGHT + hours * HOUR, key) for hours in (2, 3, 4)] == [None] * 3
        wrote(database, EIGHT + 5 * HOUR)
        second = audit.seal_due(EIGHT + 6 * HOUR, key)
        assert first is not None
        assert second is not None
        assert (second.number, second.hour, second.previous) == (2, EIGHT + 5 * HOUR, first.digest)

    def test_a_row_that_comes_late_is_in_the_next_digest(self, database: Database, key: AuditKey) -> None:
        ledger = sealed_hours(database, key, hours=1)
        wrote(database, EIGHT + 30 * MINUTE, EIGHT + 61 * MINUTE)
        second = ledger.audit.seal_due(EIGHT + 62 * MINUTE, key)
        assert second is not None
        assert (second.first_id, second.last_id, second.hour) == (4, 5, EIGHT)
        assert found(ledger, key) is None

    @pytest.mark.parametrize("back", [timedelta(days=3650), HOUR, 30 * MINUTE], ids=str)
    def test_a_clock_that_is_set_back_leaves_nothing_unsealed(
        self, database: Database, key: AuditKey, back: timedelta
    ) -> None:
        ledger = sealed_hours(database, key, hours=2)
        wrote(database, EIGHT + 2 * HOUR + 10 * MINUTE)
        now = EIGHT + 2 * HOUR + 10 * MINUTE - back
        wrote(database, now)
        ledger.audit.seal_due(now, key)
        wrote(database, now + HOUR)
        assert ledger.audit.seal_due(now + 2 * HOUR, key) is not None
        assert ledger.audit.verify(key).unsealed == 0
        assert found(ledger, key) is None

    def test_at_once_when_asked(self, database: Database, key: AuditKey) -> None:
        audit = Ledger(database).audit
        assert audit.seal(key) is None
        wrote(database, EIGHT)
        assert audit.seal(key) == audit.newest()
        assert audit.seal(key) is None

    def test_two_at_once_do_not_fork_the_chain(self, database: Database, key: AuditKey) -> None:
        url = database.engine.url.render_as_string(hide_password=False)

        def work(name: int) -> None:
            with closing(Database(url)) as own:
                for minute in range(15):
                    wrote(own, EIGHT + minute * MINUTE, actor=f"writer {name}")
                    Ledger(own).audit.seal(key)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        Ledger(database).audit.seal(key)
        verified = Ledger(database).audit.verify(key)
        assert (verified.sealed, verified.unsealed, verified.finding) == (60, 0, None)
        assert verified.newest is not None
        assert verified.newest.number == verified.digests

    def test_the_database_takes_no_second_successor(self, database: Database, ledger: Ledger) -> None:
        again = "SELECT 9, hour, first_id, last_id, rows, previous, key, digest FROM audit_digests WHERE number = 3"
        with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: audit_digests\.previous"):
            tamper(database, f"INSERT INTO audit_digests {again}")
        assert ledger.audit.newest() is not None


class TestKey:
    def test_is_made_at_first_need_for_this_account_only(self, tmp_path: Path, ledger: Ledger) -> None:
        folder = tmp_path / "keys"
        assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
            "audit.key": 0o600,
            "audit.key.head": 0o600,
        }
        assert len((folder / "audit.key").read_bytes()) == 32
        assert (folder / "audit.key.head").read_text() == f"3 {ledger.audit.verify(key_of(tmp_path)).newest.digest}\n"  # type: ignore[union-attr]

    def test_is_not_in_the_ledger(self, tmp_path: Path, database: Database, ledger: Ledger) -> None:
        secret = (tmp_path / "keys" / "audit.key").read_bytes()
        dump = "".join(str(row) for row in database.engine.raw_connection().iterdump())  # type: ignore[attr-defined]
        assert ledger.audit.latest_digest()[2:] in dump
        assert secret.hex() not in dump

    def test_of_two_that_make_one_both_take_the_firsts(self, tmp_path: Path) -> None:
        seen: list[str] = []
        barrier = threading.Barrier(4)

        def make() -> None:
            barrier.wait()
            with key_of(tmp_path).alone():
                seen.append(key_of(tmp_path).load(make=True).name)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 4
        assert len(set(seen)) == 1
        assert [path.name for path in (tmp_path / "keys").iterdir()] == ["audit.key"]

    def test_that_is_gone_is_not_replaced(self, tmp_path: Path, database: Database, ledger: Ledger) -> None:
        (tmp_path / "keys" / "audit.key").unlink()
        wrote(database, EIGHT + 4 * HOUR)
        for act in (ledger.audit.seal, ledger.audit.verify):
            with pytest.raises(Refusal) as refused:
                act(key_of(tmp_path))
            assert "is gone: bring it back from a backup" in refused.value.say(Lang.EN)
            assert "丢失：请从备份恢复" in refused.value.say(Lang.ZH)
        assert not (tmp_path / "keys" / "audit.key").exists()

    @pytest.mark.parametrize(
        ("spoil", "why"),
        [(lambda path: path.write_bytes(b"x" * 15), "15 < 16 bytes"), (lambda path: path.mkdir(), "Is a directory")],
    )
    def test_that_is_none_is_refused(
        self, tmp_path: Path, database: Database, spoil: Callable[[Path], object], why: str
    ) -> None:
        (tmp_path / "keys").mkdir()
        spoil(tmp_path / "keys" / "audit.key")
        wrote(database, EIGHT)
        with pytest.raises(Refusal, match=why):
            Ledger(database).audit.seal(key_of(tmp_path))
        assert Ledger(database).audit.newest() is None
