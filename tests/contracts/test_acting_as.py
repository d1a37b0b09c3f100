"""Acting as another person: for listed accounts, as people in office, and on record."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.tables import audit
from tests.support.ledger import fresh_database
from tests.support.registry_csv import SOUND, write_files

NOW, DAY = datetime(2023, 1, 1, 8, tzinfo=UTC), date(2023, 1, 1)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqlArchive]:
    with fresh_database("sqlite", tmp_path) as opened:
        folder = write_files(tmp_path / "registry", SOUND)
        SqlRegistry(opened).import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")
        yield SqlArchive(opened)


def last_row(database: Database) -> tuple[object, ...]:
    with database.read() as connection:
        row = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
    return row.actor, row.action, row.subject, row.detail


@pytest.mark.parametrize(("own", "name"), [("K3", "K3 as K1 (ops)"), (None, "ops as K1 (ops)")])
def test_the_viewer_is_the_person_and_the_audit_names_both(archive: SqlArchive, own: str | None, name: str) -> None:
    acting = archive.act_as(archive.viewer_for("ops", own, DAY), "K1", DAY, NOW, listed=True)
    plain = archive.viewer_for("ops", "K1", DAY)
    assert acting == plain.acting_for(own)
    assert (acting.account, acting.person, acting.own_person) == ("ops", "K1", own or "")
    assert last_row(archive._database) == (name, "viewer.act", "K1", {})
    archive.customer_names(acting, ["C2"], NOW)
    assert last_row(archive._database) == (name, "archive.read", "customers", {"count": 1})


def test_who_acts_as_another_sees_no_more_than_he(archive: SqlArchive) -> None:
    boss = archive.viewer_for("ops", "K3", DAY)
    acting = archive.act_as(boss, "K2", DAY, NOW, listed=True)
    assert (boss.may_see("C3"), acting.may_see("C3"), acting.oversees) == (True, False, False)


@pytest.mark.parametrize(
    ("person", "listed", "why", "english", "chinese"),
    [
        ("K1", False, "account not listed", "the account 'ops' may not act as somebody else", "账号 'ops' 不得代他人操作"),
        ("K9", False, "account not listed", "the account 'ops' may not act as somebody else", "账号 'ops' 不得代他人操作"),
        ("K9", True, "not in office", "'K9' is unknown to the registry or not in office today", "档案中没有 'K9'"),
    ],
)
def test_is_refused_and_that_is_noted(
    archive: SqlArchive, person: str, listed: bool, why: str, english: str, chinese: str
) -> None:
    with pytest.raises(Refusal) as refused:
        archive.act_as(archive.viewer_for("ops", "K3", DAY), person, DAY, NOW, listed=listed)
    assert refused.value.say(Lang.EN).startswith(english)
    assert refused.value.say(Lang.ZH).startswith(chinese)
    assert last_row(archive._database) == ("K3 (ops)", "viewer.refuse", person, {"why": why})
