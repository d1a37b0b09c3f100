"""RULES who-point: the customer exists apart from the place; nothing is compared across a change of customer."""

from collections.abc import Callable

from tests.support.scene import FILES, Office

NEW = str(FILES["agreements"]).replace(
    "1,FOUNDRY,FOUNDRY-GAS,2020-01-01,", "1,FOUNDRY,FOUNDRY-GAS,2020-01-01,2023-04-19\n4,WORKS,FOUNDRY-GAS,2023-04-19,"
)
WORKS = str(FILES["customers"]) + "WORKS,新兴机械厂,A1,no,一所,north\n"
CONTACTS = str(FILES["contacts"]) + "N4,WORKS,钱主任,13900000004,outage,2020-01-01,,\n"


def test_another_customer_at_the_same_place(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00")
    room.files_registry(agreements=NEW, customers=WORKS, contacts=CONTACTS)
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 300.0)  # the new one uses little: that is no drop of his

    # A final reading is asked for within three working days, of the manager who looked after who moved out.
    reading = room.task("who-point", "FOUNDRY/FOUNDRY-GAS", person="WANG", state="open")
    assert reading["due_at"].startswith("2023-04-23T09:30")
    number = str(reading["id"])
    assert "reading" in room.refused("WANG", "tasks", "done", number, "--kind", "phone", "--note", "48000")
    room.says("WANG", "tasks", "done", number, "--kind", "reading", "--note", "终止读数 48000")
    assert room.task("who-point", "FOUNDRY/FOUNDRY-GAS")["state"] == "met"
    room.says("ZHAO", "tasks", "done", str(room.task("churn-ended", "FOUNDRY")["id"]), "--kind", "text", "--note", "已结清")
    room.told("GAO", "抄送", "FOUNDRY")

    room.until("2023-05-09 10:00")
    assert room.alerts("churn") == []
    assert room.asks("MA", "judge", "--from", "2023-04-19") == []
    assert room.task("contact-visit", "WORKS")["person"] == "WANG"
    assert room.task("contact-visit", "FOUNDRY")["state"] == "void"


def test_two_at_one_place_are_refused(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1)
    overlapping = str(FILES["agreements"]) + "4,MILL,FOUNDRY-GAS,2023-04-10,\n"
    (room.terminal.folder / "registry" / "agreements.csv").write_text(overlapping, encoding="utf-8")
    said = room.refused("WU", "registry", "import", "registry")
    assert "agreements.csv:5" in said
    assert "FOUNDRY-GAS" in said
