"""RULES who-manager: every A and B1 customer has a manager, and two people who know him; who is away is stood in for."""

from collections.abc import Callable

from tests.support.scene import FILES, Office, shown

PEOPLE = f"{FILES['people']}TANG,唐宁,manager,13800000020,,,zh-CN,2020-01-01,\n"
NOBODY_SOUTH = "".join(line for line in str(FILES["assignments"]).splitlines(keepends=True) if "south" not in line)


def test_by_customer_importance_area_and_class(office: Callable[..., Office]) -> None:
    room = office(
        "2023-04-17 10:00",
        days=1,
        people=PEOPLE,
        customers=f"{FILES['customers']}ESTATE,阳光小区,B1,no,二所,east\n",
        usage_points=f"{FILES['usage_points']}ESTATE-GAS,gas,,,2,100\n",
        agreements=f"{FILES['agreements']}4,ESTATE,ESTATE-GAS,2020-01-01,\n",
        assignments="""\
person,role,customer,class,area,importance,from,to
CHEN,manager,,,,,2020-01-01,
SUN,deputy,,,,,2020-01-01,
WANG,manager,,,north,,2020-01-01,
TANG,manager,,,,important,2020-01-01,
SUN,manager,MILL,,,,2020-01-01,
LI,deputy,MILL,,,,2020-01-01,
""",
    )
    managers = {task["subject"]: task["person"] for task in room.tasks("contact-visit")}
    assert managers == {"FOUNDRY": "WANG", "HOTEL": "TANG", "MILL": "SUN", "ESTATE": "CHEN"}
    assert room.tasks("who-manager") == []


def test_who_has_none_is_a_task_of_his_office_head(office: Callable[..., Office]) -> None:
    room = office(
        "2023-04-17 10:00",
        days=10,
        people=PEOPLE,
        assignments=NOBODY_SOUTH,
        customers=f"{FILES['customers']}HOUSE,散居用户,B2,no,二所,south\n",
        usage_points=f"{FILES['usage_points']}HOUSE-GAS,gas,,,2,100\n",
        agreements=f"{FILES['agreements']}4,HOUSE,HOUSE-GAS,2020-01-01,\n",
    )
    (task,) = room.tasks("who-manager")  # of the mill; nobody has to know who lives somewhere
    assert (task["subject"], task["person"], shown(task["due_at"])) == ("MILL", "ZHOU", "2023-04-23 17:30")
    number = str(task["id"])
    assert "registry" in room.refused("ZHOU", "tasks", "done", number, "--kind", "phone", "--note", "已安排")

    # One person is not enough, nor the same one twice.
    for one in ("CHEN,manager,,,south,,,\nCHEN,deputy,,,south,,,\n", "CHEN,manager,,,south,,,\n"):
        room.files_registry(assignments=NOBODY_SOUTH + one)
        assert room.task("who-manager", "MILL")["state"] == "open"

    # Where there is no deputy the office head is told in his place, and again two hours before the deadline; after it the
    # supervisor.
    room.until("2023-04-23 09:29")
    room.nothing_more()
    room.until("2023-04-23 09:30")
    room.told("ZHOU", f"no. {number} MILL", "2023-04-23 17:30")
    room.until("2023-04-23 15:30")
    room.told("ZHOU", f"no. {number} MILL", "2023-04-23 17:30")
    room.until("2023-04-23 17:31")
    room.told("WU", f"编号{number} MILL")
    assert room.task("who-manager", "MILL")["state"] == "breached"
    room.files_registry(assignments=f"{NOBODY_SOUTH}CHEN,manager,,,south,,,\nTANG,deputy,,,south,,,\n")
    assert room.task("who-manager", "MILL")["state"] == "late"


def test_a_manager_leaves(office: Callable[..., Office]) -> None:
    leaves = str(FILES["people"]).replace("一所,zh-CN,2020-01-01,\n", "一所,zh-CN,2020-01-01,2023-04-19\n", 1)
    room = office("2023-04-18 10:00", days=1, people=leaves)
    assert room.tasks("who-manager") == []
    mine = [task["id"] for task in room.tasks(person="WANG", state="open")]
    assert len(mine) == 4  # a visit and call-backs of the foundry and of the hotel

    # From the 19th he is no longer there: what was his is his deputy's, and the head finds somebody new.
    room.until("2023-04-19 00:01")
    assert [task["id"] for task in room.tasks(person="LI", state="open")] == mine
    room.until("2023-04-19 07:00")  # when the quiet hours end
    room.told("LI", "4项任务已移交", f"编号{mine[0]} ")
    assert {task["subject"] for task in room.tasks("who-manager", person="ZHAO", state="open")} == {"FOUNDRY", "HOTEL"}
    assert "WANG" in room.refused("WANG", "contact", "add", "FOUNDRY", "--kind", "phone", "--note", "最后联系")
    room.files_registry(
        people=leaves + "TANG,唐宁,manager,13800000020,,一所,zh-CN,2020-01-01,\n",
        assignments=f"{FILES['assignments']}TANG,manager,,,north,,,\n",
    )
    assert {task["state"] for task in room.tasks("who-manager")} == {"met"}


def test_who_is_away_is_stood_in_for(office: Callable[..., Office]) -> None:
    room = office("2023-04-18 10:00", days=40)
    mine = [task["id"] for task in room.tasks(person="WANG", state="open")]
    away = ("people", "absent", "WANG", "--from", "2023-04-19", "--to", "2023-04-20")
    assert "CHEN" in room.refused("CHEN", *away)
    assert "WANG" in room.refused("WANG", *away, "--stand-in", "WANG")
    assert "2023-04-17" in room.refused("WANG", "people", "absent", "WANG", "--from", "2023-04-01", "--to", "2023-04-17")
    room.says("WANG", *away)
    room.until("2023-04-18 23:59")
    room.nothing_more()
    room.until("2023-04-19 00:01")
    assert [task["id"] for task in room.tasks(person="LI", state="open")] == mine
    room.until("2023-04-19 07:00")  # when the quiet hours end
    room.told("LI", "4项任务已移交", f"编号{mine[0]} ")

    # What is new while he is away is the deputy's; is she away too, it is the office head's.
    room.says("LIN", "complaint", "add", "FOUNDRY", "--grade", "gas", "--text", "计量有误")
    assert room.task("complaint-answer", "FOUNDRY")["person"] == "LI"
    room.says("ZHAO", "people", "absent", "LI", "--from", "2023-04-19", "--to", "2023-04-19")
    assert room.task("complaint-answer", "FOUNDRY")["person"] == "ZHAO"
    room.told("ZHAO", "已移交")
    room.until("2023-04-21 10:00")
    room.says("LIN", "complaint", "add", "HOTEL", "--grade", "gas", "--text", "计量有误")
    assert room.task("complaint-answer", "HOTEL")["person"] == "WANG"


def test_a_stand_in_of_another_office_is_let_see_the_customers(office: Callable[..., Office]) -> None:
    room = office("2023-04-18 10:00", days=10)
    room.says("ZHAO", "people", "absent", "WANG", "--from", "2023-04-18", "--to", "2023-04-20", "--stand-in", "CHEN")
    room.told("CHEN", "4 task(s) were handed over", "FOUNDRY", "HOTEL")
    call = ("contact", "add", "FOUNDRY", "--kind", "phone", "--note", "on behalf of Wang")
    assert "CHEN" in room.refused("CHEN", *call)
    grant = ("people", "permit", "CHEN", "--right", "names", "--unit", "一所", "--until", "2023-04-21", "--reason", "代WANG")
    assert "ZHAO" in room.refused("ZHAO", *grant)
    room.says("WU", *grant)
    room.says("CHEN", *call)
    assert room.task("contact-visit", "FOUNDRY", person="CHEN")["state"] == "met"
    room.until("2023-04-21 10:00")
    assert "CHEN" in room.refused("CHEN", *call)
