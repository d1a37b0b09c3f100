"""RULES oversee: the supervisor oversees the offices: duties met, late and open, by rule, unit and manager, per period."""

import csv
from collections.abc import Callable
from pathlib import Path

from tests.support.scene import Office, shown

DUE, MET, LATE, BREACHED, OPEN = range(2, 7)  # columns of the sheet


def overseen(room: Office, person: str, *words: str) -> dict[str, tuple[str, ...]]:
    """Return the sheet's rows by what they are of: due, met, late, breached, open, void, in time, before, year."""
    path = f"{person}-{len(list(Path().glob('*.csv')))}.csv"
    room.says(person, "report", "oversee", "--format", "csv", "--out", path, *words)
    _, *rows = csv.reader(Path(path).read_text(encoding="utf-8-sig").splitlines())
    return {row[1] or "合计": tuple(row[2:]) for row in rows if len(row) > 1}


def complained(room: Office, *customers: str) -> None:
    for customer in customers:
        room.says("LIN", "complaint", "add", customer, "--grade", "ordinary", "--text", "计量有误")


def test_a_month_rolled_forward(office: Callable[..., Office]) -> None:
    room = office("2023-03-30 10:00", days=40)
    for person, customer in (("WANG", "FOUNDRY"), ("WANG", "HOTEL"), ("CHEN", "MILL")):
        room.says(person, "contact", "add", customer, "--kind", "visit", "--note", "季度走访")
    complained(room, "FOUNDRY", "MILL")  # answered by both offices, settled by neither until 31 March, 17:30
    room.says("WANG", "complaint", "answer", "1", "--note", "已答复")
    room.says("CHEN", "complaint", "answer", "2", "--note", "answered")
    room.until("2023-03-31 18:00")
    for person, subject in (("LI", "FOUNDRY"), ("ZHAO", "FOUNDRY"), ("SUN", "MILL"), ("ZHOU", "MILL")):
        room.told(person, subject, "2023-03-31 17:30")
    room.told("WU", "有2项任务", "FOUNDRY，办结投诉", "MILL，办结投诉")
    room.says("WANG", "complaint", "close", "1", "--note", "已换表")
    room.says("ZHAO", "tasks", "confirm", str(room.task("complaint-done", "FOUNDRY")["id"]))

    # March: seven tasks, five in time, one late, one breached; by unit, by rule and by manager.
    march = overseen(room, "WU", "--period", "2023-03")
    none_before = ("0", "")
    assert march == {
        "合计": ("7", "5", "1", "1", "0", "0", "71.4%", *none_before, "7", "71.4%"),
        "一所": ("4", "3", "1", "0", "0", "0", "75.0%", *none_before, "4", "75.0%"),
        "二所": ("3", "2", "0", "1", "0", "0", "66.7%", *none_before, "3", "66.7%"),
        "答复投诉": ("2", "2", "0", "0", "0", "0", "100.0%", *none_before, "2", "100.0%"),
        "办结投诉": ("2", "0", "1", "1", "0", "0", "0.0%", *none_before, "2", "0.0%"),
        "走访或电话联系客户": ("3", "3", "0", "0", "0", "0", "100.0%", *none_before, "3", "100.0%"),
        "CHEN": ("3", "2", "0", "1", "0", "0", "66.7%", *none_before, "3", "66.7%"),
        "WANG": ("4", "3", "1", "0", "0", "0", "75.0%", *none_before, "4", "75.0%"),
    }

    # April begins: March is the period before, and the year goes on from it.
    room.until("2023-04-03 10:00")
    complained(room, "HOTEL")
    april = overseen(room, "MA", "--period", "2023-04")["CHEN"], overseen(room, "MA", "--period", "2023-04")["WANG"]
    assert april == (
        ("0", "0", "0", "0", "0", "0", "", "3", "66.7%", "3", "66.7%"),
        ("2", "0", "0", "0", "2", "0", "", "4", "75.0%", "6", "75.0%"),
    )
    quarter = overseen(room, "WU", "--period", "2023-Q1")
    assert quarter["合计"][:7] == march["合计"][:7]

    # An office head sees his own unit, a manager none.
    assert "二所" not in overseen(room, "ZHAO", "--period", "2023-03")
    assert "二所" in room.refused("ZHAO", "report", "oversee", "--period", "2023-03", "--unit", "二所")
    assert "WANG" in room.refused("WANG", "report", "oversee", "--period", "2023-03")
    room.says("WANG", "complaint", "answer", "3", "--note", "已答复")
    room.says("WANG", "complaint", "close", "3", "--note", "已解释")


def test_the_supervisor_looks_through_every_unit(office: Callable[..., Office]) -> None:
    room = office("2023-04-10 10:00", days=40)
    tasks = {task["subject"]: (task["person"], task["period"], shown(task["due_at"])) for task in room.tasks("oversee")}
    # Opened on the 10th, the last day on which March is asked for; five working days later is the 17th.
    assert tasks == {f"unit {unit}": ("WU", "2023-03", "2023-04-17 17:30") for unit in ("一所", "二所")}
    room.routine = False
    words = ("report", "oversee", "--period", "2023-03", "--file", "--out")
    refused = room.refused("ZHAO", *words, "own.txt", "--unit", "一所")  # nobody oversees himself
    assert "可由负责人 (WU)、督察或公司经理办结" in refused
    assert "--unit" in room.refused("WU", *words, "both.txt")
    assert not Path("own.txt").exists()
    assert not Path("both.txt").exists()
    room.says("WU", *words, "first.txt", "--unit", "一所")  # nothing was due, and that is a finding too
    assert room.task("oversee", "unit 一所")["state"] == "met"
    assert "2023-03" in room.refused("WU", *words, "again.txt", "--unit", "一所")
    number = str(room.task("oversee", "unit 二所", state="open")["id"])
    assert "report" in room.refused("WU", "tasks", "done", number, "--kind", "phone", "--note", "已询问")

    # What the supervisor does not look through is breached, and the company manager is told, nobody of the office.
    for task in room.tasks("use-important-report", state="open"):
        sheet = ("weekly" if "W" in task["period"] else "monthly", "--unit", task["unit"], "--period", task["period"])
        room.says(task["person"], "report", *sheet, "--out", f"{task['id']}.txt", "--file")
    room.until("2023-04-17 17:30")
    room.nothing_more()
    room.until("2023-04-17 17:31")
    room.told("MA", f"编号{number} unit 二所", "期限2023-04-17 17:30")
    assert room.task("oversee", "unit 二所")["state"] == "breached"
