"""RULES who-january: in January the offices look anew who is large by his use; a supervisor approves it by the 31st."""

from collections.abc import Callable
from pathlib import Path

from tests.support.scene import Office, shown

CLASSES = "[classes]\nlarge_m3 = 25000"  # the same for gas; 4000 kWh for power
USED = {"FOUNDRY-GAS": 1000.0, "HOTEL-POWER": 100.0, "MILL-GAS": 800.0}
YEAR = ("registry", "classify", "--year", "2022")


def test_old_and_new_decided_and_approved(office: Callable[..., Office]) -> None:
    """Readings begin in December: the year is not covered, so every row is the office's to decide."""
    room = office("2023-01-03 10:00", days=33, used=USED, settings=CLASSES)
    tasks = {task["subject"]: (task["person"], task["period"], shown(task["due_at"])) for task in room.tasks("who-january")}
    due = ("2023", "2023-01-31 17:30")
    assert tasks == {"unit 一所": ("ZHAO", *due), "unit 二所": ("ZHOU", *due)}

    def rows() -> dict[str, tuple[bool, bool, bool, bool | None]]:
        found = room.asks("ZHAO", *YEAR)["rows"]
        return {row["customer"]: (row["old_large"], row["proposed"], row["provisional"], row["large"]) for row in found}

    assert rows() == {
        "FOUNDRY": (False, True, True, None),
        "HOTEL": (False, False, True, None),
        "MILL": (False, False, True, None),
    }
    assert "2023" in room.refused("ZHAO", "registry", "classify", "--year", "2023")  # not over yet

    # The office decides row by row; a sheet with an empty row, or one that changed the figures, is not taken.
    room.says("ZHAO", *YEAR, "--csv", "sheet.csv")
    sheet = Path("sheet.csv").read_text(encoding="utf-8-sig")
    decided = "".join(
        line + {"FOUNDRY": "yes", "HOTEL": "no", "MILL": "no"}.get(line.partition(",")[0], "") + "\n"
        for line in sheet.splitlines()
    )
    for wrong in (
        sheet,
        decided.replace("HOTEL,", "GONE,"),
        decided.replace("FOUNDRY,gas,2022,A1,3", "FOUNDRY,gas,2022,A1,4"),
    ):
        Path("decided.csv").write_text(wrong, encoding="utf-8")
        room.refused("ZHAO", *YEAR, "--decide", "decided.csv")
    Path("decided.csv").write_text(decided, encoding="utf-8")
    assert "WANG" in room.refused("WANG", *YEAR, "--decide", "decided.csv")
    assert "--decide" in room.refused("WU", *YEAR, "--approve")
    room.says("WU", *YEAR, "--decide", "decided.csv")
    assert "WU" in room.refused("WU", *YEAR, "--approve")  # not what he decided himself
    room.says("ZHAO", *YEAR, "--decide", "decided.csv")
    assert rows()["FOUNDRY"] == (False, True, True, True)

    # Decided is not approved: nobody is large by it until the supervisor says so.
    assert [task["subject"] for task in room.tasks("contact-visit", period="2023-Q1")] == ["FOUNDRY", "HOTEL", "MILL"]
    assert room.says("WU", "report", "important", "--large", "--format", "csv").out.count("FOUNDRY") == 0
    assert "ZHOU" in room.refused("ZHOU", *YEAR, "--approve")
    room.says("WU", *YEAR, "--approve")
    assert room.says("WU", "report", "important", "--large", "--format", "csv").out.count("FOUNDRY") == 1
    assert rows()["FOUNDRY"] == (True, True, True, None)
    room.refused("WU", *YEAR, "--approve")
    assert [task["state"] for task in room.tasks("who-january")] == ["met", "met"]


def test_nobody_classifies(office: Callable[..., Office]) -> None:
    room = office("2023-01-16 10:00", days=20, used=USED)
    for moment, deputies in (("2023-01-17 17:30", ("LI", "SUN")), ("2023-01-24 17:30", ("ZHAO", "ZHOU"))):
        room.until(moment)
        for person, unit in zip(deputies, ("一所", "二所"), strict=True):
            room.told(person, f"unit {unit}", "2023-01-31 17:30")
        room.nothing_more()
    room.until("2023-01-31 17:30")
    assert {task["state"] for task in room.tasks("who-january")} == {"open"}
    room.until("2023-01-31 17:31")
    room.told("WU", "unit 一所", "unit 二所")
    assert {task["state"] for task in room.tasks("who-january")} == {"breached"}

    # What is left of it in February is still breached: it is not taken for done because January is over.
    room.until("2023-02-01 10:00")
    assert {task["state"] for task in room.tasks("who-january")} == {"breached"}
