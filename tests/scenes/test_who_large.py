"""RULES who-large: whose monthly mean of the year before is 4000 kWh or more is a general large customer."""

from collections.abc import Callable

from tests.support.scene import FILES, Office

SHOPS = {"EXACTLY": 4000 * 12 / 365, "BELOW": 3999 * 12 / 365}
"""Two shops on power, by what they used a day in 2022."""
AT_SHOPS = {
    "customers": str(FILES["customers"]) + "".join(f"{name},商店,A2,no,一所,north\n" for name in SHOPS),
    "usage_points": str(FILES["usage_points"]) + "".join(f"{name}-POWER,electricity,,,,\n" for name in SHOPS),
    "agreements": str(FILES["agreements"]) + "".join(f"S{name},{name},{name}-POWER,2020-01-01,\n" for name in SHOPS),
    "meters": str(FILES["meters"]) + "".join(f"M-{name}-POWER,{name}-POWER,8,1,,,2020-01-01,,,\n" for name in SHOPS),
    "contacts": str(FILES["contacts"]) + "".join(f"X{name},{name},店长,13900000009,outage,2020-01-01,,\n" for name in SHOPS),
}


def test_four_thousand_is_included(office: Callable[..., Office]) -> None:
    used = {f"{name}-POWER": daily for name, daily in SHOPS.items()}
    room = office("2023-01-03 10:00", used=used, days=369, **AT_SHOPS)
    rows = {row["customer"]: row for row in room.asks("ZHAO", "registry", "classify", "--year", "2022")["rows"]}
    assert (rows["EXACTLY"]["monthly_mean"], rows["EXACTLY"]["months"]) == (4000.0, 12)
    assert (rows["BELOW"]["monthly_mean"], rows["BELOW"]["months"]) == (3999.0, 12)
    assert [rows[name]["proposed"] for name in SHOPS] == [True, False]


def test_a_year_in_parts_is_provisional(office: Callable[..., Office]) -> None:
    used = {f"{name}-POWER": daily for name, daily in SHOPS.items()}
    room = office("2023-01-03 10:00", used=used, days=100, **AT_SHOPS)
    rows = {row["customer"]: row for row in room.asks("ZHAO", "registry", "classify", "--year", "2022")["rows"]}
    assert rows["EXACTLY"]["provisional"]
