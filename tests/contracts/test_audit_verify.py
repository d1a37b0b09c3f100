"""What a verification of the audit finds after each kind of tampering, and what is printed or remembered against it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest

from meterwatch.core.errors import Refusal
from meterwatch.core.model.audit import FAULT_TEXT, Fault, Finding, Head
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.audit_key import AuditKey
from tests.support.audit import EIGHT, HOUR, key_of, sealed_hours, tamper, wrote
from tests.support.ledger import audited, fresh_database

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


COPY = "INSERT INTO audit SELECT {id}, at, actor, action, subject, detail FROM audit WHERE id = {of}"
MOVE = "UPDATE audit SET id = {new} WHERE id = {old}"
TAMPERED = [
    # what was done past the program, what is found, in which digest, and in which rows
    ("a row changed", ["UPDATE audit SET actor = 'K2 (ops)' WHERE id = 5"], Fault.CHANGED, 2, 4, 6),
    ("its time changed", ["UPDATE audit SET at = '2023-03-01T09:10:00.000001Z' WHERE id = 5"], Fault.CHANGED, 2, 4, 6),
    ("its detail changed", ["UPDATE audit SET detail = json_set(detail, '$.duty', 9) WHERE id = 5"], Fault.CHANGED, 2, 4, 6),
    ("its detail spoilt", ["UPDATE audit SET detail = 'no json' WHERE id = 5"], Fault.CHANGED, 2, 4, 6),
    ("its time spoilt", ["UPDATE audit SET at = 'noon' WHERE id = 5"], Fault.CHANGED, 2, 4, 6),
    ("the last row changed", ["UPDATE audit SET subject = 'C2/gas' WHERE id = 9"], Fault.CHANGED, 3, 7, 9),
    ("a row deleted", ["DELETE FROM audit WHERE id = 5"], Fault.MISSING, 2, 4, 6),
    ("an hour deleted", ["DELETE FROM audit WHERE id BETWEEN 4 AND 6"], Fault.MISSING, 2, 4, 6),
    ("the first row deleted", ["DELETE FROM audit WHERE id = 1"], Fault.MISSING, 1, 1, 3),
    ("a row replaced", ["DELETE FROM audit WHERE id = 5", COPY.format(id=5, of=6)], Fault.CHANGED, 2, 4, 6),
    (
        "rows swapped",
        [MOVE.format(old=4, new=99), MOVE.format(old=5, new=4), MOVE.format(old=99, new=5)],
        Fault.CHANGED, 2, 4, 6,
    ),
    ("a row put in before", [COPY.format(id=-1, of=1)], Fault.ADDED, 1, 1, 3),
    ("a row put in between", ["DELETE FROM audit WHERE id = 4", COPY.format(id=4, of=5)], Fault.CHANGED, 2, 4, 6),
    ("the last rows cut", ["DELETE FROM audit WHERE id >= 8"], Fault.CUT, 3, 7, 9),
    ("rows and digest cut", ["DELETE FROM audit WHERE id >= 7", "DELETE FROM audit_digests WHERE number = 3"],
     Fault.CUT, 3, 7, 0),
    ("everything cut", ["DELETE FROM audit", "DELETE FROM audit_digests"], Fault.CUT, 3, 1, 0),
    ("a digest deleted", ["DELETE FROM audit_digests WHERE number = 2"], Fault.BROKEN, 3, 4, 9),
    ("a digest changed", ["UPDATE audit_digests SET digest = previous WHERE number = 2"], Fault.CHANGED, 2, 4, 6),
    ("its hour changed", ["UPDATE audit_digests SET hour = '2023-03-01T07:00:00.000000Z' WHERE number = 2"],
     Fault.CHANGED, 2, 4, 6),
    ("its hour spoilt", ["UPDATE audit_digests SET hour = 'nine' WHERE number = 2"], Fault.BROKEN, 2, 4, 0),
    ("its count changed", ["UPDATE audit_digests SET rows = 2 WHERE number = 2"], Fault.ADDED, 2, 4, 6),
    ("its range widened", ["UPDATE audit_digests SET last_id = 7, rows = 4 WHERE number = 2"], Fault.CHANGED, 2, 4, 7),
    ("its range turned", ["UPDATE audit_digests SET last_id = 2 WHERE number = 2"], Fault.BROKEN, 2, 4, 2),
    ("its previous changed", ["UPDATE audit_digests SET previous = 'f' WHERE number = 2"], Fault.BROKEN, 2, 4, 6),
    ("its key changed", ["UPDATE audit_digests SET key = 'f' WHERE number = 2"], Fault.KEY, 2, 4, 6),
]  # fmt: skip


class TestVerifying:
    def test_a_whole_one(self, database: Database, ledger: Ledger, key: AuditKey) -> None:
        wrote(database, EIGHT + 4 * HOUR, EIGHT + 5 * HOUR)
        verified = ledger.audit.verify(key)
        assert (verified.digests, verified.sealed, verified.unsealed, verified.finding) == (3, 9, 2, None)
        assert verified.newest == ledger.audit.newest()

    def test_nothing_at_all(self, database: Database, key: AuditKey) -> None:
        verified = Ledger(database).audit.verify(key)
        assert (verified.digests, verified.sealed, verified.unsealed, verified.finding) == (0, 0, 0, None)

    @pytest.mark.parametrize(
        ("statements", "fault", "number", "first", "last"),
        [case[1:] for case in TAMPERED],
        ids=[case[0] for case in TAMPERED],
    )
    def test_tampering_is_found(
        self,
        database: Database,
        ledger: Ledger,
        key: AuditKey,
        statements: list[str],
        fault: Fault,
        number: int,
        first: int,
        last: int,
    ) -> None:
        tamper(database, *statements)
        assert found(ledger, key) == Finding(fault, number, first, last)

    def test_only_the_first_thing_wrong_is_named(self, database: Database, ledger: Ledger, key: AuditKey) -> None:
        tamper(database, "UPDATE audit SET actor = 'x' WHERE id IN (2, 5)", "DELETE FROM audit WHERE id = 8")
        assert found(ledger, key) == Finding(Fault.CHANGED, 1, 1, 3)

    def test_every_fault_has_words(self) -> None:
        assert set(FAULT_TEXT) == set(Fault)


class TestHead:
    """The newest digest is remembered beside the key, after the commit."""

    def test_one_behind_is_what_a_crash_leaves(self, tmp_path: Path, database: Database, key: AuditKey) -> None:
        ledger = sealed_hours(database, key, hours=1)
        (tmp_path / "keys" / "audit.key.head").unlink()  # killed between the first commit and its remembering
        assert found(ledger, key) is None
        wrote(database, EIGHT + 2 * HOUR)
        ledger.audit.seal(key)
        before = key.head()
        wrote(database, EIGHT + 3 * HOUR)
        ledger.audit.seal(key)
        key.remember(replace(ledger.audit.newest(), number=2, digest=before.digest))  # type: ignore[type-var]
        assert key.head() == before == Head(2, before.digest)
        assert found(ledger, key) is None
        wrote(database, EIGHT + 4 * HOUR)
        assert ledger.audit.seal(key) is not None
        assert key.head().number == 4

    @pytest.mark.parametrize("content", [None, "", "1 f\n", "three f", "\xff"], ids=str)
    def test_one_that_is_lost_is_told_and_nothing_is_sealed_on(
        self, tmp_path: Path, database: Database, ledger: Ledger, key: AuditKey, content: str | None
    ) -> None:
        """Whoever cuts the tail would take it away too."""
        head = tmp_path / "keys" / "audit.key.head"
        head.unlink()
        if content is not None:
            head.write_text(content, encoding="latin-1")
        finding = found(ledger, key)
        assert finding is not None
        assert finding.fault is Fault.HEAD
        wrote(database, EIGHT + 4 * HOUR)
        with pytest.raises(Refusal, match=r"is not sealed on: what was remembered beside the key is gone"):
            ledger.audit.seal(key)

    def test_after_a_cut_nothing_is_sealed_on_until_someone_resumes(
        self, database: Database, ledger: Ledger, key: AuditKey
    ) -> None:
        """Otherwise the chain would grow over the gap, and nobody would see it any more."""
        tamper(database, "DELETE FROM audit WHERE id >= 7", "DELETE FROM audit_digests WHERE number = 3")
        wrote(database, EIGHT + 4 * HOUR)
        held = key.head()
        for act in (lambda: ledger.audit.seal(key), lambda: ledger.audit.seal_due(EIGHT + 6 * HOUR, key)):
            with pytest.raises(Refusal) as refused:
                act()
            assert refused.value.say(Lang.EN).startswith("the audit is not sealed on: the tail was cut off. Find out")
            assert refused.value.say(Lang.ZH).startswith("审计暂停封存：尾部被截断。")
        assert key.head() == held
        with pytest.raises(Refusal, match="may not resume"):
            ledger.audit.resume(replace(BOSS, roles=frozenset({Role.OPERATOR})), "why", EIGHT + 6 * HOUR, key)
        resumed = ledger.audit.resume(BOSS, "restored a backup", EIGHT + 6 * HOUR, key)
        assert resumed is not None
        assert (resumed.number, resumed.rows) == (3, 2)
        detail = {"reason": "restored a backup", "remembered": 3, "digest": held.digest}
        assert audited(database)[-1] == ("audit.resume", "2", detail)
        assert found(ledger, key) is None
        assert not ledger.audit.holds(f"3-{held.digest}")


class TestRewriting:
    """Somebody writes the whole chain anew over changed rows."""

    def rewrite(self, database: Database, key: AuditKey) -> None:
        tamper(database, "UPDATE audit SET actor = 'K2 (ops)' WHERE id = 5", "DELETE FROM audit_digests")
        ledger = Ledger(database)
        tamper(database, "CREATE TEMP TABLE later AS SELECT * FROM audit WHERE id > 3", "DELETE FROM audit WHERE id > 3")
        ledger.audit.seal(key)
        tamper(database, "INSERT INTO audit SELECT * FROM later WHERE id <= 6")
        ledger.audit.seal(key)
        tamper(database, "INSERT INTO audit SELECT * FROM later WHERE id > 6", "DROP TABLE later")
        ledger.audit.seal(key)

    def test_without_the_key_it_is_found(self, tmp_path: Path, database: Database, ledger: Ledger, key: AuditKey) -> None:
        self.rewrite(database, AuditKey(tmp_path / "other" / "audit.key"))
        assert found(ledger, key) == Finding(Fault.KEY, 1, 1, 3)
        name = key.load(make=False).name
        tamper(database, f"UPDATE audit_digests SET key = '{name}'")  # noqa: S608
        assert found(ledger, key) == Finding(Fault.CHANGED, 1, 1, 3)

    def test_with_the_key_it_is_found_by_what_is_remembered(
        self, tmp_path: Path, database: Database, ledger: Ledger, key: AuditKey
    ) -> None:
        copied = tmp_path / "stolen" / "audit.key"
        copied.parent.mkdir()
        copy(tmp_path / "keys" / "audit.key", copied)
        self.rewrite(database, AuditKey(copied))
        assert found(ledger, key) == Finding(Fault.BROKEN, 3, 10, 0)

    def test_with_key_and_memory_it_is_found_by_what_was_printed(
        self, tmp_path: Path, database: Database, ledger: Ledger, key: AuditKey
    ) -> None:
        audit = ledger.audit
        printed = [audit.latest_digest(), f" 1-{self.digest(database, 1)[:20].upper()} "]
        assert [audit.holds(one) for one in printed] == [True, True]
        (tmp_path / "keys" / "audit.key.head").unlink()
        self.rewrite(database, key)
        assert found(ledger, key) is None
        assert [audit.holds(one) for one in printed] == [False, True]  # the first hour was not touched
        assert audit.holds(audit.latest_digest())

    def digest(self, database: Database, number: int) -> str:
        with database.read() as connection:
            query = f"SELECT digest FROM audit_digests WHERE number = {number}"  # noqa: S608
            return str(connection.exec_driver_sql(query).scalar())

    def test_a_cut_is_found_by_what_was_printed_too(self, database: Database, ledger: Ledger) -> None:
        printed = ledger.audit.latest_digest()
        tamper(database, "DELETE FROM audit WHERE id >= 7", "DELETE FROM audit_digests WHERE number = 3")
        assert not ledger.audit.holds(printed)

    @pytest.mark.parametrize("text", ["", "3", "3-", "3-0123", "0-0123456789abcdef", "x-0123456789abcdef", f"3-{'g' * 16}"])
    def test_what_is_no_digest_is_refused(self, ledger: Ledger, text: str) -> None:
        with pytest.raises(Refusal, match="is no printed digest: copy it as it stands on the sheet"):
            ledger.audit.holds(text)


class TestListing:
    def test_newest_first_by_subject_and_actor(self, database: Database, ledger: Ledger) -> None:
        wrote(database, EIGHT, actor="K3 as K1 (ops)")
        wrote(database, EIGHT, actor="clerk")
        audit = ledger.audit
        assert [row.id for row in audit.rows(limit=3)] == [11, 10, 9]
        assert [row.id for row in audit.rows(actor="K1", limit=2)] == [10, 9]
        assert [row.id for row in audit.rows(actor="K3")] == [10]
        assert [row.id for row in audit.rows(actor="_")] == []
        assert [row.id for row in audit.rows(subject="C8")] == [11, 10, 3, 2, 1]
        assert [row.id for row in audit.rows(subject="C8/gas", actor="clerk")] == [11]
        assert [row.id for row in audit.rows(subject="C")] == []
        (row,) = audit.rows(limit=1)
        assert (row.at, row.actor, row.action, row.detail) == (EIGHT, "clerk", "task.done", {"duty": 0, "share": 0.1})
