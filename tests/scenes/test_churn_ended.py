"""RULES churn-ended: of who has ended his use the unit collects receivables, and finance supervises."""

from collections.abc import Callable

from tests.support.scene import FILES, Office

MOVED_OUT = str(FILES["agreements"]).replace(
    "1,FOUNDRY,FOUNDRY-GAS,2020-01-01,", "1,FOUNDRY,FOUNDRY-GAS,2020-01-01,2023-04-19"
)


def test_the_foundry_moves_out(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1)
    room.files_registry(agreements=MOVED_OUT)
    room.until("2023-04-18 12:00")
    assert room.tasks("churn-ended") == []
    room.until("2023-04-19 00:01")

    # The unit's head has five working days; finance gets a copy.
    task = room.task("churn-ended", "FOUNDRY", person="ZHAO", state="open")
    assert task["due_at"].startswith("2023-04-25T09:30")
    room.until("2023-04-19 07:00")
    room.told("GAO", "抄送", "FOUNDRY", "2023-04-25 17:30")
    assert "note" in room.refused("ZHAO", "tasks", "done", str(task["id"]), "--kind", "text")
    assert "CHEN" in room.refused("CHEN", "tasks", "done", str(task["id"]), "--kind", "text", "--note", "已结清")
    room.says("ZHAO", "tasks", "done", str(task["id"]), "--kind", "text", "--note", "应收款项已结清")
    assert room.task("churn-ended", "FOUNDRY")["state"] == "met"


def test_a_month_below_turns_out_to_be_the_end(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00")
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 0.0)
    room.until("2023-04-22 10:00")
    room.told("WANG", "流失预警", "FOUNDRY")
    warned = str(room.task("churn-warn", "FOUNDRY/gas")["id"])
    room.says("WANG", "tasks", "done", warned, "--cause", "停产", "--proposal", "跟踪")
    room.until("2023-05-15 10:00")
    confirm = str(room.task("churn-confirm", "FOUNDRY/gas", state="open")["id"])
    room.says("WANG", "tasks", "done", confirm, "--kind", "visit", "--note", "已停产搬迁", "--outcome", "ended")
    room.told("ZHAO", "新任务", "FOUNDRY/gas")
    room.told("GAO", "抄送", "FOUNDRY/gas")
    assert room.task("churn-ended", "FOUNDRY/gas", state="open")["person"] == "ZHAO"
