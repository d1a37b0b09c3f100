"""RULES use-monitor: load is watched as it comes; what is abnormal at an important customer is handled the same day."""

from collections.abc import Callable

from tests.support.scene import Office

HANDLED = ("--cause", "锅炉与空调同时启动", "--proposal", "错峰启动")


def test_the_hotel_runs_over_its_capacity(office: Callable[..., Office]) -> None:
    room = office("2023-04-18 09:00")
    room.until("2023-04-18 14:00")
    room.reads("HOTEL-POWER", "2023-04-18 14:00", kw=315.0)
    assert room.alerts() == []
    room.until("2023-04-18 14:15")
    room.reads("HOTEL-POWER", "2023-04-18 14:15", kw=330.0)
    room.told("WANG", "负荷告警：客户HOTEL用户点HOTEL-POWER", "330kW", "限值315kW的105%", "2023-04-19 00:00")
    room.told("HE", "新任务", "2023-04-18 14:30")
    assert [alert["rule"] for alert in room.alerts()] == ["load"]

    # The important customer's is handled the same day, with cause and proposal. A second reading is no second alert.
    room.until("2023-04-18 14:20")
    room.reads("HOTEL-POWER", "2023-04-18 14:20", kw=335.0)
    task = room.task("use-monitor", "HOTEL-POWER", person="WANG", state="open")
    assert "proposal" in room.refused("WANG", "tasks", "done", str(task["id"]), "--cause", "不明")
    room.says("WANG", "tasks", "done", str(task["id"]), *HANDLED)
    for rule in ("use-abnormal", "use-abnormal-cause"):
        number = str(room.task(rule, "HOTEL-POWER")["id"])
        room.says("HE" if rule == "use-abnormal" else "WANG", "tasks", "done", number, *HANDLED, "--note", "已告知")
    assert len(room.alerts()) == 1


def test_gas_above_what_the_meter_can_measure(office: Callable[..., Office]) -> None:
    """The foundry is not important: an alert and a message, and nobody has to handle it."""
    room = office("2023-04-18 09:00")
    room.until("2023-04-18 14:15")
    room.reads("FOUNDRY-GAS", "2023-04-18 14:00", flow=100.0)
    room.reads("FOUNDRY-GAS", "2023-04-18 14:15", flow=110.0)
    room.told("WANG", "负荷告警", "FOUNDRY-GAS", "110m³/h", "限值100m³/h的110%")
    assert room.tasks("use-monitor") == []
