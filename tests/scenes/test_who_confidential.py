"""RULES who-confidential: names and phones by role, unit, own customers, and permission for a time; every look on record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.scene import FILES, Office

NAMES = {"FOUNDRY": "宏达铸造厂", "HOTEL": "Bright Hotel", "MILL": "长江纺织厂"}
MASKED = "138******01"


def seen(room: Office, person: str) -> set[str]:
    """Return the customers whose names somebody sees beside their tasks; their codes he sees all."""
    printed = room.says(person, "tasks", "--rule", "contact-visit").out
    assert all(code in printed for code in NAMES)
    return {code for code, name in NAMES.items() if name in printed}


def noted(room: Office, person: str, action: str) -> list[dict[str, Any]]:
    """Return the details of what the audit says somebody did, newest first."""
    rows = room.asks("WU", "audit", "list", "--actor", person, "--limit", "1000")
    return [{**row["detail"], "subject": row["subject"]} for row in rows if row["action"] == action]


def test_role_unit_and_own_customers(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1)
    every, mine, theirs = set(NAMES), {"FOUNDRY", "HOTEL"}, {"MILL"}
    assert {person: seen(room, person) for person in ("WANG", "LI", "ZHAO", "CHEN", "SUN", "ZHOU", "WU", "MA")} == {
        "WANG": mine,
        "LI": mine,
        "ZHAO": mine,
        "CHEN": theirs,
        "SUN": theirs,
        "ZHOU": theirs,
        "WU": every,
        "MA": every,
    }
    assert not any(seen(room, person) for person in ("HE", "LIN", "GAO", "nobody"))
    assert noted(room, "WANG", "archive.read")[0]["count"] == 2
    assert noted(room, "WANG", "archive.refuse")[0]["asked"] == ["MILL"]
    assert noted(room, "nobody", "archive.refuse")[0]["asked"] == ["FOUNDRY", "HOTEL", "MILL"]

    # Who works here knows his colleagues by name; phones are masked to everybody without a right to them.
    for person in ("WANG", "GAO", "MA"):
        people = {row["code"]: (row["name"], row["phone"]) for row in room.asks(person, "people")}
        assert people["WANG"] == ("王芳", MASKED)
    assert {row["name"] for row in room.asks("nobody", "people")} == {row["code"] for row in room.asks("nobody", "people")}
    assert noted(room, "nobody", "archive.refuse")[0]["hidden"] == ["names", "phones"]


def test_a_permission_ends(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=20)

    def permit(person: str, right: str, until: str, *scope: str, why: str = "代班") -> tuple[str, ...]:
        return ("people", "permit", person, "--right", right, "--until", until, "--reason", why, *scope)

    room.says("WU", *permit("CHEN", "names", "2023-04-18", "--customer", "FOUNDRY"))
    room.says("MA", *permit("GAO", "names", "2023-04-19", "--unit", "一所"))
    room.says("WU", *permit("LIN", "phones", "2023-04-18"))
    assert seen(room, "CHEN") == {"FOUNDRY", "MILL"}
    assert seen(room, "GAO") == {"FOUNDRY", "HOTEL"}
    phones = {row["code"]: row["phone"] for row in room.asks("LIN", "people")}
    assert phones["WANG"] == "13800000001"

    # Who granted what to whom until when is on record; one's own to everybody, all to who oversees.
    found = [
        (row["person"], row["right"], row["last_day"], row["granted_by"]) for row in room.asks("MA", "people", "permissions")
    ]
    assert found == [
        ("CHEN", "names", "2023-04-18", "WU"),
        ("GAO", "names", "2023-04-19", "MA"),
        ("LIN", "phones", "2023-04-18", "WU"),
    ]
    assert [row["person"] for row in room.asks("GAO", "people", "permissions")] == ["GAO"]
    assert noted(room, "WU", "permission.grant")[-1]["subject"] == "CHEN"

    # Not by an office head, not to oneself, not for ever, not without a reason.
    assert "ZHAO" in room.refused("ZHAO", *permit("LIN", "names", "2023-04-18"))
    assert "WU" in room.refused("WU", *permit("WU", "export", "2023-04-18"))
    assert "366" in room.refused("WU", *permit("LIN", "names", "2024-04-18"))
    assert "--reason" in room.refused("WU", *permit("LIN", "names", "2023-04-18", why=" "))
    assert [row["why"] for row in (*noted(room, "ZHAO", "permission.refuse"), *noted(room, "WU", "permission.refuse"))] == [
        "not a supervisor",
        "himself",
    ]

    # The day it ends is the first on which it holds no longer; one may be taken back before.
    room.until("2023-04-17 23:59")
    assert seen(room, "CHEN") == {"FOUNDRY", "MILL"}
    room.until("2023-04-18 00:00")
    assert seen(room, "CHEN") == {"MILL"}
    assert {row["phone"] for row in room.asks("LIN", "people") if row["code"] == "WANG"} == {MASKED}
    assert seen(room, "GAO") == {"FOUNDRY", "HOTEL"}
    room.says("WU", "people", "revoke", "2")
    assert seen(room, "GAO") == set()


def test_nobody_copies_it(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1)
    for person in ("WANG", "ZHAO", "HE", "nobody"):
        room.refused(person, "registry", "export", "copy")
        assert len(noted(room, person, "archive.refuse")) == 1
    assert not Path("copy").exists()
    room.says("MA", "people", "permit", "HE", "--right", "export", "--until", "2023-04-18", "--reason", "年度核对")
    room.says("HE", "registry", "export", "copy")
    assert (
        Path("copy/contacts.csv").read_text(encoding="utf-8-sig").splitlines()[1:] == str(FILES["contacts"]).splitlines()[1:]
    )
    assert Path("copy/contacts.csv").stat().st_mode & 0o077 == 0  # to be read by this account only
    assert len(noted(room, "HE", "archive.export")) == 1


def test_what_is_sent_names_nobody(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00")
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-04-21 10:00")
    text = room.told("WANG", "FOUNDRY")
    assert NAMES["FOUNDRY"] not in text
    for listed in (("alerts",), ("tasks",), ("messages",), ("audit", "list", "--limit", "1000")):
        printed = room.says("nobody", *listed).out
        assert not any(secret in printed for secret in (*NAMES.values(), "138000", "139000", "王芳", "刘厂长"))
