"""RULES use-abnormal: abnormal use of a large customer: staff at once, the customer is told, the cause the same day."""

from collections.abc import Callable

from tests.support.scene import Office


def overload(office: Callable[..., Office]) -> Office:
    """At a quarter past two in the afternoon of 18 April the hotel runs at 400 kW; its capacity is 315 kW."""
    room = office("2023-04-18 09:00")
    room.until("2023-04-18 14:15")
    room.reads("HOTEL-POWER", "2023-04-18 14:00", kw=300.0)
    room.reads("HOTEL-POWER", "2023-04-18 14:15", kw=400.0)
    room.told("WANG", "负荷告警", "HOTEL", "400kW", "127%")
    room.told("HE", "新任务", "HOTEL-POWER", "2023-04-18 14:30")
    return room


def test_the_customer_is_told_within_a_quarter_of_an_hour_and_the_cause_is_recorded(office: Callable[..., Office]) -> None:
    room = overload(office)
    assert (room.task("use-abnormal", "HOTEL-POWER")["person"], len(room.alerts())) == ("HE", 1)
    room.until("2023-04-18 14:20")

    # A call that reached the hotel meets it; one that reached nobody does not.
    room.says("WANG", "contact", "add", "HOTEL", "--kind", "phone", "--note", "无人接听", "--reached", "no")
    assert room.task("use-abnormal", "HOTEL-POWER")["state"] == "open"
    room.says("WANG", "contact", "add", "HOTEL", "--kind", "phone", "--contact", "N2", "--note", "已告知超容")
    assert room.task("use-abnormal", "HOTEL-POWER")["state"] == "met"

    # The cause, the same day.
    cause = room.task("use-abnormal-cause", "HOTEL-POWER", person="WANG", state="open")
    assert cause["due_at"].startswith("2023-04-18T16:00")  # midnight in the office
    assert "cause" in room.refused("WANG", "tasks", "done", str(cause["id"]))
    room.says("WANG", "tasks", "done", str(cause["id"]), "--cause", "空调与锅炉同时启动")
    handled = str(room.task("use-monitor", "HOTEL-POWER")["id"])
    room.says("WANG", "tasks", "done", handled, "--cause", "空调与锅炉同时启动", "--proposal", "错峰")
    assert {task["state"] for task in room.tasks() if task["alert"]} == {"met"}


def test_nobody_calls(office: Callable[..., Office]) -> None:
    """Five minutes before, the office head; after it, the supervisor. Urgent ones do not wait for the morning."""
    room = overload(office)
    room.until("2023-04-18 14:25")
    room.told("ZHAO", "督办", "HOTEL-POWER", "2023-04-18 14:30")
    room.until("2023-04-18 14:31")
    room.told("WU", "督办", "HOTEL-POWER")
    assert room.task("use-abnormal", "HOTEL-POWER")["state"] == "breached"


def test_who_is_not_large_is_not_called(office: Callable[..., Office]) -> None:
    room = office("2023-04-18 09:00")
    room.until("2023-04-18 14:15")
    room.reads("MILL-GAS", "2023-04-18 14:00", flow=100.0)
    room.reads("MILL-GAS", "2023-04-18 14:15", flow=110.0)
    room.told("CHEN", "Load alert", "MILL-GAS", "110 m³/h")
    assert room.tasks("use-abnormal") == room.tasks("use-abnormal-cause") == []
