"""RULES who-class: a class stands on every customer, A1 to A3, B1 or B2; it drives cadences and who is watched for churn."""

from collections.abc import Callable

import pytest

from tests.support.scene import FILES, Office

CLASSES = {"FOUNDRY": "A1", "SHOP": "A2", "SCHOOL": "A3", "ESTATE": "B1", "HOUSE": "B2", "CARRIED": "A1"}
EVERY_CLASS = {
    "customers": "customer,name,class,wheeling,unit,area\n"
    + "".join(f"{code},{code},{kind},{'yes' if code == 'CARRIED' else 'no'},一所,north\n" for code, kind in CLASSES.items()),
    "usage_points": "usage_point,commodity\n" + "".join(f"{code}-GAS,gas\n" for code in CLASSES),
    "agreements": "agreement,customer,usage_point,from\n" + "".join(f"{c},{c},{c}-GAS,2020-01-01\n" for c in CLASSES),
    "meters": "meter,usage_point,valid_from\n" + "".join(f"M-{code},{code}-GAS,2020-01-01\n" for code in CLASSES),
    "contacts": "contact,customer,name,phone,role\n",
    "designations": "customer,category,grade,basis,approved_by,review_date\n",
}


def test_it_drives_the_cadences_and_the_churn_scope(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", used={f"{code}-GAS": 1000.0 for code in CLASSES}, **EVERY_CLASS)
    quarter, half_year = ("2023-Q2", 1), ("2023-H1", 1)
    visits = {task["subject"]: (task["period"], task["needed"]) for task in room.tasks("contact-visit")}
    assert visits == {"FOUNDRY": quarter, "CARRIED": quarter, "ESTATE": quarter, "SHOP": half_year, "SCHOOL": half_year}
    calls = {task["subject"]: task["needed"] for task in room.tasks("contact-callback")}
    assert calls == {"FOUNDRY": 4, "CARRIED": 4, "ESTATE": 4, "SHOP": 2, "SCHOOL": 2}

    # All of them use four tenths: those of A are warned of, whose gas is only carried is not, nor is who lives there.
    for code in CLASSES:
        room.uses(f"{code}-GAS", 400.0)
    room.until("2023-04-21 10:00")
    text = room.told("WANG", "3条告警", "FOUNDRY用气66%", "SHOP用气66%", "SCHOOL用气66%")
    assert not any(code in text for code in ("ESTATE", "HOUSE", "CARRIED"))
    assert {alert["subject"] for alert in room.alerts()} == {"FOUNDRY/gas", "SHOP/gas", "SCHOOL/gas"}
    assert {task["subject"] for task in room.tasks("churn-warn")} == {"FOUNDRY/gas", "SHOP/gas", "SCHOOL/gas"}


def test_another_class_is_another_cadence(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1)
    hotel = {"designations": "customer,category,grade,basis,approved_by,review_date\n"}
    room.files_registry(**hotel)  # important no longer: an A2 like others
    assert room.task("contact-visit", "HOTEL", state="open")["period"] == "2023-H1"
    assert room.task("contact-visit", "HOTEL", state="void")["period"] == "2023-Q2"
    room.files_registry(customers=str(FILES["customers"]).replace("Hotel,A2", "Hotel,A1"))
    assert room.task("contact-visit", "HOTEL", state="open")["period"] == "2023-Q2"
    room.files_registry(customers=str(FILES["customers"]).replace("Hotel,A2", "Hotel,B2"))
    assert room.tasks("contact-visit", subject="HOTEL", state="open") == []


@pytest.mark.parametrize("kind", ["", "A4", "A", "工业"])
def test_nobody_is_without_one(office: Callable[..., Office], kind: str) -> None:
    room = office("2023-04-17 10:00", days=1)
    with pytest.raises(AssertionError, match=r"customers\.csv"):
        room.files_registry(customers=str(FILES["customers"]).replace("长江纺织厂,A1", f"长江纺织厂,{kind}"))
    rows = room.asks("WU", "audit", "list")
    assert [row["action"] for row in rows].count("registry.import") == 1
