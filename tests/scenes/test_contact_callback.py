"""RULES contact-callback: A1 and B1 are called back four times a year, A2 and A3 twice; SMS and network count as well."""

from collections.abc import Callable

from tests.support.scene import FILES, Office, shown

MORE = {
    "customers": f"""{FILES["customers"]}\
ESTATE,阳光小区,B1,no,一所,north
SCHOOL,第三小学,A3,no,一所,north
HOUSE,散居用户,B2,no,一所,north
""",
    "usage_points": f"{FILES['usage_points']}ESTATE-GAS,gas,,,2,100\nSCHOOL-GAS,gas,,,2,100\nHOUSE-GAS,gas,,,2,100\n",
    "agreements": f"""{FILES["agreements"]}\
4,ESTATE,ESTATE-GAS,2020-01-01,
5,SCHOOL,SCHOOL-GAS,2020-01-01,
6,HOUSE,HOUSE-GAS,2020-01-01,
""",
}


def test_how_often_and_what_counts(office: Callable[..., Office]) -> None:
    room = office("2023-09-12 10:00", days=2, **MORE)
    found = {task["subject"]: task["needed"] for task in room.tasks("contact-callback", period="2023", state="open")}
    assert found == {"ESTATE": 4, "FOUNDRY": 4, "MILL": 4, "HOTEL": 2, "SCHOOL": 2}
    assert {shown(task["due_at"]) for task in room.tasks("contact-callback")} == {"2023-12-29 17:30"}  # the 31st is a Sunday

    def contact(*words: str) -> tuple[int, str]:
        room.says("WANG", "contact", "add", "FOUNDRY", *words)
        task = room.task("contact-callback", "FOUNDRY")
        return task["counting"], task["state"]

    assert contact("--kind", "sms", "--note", "年前问候", "--at", "2022-12-31T23:59") == (0, "open")
    assert contact("--kind", "sms", "--note", "元旦问候", "--at", "2023-01-01T00:00") == (1, "open")
    assert contact("--kind", "paper", "--note", "寄送函件") == (1, "open")
    assert contact("--kind", "phone", "--note", "无人接听", "--reached", "no") == (1, "open")
    assert contact("--kind", "network", "--note", "微信答复用气计划") == (2, "open")
    assert contact("--kind", "visit", "--note", "查看锅炉") == (3, "open")
    number = str(room.task("contact-callback", "FOUNDRY")["id"])
    assert "paper" in room.refused("WANG", "tasks", "done", number, "--kind", "paper", "--note", "函件")
    assert "note" in room.refused("WANG", "tasks", "done", number, "--kind", "phone")
    assert contact("--kind", "phone", "--note", "询问冬季用气") == (4, "met")
    assert contact("--kind", "phone", "--note", "再次询问") == (4, "met")  # a fifth is on record and counts for nothing


def test_the_year_ends_one_call_short(office: Callable[..., Office]) -> None:
    room = office("2023-12-15 10:00", days=30)
    for person, customer, times in (("WANG", "FOUNDRY", 3), ("WANG", "HOTEL", 1), ("CHEN", "MILL", 4)):
        for _ in range(times):
            room.says(person, "contact", "add", customer, "--kind", "phone", "--note", "询问用能情况")
    assert room.task("contact-callback", "MILL")["state"] == "met"
    foundry, hotel = (room.task("contact-callback", customer)["id"] for customer in ("FOUNDRY", "HOTEL"))

    room.until("2023-12-15 17:29")
    room.nothing_more()
    room.until("2023-12-15 17:30")
    room.told("LI", "有2项任务", f"编号{foundry} FOUNDRY", f"编号{hotel} HOTEL", "期限2023-12-29 17:30")
    room.until("2023-12-20 10:00")
    room.says("LI", "contact", "add", "HOTEL", "--kind", "sms", "--note", "对方回复：用电正常")
    assert room.task("contact-callback", "HOTEL")["state"] == "met"
    room.until("2023-12-22 17:30")
    room.told("ZHAO", "有1项任务", f"编号{foundry} FOUNDRY")
    room.until("2023-12-29 17:30")
    assert room.task("contact-callback", "FOUNDRY", counting=3)["state"] == "open"
    room.nothing_more()
    room.until("2023-12-29 17:31")
    room.told("WU", f"编号{foundry} FOUNDRY")
    assert room.task("contact-callback", "FOUNDRY", counting=3)["state"] == "breached"

    # Called two days after: late, when a second person has confirmed it. The new year counts from nothing.
    room.until("2023-12-31 10:00")
    room.says("WANG", "contact", "add", "FOUNDRY", "--kind", "phone", "--note", "询问用气")
    assert room.task("contact-callback", "FOUNDRY", waiting=1)["state"] == "breached"
    assert "WANG" in room.refused("WANG", "tasks", "confirm", str(foundry))
    room.says("ZHAO", "tasks", "confirm", str(foundry))
    assert room.task("contact-callback", "FOUNDRY")["state"] == "late"
    room.until("2024-01-01 10:00")
    assert {(task["subject"], task["counting"]) for task in room.tasks("contact-callback", period="2024", state="open")} == {
        ("FOUNDRY", 0),
        ("HOTEL", 0),
        ("MILL", 0),
    }
