"""RULES contact-visit: A1, B1 and large customers are visited or called each quarter, A2 and A3 each half-year."""

from collections.abc import Callable

from tests.support.scene import FILES, Office, shown

CUSTOMERS = """\
ESTATE,阳光小区,B1,no,一所,north
SHOP,百货商店,A2,no,一所,north
SCHOOL,第三小学,A3,no,一所,north
HOUSE,散居用户,B2,no,一所,north
"""
POINTS = "ESTATE-GAS,gas,,,2,100\nSHOP-GAS,gas,,,2,100\nSCHOOL-GAS,gas,,,2,100\nHOUSE-GAS,gas,,,2,100\n"
AGREEMENTS = """\
4,ESTATE,ESTATE-GAS,2020-01-01,
5,SHOP,SHOP-GAS,2020-01-01,
6,SCHOOL,SCHOOL-GAS,2020-01-01,
7,HOUSE,HOUSE-GAS,2020-01-01,
"""


def test_who_is_seen_in_a_quarter_and_who_in_a_half_year(office: Callable[..., Office]) -> None:
    every_class = {
        "customers": f"{FILES['customers']}{CUSTOMERS}",
        "usage_points": f"{FILES['usage_points']}{POINTS}",
        "agreements": f"{FILES['agreements']}{AGREEMENTS}",
    }
    room = office("2023-03-14 10:00", days=2, **every_class)
    found = {task["subject"]: (task["period"], shown(task["due_at"])) for task in room.tasks("contact-visit")}
    quarter, half_year = ("2023-Q1", "2023-03-31 17:30"), ("2023-H1", "2023-06-30 17:30")
    assert found == {
        "ESTATE": quarter,
        "FOUNDRY": quarter,
        "HOTEL": quarter,  # A2, but important
        "MILL": quarter,
        "SCHOOL": half_year,
        "SHOP": half_year,
    }


def test_only_a_visit_or_a_call_of_this_quarter_that_reached_somebody(office: Callable[..., Office]) -> None:
    room = office("2023-03-14 10:00", days=2)

    def contact(*words: str) -> str:
        room.says("WANG", "contact", "add", "FOUNDRY", *words)
        return str(room.task("contact-visit", "FOUNDRY")["state"])

    assert contact("--kind", "sms", "--note", "提醒检修") == "open"
    assert contact("--kind", "network", "--note", "微信回复") == "open"
    assert contact("--kind", "paper", "--note", "寄送函件") == "open"
    assert contact("--kind", "phone", "--note", "无人接听", "--reached", "no") == "open"
    assert contact("--kind", "visit", "--note", "年前走访", "--at", "2022-12-31T23:59") == "open"
    number = str(room.task("contact-visit", "FOUNDRY")["id"])
    assert "sms" in room.refused("WANG", "tasks", "done", number, "--kind", "sms", "--note", "提醒检修")
    assert "--note" in room.refused("WANG", "tasks", "done", number, "--kind", "visit")
    assert "FOUNDRY" in room.refused("CHEN", "contact", "add", "FOUNDRY", "--kind", "visit", "--note", "代为走访")
    assert contact("--kind", "visit", "--contact", "N1", "--note", "元旦走访，生产正常", "--at", "2023-01-01T00:00") == "met"

    # One call was enough; the hotel of the same manager still waits for his.
    assert room.task("contact-visit", "HOTEL")["state"] == "open"
    room.says("LI", "contact", "add", "HOTEL", "--kind", "phone", "--note", "客房满员，用电平稳")
    assert room.task("contact-visit", "HOTEL")["state"] == "met"


def test_nobody_sees_the_mill(office: Callable[..., Office]) -> None:
    room = office("2023-03-16 10:00", days=30)
    for customer in ("FOUNDRY", "HOTEL"):
        room.says("WANG", "contact", "add", customer, "--kind", "phone", "--note", "生产正常")
    number = str(room.task("contact-visit", "MILL", person="CHEN", state="open")["id"])

    # Fourteen days before the deadline the deputy is told, seven before it the office head, after it the supervisor.
    room.until("2023-03-17 17:29")
    room.nothing_more()
    room.until("2023-03-17 17:30")
    room.told("SUN", f"no. {number} MILL", "due 2023-03-31 17:30")
    room.until("2023-03-24 17:29")
    room.nothing_more()
    room.until("2023-03-24 17:30")
    room.told("ZHOU", f"no. {number} MILL", "due 2023-03-31 17:30")
    room.until("2023-03-31 17:30")
    assert room.task("contact-visit", "MILL", period="2023-Q1")["state"] == "open"
    room.nothing_more()
    room.until("2023-03-31 17:31")
    room.told("WU", f"编号{number} MILL", "期限2023-03-31 17:30")
    assert room.task("contact-visit", "MILL", period="2023-Q1")["state"] == "breached"

    # A visit of the next quarter does not make up for this one's; what is entered late takes a second person's word.
    room.until("2023-04-03 10:00")
    assert "2023-Q2" not in room.says("CHEN", "contact", "add", "MILL", "--kind", "visit", "--note", "new loom").out
    assert room.task("contact-visit", "MILL", period="2023-Q1")["state"] == "breached"
    assert room.task("contact-visit", "MILL", period="2023-Q2")["state"] == "met"
    late = ("--kind", "visit", "--note", "looked at the boiler", "--at", "2023-03-30T15:00")
    room.says("CHEN", "contact", "add", "MILL", *late)
    assert room.task("contact-visit", "MILL", period="2023-Q1", waiting=1)["state"] == "breached"
    assert "CHEN" in room.refused("CHEN", "tasks", "confirm", number)
    room.says("SUN", "tasks", "confirm", number)
    assert room.task("contact-visit", "MILL", period="2023-Q1")["state"] == "met"
