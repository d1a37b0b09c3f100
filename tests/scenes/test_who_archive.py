"""RULES who-archive: what is used of the archive must be there and is checked; how complete it is, is a figure by unit."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.scene import FILES, Office

MAIN = """\
H1,FOUNDRY,厂办,13700000001,main,2020-01-01,,
H2,HOTEL,总经理,13700000002,main,2020-01-01,,
H3,MILL,厂办,13700000003,main,2020-01-01,,
"""
HOUSE = {
    "customers": f"{FILES['customers']}HOUSE,散居用户,B2,no,三所,east\n",
    "usage_points": f"{FILES['usage_points']}HOUSE-GAS,gas,,,2,100\n",
    "agreements": f"{FILES['agreements']}4,HOUSE,HOUSE-GAS,2020-01-01,\n",
}


def figures(room: Office, person: str) -> dict[str, list[str]]:
    """Return by unit: customers, then unit, area, class, manager, deputy, main contact, limits, complete."""
    path = Path(f"{person}-{len(list(Path().glob('*.csv')))}.csv")
    room.says(person, "report", "archive", "--format", "csv", "--out", str(path))
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    return {row[0]: row[1:] for row in rows[1:] if len(row) > 1}


def test_how_complete_it_is(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1, **HOUSE)
    whole, none = "100.0%", "0.0%"
    assert figures(room, "WU") == {
        "一所": ["2", whole, whole, whole, whole, whole, none, whole, none],  # outage contacts only
        "二所": ["1", whole, whole, whole, whole, whole, none, whole, none],
        "三所": ["1", whole, whole, whole, whole, whole, whole, whole, whole],  # B2: nobody asks who knows him
    }
    room.files_registry(contacts=f"{FILES['contacts']}{MAIN}")
    assert [row[-1] for row in figures(room, "WU").values()] == [whole, whole, whole]

    # Kept current: a lost area and a point without a limit count against the unit; who moved out counts no more.
    room.files_registry(
        customers=HOUSE["customers"].replace("一所,north\nHOTEL", "一所,\nHOTEL"),
        usage_points=HOUSE["usage_points"].replace("MILL-GAS,gas,,,2,100", "MILL-GAS,gas,,,,"),
        agreements=HOUSE["agreements"].replace("HOUSE-GAS,2020-01-01,", "HOUSE-GAS,2020-01-01,2023-04-17"),
    )
    room.told("GAO", "HOUSE", "抄送")
    assert figures(room, "WU") == {
        "一所": ["2", whole, "50.0%", whole, "50.0%", "50.0%", whole, whole, "50.0%"],
        "二所": ["1", whole, whole, whole, whole, whole, whole, none, none],
    }
    assert list(figures(room, "ZHAO")) == ["一所"]
    assert "WANG" in room.refused("WANG", "report", "archive")


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("customers", "FOUNDRY,宏达铸造厂,A1", "FOUNDRY,,A1"),
        ("customers", "二所,south\n", "二所,south\nMILL,长江纺织厂,A1,no,二所,south\n"),
        ("usage_points", "HOTEL-POWER,electricity,,315,,", "HOTEL-POWER,electricity,,-5,,"),
        ("usage_points", "FOUNDRY-GAS,gas,,,2,100", "FOUNDRY-GAS,gas,,,200,100"),
        ("agreements", "1,FOUNDRY,FOUNDRY-GAS,2020-01-01,", "1,FOUNDRY,FOUNDRY-GAS,,"),
        ("agreements", "3,MILL,MILL-GAS", "3,MILL,FOUNDRY-GAS"),
        ("meters", "M-MILL-GAS,MILL-GAS", "M-MILL-GAS,NOWHERE"),
        ("people", "WANG,王芳,manager,13800000001", "WANG,王芳,manager,一三八"),
        ("assignments", "WANG,manager", "WHO,manager"),
    ],
)
def test_what_is_used_is_checked(office: Callable[..., Office], file: str, right: str, wrong: str) -> None:
    """Nothing of a folder with a mistake is taken, and the mistake is named with its file and line."""
    room = office("2023-04-17 10:00", days=1)
    assert right in str(FILES[file])
    with pytest.raises(AssertionError, match=rf"{file}\.csv"):
        room.files_registry(**{file: str(FILES[file]).replace(right, wrong)})
    assert [row["action"] for row in room.asks("WU", "audit", "list")].count("registry.import") == 1


def test_the_churn_record_of_a_customer(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00")
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-04-21 10:00")
    room.told("WANG", "FOUNDRY")
    room.says("WANG", "timeline", "FOUNDRY", "--out", "history.txt")
    history = Path("history.txt").read_text(encoding="utf-8")
    assert "用量流失" in history
    assert "触发日: 2023-04-20" in history
