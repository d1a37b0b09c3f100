"""RULES use-weekly-swing: +30 % or -20 % against last week, or the same period last month: a fluctuation analysis."""

from collections.abc import Callable

import pytest

from tests.support.scene import Office

MONDAY = "2023-04-17 00:01"


def week_at(office: Callable[..., Office], daily: float) -> Office:
    """The hotel used 2400 kWh a day, and ``daily`` in the week from Monday 17 to Sunday 23 April."""
    room = office(MONDAY)
    room.uses("HOTEL-POWER", daily)
    room.until("2023-04-24 00:00")
    room.uses("HOTEL-POWER", 2400.0)
    room.until("2023-04-24 07:00")
    return room


@pytest.mark.parametrize(("daily", "percent"), [(3120.0, "130%"), (1920.0, "80%")])
def test_the_bounds_are_included(office: Callable[..., Office], daily: float, percent: str) -> None:
    room = week_at(office, daily)
    room.told("WANG", "周用量波动：客户HOTEL用电截至2023-04-23", percent, "2023-04-27 17:30")
    task = room.task("use-weekly-swing", "HOTEL/electricity", person="WANG", state="open")
    assert [alert["rule"] for alert in room.alerts()] == ["swing"]

    # The analysis is a text with cause and measures; a phone call is none.
    said = ("--cause", "会议接待", "--proposal", "下周复核")
    cause = str(room.task("use-abnormal-cause", "HOTEL/electricity", person="WANG", state="open")["id"])
    room.says("WANG", "tasks", "done", cause, "--note", "已询问", *said)
    assert "text" in room.refused("WANG", "tasks", "done", str(task["id"]), *said)
    room.says("WANG", "tasks", "done", str(task["id"]), "--kind", "text", "--note", "接待大型会议，空调全开", *said)
    assert room.task("use-weekly-swing", "HOTEL/electricity")["state"] == "met"


@pytest.mark.parametrize("daily", [3119.0, 1921.0])
def test_within_them_nobody_is_asked(office: Callable[..., Office], daily: float) -> None:
    room = week_at(office, daily)
    assert room.alerts() == []
    assert room.tasks("use-weekly-swing") == []


def test_it_is_of_large_customers_only_and_climbs_like_any_other(office: Callable[..., Office]) -> None:
    """The mill is neither important nor decided to be large. Three working days: 26 April, as the 23rd worked."""
    room = office(MONDAY)
    room.uses("HOTEL-POWER", 3200.0)
    room.uses("MILL-GAS", 1100.0)
    room.until("2023-04-24 10:00")
    room.told("WANG", "周用量波动", "HOTEL")
    assert [task["subject"] for task in room.tasks("use-weekly-swing")] == ["HOTEL/electricity"]
    cause = str(
        room.task("use-abnormal-cause", "HOTEL/electricity", person="WANG")["id"]
    )  # the same day, RULES use-abnormal
    room.says("WANG", "tasks", "done", cause, "--cause", "会议接待", "--proposal", "复核", "--note", "已询问")
    for moment, person in (("2023-04-27 09:30", "LI"), ("2023-04-27 15:30", "ZHAO"), ("2023-04-27 17:31", "WU")):
        room.until(moment)
        room.told(person, "督办", "HOTEL/electricity")
    assert room.task("use-weekly-swing", "HOTEL/electricity")["state"] == "breached"
