"""Who sees what of the archive: every read, by every role, of an own customer and of a foreign one (RULES who-confidential).

Each cell of the table asserts what is shown and what stands in the audit about it.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.permissions import Grant, Right
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer, mask_phone
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.permissions import SqlPermissions
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.registry_files import FILES as REGISTRY_FILES
from meterwatch.stores.tables import audit
from tests.support.registry_csv import write_files

NOW = datetime(2023, 1, 1, 8, tzinfo=UTC)
DAY = date(2023, 1, 1)

# "own" is C1 of unit U1, "foreign" is C2 of unit U2; of who has no unit they are U3's C3 and C4 without a unit.
TABLE = """
who               | own name | foreign name | own contacts | foreign contacts | people        | address | copy
manager           | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
deputy            | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
office_head       | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
supervisor        | name     | name         | name, phone  | name, phone      | name, masked  | refused | copied
supply_admin      | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
call_centre       | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
dispatch          | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
finance           | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
company_manager   | name     | name         | name, phone  | name, phone      | name, masked  | refused | copied
operator          | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
unassigned        | code     | code         | code, masked | code, masked     | name, masked  | refused | refused
head-without-unit | name     | code         | name, phone  | code, masked     | name, masked  | refused | refused
may-names-C2      | code     | name         | code, masked | name, masked     | name, masked  | refused | refused
may-names-U2      | code     | name         | code, masked | name, masked     | name, masked  | refused | refused
may-names         | name     | name         | name, masked | name, masked     | name, masked  | refused | refused
may-phones-C2     | code     | code         | code, masked | code, phone      | name, masked  | refused | refused
may-phones        | code     | code         | code, phone  | code, phone      | name, phone   | refused | refused
may-export        | code     | code         | code, masked | code, masked     | name, masked  | refused | copied
may-no-longer     | code     | code         | code, masked | code, masked     | name, masked  | refused | refused
may-revoked       | code     | code         | code, masked | code, masked     | name, masked  | refused | refused
gone              | code     | code         | code, masked | code, masked     | code, masked  | refused | refused
(nobody)          | code     | code         | code, masked | code, masked     | code, masked  | refused | refused
(service)         | name     | name         | name, phone  | name, phone      | name, phone   | phone   | copied
"""
HEADS, *LINES = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
ROWS = {who: dict(zip(HEADS[1:], cells, strict=True)) for who, *cells in LINES}
FIRST, THIRD = {"own": "C1", "foreign": "C2"}, {"own": "C3", "foreign": "C4"}
NAMES = {"C1": "Own Ltd", "C2": "Foreign Ltd", "C3": "Third Ltd", "C4": "Fourth Ltd"}

GRANTS = {
    "may-names-C2": {"right": Right.NAMES, "customer": "C2"},
    "may-names-U2": {"right": Right.NAMES, "unit": "U2"},
    "may-names": {"right": Right.NAMES},
    "may-phones-C2": {"right": Right.PHONES, "customer": "C2"},
    "may-phones": {"right": Right.PHONES},
    "may-export": {"right": Right.EXPORT},
    "may-no-longer": {"right": Right.NAMES, "first_day": date(2022, 12, 1), "last_day": DAY},
    "may-revoked": {"right": Right.NAMES},
}
ROLE_OF = {"unassigned": Role.OPERATOR, "head-without-unit": Role.OFFICE_HEAD, "gone": Role.SUPERVISOR}
WORKING = ("manager", "deputy", "supply_admin", "call_centre", "dispatch", "finance", "operator")
PEOPLE = [who for who in ROWS if not who.startswith("(")]
FILES = {
    "customers": "customer,name,class,unit\n"
    + "".join(
        f"{code},{name},A1,{unit}\n" for (code, name), unit in zip(NAMES.items(), ("U1", "U2", "U3", ""), strict=True)
    ),
    "people": "person,name,role,phone,email,unit,to\n"
    + "".join(
        f"{who},Name of {who},{ROLE_OF.get(who, who if who in list(Role) else Role.FINANCE)},13800138000,{who}@example.com,"
        f"{'' if who == 'head-without-unit' else 'U1'},{'2023-01-01' if who == 'gone' else ''}\n"
        for who in PEOPLE
    ),
    "assignments": "person,role,customer\nhead-without-unit,manager,C3\n" + "".join(f"{who},{who},C1\n" for who in WORKING),
    "contacts": "contact,customer,name,phone,role\n"
    + "".join(f"N-{code},{code},Contact of {code},13900139000,main\n" for code in NAMES),
}
EXTENT = {spec.name: len(FILES.get(spec.name, "\n").splitlines()) - 1 for spec in REGISTRY_FILES}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("access")
    opened = Database.file(folder / "ledger.db")
    files = write_files(folder / "registry", FILES)
    SqlRegistry(opened).import_files(files, by="clerk", now=NOW, default_zone="Asia/Shanghai")
    boss, permissions = SqlArchive(opened).viewer_for("acc", "company_manager", DAY), SqlPermissions(opened)
    for who, what in GRANTS.items():
        plain: dict[str, Any] = {"first_day": DAY, "last_day": date(2023, 2, 1), "reason": "stands in"}
        given = permissions.grant(boss, Grant(who, **plain | what), NOW)
        if who == "may-revoked":
            permissions.revoke(boss, given.number, NOW)
    yield opened
    opened.close()


def test_the_table_holds_every_role() -> None:
    assert list(Role) == list(ROWS)[: len(Role)]


def viewer_of(archive: SqlArchive, who: str) -> Viewer:
    if who == "(service)":
        return Viewer.for_service("notify")
    return archive.viewer_for("acc", None if who == "(nobody)" else who, DAY)


PHONES = {"13800138000": "phone", "13900139000": "phone", "138******00": "masked", "139******00": "masked"}


def names(archive: SqlArchive, viewer: Viewer, customer: str) -> str:
    (shown,) = archive.customer_names(viewer, [customer], NOW).values()
    return {customer: "code", NAMES[customer]: "name"}[shown]


def contacts(archive: SqlArchive, viewer: Viewer, customer: str) -> str:
    (shown,) = archive.contacts(viewer, customer, NOW)
    name = {shown.code: "code", f"Contact of {customer}": "name"}[shown.name]
    return f"{name}, {PHONES[shown.phone]}"


def people(archive: SqlArchive, viewer: Viewer, _customer: str) -> str:
    shown = archive.people(viewer, NOW)
    assert [person.code for person in shown] == sorted(PEOPLE)
    ((name, phone, email),) = {(person.name.replace(person.code, ""), person.phone, bool(person.email)) for person in shown}
    assert email == (PHONES[phone] == "phone")
    return f"{ {'': 'code', 'Name of ': 'name'}[name] }, {PHONES[phone]}"


def address(archive: SqlArchive, viewer: Viewer, _customer: str) -> str:
    return PHONES[archive.address(viewer, "manager", NOW)]


def copy(archive: SqlArchive, viewer: Viewer, _customer: str) -> str:
    return "copied" if {name: len(rows) for name, rows in archive.copy(viewer, NOW).items()} == EXTENT else "in part"


Audited = tuple[str, str, dict[str, Any]]


def read(subject: str, count: int = 1) -> Audited:
    return "archive.read", subject, {"count": count}


def refuse(subject: str, why: str, **detail: Any) -> Audited:
    return "archive.refuse", subject, detail | {"why": why}


def names_audited(customer: str, nobody: bool) -> dict[str, list[Audited]]:
    why = "nobody in office" if nobody else "not his customers"
    return {"name": [read("customers")], "code": [refuse("customers", why, count=1, asked=[customer])]}


def contacts_audited(customer: str, nobody: bool) -> dict[str, list[Audited]]:
    subject = f"contacts/{customer}"
    why = "nobody in office" if nobody else "not his customer"
    return {
        "name, phone": [read(subject)],
        "name, masked": [read(subject), refuse(subject, "no right to phones", count=1, hidden=["phones"])],
        "code, phone": [read(subject), refuse(subject, why, count=1, hidden=["names"])],
        "code, masked": [refuse(subject, why, count=1, hidden=["names", "phones"])],
    }


def people_audited(_customer: str, _nobody: bool) -> dict[str, list[Audited]]:
    count = len(PEOPLE)
    return {
        "name, phone": [read("people", count)],
        "name, masked": [read("people", count), refuse("people", "no right to phones", count=count, hidden=["phones"])],
        "code, masked": [refuse("people", "nobody in office", count=count, hidden=["names", "phones"])],
    }


def address_audited(_customer: str, nobody: bool) -> dict[str, list[Audited]]:
    why = "nobody in office" if nobody else "not a service"
    return {"phone": [read("address/manager")], "refused": [refuse("address/manager", why)]}


def copy_audited(_customer: str, nobody: bool) -> dict[str, list[Audited]]:
    why = "nobody in office" if nobody else "no right to export"
    return {"copied": [("archive.export", "1", EXTENT)], "refused": [refuse("export", why)]}


READS: dict[str, tuple[Callable[[SqlArchive, Viewer, str], str], Callable[[str, bool], dict[str, list[Audited]]]]] = {
    "name": (names, names_audited),
    "contacts": (contacts, contacts_audited),
    "people": (people, people_audited),
    "address": (address, address_audited),
    "copy": (copy, copy_audited),
}


def audited(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id))
        return [(row.actor, row.action, row.subject, row.detail) for row in rows]


@pytest.mark.parametrize("column", HEADS[1:])
@pytest.mark.parametrize("who", ROWS)
def test_a_cell(database: Database, who: str, column: str) -> None:
    archive, cell = SqlArchive(database), ROWS[who][column]
    whose, _, what = column.rpartition(" ")
    customer = (THIRD if who == "head-without-unit" else FIRST).get(whose, "")
    act, wanted = READS[what]
    viewer, before = viewer_of(archive, who), len(audited(database))
    if cell == "refused":
        with pytest.raises(Refusal):
            act(archive, viewer, customer)
    else:
        assert act(archive, viewer, customer) == cell
    rows = wanted(customer, who in ("gone", "(nobody)"))[cell]
    assert audited(database)[before:] == [(viewer.name, *row) for row in rows]


def test_a_read_of_several_customers_says_what_it_shows_and_what_not(database: Database) -> None:
    archive = SqlArchive(database)
    viewer, before = viewer_of(archive, "manager"), len(audited(database))
    assert archive.customer_names(viewer, ["C2", "C1", "C9"], NOW) == {"C1": "Own Ltd", "C2": "C2", "C9": "C9"}
    hidden = {"count": 2, "asked": ["C2", "C9"], "why": "not his customers"}
    assert audited(database)[before:] == [
        ("manager (acc)", "archive.read", "customers", {"count": 1}),
        ("manager (acc)", "archive.refuse", "customers", hidden),
    ]


def test_a_unit_is_the_units_people_too(database: Database) -> None:
    archive, permissions = SqlArchive(database), SqlPermissions(database)
    boss = viewer_of(archive, "company_manager")
    grant = Grant("dispatch", Right.PHONES, DAY, date(2023, 1, 8), "night shift", unit="U1")
    number = permissions.grant(boss, grant, NOW).number
    shown = {person.code: PHONES[person.phone] for person in archive.people(viewer_of(archive, "dispatch"), NOW)}
    assert {code for code, phone in shown.items() if phone == "masked"} == {"head-without-unit"}
    permissions.revoke(boss, number, NOW)
    assert viewer_of(archive, "dispatch").colleagues == frozenset()


def test_a_permission_holds_on_its_days_only(database: Database) -> None:
    archive = SqlArchive(database)
    held = {day: archive.viewer_for("acc", "may-names", day).may_see("C2") for day in (DAY, date(2023, 1, 31))}
    held |= {
        day: archive.viewer_for("acc", "may-names", day).may_see("C2") for day in (date(2022, 12, 31), date(2023, 2, 1))
    }
    assert held == {
        date(2022, 12, 31): False,
        DAY: True,
        date(2023, 1, 31): True,
        date(2023, 2, 1): False,
    }


def test_to_see_is_not_to_answer_for(database: Database) -> None:
    viewer = viewer_of(SqlArchive(database), "may-names")
    assert (viewer.may_see("C2"), viewer.answers_for("C2")) == (True, False)
    assert not viewer_of(SqlArchive(database), "dispatch").answers_for("C1")


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("", ""), ("110", "***10"), ("010123", "***23"), ("01012345", "010***45"), ("13800138000", "138******00")],
)
def test_a_masked_phone_shows_its_ends_only(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked
