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
    room.until("2023-04-24 15:20")
    room.says("WANG", "tasks", "done", number, *BOILER)
    assert room.task("churn-warn", "FOUNDRY/gas")["state"] == "met"

    # No second warning inside the episode, however long it lasts.
    room.until("2023-05-10 10:00")
    assert len(room.tasks("churn-warn")) == len(room.alerts()) == 1
