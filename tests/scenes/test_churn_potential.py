"""RULES churn-potential: a month below the line is confirmed, answered by a recovery plan, approved and filed."""

from collections.abc import Callable

from tests.support.scene import Office

BOILER = ("--cause", "一台锅炉停用", "--proposal", "五月中旬回访")
PLAN = ("--kind", "text", "--note", "价格优惠方案，每月回访，与厂长面谈")


def a_month_below(office: Callable[..., Office]) -> Office:
    """The foundry uses four tenths from 19 April on; it was warned and visited. Day 30 is the gas day of 15 May."""
    room = office("2023-04-17 10:00")
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-04-23 10:00")
    room.told("WANG", "流失预警", "FOUNDRY")
    room.says("WANG", "tasks", "done", str(room.task("churn-warn", "FOUNDRY/gas")["id"]), *BOILER)
    return room


def test_confirmed_planned_approved_and_filed(office: Callable[..., Office]) -> None:
    room = a_month_below(office)
    (alert,) = room.alerts("churn")
    first = alert["start_day"]
    room.until("2023-05-15 10:00")
    assert room.tasks("churn-confirm") == []
    room.until("2023-05-16 10:00")  # day 30, counted from the first day of the first low week
    assert first == "2023-04-16"
    confirm = room.task("churn-confirm", "FOUNDRY/gas", person="WANG", state="open")

    # The manager says what he found; only one of the outcomes counts.
    number = str(confirm["id"])
    said = ("--kind", "visit", "--note", "本月连续生产，无特殊因素")
    assert "potential" in room.refused("WANG", "tasks", "done", number, *said, "--outcome", "maybe")
    room.says("WANG", "tasks", "done", number, *said, "--outcome", "potential")

    # A recovery plan within five working days (16 May is a Tuesday), the supervisor approves what is not his own.
    plan = room.task("churn-plan", "FOUNDRY/gas", person="WANG", state="open")
    assert plan["due_at"].startswith("2023-05-23T09:30")
    room.says("WANG", "tasks", "done", str(plan["id"]), *PLAN)
    room.told("WU", "新任务", "FOUNDRY/gas")
    filing = room.task("churn-filing", "FOUNDRY/gas", person="WU", state="open")
    approval = ("tasks", "done", str(filing["id"]), "--kind", "approval", "--note", "同意", "--outcome")
    assert "WANG" in room.refused("WANG", *approval, "approved")
    room.says("WU", *approval, "approved")
    states = {task["rule"]: task["state"] for task in room.tasks() if task["rule"].startswith("churn")}
    assert states == dict.fromkeys(("churn-warn", "churn-confirm", "churn-plan", "churn-filing"), "met")


def test_a_plan_is_sent_back_and_made_again(office: Callable[..., Office]) -> None:
    room = a_month_below(office)
    room.until("2023-05-16 10:00")
    room.says(
        "WANG",
        *("tasks", "done", str(room.task("churn-confirm", "FOUNDRY/gas")["id"]), "--kind", "phone", "--note", "连续生产"),
        *("--outcome", "potential"),
    )
    room.says("WANG", "tasks", "done", str(room.task("churn-plan", "FOUNDRY/gas")["id"]), *PLAN)
    room.told("WU", "新任务", "FOUNDRY/gas")
    filing = str(room.task("churn-filing", "FOUNDRY/gas")["id"])
    room.says("WU", "tasks", "done", filing, "--kind", "approval", "--note", "请补充价格测算", "--outcome", "returned")
    room.told("WANG", "新任务", "FOUNDRY/gas")
    again = room.task("churn-plan", "FOUNDRY/gas", state="open")
    room.says("WANG", "tasks", "done", str(again["id"]), *PLAN)
    room.told("WU", "新任务", "FOUNDRY/gas")
    room.says(
        "WU",
        *("tasks", "done", str(room.task("churn-filing", "FOUNDRY/gas", state="open")["id"])),
        *("--kind", "approval", "--note", "同意", "--outcome", "approved"),
    )
    assert [task["state"] for task in room.tasks("churn-plan")] == ["met", "met"]


def test_a_special_factor_ends_it(office: Callable[..., Office]) -> None:
    room = a_month_below(office)
    room.until("2023-05-16 10:00")
    room.says(
        "WANG",
        *("tasks", "done", str(room.task("churn-confirm", "FOUNDRY/gas")["id"]), "--kind", "visit", "--note", "大修"),
        *("--outcome", "special"),
    )
    assert room.tasks("churn-plan") == []


def test_a_month_with_a_quarter_of_good_days_is_none(office: Callable[..., Office]) -> None:
    """At least 80 % of the known days are below the line; days nobody knows are not days below."""
    room = a_month_below(office)
    room.uses("FOUNDRY-GAS", 740.0)  # above 70 %, below the 75 % at which seven days end the episode
    room.until("2023-04-30 10:00")
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-05-18 10:00")
    assert room.tasks("churn-confirm") == []
    (alert,) = room.alerts("churn")
    assert not alert["closed_day"]
