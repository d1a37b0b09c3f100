"""RULES out-contact: a large customer names whom to tell of outages, for a time; who names nobody is a task."""

from collections.abc import Callable

import pytest

from tests.support.scene import FILES, Office, shown

ENDS = str(FILES["contacts"]).replace("outage,2020-01-01,,\nN3", "outage,2020-01-01,2023-04-19,\nN3")  # the hotel's
PAPER = "a" * 64


def test_one_whose_contact_ends(office: Callable[..., Office]) -> None:
    room = office("2023-04-18 10:00", days=10, contacts=ENDS.replace("13900000001,outage", "13900000001,main"))
    assert room.tasks("out-contact") == []  # the foundry names nobody either, and is not large
    room.until("2023-04-19 00:01")
    task = room.task("out-contact", "HOTEL", state="open")
    number = str(task["id"])
    assert (task["person"], shown(task["due_at"])) == ("WANG", "2023-04-25 17:30")
    assert "registry" in room.refused("WANG", "tasks", "done", number, "--kind", "paper", "--note", "已指定")

    # A main contact is none for outages; a new one with his stamped paper is.
    room.files_registry(contacts=f"{ENDS}N4,HOTEL,总经理,13900000004,main,2023-04-19,,\n")
    assert room.task("out-contact", "HOTEL")["state"] == "open"
    room.files_registry(contacts=f"{ENDS}N4,HOTEL,工程部,13900000004,outage,2023-04-19,,{PAPER}\n")
    assert room.task("out-contact", "HOTEL")["state"] == "met"
    (row,) = room.asks("WANG", "tasks", "--all", "--rule", "out-contact")
    assert "13900000004" not in str(row)


def test_nobody_asks_him(office: Callable[..., Office]) -> None:
    room = office("2023-04-19 10:00", days=40, contacts=ENDS)
    room.until("2023-04-25 09:29")
    room.nothing_more()
    for moment, person in (("09:30", "LI"), ("15:30", "ZHAO"), ("17:31", "WU")):
        room.until(f"2023-04-25 {moment}")
        room.told(person, "HOTEL", "2023-04-25 17:30")
    assert room.task("out-contact", "HOTEL")["state"] == "breached"
    room.files_registry(contacts=f"{ENDS}N4,HOTEL,工程部,13900000004,outage,2023-04-19,,{PAPER}\n")
    assert room.task("out-contact", "HOTEL")["state"] == "late"


@pytest.mark.parametrize(
    "row", [f"N4,HOTEL,工程部,13900000004,outage,,,{PAPER[:-1]}", "N4,NOBODY,工程部,13900000004,outage,,,"]
)
def test_what_is_refused(office: Callable[..., Office], row: str) -> None:
    room = office("2023-04-18 10:00", days=1)
    with pytest.raises(AssertionError, match=r"contacts\.csv"):
        room.files_registry(contacts=f"{FILES['contacts']}{row}\n")
