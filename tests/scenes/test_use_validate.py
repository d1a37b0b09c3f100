"""RULES use-validate: readings are validated and corrected, raw and corrected value kept; an ill meter is a work order."""

from collections.abc import Callable

from tests.support.scene import Office

MISREAD = ("readings", "correct", "FOUNDRY-GAS", "gas.register", "2023-04-19T08:00")


def use_of(room: Office, day: str) -> float:
    (row,) = room.asks("WANG", "readings", "FOUNDRY-GAS", "--days", "--from", day, "--to", day)
    return float(row["use"])


def test_a_misread_digit_is_corrected_and_the_days_are_judged_anew(office: Callable[..., Office]) -> None:
    """The register stood at 62 000 on the 19th and was taken in as 61 300: a low day, then a high one."""
    room = office("2023-04-17 10:00")
    room.until("2023-04-18 08:00")
    room.uses("FOUNDRY-GAS", 300.0)
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 1700.0)
    room.until("2023-04-20 08:00")
    room.uses("FOUNDRY-GAS", 1000.0)
    room.until("2023-04-20 10:00")
    assert (use_of(room, "2023-04-18"), use_of(room, "2023-04-19")) == (300.0, 1700.0)
    assert [row["day"] for row in room.asks("WANG", "judge")] == ["2023-04-18"]

    # Who looks after the customer corrects it, with a reason; both values are kept, the totals are redone.
    raw = next(
        row["value"]
        for row in room.asks("WANG", "readings", "FOUNDRY-GAS", "--from", "2023-04-19", "--to", "2023-04-19")
        if row["type"] == "gas.register"
    )
    assert "原因" in room.refused("WANG", *MISREAD, str(raw + 700.0))
    assert "CHEN" in room.refused("CHEN", *MISREAD, str(raw + 700.0), "--reason", "误读一位")
    room.says("WANG", *MISREAD, str(raw + 700.0), "--reason", "误读一位")
    room.until("2023-04-20 10:01")
    assert (use_of(room, "2023-04-18"), use_of(room, "2023-04-19")) == (1000.0, 1000.0)
    assert room.asks("WANG", "judge") == []
    (both,) = [
        row
        for row in room.asks("WANG", "readings", "FOUNDRY-GAS", "--from", "2023-04-19", "--to", "2023-04-19")
        if row["type"] == "gas.register"
    ]
    assert (both["value"], both["as_metered"], both["corrected_by"], both["reason"]) == (
        raw + 700.0,
        raw,
        "WANG",
        "误读一位",
    )


def test_a_verdict_on_a_bad_meter_is_a_work_order(office: Callable[..., Office]) -> None:
    room = office("2023-04-18 10:00", days=5)
    verdict = ("readings", "health", "FOUNDRY-GAS", "--verdict", "faulty", "--severity", "high", "--check", "更换电池")
    assert "CHEN" in room.refused("CHEN", *verdict)
    room.says("WANG", *verdict)
    order = room.task("use-validate", "FOUNDRY-GAS", state="open")
    assert order["person"] == "WANG"


def test_a_meter_that_falls_silent_is_looked_after(office: Callable[..., Office]) -> None:
    """Two days without a reading: the manager finds out why; the day it reports again the alert is over."""
    room = office("2023-04-17 10:00", days=20)
    room.until("2023-04-18 08:00")
    room.uses("MILL-GAS", None)
    room.until("2023-04-20 10:00")
    room.told("CHEN", "Silent meter", "MILL-GAS", "2 days", "2023-04-24 17:30")
    task = room.task("meter-silent", "MILL-GAS", person="CHEN", state="open")
    room.says("CHEN", "tasks", "done", str(task["id"]), "--kind", "visit", "--cause", "no power", "--proposal", "battery")
    assert room.task("meter-silent", "MILL-GAS")["state"] == "met"
