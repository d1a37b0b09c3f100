"""Who is responsible: assignments by importance, and customers whose manager left (RULES who-manager, who-important)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Assignment, Category, Designation, Grade, Role
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.registry import RegistryRefused, SqlRegistry
from meterwatch.stores.registry_folder import read_folder
from tests.support.office import FROM_TODAY, manager, office
from tests.support.registry_csv import SOUND, write_files

NOW = datetime(2023, 1, 20, tzinfo=UTC)
ZONE = "Asia/Shanghai"


def responsible(*assignments: Assignment, large: bool = False, grade: Grade | None = None) -> str:
    """Return who manages C1 (A1, north), who is large by his use and designated as said."""
    found = {"C1": Designation("C1", Category.OTHER, grade, FROM_TODAY)} if grade else {}
    held = replace(office(*assignments), large=frozenset({"C1"} if large else ()), designations=found)
    person = held.responsible(held.customers[0], Role.MANAGER, FROM_TODAY)
    return person.code if person else ""


class TestImportance:
    @pytest.mark.parametrize(
        ("large", "grade", "fitting"),
        [
            (False, None, []),
            (True, None, ["large"]),
            (False, Grade.FIRST, ["large", "important", "1"]),  # RULES who-important: large = general large and important
            (True, Grade.TEMPORARY, ["large", "important", "temporary"]),
        ],
    )
    def test_whom_it_covers(self, fitting: list[str], *, large: bool, grade: Grade | None) -> None:
        words = ("large", "important", *Grade)
        found = [str(word) for word in words if responsible(manager("K1", importance=word), large=large, grade=grade)]
        assert found == fitting

    @pytest.mark.parametrize(
        ("general", "special"),
        [
            ({}, {"importance": "large"}),
            ({"area": "north", "customer_class": "A1"}, {"importance": "large"}),
            ({"importance": "large", "area": "north"}, {"importance": "important"}),
            ({"importance": "important", "area": "north"}, {"importance": "special"}),
            ({"importance": "special"}, {"importance": "special", "area": "north"}),
            ({"importance": "special", "area": "north", "customer_class": "A1"}, {"customer": "C1"}),
            ({"customer_class": "A1"}, {"area": "north"}),
        ],
    )
    def test_the_most_specific_wins(self, general: dict[str, str], special: dict[str, str]) -> None:
        """Customer before importance before area before class, whoever began later and whatever his code."""
        late = manager("K9", **general, first_day=FROM_TODAY)
        assert responsible(late, manager("K1", **special), grade=Grade.SPECIAL) == "K1"

    def test_is_large_and_is_important(self) -> None:
        designation = Designation("C2", Category.OTHER, Grade.SECOND, FROM_TODAY)
        held = replace(office(), large=frozenset({"C1"}), designations={"C2": designation})
        assert [held.is_large(code) for code in ("C1", "C2", "C3")] == [True, True, False]
        assert [held.is_important(code) for code in ("C1", "C2", "C3")] == [False, True, False]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.file(tmp_path / "ledger.db")) as opened:
        yield opened


def put(database: Database, folder: Path, **files: str) -> list[str]:
    """Import SOUND with other files; return the notices."""
    sound = write_files(folder, {**SOUND, **files})
    report = SqlRegistry(database).import_files(sound, by="clerk", now=NOW, default_zone=ZONE)
    return [notice.say(Lang.EN) for notice in report.notices]


def test_a_file_without_the_column_still_imports_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    header, *rows = SOUND["assignments"].splitlines()
    assert "importance" not in header
    put(database, tmp_path)
    wider = "\n".join([f"{header},importance", *(f"{row}," for row in rows)])
    put(database, tmp_path, assignments=wider)
    assert SqlRegistry(database).latest() == 1


def test_an_assignment_by_importance_is_read_and_gives_rights(database: Database, tmp_path: Path) -> None:
    """C1 and C2 are designated, C2 is large: who is assigned by that has them as his own."""
    header = "person,role,customer,class,area,from,to,importance\n"
    put(database, tmp_path, assignments=f"{header}K1,manager,,,,,,特级\nK2,deputy,,,,,,Large\nK3,manager,,,,,,重要客户\n")
    assert sorted(a.importance for a in SqlRegistry(database).load().assignments) == ["important", "large", "special"]
    archive = SqlArchive(database)
    own = {code: archive.viewer_for("acc", code, date(2023, 1, 20)).customers for code in ("K1", "K2")}
    assert own == {"K1": {"C1"}, "K2": {"C1", "C2"}}


def test_the_same_scope_twice(tmp_path: Path) -> None:
    header = "person,role,customer,class,area,from,to,importance\n"
    rows = "K1,manager,,A1,,,,large\nK1,manager,,A1,,,,important\nK1,manager,,A1,,,,large\n"
    found = read_folder(write_files(tmp_path, {**SOUND, "assignments": header + rows}), ZONE).problems
    assert [problem.say(Lang.EN) for problem in found] == [
        "assignments.csv:4 person: line 2 says the same for some of these days"
    ]


# --- a manager who left ----------------------------------------------------------------------------------------------

PEOPLE = "person,name,role,from,to\nK1,One,manager,2020-01-01,2023-03-01\nK2,Two,manager,,\nK3,Three,supervisor,,\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["K1,manager,,,,,"], ["people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of C1, C2, C3"]),
        (["K1,manager,,,,,", "K2,manager,,,,2023-06-01,"], []),  # he follows, though later
        (
            ["K1,manager,,,north,,", "K2,manager,C2,,,2022-01-01,"],
            ["people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of C1"],
        ),
        (
            ["K1,manager,C3,,,,", "K2,manager,,,,,2023-02-01"],  # whose own assignment ends
            [
                "assignments.csv:3 to: from 2023-02-01 on nobody follows K2 as manager of C1, C2",
                "people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of C3",
            ],
        ),
        (
            ["K1,manager,,,,,", "K2,deputy,,,,,"],
            ["people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of C1, C2, C3"],
        ),
        (["K1,manager,,,,,,large"], ["people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of C1, C2"]),
        (["K1,manager,,,,,,special", "K2,manager,,,,,,large"], []),
        (["K1,manager,C1,,,,2023-03-01"], ["people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of C1"]),
        (["K1,manager,C1,,,,2023-02-15"], ["assignments.csv:2 to: from 2023-02-15 on nobody follows K1 as manager of C1"]),
        (["K2,manager,,A2,,,"], []),  # that somebody never had a manager is not this notice
        ([], []),
    ],
)
def test_a_manager_who_left_without_a_successor(
    database: Database, tmp_path: Path, rows: list[str], said: list[str]
) -> None:
    """A notice names the customers left without; the import is made all the same."""
    agreements = (
        SOUND["agreements"]
        .replace("2020-01-01,2022-07-01", "2020-01-01,")
        .replace("G2,C3,P1,2022-07-01", "G2,C3,P3,2022-07-01")
    )
    header = "person,role,customer,class,area,from,to,importance"
    found = put(database, tmp_path, people=PEOPLE, assignments="\n".join([header, *rows]), agreements=agreements)
    assert sorted(found) == said
    assert SqlRegistry(database).latest() == 1


def test_who_needs_no_manager_is_not_named(database: Database, tmp_path: Path) -> None:
    """C1 moved out before his manager left (SOUND), C2 is a scattered resident."""
    customers = SOUND["customers"].replace("Hotel,A2", "Hotel,B2")
    assignments = "person,role,customer\nK1,manager,\n"
    found = put(database, tmp_path, people=PEOPLE, customers=customers, assignments=assignments)
    assert found == ["people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of C3"]


def test_many_are_counted(tmp_path: Path) -> None:
    customers = "customer,name,class\n" + "".join(f"D{n:02d},Name,A1\n" for n in range(23))
    points = "usage_point,commodity\n" + "".join(f"Q{n:02d},gas\n" for n in range(23))
    agreements = "agreement,customer,usage_point,from\n" + "".join(f"G{n},D{n:02d},Q{n:02d},2020-01-01\n" for n in range(23))
    files = {"customers": customers, "usage_points": points, "agreements": agreements, "people": PEOPLE}
    folder = write_files(tmp_path, {**files, "assignments": "person,role\nK1,manager\n"})
    (notice,) = read_folder(folder, ZONE).notices
    names = ", ".join(f"D{n:02d}" for n in range(20))
    assert notice.say(Lang.EN) == f"people.csv:2 to: from 2023-03-01 on nobody follows K1 as manager of {names} and 3 more"
    assert notice.say(Lang.ZH) == f"people.csv:2 to: 自 2023-03-01 起，K1 负责的客户无人接任：{names} 等，另有 3 户"


# --- classifications.csv ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "C3,gas,2022,1,12,no,no,K3,K3",
            "classifications.csv:5 approved_by: K3 also decided it; somebody else must approve it",
        ),
        (
            "C2,electricity,2022,1,12,no,no,K1,K3",
            'classifications.csv:5 customer: "C2, electricity, 2022" stands on line 4 already',
        ),
        ("C9,gas,2022,1,12,no,no,K1,K3", 'classifications.csv:5 customer: "C9" is not in customers.csv'),
        ("C3,gas,2022,1,12,no,no,K8,K3", 'classifications.csv:5 decided_by: "K8" is not in people.csv'),
        ("C3,gas,2022,1,12,no,no,K1,K8", 'classifications.csv:5 approved_by: "K8" is not in people.csv'),
        ("C9,gas,2021,1,12,no,no,K8,K7", ""),  # rows of earlier years outlive whom they name
    ],
)
def test_classifications(database: Database, tmp_path: Path, row: str, said: str) -> None:
    files = {"classifications": SOUND["classifications"] + row + "\n"}
    if not said:
        put(database, tmp_path, **files)
        return
    with pytest.raises(RegistryRefused) as refused:
        put(database, tmp_path, **files)
    assert refused.value.say(Lang.EN).splitlines()[1:] == [said]


def test_the_newest_year_counts(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path)
    assert SqlRegistry(database).load().large == {"C2"}
    newer = SOUND["classifications"] + "C1,gas,2023,5,12,no,yes,K1,K3\n"
    put(database, tmp_path, classifications=newer)
    assert [SqlRegistry(database).load(number).large for number in (1, 2)] == [{"C2"}, {"C1"}]
