"""RULES use-important-report: a sheet of use a week and a month, for each unit and each important customer."""

from collections.abc import Callable
from pathlib import Path

from tests.support.scene import Office, shown


def test_the_week_of_the_office(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 00:01")
    room.uses("HOTEL-POWER", 2640.0)
    room.until("2023-04-23 12:00")
    room.routine = False
    room.until("2023-04-24 10:00")
    tasks = {task["subject"]: task for task in room.tasks("use-important-report", period="2023-W16")}
    assert {subject: (task["person"], shown(task["due_at"])) for subject, task in tasks.items()} == {
        "unit 一所": ("ZHAO", "2023-04-27 17:30"),
        "unit 二所": ("ZHOU", "2023-04-27 17:30"),
    }

    # Ten per cent more than the week before, for the important customer and in the unit's sum; the file is the evidence.
    words = ("report", "weekly", "--unit", "一所", "--period", "2023-W16", "--format", "csv")
    assert "--out" in room.refused("ZHAO", *words, "--file")
    assert "ZHOU" in room.refused("ZHOU", *words, "--out", "other.csv", "--file")
    room.says("ZHAO", *words, "--out", "week.csv", "--file")
    sheet = Path("week.csv").read_text(encoding="utf-8-sig")
    assert "HOTEL" in sheet
    assert "18480" in sheet
    assert "16800" in sheet
    assert room.task("use-important-report", "unit 一所", period="2023-W16")["state"] == "met"

    # The other office files none: its head is told two hours before the deadline, after it the supervisor.
    for moment, person in (("2023-04-27 09:30", "SUN"), ("2023-04-27 15:30", "ZHOU"), ("2023-04-27 17:31", "WU")):
        room.until(moment)
        room.told(person, "unit 二所", "2023-04-27 17:30")
    assert room.task("use-important-report", "unit 二所", period="2023-W16")["state"] == "breached"


def test_the_month_and_the_important_customers(office: Callable[..., Office]) -> None:
    room = office("2023-05-04 10:00", days=65)
    tasks = room.tasks("use-important-report", period="2023-04")
    assert [task["subject"] for task in tasks] == ["unit 一所", "unit 二所"]
    month = room.says("ZHAO", "report", "monthly", "--unit", "一所", "--period", "2023-04").out
    assert "72000" in month.replace(",", "")  # thirty days of 2400 kWh
    important = room.says("WU", "report", "important", "--format", "csv").out
    assert "HOTEL" in important
    assert "MILL" not in important
