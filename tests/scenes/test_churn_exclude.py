"""RULES churn-exclude: what is regular or seasonal is excluded by a person's judgement, for a time, with a second person."""

from collections.abc import Callable

from tests.support.scene import Office

OVERHAUL = ("--from", "2023-04-19", "--to", "2023-05-05", "--reason", "年度检修")


def test_an_overhaul_announced_before(office: Callable[..., Office]) -> None:
    """The foundry is of class A1: its manager's word is not enough."""
    room = office("2023-04-17 10:00")
    asked = room.asks("WANG", "exclude", "add", "FOUNDRY/gas", *OVERHAUL)
    assert asked["state"] == "asked"
    room.told("ZHAO", "新任务", "FOUNDRY/gas", "2023-04-19 17:30")
    task = room.task("churn-exclude", "FOUNDRY/gas", person="ZHAO", state="open")

    # Nobody approves his own, nor does a manager; the task is closed by the decision, not by itself.
    assert "WANG" in room.refused("WANG", "exclude", "approve", "1")
    assert "LI" in room.refused("LI", "exclude", "approve", "1")
    plain = ("--kind", "approval", "--outcome", "approved")
    assert "meterwatch exclude approve 1" in room.refused("ZHAO", "tasks", "done", str(task["id"]), *plain)
    room.says("ZHAO", "exclude", "approve", "1")
    assert room.task("churn-exclude", "FOUNDRY/gas")["state"] == "met"

    # The alert is kept and says why nobody was told; nothing is owed.
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-04-30 10:00")
    (alert,) = room.alerts("churn")
    assert alert["suppressed"] == "excluded"
    assert room.tasks("churn-warn") == []
    assert {"excluded"} <= {reason for row in room.asks("WANG", "judge") for reason in row["reasons"]}


def test_asked_for_too_late_it_voids_what_is_open(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00")
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-04-23 10:00")
    room.told("WANG", "流失预警", "FOUNDRY")
    room.says("WANG", "exclude", "add", "FOUNDRY/gas", *OVERHAUL)
    room.told("ZHAO", "新任务", "FOUNDRY/gas")
    room.says("ZHAO", "exclude", "approve", "1")
    assert room.task("churn-warn", "FOUNDRY/gas")["state"] == "void"
    assert len(room.alerts("churn")) == 1


def test_one_persons_word_for_others_and_an_end_for_all(office: Callable[..., Office]) -> None:
    """The hotel is A2. What ends is warned of again; an exclusion without an end is none."""
    room = office("2023-04-17 10:00")
    once = ("exclude", "add", "HOTEL/electricity", "--from", "2023-04-18")
    assert "2024-04-17" in room.refused("WANG", *once, "--to", "2026-01-01", "--reason", "淡季")
    assert "--until" in room.refused("WANG", *once, "--to", "2023-04-20", "--yearly", "--reason", "淡季")
    assert "CHEN" in room.refused("CHEN", *once, "--to", "2023-04-20", "--reason", "淡季")
    assert room.asks("WANG", *once, "--to", "2023-04-20", "--reason", "淡季")["state"] == "approved"
    room.until("2023-04-18 00:00")
    room.uses("HOTEL-POWER", 1000.0)
    room.until("2023-04-22 07:00")
    room.told("WANG", "流失预警：客户HOTEL用电", "2023-04-24 17:30")
    (row,) = room.asks("WANG", "exclude", "list", "--all")
    assert (row["state"], row["person"], row["decided_by"]) == ("approved", "WANG", "WANG")
    assert room.asks("WANG", "exclude", "list") == []


def test_an_exclusion_ended_before_its_time(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00")
    room.says(
        "WANG", "exclude", "add", "HOTEL/electricity", "--from", "2023-04-18", "--to", "2023-05-20", "--reason", "淡季"
    )
    assert "CHEN" in room.refused("CHEN", "exclude", "end", "1")
    room.says("WANG", "exclude", "end", "1")
    room.until("2023-04-18 00:00")
    room.uses("HOTEL-POWER", 1000.0)
    room.until("2023-04-22 07:00")
    room.told("WANG", "流失预警：客户HOTEL用电")


def test_nobody_decides(office: Callable[..., Office]) -> None:
    """Two working days; the head is told again before the deadline, the supervisor after it."""
    room = office("2023-04-17 10:00")
    room.says("WANG", "exclude", "add", "FOUNDRY/gas", *OVERHAUL)
    room.told("ZHAO", "新任务", "FOUNDRY/gas", "2023-04-19 17:30")
    room.until("2023-04-19 09:30")
    room.told("LI", "FOUNDRY/gas")
    room.until("2023-04-19 15:30")
    room.told("ZHAO", "督办", "FOUNDRY/gas")
    room.until("2023-04-19 17:31")
    room.told("WU", "督办", "FOUNDRY/gas")
    assert room.task("churn-exclude", "FOUNDRY/gas")["state"] == "breached"
