"""RULES churn-warn: at the first crossing of the warning line the customer is visited or phoned, once an episode."""

from collections.abc import Callable

from tests.support.scene import Office

BOILER = ("--cause", "一台锅炉停用", "--proposal", "五月中旬回访")


def test_the_foundry_uses_four_tenths(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00")
    room.until("2023-04-19 10:00")
    room.uses("FOUNDRY-GAS", 400.0)

    # With the fourth low day the week's mean is at 66 % of the month before: the manager is told, once, and has a task.
    room.until("2023-04-23 10:00")
    text = room.told("WANG", "流失预警：客户FOUNDRY用气", "此前日均1000m³（66%）", "2023-04-24 17:30前")
    assert "宏达铸造厂" not in text
    room.nothing_more()
    (alert,) = room.alerts()
    assert (alert["rule"], alert["subject"]) == ("churn", "FOUNDRY/gas")
    task = room.task("churn-warn", "FOUNDRY/gas", person="WANG", state="open")

    # A task closes only with a cause and a proposal, and not by the manager of another office.
    number = str(task["id"])
    assert "proposal" in room.refused("WANG", "tasks", "done", number, "--cause", "一台锅炉停用")
    assert "CHEN" in room.refused("CHEN", "tasks", "done", number, *BOILER)
    room.until("2023-04-24 09:00")
    room.says("WANG", "tasks", "done", number, *BOILER)
    assert room.task("churn-warn", "FOUNDRY/gas")["state"] == "met"

    # No second warning inside the episode, however long it lasts.
    room.until("2023-05-10 10:00")
    assert len(room.tasks("churn-warn")) == len(room.alerts()) == 1


def test_nobody_visits(office: Callable[..., Office]) -> None:
    """Due in one working day (Sunday 23 April is one): deputy 8 hours before, office head 2 hours before, then breached."""
    room = office("2023-04-19 10:00")
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-04-23 10:00")
    room.told("WANG", "流失预警", "FOUNDRY")
    room.until("2023-04-24 09:30")
    room.told("LI", "FOUNDRY/gas", "2023-04-24 17:30")
    room.until("2023-04-24 15:30")
    room.told("ZHAO", "FOUNDRY/gas", "2023-04-24 17:30")
    assert room.task("churn-warn", "FOUNDRY/gas")["state"] == "open"
    room.until("2023-04-24 17:31")
    room.told("WU", "FOUNDRY/gas", "2023-04-24 17:30")
    task = room.task("churn-warn", "FOUNDRY/gas", state="breached")

    # Done the day after: recorded late, it counts when a second person confirms it, and stays late.
    room.until("2023-04-25 09:00")
    room.says("LI", "tasks", "done", str(task["id"]), *BOILER, "--kind", "visit")
    assert room.task("churn-warn", "FOUNDRY/gas")["state"] == "breached"
    assert "第二人" in room.refused("LI", "tasks", "confirm", str(task["id"]))
    room.says("ZHAO", "tasks", "confirm", str(task["id"]))
    assert room.task("churn-warn", "FOUNDRY/gas")["state"] == "late"


def test_every_crossing_stands_on_the_judgement_list(office: Callable[..., Office]) -> None:
    room = office("2023-04-14 10:00")
    room.until("2023-04-15 08:00")
    room.uses("FOUNDRY-GAS", 680.0)  # Saturday and Sunday: below 70 % of the month's mean
    room.until("2023-04-17 08:00")
    room.uses("FOUNDRY-GAS", 1000.0)
    room.until("2023-04-18 10:00")
    rows = room.asks("WANG", "judge")
    assert [(row["day"], row["subject"], row["reasons"]) for row in rows] == [
        ("2023-04-15", "FOUNDRY/gas", ["weekend"]),
        ("2023-04-16", "FOUNDRY/gas", ["weekend"]),
    ]
    assert room.asks("CHEN", "judge") == []

    # In bulk, with a reason; a day is judged once; what was judged can be taken back.
    assert "--reason" in room.refused("WANG", "judge", "exclude", "--all", "--where", "weekend")
    assert "FOUNDRY" in room.refused("CHEN", "judge", "exclude", "FOUNDRY/gas", "2023-04-15", "--reason", "周末")
    room.says("WANG", "judge", "exclude", "--all", "--where", "weekend", "--reason", "周末不开工")
    assert "WANG" in room.refused("LI", "judge", "act", "FOUNDRY/gas", "2023-04-15")
    assert room.asks("WANG", "judge") == []
    room.says("LI", "judge", "undo", "FOUNDRY/gas", "2023-04-16")
    room.says("LI", "judge", "act", "FOUNDRY/gas", "2023-04-16")
    assert room.task("churn-warn", "FOUNDRY/gas", period="2023-04-16")["person"] == "WANG"
    room.told("WANG", "1项新任务", "FOUNDRY/gas", "2023-04-19 17:30")
    assert room.alerts() == []


def test_seventy_per_cent_is_no_crossing(office: Callable[..., Office]) -> None:
    """Strictly below; twenty known days of the thirty before are enough, nineteen are not."""
    room = office("2023-04-14 10:00", days=20)
    room.until("2023-04-15 08:00")
    room.uses("FOUNDRY-GAS", 700.0)
    room.uses("MILL-GAS", 559.0)
    room.until("2023-04-16 10:00")
    assert [row["subject"] for row in room.asks("MA", "judge")] == ["MILL/gas"]
