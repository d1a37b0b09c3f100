"""Contacts, zones and designations: their files may be absent, and what they say is held against the others."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Category, Contact, ContactRole, Designation, Grade, Zone
from meterwatch.stores.database import Database
from meterwatch.stores.registry import ImportReport, RegistryRefused, SqlRegistry
from tests.support.registry_csv import SOUND, write_files

NOW = datetime(2023, 1, 1, 8, tzinfo=UTC)
LATER = {"contacts": 3, "zones": 3, "point_zones": 3, "designations": 2, "classifications": 3}


class Clerk:
    """Imports folders into one registry."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder, self.registry = folder, SqlRegistry(database)
        self._count = 0

    def folder(self, **files: str | None) -> Path:
        self._count += 1
        return write_files(self._folder / str(self._count), {**SOUND, **files})

    def put(self, **files: str | None) -> ImportReport:
        return self.registry.import_files(self.folder(**files), by="clerk", now=NOW, default_zone="Asia/Shanghai")

    def compare(self, **files: str | None) -> ImportReport:
        return self.registry.compare_files(self.folder(**files), default_zone="Asia/Shanghai")

    def refusal(self, **files: str | None) -> list[str]:
        with pytest.raises(RegistryRefused) as refused:
            self.put(**files)
        return refused.value.say(Lang.EN).splitlines()[1:]


@pytest.fixture
def clerk(tmp_path: Path) -> Iterator[Clerk]:
    with closing(Database.file(tmp_path / "ledger.db")) as database:
        yield Clerk(tmp_path, database)


def test_they_stand_in_the_snapshot(clerk: Clerk) -> None:
    clerk.put()
    held = clerk.registry.load()
    assert held.contacts == (
        Contact("N1", "C1", ContactRole.OUTAGE, date(2023, 1, 1)),
        Contact("N2", "C1", ContactRole.MAIN, date.min, date(2023, 1, 1)),
        Contact("N3", "C2", ContactRole.MAIN),
    )
    assert held.zones == (Zone("Z1", "substation"), Zone("Z2", "feeder", "Z1"), Zone("Z3", "gate station"))
    hung = [column.tolist() for column in held.point_zones.columns()]
    assert hung == [[0, 1, 1], [2, 0, 1], [False, True, False]]
    assert held.large == {"C2"}  # in the newest year
    assert held.designations["C2"] == Designation("C2", Category.PUBLIC_SERVICE, Grade.SECOND, date(2024, 6, 30))


def test_a_folder_without_them_leaves_them_as_they_are(clerk: Clerk) -> None:
    clerk.put()
    before = clerk.registry.load()
    report = clerk.put(**dict.fromkeys(LATER), usage_points=SOUND["usage_points"].replace("315", "400"))
    assert (report.snapshot, report.changed) == (2, True)
    assert not LATER.keys() & report.files.keys()
    assert [notice.say(Lang.EN) for notice in report.notices] == [
        f"{name}.csv: is not in the folder; what is stored of it stays as it is ({rows} rows)"
        for name, rows in LATER.items()
    ]
    after = clerk.registry.load()
    assert (after.contacts, after.zones, after.designations) == (before.contacts, before.zones, before.designations)


def test_a_folder_without_them_may_be_the_first(clerk: Clerk) -> None:
    assert clerk.put(**dict.fromkeys(LATER)).notices == ()
    assert clerk.registry.load().contacts == ()


def test_an_empty_file_takes_its_rows_out(clerk: Clerk) -> None:
    clerk.put()
    clerk.put(contacts=SOUND["contacts"].splitlines()[0])
    assert clerk.registry.load().contacts == ()
    assert len(clerk.registry.load(1).contacts) == 3


def test_stored_rows_are_held_against_the_new_files(clerk: Clerk) -> None:
    clerk.put()
    fewer = "".join(line for line in SOUND["usage_points"].splitlines(keepends=True) if not line.startswith("P3"))
    assert clerk.put(**dict.fromkeys(LATER), usage_points=fewer).changed
    customers = SOUND["customers"].replace("C2,", "C4,")
    agreements = SOUND["agreements"].replace("C2,", "C4,")
    assignments = SOUND["assignments"].replace("C2,", "C4,")
    found = clerk.refusal(**dict.fromkeys(LATER), customers=customers, agreements=agreements, assignments=assignments)
    assert [line for line in found if "stays as it is" not in line] == [
        'contacts.csv customer: "C2" is not in customers.csv',
        'designations.csv customer: "C2" is not in customers.csv',
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("Z1,feeder,Z1", ['zones.csv:2 parent: zone "Z1" is fed by itself: Z1 -> Z1']),
        (
            "Z1,feeder,Z2\nZ2,feeder,Z1\nZ4,feeder,Z2",
            [
                'zones.csv:2 parent: zone "Z1" is fed by itself: Z1 -> Z2 -> Z1',
                'zones.csv:3 parent: zone "Z2" is fed by itself: Z2 -> Z1 -> Z2',
            ],
        ),
        ("Z1,feeder,Z7", ['zones.csv:2 parent: "Z7" is not in zones.csv']),
        ("Z1,feeder,\nZ1,feeder,", ['zones.csv:3 zone: "Z1" stands on line 2 already']),
    ],
)
def test_zones_form_a_tree(clerk: Clerk, rows: str, said: list[str]) -> None:
    assert clerk.refusal(zones=f"zone,kind,parent\n{rows}\n", point_zones="usage_point,zone,supply\n") == said


def test_a_point_hangs_on_a_zone_once(clerk: Clerk) -> None:
    found = clerk.refusal(point_zones=SOUND["point_zones"] + "P2,Z1,primary\n")
    assert found == ['point_zones.csv:5 usage_point: "P2, Z1" stands on line 3 already']


def test_a_customer_is_designated_once(clerk: Clerk) -> None:
    found = clerk.refusal(designations=SOUND["designations"] + "C1,other,2,b,K3,2024-01-01\n")
    assert found == ['designations.csv:5 customer: "C1" stands on line 2 already']


class TestCompare:
    def test_it_says_what_an_import_would_change_and_changes_nothing(self, clerk: Clerk) -> None:
        clerk.put()
        customers = SOUND["customers"].replace("A2,,一所", "A1,是,一所").replace("宏达铸造厂", "新名").replace("C3,", "C4,")
        agreements = SOUND["agreements"].replace("C3,", "C4,")
        report = clerk.compare(customers=customers, agreements=agreements, contacts=None)
        assert (report.snapshot, report.changed, clerk.registry.latest()) == (2, True, 1)
        rows = {(row.file, *row.key): (dict(row.before), dict(row.after)) for row in report.rows}
        assert rows["customers.csv", "C1"] == ({"name": (None, True)}, {"name": (None, True)})
        assert rows["customers.csv", "C2"] == (
            {"class": ("A2", False), "wheeling": (False, False)},
            {"class": ("A1", False), "wheeling": (True, False)},
        )
        assert rows["customers.csv", "C3"][1] == {}
        assert rows["customers.csv", "C4"][0] == {}
        assert rows["customers.csv", "C4"][1]["name"] == (None, True)
        assert rows["agreements.csv", "G2"] == ({"customer": ("C3", False)}, {"customer": ("C4", False)})
        assert {key[0] for key in rows} == {"customers.csv", "agreements.csv"}

    def test_nothing_to_change(self, clerk: Clerk) -> None:
        clerk.put()
        report = clerk.compare()
        assert (report.snapshot, report.changed, report.rows) == (1, False, ())

    def test_it_refuses_as_an_import_does(self, clerk: Clerk) -> None:
        with pytest.raises(RegistryRefused):
            clerk.compare(zones="zone,kind,parent\nZ1,feeder,Z1\n")
