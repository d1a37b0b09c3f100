"""RULES contact-record: a record begins at the first contact and those who follow go on with it; no row of it is changed."""

from collections.abc import Callable
from typing import Any

from tests.support.scene import Office, shown

FIRST = ("--kind", "phone", "--contact", "N1", "--note", "询问四月检修计划", "--at", "2023-04-17T09:40")


def listed(room: Office, person: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = room.asks(person, "contact", "list", "FOUNDRY")
    return found


def test_one_record_that_everybody_goes_on_with(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=2)
    assert listed(room, "WANG") == []
    room.says("WANG", "contact", "add", "FOUNDRY", *FIRST)
    room.until("2023-04-18 15:00")
    room.says("LI", "contact", "add", "FOUNDRY", "--kind", "network", "--note", "收到检修计划，五月停炉三日")
    room.says("ZHAO", "contact", "add", "FOUNDRY", "--kind", "visit", "--note", "现场确认停炉安排")

    found = listed(room, "WU")
    assert [(row["person"], row["kind"], row["contact"], row["note"]) for row in found] == [
        ("WANG", "phone", "N1", "询问四月检修计划"),
        ("LI", "network", "", "收到检修计划，五月停炉三日"),
        ("ZHAO", "visit", "", "现场确认停炉安排"),
    ]
    times = [(shown(row["happened_at"]), shown(row["recorded_at"])) for row in found]
    assert times[0] == ("2023-04-17 09:40", "2023-04-17 10:00")
    assert times[1] == times[2] == ("2023-04-18 15:00", "2023-04-18 15:00")
    assert {row["account"] for row in found} == {"wang", "li", "zhao"}


def test_a_correction_is_a_new_row(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=2)
    room.says("WANG", "contact", "add", "FOUNDRY", *FIRST)
    assert room.task("contact-visit", "FOUNDRY")["state"] == "met"
    (first,) = listed(room, "WANG")
    number = str(first["id"])

    # Nobody had answered: the record stays as it was written, another stands in its place, and what it proved is open again.
    room.says("WANG", "contact", "add", "FOUNDRY", "--corrects", number, "--reached", "no", "--note", "回拨未接通，前记有误")
    old, new = listed(room, "WANG")
    assert old == {**first, "corrected_by": new["id"]}
    assert (new["corrects"], new["reached"], new["kind"], new["happened_at"]) == (
        first["id"],
        False,
        "phone",
        first["happened_at"],
    )
    task = room.task("contact-visit", "FOUNDRY")
    assert (task["state"], task["counting"]) == ("open", 0)
    assert room.task("contact-callback", "FOUNDRY")["counting"] == 0

    # What was corrected is not corrected again; its correction is, and the visit is proved once more.
    assert f"{new['id']}" in room.refused("WANG", "contact", "add", "FOUNDRY", "--corrects", number, "--note", "再更正")
    room.says("LI", "contact", "add", "FOUNDRY", "--corrects", str(new["id"]), "--reached", "yes", "--note", "五分钟后接通")
    assert room.task("contact-visit", "FOUNDRY")["state"] == "met"
    *_, last = listed(room, "WANG")
    assert [row["corrected_by"] for row in listed(room, "WANG")] == [last["id"], last["id"], None]


def test_what_is_refused(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=2)
    room.says("WANG", "contact", "add", "FOUNDRY", *FIRST)
    (first,) = listed(room, "WANG")

    def refused(person: str, *words: str) -> str:
        return room.refused(person, "contact", "add", "FOUNDRY", *words)

    assert "--note" in refused("WANG", "--kind", "phone")
    assert "--kind" in refused("WANG", "--note", "已联系")
    assert "N3" in refused("WANG", "--kind", "phone", "--contact", "N3", "--note", "联系")  # the mill's contact
    assert "2023-04-17 10:01" in refused("WANG", "--kind", "phone", "--note", "联系", "--at", "2023-04-17T10:01")
    assert "CHEN" in refused("CHEN", "--kind", "phone", "--note", "联系")  # of the other office
    assert "CHEN" in room.refused("CHEN", "contact", "list", "FOUNDRY")
    refused("nobody", "--kind", "phone", "--note", "联系")
    mine = room.refused("CHEN", "contact", "add", "MILL", "--corrects", str(first["id"]), "--reached", "no")
    assert "MILL" in mine  # a record of another customer is none of his
    for verb in ("remove", "change", "edit"):
        room.refused("MA", "contact", verb, "FOUNDRY", str(first["id"]))
    assert listed(room, "WANG") == [first]

    # Who entered it, and who was refused, stand in the audit.
    noted = [row["action"] for row in room.asks("WU", "audit", "list", "--subject", "FOUNDRY")]
    assert noted.count("contact.add") == 1
    assert noted.count("contact.refuse") == 2
