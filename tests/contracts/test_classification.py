"""Classifications: what an office decided, who may approve it, and the snapshot it becomes (RULES who-january)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.classes import ClassRow
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores import tables
from meterwatch.stores.classification import MAY_DECIDE, SqlClassifications
from meterwatch.stores.database import Database
from meterwatch.stores.registry import SqlRegistry
from tests.support.ledger import audited, contents, fresh_database
from tests.support.registry_csv import SOUND, write_files

NOW = datetime(2023, 1, 5, 2, tzinfo=UTC)
ROWS = [
    ClassRow("C1", "electricity", "A1", None, 0, True, False, False, large=True),
    ClassRow("C2", "electricity", "A2", 3000.0, 12, False, True, False, large=False),
]


def viewer(person: str, role: Role) -> Viewer:
    return Viewer.for_person("acc", person, role, frozenset())


HEAD, CHIEF = viewer("H1", Role.OFFICE_HEAD), viewer("S1", Role.SUPERVISOR)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with fresh_database("sqlite", tmp_path) as opened:
        folder = write_files(tmp_path / "registry", SOUND)
        SqlRegistry(opened).import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")
        yield opened


@pytest.fixture
def classes(database: Database) -> SqlClassifications:
    return SqlClassifications(database)


def test_what_is_decided_waits(database: Database, classes: SqlClassifications) -> None:
    assert classes.pending(2022) is None
    number = classes.decide(2022, ROWS, HEAD, NOW)
    found = classes.pending(2022)
    assert found
    assert (found.id, found.year, list(found.rows)) == (number, 2022, ROWS)
    assert (found.decided_by, found.decided_at, found.account) == ("H1", NOW, "acc")
    assert classes.pending(2021) is None
    assert SqlRegistry(database).latest() == 1  # nothing is in use yet
    detail = {"sheet": number, "customers": 2, "large": 1}
    assert audited(database)[-1] == ("classification.decide", "2022", detail)


def test_approved_it_is_a_new_snapshot(database: Database, classes: SqlClassifications) -> None:
    number = classes.decide(2022, ROWS, HEAD, NOW)
    registry = SqlRegistry(database)
    before = registry.load()
    assert classes.approve(2022, CHIEF, NOW) == 2
    after = registry.load()
    assert (before.large, after.large, after.codes) == ({"C2"}, {"C1"}, before.codes)
    assert registry.load(1).large == {"C2"}
    assert classes.pending(2022) is None
    detail = {"sheet": number, "snapshot": 2, "decided_by": "H1", "customers": 2, "large": 1}
    assert audited(database)[-1] == ("classification.approve", "2022", detail)
    held = tables.classifications.c
    with database.read() as connection:
        rows = connection.execute(select(held.customer, held.year, held.decided_by, held.approved_by, held.last_snapshot))
        found = sorted(map(tuple, rows))
    assert found == [
        ("C1", 2022, "H1", "S1", None),
        ("C1", 2022, "K2", "K3", 2),
        ("C2", 2021, "K1", "K3", None),  # another year's rows stay
        ("C2", 2022, "H1", "S1", None),
        ("C2", 2022, "K1", "K3", 2),
    ]
    (sheet,) = contents(database)["classification_sheets"]
    assert sheet[-3:] == ("S1", NOW, 2)


def test_a_later_decision_takes_the_place_of_a_pending_one(classes: SqlClassifications) -> None:
    classes.decide(2022, ROWS, HEAD, NOW)
    classes.decide(2022, ROWS[:1], HEAD, NOW)
    classes.approve(2022, CHIEF, NOW)
    assert classes.pending(2022) is None
    with pytest.raises(Refusal, match="no decided sheet of 2022 waits"):
        classes.approve(2022, CHIEF, NOW)


def test_a_year_may_be_decided_again(database: Database, classes: SqlClassifications) -> None:
    for large in (True, False):
        classes.decide(2022, [replace(ROWS[0], large=large)], HEAD, NOW)
        classes.approve(2022, CHIEF, NOW)
    assert [SqlRegistry(database).load(number).large for number in (1, 2, 3)] == [{"C2"}, {"C1"}, frozenset()]


def test_nobody_approves_what_he_decided(database: Database, classes: SqlClassifications) -> None:
    """Both roles in one person are still one person."""
    classes.decide(2022, ROWS, CHIEF, NOW)
    with pytest.raises(Refusal, match="S1 decided this sheet; another supervisor must approve it"):
        classes.approve(2022, CHIEF, NOW)
    assert SqlRegistry(database).latest() == 1
    assert classes.approve(2022, viewer("S2", Role.SUPERVISOR), NOW) == 2


@pytest.mark.parametrize("role", Role)
def test_who_may(database: Database, classes: SqlClassifications, role: Role) -> None:
    if role in MAY_DECIDE:
        classes.decide(2022, ROWS, viewer("X", role), NOW)
    else:
        with pytest.raises(Refusal, match="may not decide who is large"):
            classes.decide(2022, ROWS, viewer("X", role), NOW)
        classes.decide(2022, ROWS, HEAD, NOW)
    if role is Role.SUPERVISOR:
        assert classes.approve(2022, viewer("Y", role), NOW) == 2
    else:
        with pytest.raises(Refusal, match="only a supervisor may"):
            classes.approve(2022, viewer("Y", role), NOW)
        assert SqlRegistry(database).latest() == 1


def test_an_account_nobody_is_mapped_to_may_neither(classes: SqlClassifications) -> None:
    with pytest.raises(Refusal, match="acc may not decide"):
        classes.decide(2022, ROWS, Viewer("acc"), NOW)
    with pytest.raises(Refusal, match="acc may not approve"):
        classes.approve(2022, Viewer("acc"), NOW)


def test_a_customer_who_has_left_meanwhile_refuses_the_approval(database: Database, classes: SqlClassifications) -> None:
    classes.decide(2022, [replace(ROWS[0], customer=code) for code in ("C1", "C8", "C7")], HEAD, NOW)
    with pytest.raises(Refusal, match="no longer in the registry: C7, C8; write a new sheet"):
        classes.approve(2022, CHIEF, NOW)
    assert SqlRegistry(database).latest() == 1
    assert classes.pending(2022)
