"""Permissions: by those who oversee, to others, with a reason and an end, and every step in the audit."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meterwatch.core.errors import Refusal
from meterwatch.core.model.permissions import Grant, Right
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.registry import SqlRegistry
from tests.support.ledger import audited, contents, fresh_database
from tests.support.registry_csv import SOUND, write_files

NOW, LATER = datetime(2023, 1, 1, 8, tzinfo=UTC), datetime(2023, 1, 2, 8, tzinfo=UTC)
DAY = date(2023, 1, 1)
GRANT = Grant("K2", Right.NAMES, DAY, date(2023, 4, 1), "stands in for K1", customer="C3")
BOSS = Viewer.for_person("acc", "K3", Role.SUPERVISOR, frozenset())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with fresh_database("sqlite", tmp_path) as opened:
        folder = write_files(tmp_path / "registry", SOUND)
        SqlRegistry(opened).import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")
        yield opened


def test_one_is_recorded_with_who_and_until_when(database: Database) -> None:
    ledger = Ledger(database)
    given = ledger.permissions.grant(BOSS, replace(GRANT, reason="  stands in for K1 "), NOW)
    assert ledger.permissions.all() == [replace(given, grant=GRANT)]
    assert (given.number, given.granted_by, given.account, given.granted_at) == (1, "K3", "acc", NOW)
    assert (given.revoked_at, given.revoked_by) == (None, "")
    detail = {"permission": 1, "right": "names", "until": "2023-04-01", "customer": "C3"}
    assert audited(database)[-1] == ("permission.grant", "K2", detail)
    assert SqlArchive(database).viewer_for("x", "K2", DAY).named == frozenset({"C1", "C2", "C3"})


def test_one_is_taken_back_once(database: Database) -> None:
    permissions = Ledger(database).permissions
    permissions.grant(BOSS, GRANT, NOW)
    taken = permissions.revoke(BOSS, 1, LATER)
    assert (taken.revoked_at, taken.revoked_by) == (LATER, "K3")
    assert permissions.all() == [taken]
    assert audited(database)[-1] == ("permission.revoke", "K2", {"permission": 1})
    assert not SqlArchive(database).viewer_for("x", "K2", DAY).may_see("C3")
    with pytest.raises(Refusal, match="permission 1 is revoked already"):
        permissions.revoke(BOSS, 1, LATER)
    with pytest.raises(Refusal, match="there is no permission 2"):
        permissions.revoke(BOSS, 2, LATER)


def test_those_of_one_person(database: Database) -> None:
    permissions = Ledger(database).permissions
    permissions.grant(BOSS, GRANT, NOW)
    permissions.grant(BOSS, replace(GRANT, person="K1"), NOW)
    assert [one.number for one in permissions.all("K1")] == [2]
    assert permissions.all("") == []


@pytest.mark.parametrize("role", Role)
def test_who_may_grant_and_revoke(database: Database, role: Role) -> None:
    viewer, permissions = Viewer.for_person("acc", "K9", role, frozenset({"C3"})), Ledger(database).permissions
    permissions.grant(BOSS, GRANT, NOW)
    if role in (Role.SUPERVISOR, Role.COMPANY_MANAGER):
        permissions.grant(viewer, GRANT, NOW)
        permissions.revoke(viewer, 1, NOW)
        return
    for verb, act in (
        ("grant", lambda: permissions.grant(viewer, GRANT, NOW)),
        ("revoke", lambda: permissions.revoke(viewer, 1, NOW)),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        assert refused.value.say(Lang.EN).startswith("K9 (acc) may not grant or revoke permissions: a supervisor")
        assert refused.value.say(Lang.ZH).startswith("K9 (acc) 无权授予或撤销权限")
        assert audited(database)[-1] == ("permission.refuse", "K2", {"asked": verb, "why": "not a supervisor"})
    assert len(permissions.all()) == 1


@pytest.mark.parametrize("viewer", [BOSS, replace(BOSS, person="K1").acting_for("K3")], ids=["himself", "through another"])
def test_nobody_grants_to_himself(database: Database, viewer: Viewer) -> None:
    """Nor by acting as another who may."""
    permissions = Ledger(database).permissions
    with pytest.raises(Refusal, match=r"may not grant or revoke a permission of his own"):
        permissions.grant(viewer, replace(GRANT, person="K3"), NOW)
    assert audited(database)[-1] == ("permission.refuse", "K3", {"asked": "grant", "why": "himself"})
    other = Viewer.for_person("acc", "K9", Role.COMPANY_MANAGER, frozenset())
    number = permissions.grant(other, replace(GRANT, person="K3"), NOW).number
    with pytest.raises(Refusal, match=r"of his own"):
        permissions.revoke(viewer, number, NOW)
    assert permissions.all()[0].revoked_at is None


@pytest.mark.parametrize(
    ("wrong", "english", "chinese"),
    [
        ({"reason": " "}, "a permission needs a reason", "权限必须写明理由"),
        ({"last_day": DAY}, "a permission must end after 2023-01-01 and at most 366 days later", "权限须在 2023-01-01 之后"),
        ({"last_day": date(2024, 1, 3)}, "a permission must end after", "权限须在"),
        ({"unit": "一所"}, "name a customer or a unit, not both", "客户与单位只能填写其一"),
        ({"right": Right.EXPORT}, "the right to export extends to the whole archive", "导出权限针对全部档案"),
        ({"person": "K7"}, "'K7' is not in the registry, or not in office today", "档案中没有 'K7'"),
        ({"customer": "C9"}, "the registry holds no customer 'C9'", "档案中没有客户 'C9'"),
        ({"customer": "", "unit": "三所"}, "the registry holds no unit '三所'", "档案中没有单位 '三所'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_one_that_is_refused(database: Database, wrong: dict[str, object], english: str, chinese: str) -> None:
    before = contents(database)
    with pytest.raises(Refusal) as refused:
        Ledger(database).permissions.grant(BOSS, replace(GRANT, **wrong), NOW)  # type: ignore[arg-type]
    assert refused.value.say(Lang.EN).startswith(english)
    assert refused.value.say(Lang.ZH).startswith(chinese)
    assert contents(database) == before


@pytest.mark.parametrize(
    "right",
    [
        {"last_day": date(2024, 1, 2)},
        {"customer": "", "unit": "二所"},  # a unit of customers only
        {"customer": "", "unit": "一所", "right": Right.PHONES},
        {"customer": "", "right": Right.EXPORT},
    ],
    ids=str,
)
def test_one_that_is_granted(database: Database, right: dict[str, object]) -> None:
    grant = replace(GRANT, **right)  # type: ignore[arg-type]
    Ledger(database).permissions.grant(BOSS, grant, NOW)
    assert [one.grant for one in Ledger(database).permissions.all()] == [grant]


@pytest.mark.parametrize(("day", "granted"), [(date(2023, 12, 31), True), (date(2024, 1, 1), False)])
def test_who_left_is_granted_nothing(database: Database, day: date, granted: bool) -> None:
    """K2 is in office until 2024-01-01."""
    grant = replace(GRANT, first_day=day, last_day=date(2024, 2, 1))
    if granted:
        Ledger(database).permissions.grant(BOSS, grant, NOW)
        return
    with pytest.raises(Refusal, match="not in office"):
        Ledger(database).permissions.grant(BOSS, grant, NOW)


@pytest.mark.parametrize(
    "gone", [{"person": "K2", "customer": ""}, {"customer": "C3"}, {"customer": "", "unit": "二所"}], ids=str
)
def test_what_the_newest_snapshot_no_longer_holds(database: Database, tmp_path: Path, gone: dict[str, str]) -> None:
    """K2, C3 and with it unit 二所 leave; K1 stays."""
    permissions, grant = Ledger(database).permissions, replace(GRANT, **{"person": "K1"} | gone)  # type: ignore[arg-type]
    permissions.grant(BOSS, grant, NOW)
    leaving = {"people": "K2,", "assignments": "K2,", "customers": "C3,", "agreements": "G2,", "classifications": "C1,"}
    files = {
        name: "".join(line for line in content.splitlines(keepends=True) if not line.startswith(leaving.get(name, "-")))
        for name, content in SOUND.items()
    }
    folder = write_files(tmp_path / "next", files)
    SqlRegistry(database).import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")
    with pytest.raises(Refusal):
        permissions.grant(BOSS, grant, NOW)
