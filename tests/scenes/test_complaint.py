"""RULES complaint: answered and settled within the working days of its grade; the day of receipt is not counted."""

from collections.abc import Callable

import pytest

from tests.support.scene import Office, shown

HUMS = ("--text", "表计夜间异响")


# 23 April 2023 is a Sunday that is worked, 29 April to 3 May are the holidays of Labour Day.
@pytest.mark.parametrize(
    ("grade", "received", "answer", "settlement"),
    [
        ("gas", "2023-04-20 17:30", "2023-04-24", "2023-04-28"),
        ("gas", "2023-04-20 17:31", "2023-04-25", "2023-05-04"),  # the office has closed: the 21st is day zero
        ("gas", "2023-04-22 09:00", "2023-04-26", "2023-05-05"),  # a rest day: the 23rd is day zero
        ("ordinary", "2023-04-20 08:00", "2023-04-21", "2023-04-21"),
        ("ordinary", "2023-04-21 17:31", "2023-04-24", "2023-04-24"),
        ("larger", "2023-04-20 08:00", "2023-04-24", "2023-04-24"),
        ("larger", "2023-04-22 09:00", "2023-04-26", "2023-04-26"),
    ],
)
def test_its_clocks(office: Callable[..., Office], grade: str, received: str, answer: str, settlement: str) -> None:
    room = office(received, days=1)
    found = room.asks("LIN", "complaint", "add", "FOUNDRY", "--grade", grade, *HUMS)
    assert (shown(found["answer_by"]), shown(found["done_by"])) == (f"{answer} 17:30", f"{settlement} 17:30")
    tasks = {task["rule"]: (task["person"], shown(task["due_at"])) for task in room.tasks(period="complaint 1")}
    assert tasks == {"complaint-answer": ("WANG", f"{answer} 17:30"), "complaint-done": ("WANG", f"{settlement} 17:30")}


def test_the_clock_runs_from_its_receipt_and_the_terms_are_settings(office: Callable[..., Office]) -> None:
    room = office("2023-04-22 12:00", days=1, settings="[complaints]\nlarger_answer_days = 2")
    found = room.asks("LIN", "complaint", "add", "HOTEL", "--grade", "larger", *HUMS, "--received", "2023-04-20T17:31")
    assert (shown(found["answer_by"]), shown(found["done_by"])) == ("2023-04-24 17:30", "2023-04-25 17:30")
    assert "2023-04-22 12:01" in room.refused(
        "LIN", "complaint", "add", "HOTEL", "--grade", "gas", *HUMS, "--received", "2023-04-22T12:01"
    )
    assert "larger" in room.refused("LIN", "complaint", "add", "HOTEL", "--grade", "huge", *HUMS)
    assert "--text" in room.refused("LIN", "complaint", "add", "HOTEL", "--grade", "gas", "--text", " ")
    assert "CHEN" in room.refused("CHEN", "complaint", "add", "HOTEL", "--grade", "gas", *HUMS)


def test_answered_in_time_and_settled_late(office: Callable[..., Office]) -> None:
    room = office("2023-04-28 10:00", days=30)
    room.says("LIN", "complaint", "add", "FOUNDRY", "--grade", "ordinary", *HUMS)  # due after the holidays, on 4 May
    answer, settlement = (room.task(f"complaint-{rule}", "FOUNDRY")["id"] for rule in ("answer", "done"))
    both = (f"编号{answer} FOUNDRY，答复投诉", f"编号{settlement} FOUNDRY，办结投诉", "期限2023-05-04 17:30")

    # Eight hours before the deadline the deputy is told, two hours before it the office head.
    room.until("2023-05-04 09:29")
    room.nothing_more()
    room.until("2023-05-04 09:30")
    room.told("LI", *both)
    room.until("2023-05-04 15:29")
    room.nothing_more()
    room.until("2023-05-04 15:30")
    room.told("ZHAO", *both)
    assert "note" in room.refused("WANG", "tasks", "done", str(answer), "--kind", "phone")
    assert "CHEN" in room.refused("CHEN", "complaint", "answer", "1", "--note", "已电话答复")
    room.until("2023-05-04 17:30")
    room.says("WANG", "complaint", "answer", "1", "--kind", "phone", "--note", "已电话答复，明日换表")
    assert room.task("complaint-answer", "FOUNDRY")["state"] == "met"

    # What is not settled is breached then, and the supervisor is told of that alone.
    room.until("2023-05-04 17:31")
    text = room.told("WU", f"编号{settlement} FOUNDRY，办结投诉")
    assert "答复投诉" not in text
    assert room.task("complaint-done", "FOUNDRY")["state"] == "breached"
    room.until("2023-05-05 11:00")
    room.says("WANG", "complaint", "close", "1", "--kind", "visit", "--note", "已换表，异响消除")
    (complaint,) = room.asks("WANG", "complaint", "list")
    assert (complaint["answer"]["state"], complaint["done"]["state"]) == ("met", "breached")
    assert "WANG" in room.refused("WANG", "tasks", "confirm", str(settlement))
    room.says("ZHAO", "tasks", "confirm", str(settlement))
    assert room.task("complaint-done", "FOUNDRY")["state"] == "late"
    assert room.asks("WANG", "complaint", "list") == []
    assert len(room.asks("WANG", "complaint", "list", "--all")) == 1


def test_an_extension_is_approved_by_a_second_person_up_to_seven_days(office: Callable[..., Office]) -> None:
    room = office("2023-04-24 08:30", days=20)
    for customer in ("FOUNDRY", "HOTEL"):  # both due on the 24th
        words = ("complaint", "add", customer, "--grade", "larger", *HUMS, "--received", "2023-04-20T10:00")
        room.says("LIN", *words)
    for complaint in ("1", "2"):
        room.says("WANG", "complaint", "answer", complaint, "--note", "已答复，等待配件")
    number, other = (str(room.task("complaint-done", customer)["id"]) for customer in ("FOUNDRY", "HOTEL"))

    def asked(until: str, number: str = number) -> tuple[str, ...]:
        return ("tasks", "extend", number, "--until", until, "--why", "配件未到")

    # Seven working days after the 20th end on the 28th.
    assert "2023-04-28 17:30" in room.refused("WANG", *asked("2023-04-28T17:31"))
    assert "2023-04-24 17:30" in room.refused("WANG", *asked("2023-04-24T17:30"))
    assert "--why" in room.refused("WANG", "tasks", "extend", number, "--until", "2023-04-28T17:30")
    room.says("WANG", *asked("2023-04-28T17:30"))
    assert shown(room.task("complaint-done", "FOUNDRY")["due_at"]) == "2023-04-24 17:30"
    assert "WANG" in room.refused("WANG", "tasks", "extend", number, "--approve")
    assert "CHEN" in room.refused("CHEN", "tasks", "extend", number, "--approve")
    room.says("ZHAO", "tasks", "extend", number, "--deny")
    assert number in room.refused("ZHAO", "tasks", "extend", number, "--approve")  # denied, and not asked for again
    room.says("WANG", *asked("2023-04-28T17:30"))
    room.says("ZHAO", "tasks", "extend", number, "--approve")
    assert shown(room.task("complaint-done", "FOUNDRY")["due_at"]) == "2023-04-28 17:30"

    # On the 24th only the hotel's goes up and is breached; a deadline that has passed is not moved.
    for moment, person in (("09:30", "LI"), ("15:30", "ZHAO"), ("17:31", "WU")):
        room.until(f"2023-04-24 {moment}")
        assert "FOUNDRY" not in room.told(person, f"编号{other} HOTEL")
    assert "2023-04-24 17:30" in room.refused("WANG", *asked("2023-04-28T17:30", other))
    assert room.task("complaint-done", "HOTEL")["state"] == "breached"
    assert room.task("complaint-done", "FOUNDRY")["state"] == "open"
