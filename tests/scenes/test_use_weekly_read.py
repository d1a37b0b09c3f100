"""RULES use-weekly-read: every large customer's meter is read and checked each week, register against intervals."""

from collections.abc import Callable
from datetime import timedelta

from tests.support.desk import at
from tests.support.scene import FILES, Office

REPAIRED = ("--cause", "通信模块损坏", "--proposal", "更换模块")
FACTORY = {"designations": str(FILES["designations"]) + "FOUNDRY,infrastructure,1,decision 2022-6,WU,2030-12-31\n"}


def test_nothing_came_in_a_week(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 00:01")
    room.uses("HOTEL-POWER", None)
    room.until("2023-04-19 07:00")
    room.told("WANG", "表计失联", "HOTEL-POWER")
    room.says("WANG", "tasks", "done", str(room.task("meter-silent", "HOTEL-POWER")["id"]), "--kind", "visit", *REPAIRED)
    room.until("2023-04-24 07:00")
    room.told("WANG", "周抄表核对", "HOTEL-POWER", "7天中0天有有效读数", "2023-04-27 17:30")
    task = room.task("use-weekly-read", "HOTEL-POWER", person="WANG", state="open")
    room.says("WANG", "tasks", "done", str(task["id"]), "--kind", "reading", "--note", "现场抄见 144000")
    assert room.task("use-weekly-read", "HOTEL-POWER")["state"] == "met"


def test_register_and_intervals_do_not_agree(office: Callable[..., Office]) -> None:
    """The foundry is important: its register went on by 7000 m3 in the week from 08:00 on Monday, its hours say less."""
    room = office("2023-04-17 08:00", **FACTORY)
    room.until("2023-04-24 09:00")
    hours = [at("2023-04-17 09:00") + timedelta(hours=number) for number in range(7 * 24)]
    room.reads_late("FOUNDRY-GAS", hours, gas_hour=1000.0 / 24 - 2.0)
    room.until("2023-04-24 10:00")
    text = room.told("WANG", "周抄表核对", "FOUNDRY-GAS", "表底示数差7000m³")
    assert "7天中7天" in text
    assert [task["subject"] for task in room.tasks("use-weekly-read")] == ["FOUNDRY-GAS"]


def test_a_week_read_and_agreeing_asks_nothing(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 00:01")
    room.until("2023-04-24 10:00")
    assert room.tasks("use-weekly-read") == []
