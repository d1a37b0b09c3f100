"""RULES who-important: a designation makes its customer important, whatever he uses; he is large as the general large."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.scene import FILES, Office

HEADER = "customer,category,grade,basis,approved_by,review_date\n"
LARGE_FOUNDRY = """\
customer,commodity,year,monthly_mean,months,provisional,large,decided_by,approved_by
FOUNDRY,gas,2022,30000,12,no,yes,ZHAO,WU
"""


def listed(room: Office, person: str, *words: str) -> dict[str, list[str]]:
    """Return the report's rows by customer: class, grade, category, review date, manager, deputy, outage contact."""
    path = Path(f"{person}-{len(list(Path().glob('*.csv')))}.csv")
    room.says(person, "report", "important", "--format", "csv", "--out", str(path), *words)
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    return {row[1]: row[3:10] for row in rows[1:] if len(row) > 1}


def test_whatever_he_uses(office: Callable[..., Office]) -> None:
    """The hotel takes one kilowatt-hour a day, the foundry 30 000 cubic metres a month."""
    used = {"FOUNDRY-GAS": 1000.0, "HOTEL-POWER": 1.0, "MILL-GAS": 800.0}
    room = office("2023-04-17 10:00", used=used, days=20, classifications=LARGE_FOUNDRY)
    hotel = ["A2", "二级", "公共服务", "2030-12-31", "WANG", "LI", "有"]
    assert listed(room, "WU") == {"HOTEL": hotel}
    assert listed(room, "WU", "--large") == {"HOTEL": hotel, "FOUNDRY": ["A1", "", "", "", "WANG", "LI", "有"]}
    assert listed(room, "ZHAO") == {"HOTEL": hotel}
    assert "二所" in room.refused("ZHOU", "report", "important")  # nobody of his is important
    assert "WANG" in room.refused("WANG", "report", "important")

    # What large ones are owed, both are; the mill, which is neither, is not.
    room.files_registry(contacts="contact,customer,name,phone,role\n")
    assert {task["subject"] for task in room.tasks("out-contact")} == {"FOUNDRY", "HOTEL"}
    people = f"{FILES['assignments']}CHEN,manager,,,,large,,\nSUN,manager,,,,important,,\n"
    room.files_registry(assignments=people, designations=f"{HEADER}MILL,政府,特级,2023-9,WU,2024-04-17\n")
    room.says("LIN", "complaint", "add", "HOTEL", "--grade", "gas", "--text", "投诉")
    room.says("LIN", "complaint", "add", "FOUNDRY", "--grade", "gas", "--text", "投诉")
    room.says("LIN", "complaint", "add", "MILL", "--grade", "gas", "--text", "投诉")
    assert {task["subject"]: task["person"] for task in room.tasks("complaint-answer")} == {
        "HOTEL": "WANG",  # by his area: he is important no longer
        "FOUNDRY": "CHEN",
        "MILL": "SUN",
    }
    assert {task["subject"] for task in room.tasks("out-contact", state="open")} == {"FOUNDRY", "MILL"}


def test_the_day_it_is_looked_at_again(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=20, designations=f"{HEADER}HOTEL,公共服务,临时,2023-9,WU,2023-04-17\n")
    assert listed(room, "WU")["HOTEL"][1:4] == ["临时", "公共服务", "2023-04-17"]
    room.until("2023-04-18 10:00")
    assert listed(room, "WU")["HOTEL"][1:4] == ["临时", "公共服务", "2023-04-17（已过期）"]


@pytest.mark.parametrize(
    "row",
    [
        "HOTEL,公共服务,三级,2023-9,WU,2030-12-31",  # no such grade: levels 1, 2, 3 are of another kind
        "HOTEL,商业,2,2023-9,WU,2030-12-31",
        "HOTEL,公共服务,2,,WU,2030-12-31",
        "HOTEL,公共服务,2,2023-9,,2030-12-31",
        "HOTEL,公共服务,2,2023-9,NOBODY,2030-12-31",
        "HOTEL,公共服务,2,2023-9,WU,",
        "NOBODY,公共服务,2,2023-9,WU,2030-12-31",
    ],
)
def test_a_record_is_whole(office: Callable[..., Office], row: str) -> None:
    room = office("2023-04-17 10:00", days=1)
    with pytest.raises(AssertionError, match=r"designations\.csv"):
        room.files_registry(designations=f"{HEADER}{row}\n")
