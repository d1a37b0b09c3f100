"""The archive: who sees which name and which phone, and what is written down about it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores import tables
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.viewers import OWN_ROLES, WORKING_ROLES, assigned_customers
from tests.support.registry_csv import write_files

NOW = datetime(2023, 1, 1, 8, tzinfo=UTC)
DAY = date(2023, 1, 1)
SERVICE = Viewer.for_service("notifier")
SEES_ALL = (Role.SUPERVISOR, Role.COMPANY_MANAGER)

CUSTOMERS = """\
customer,name,class,area
C1,宏达铸造厂,A1,north
C2,Bright Hotel,A2,north
C3,Third Ltd,A1,south
C4,Home Court,B1,south
"""
PEOPLE = "person,name,role,phone,email,unit,from,to\n" + "".join(
    f"{role},Name of {role},{role},138 0013 80{number:02d},{role}@example.com,一所,2020-01-01,2024-01-01\n"
    for number, role in enumerate(Role)
)
# A1 belongs to manager, but C3 by name to operator; deputy has the north.
ASSIGNMENTS = """\
person,role,customer,class,area,from,to
manager,manager,,A1,,,
operator,manager,C3,,,,
deputy,deputy,,,north,,2023-06-01
finance,supervisor,,,,,
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.file(tmp_path / "ledger.db")
    files = {"customers": CUSTOMERS, "people": PEOPLE, "assignments": ASSIGNMENTS}
    folder = write_files(tmp_path / "registry", files)
    SqlRegistry(opened).import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")
    yield opened
    opened.close()


@pytest.fixture
def archive(database: Database) -> SqlArchive:
    return SqlArchive(database)


def reads(database: Database) -> list[tuple[Any, ...]]:
    table = tables.audit
    with database.read() as connection:
        found = connection.execute(select(table).where(table.c.action == "archive.read").order_by(table.c.id))
        return [(row.at, row.actor, row.subject, row.detail) for row in found]


class TestViewers:
    @pytest.mark.parametrize(
        ("person", "own"),
        [("manager", {"C1"}), ("operator", {"C3"}), ("deputy", {"C1", "C2"}), ("finance", set()), ("dispatch", set())],
    )
    def test_own_customers_are_those_one_answers_for(self, archive: SqlArchive, person: str, own: set[str]) -> None:
        viewer = archive.viewer_for("acc", person, DAY)
        assert (viewer.account, viewer.person, viewer.roles) == ("acc", person, frozenset({Role(person)}))
        assert viewer.customers == frozenset(own)

    @pytest.mark.parametrize("role", SEES_ALL)
    def test_some_roles_see_every_customer(self, archive: SqlArchive, role: Role) -> None:
        assert archive.viewer_for("acc", role, DAY).customers is None

    @pytest.mark.parametrize(
        ("person", "day"),
        [(None, DAY), ("", DAY), ("nobody", DAY), ("manager", date(2019, 12, 31)), ("manager", date(2024, 1, 1))],
    )
    def test_nobody_in_office_is_nobody(self, archive: SqlArchive, person: str | None, day: date) -> None:
        assert archive.viewer_for("acc", person, day) == Viewer("acc")

    def test_own_customers_change_with_the_day(self, archive: SqlArchive) -> None:
        assert archive.viewer_for("acc", "deputy", date(2023, 5, 31)).customers == frozenset({"C1", "C2"})
        assert archive.viewer_for("acc", "deputy", date(2023, 6, 1)).customers == frozenset()

    def test_own_customers_agree_with_who_is_responsible(self, database: Database) -> None:
        office = SqlRegistry(database).load()
        for person, roles in product(office.people, (OWN_ROLES, WORKING_ROLES)):
            found = [(c, office.responsible(c, role, DAY)) for c in office.customers for role in roles]
            own = {customer.code for customer, responsible in found if responsible and responsible.code == person}
            assert assigned_customers(office, person, DAY, roles) == own

    def test_before_the_first_import_there_is_nobody(self, tmp_path: Path) -> None:
        empty = Database.file(tmp_path / "empty.db")
        archive = SqlArchive(empty)
        assert archive.viewer_for("acc", "manager", DAY) == Viewer("acc")
        assert archive.people(SERVICE, NOW) == []
        assert archive.customer_names(SERVICE, ["C1"], NOW) == {"C1": "C1"}
        assert archive.address(SERVICE, "manager", NOW) == ""
        empty.close()


class TestRights:
    @pytest.mark.parametrize("role", Role)
    def test_each_role(self, archive: SqlArchive, role: Role) -> None:
        """Own customers by name, foreign ones by code; colleagues by name, their phones masked."""
        viewer = archive.viewer_for("acc", role, DAY)
        own = {"manager": {"C1"}, "operator": {"C3"}, "deputy": {"C1", "C2"}}.get(role, set())
        seen = {"C1", "C2", "C3", "C4"} if role in SEES_ALL else own
        names = {"C1": "宏达铸造厂", "C2": "Bright Hotel", "C3": "Third Ltd", "C4": "Home Court"}
        assert archive.customer_names(viewer, names, NOW) == {c: names[c] if c in seen else c for c in names}
        first = archive.people(viewer, NOW)[0]
        assert (first.code, first.name) == ("call_centre", "Name of call_centre")
        assert (first.phone, first.email) == ("138******05", "")
        assert (first.role, first.unit) == ("call_centre", "一所")
        with pytest.raises(Refusal):
            archive.address(viewer, "manager", NOW)

    @pytest.mark.parametrize("role", Role)
    def test_who_may_copy_the_archive(self, database: Database, archive: SqlArchive, role: Role) -> None:
        viewer = archive.viewer_for("acc", role, DAY)
        if role in (Role.SUPERVISOR, Role.COMPANY_MANAGER):
            assert len(archive.copy(viewer, NOW)["people"]) == len(Role)
        else:
            with pytest.raises(Refusal, match="may not export"):
                archive.copy(viewer, NOW)
        with database.read() as connection:
            table = tables.audit
            found = connection.execute(select(table.c.actor, table.c.action).where(table.c.action.like("archive.%"))).all()
        wanted = "archive.export" if viewer.may_export else "archive.refuse"
        assert [tuple(row) for row in found] == [(f"{role} (acc)", wanted)]

    def test_a_service_sees_everything(self, archive: SqlArchive) -> None:
        assert archive.customer_names(SERVICE, ["C1", "C9"], NOW) == {"C1": "宏达铸造厂", "C9": "C9"}
        shown = {record.code: record for record in archive.people(SERVICE, NOW)}
        assert list(shown) == sorted(Role)
        assert (shown["manager"].phone, shown["manager"].email) == ("13800138000", "manager@example.com")
        assert archive.address(SERVICE, "manager", NOW) == "13800138000"
        assert archive.address(SERVICE, "nobody", NOW) == ""

    def test_an_account_without_a_person_sees_codes_and_masks(self, archive: SqlArchive) -> None:
        stranger = Viewer("acc")
        assert archive.customer_names(stranger, ["C1", "C2"], NOW) == {"C1": "C1", "C2": "C2"}
        assert {(record.name, record.phone, record.email) for record in archive.people(stranger, NOW)} == {
            (role, f"138******{number:02d}", "") for number, role in enumerate(Role)
        }

    def test_a_refused_phone_says_why(self, archive: SqlArchive) -> None:
        with pytest.raises(Refusal) as refused:
            archive.address(archive.viewer_for("acc", "supervisor", DAY), "manager", NOW)
        assert refused.value.say(Lang.EN) == "supervisor (acc) may not read phone numbers"
        assert refused.value.say(Lang.ZH) == "supervisor (acc) 无权读取电话号码"

    def test_only_the_newest_snapshot_is_shown(self, database: Database, archive: SqlArchive, tmp_path: Path) -> None:
        customers = CUSTOMERS.replace("Bright", "Brighter").replace("C1,", "C9,")
        folder = write_files(tmp_path / "registry", {"customers": customers})
        SqlRegistry(database).import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")
        assert archive.people(SERVICE, NOW) == []
        assert archive.address(SERVICE, "manager", NOW) == ""
        assert archive.customer_names(SERVICE, ["C1", "C2"], NOW) == {"C1": "C1", "C2": "Brighter Hotel"}

    def test_more_codes_than_fit_one_statement(self, archive: SqlArchive) -> None:
        codes = [f"X{number}" for number in range(2500)]
        names = archive.customer_names(SERVICE, ["C1", *codes, "C1"], NOW)
        assert names == {"C1": "宏达铸造厂", **{code: code for code in codes}}


class TestAudit:
    def test_a_read_that_shows_names_is_written_down(self, database: Database, archive: SqlArchive) -> None:
        viewer = archive.viewer_for("acc", "deputy", DAY)
        archive.customer_names(viewer, ["C1", "C2", "C3"], NOW)
        archive.people(viewer, NOW)
        assert reads(database) == [
            (NOW, "deputy (acc)", "customers", {"count": 2}),
            (NOW, "deputy (acc)", "people", {"count": len(Role)}),
        ]

    def test_a_read_that_shows_none_is_not(self, database: Database, archive: SqlArchive) -> None:
        archive.customer_names(archive.viewer_for("acc", "manager", DAY), ["C2", "C3", "C9"], NOW)
        archive.customer_names(Viewer("acc"), ["C1"], NOW)
        archive.people(Viewer("acc"), NOW)
        assert reads(database) == []

    def test_nothing_is_shown_that_cannot_be_written_down(self, archive: SqlArchive) -> None:
        naive = NOW.replace(tzinfo=None)  # can't be stored
        with pytest.raises(StatementError, match="without a zone"):
            archive.customer_names(SERVICE, ["C1"], naive)
        with pytest.raises(StatementError, match="without a zone"):
            archive.people(SERVICE, naive)
