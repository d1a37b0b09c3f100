"""RULES who-sum: the rules speak of the customer's use: the sum over his points of one commodity."""

from collections.abc import Callable

from tests.support.scene import FILES, USED, Office


def with_points(**daily: float) -> dict[str, str]:
    """Return registry files in which the foundry has further gas points."""
    names = [name for name in daily if name != "FOUNDRY-GAS"]
    return {
        "usage_points": str(FILES["usage_points"]) + "".join(f"{name},gas,,,2,100\n" for name in names),
        "agreements": str(FILES["agreements"])
        + "".join(f"9{at},FOUNDRY,{name},2020-01-01,\n" for at, name in enumerate(names)),
        "meters": str(FILES["meters"]) + "".join(f"M-{name},{name},8,1,,,2020-01-01,,,\n" for name in names),
    }


def test_what_one_point_saves_another_uses(office: Callable[..., Office]) -> None:
    """One furnace stops and the other takes over: the customer's use is what it was, nobody is warned."""
    daily = {"FOUNDRY-GAS": 500.0, "SECOND": 500.0}
    room = office("2023-04-17 10:00", used={**USED, **daily}, **with_points(**daily))
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 100.0)
    room.uses("SECOND", 900.0)
    room.until("2023-04-27 10:00")
    assert room.alerts("churn") == []
    assert room.asks("MA", "judge") == []


def test_both_points_fall_a_little(office: Callable[..., Office]) -> None:
    """Each point's 65 % is the customer's 65 %: one warning, about the customer."""
    daily = {"FOUNDRY-GAS": 500.0, "SECOND": 500.0}
    room = office("2023-04-17 10:00", used={**USED, **daily}, **with_points(**daily))
    room.until("2023-04-19 08:00")
    room.uses("FOUNDRY-GAS", 325.0)
    room.uses("SECOND", 325.0)
    room.until("2023-04-26 10:00")
    room.told("WANG", "流失预警", "FOUNDRY", "此前日均1000m³（65%）")
    assert [alert["subject"] for alert in room.alerts("churn")] == ["FOUNDRY/gas"]


def test_a_small_part_that_is_missing_is_estimated_a_large_one_makes_the_day_unknown(office: Callable[..., Office]) -> None:
    """Under 5 % of the customer's use may be missing: 4 % of it falls silent with the rest at 60 %, he is still judged."""
    daily = {"FOUNDRY-GAS": 960.0, "SECOND": 40.0}
    room = office("2023-04-17 10:00", used={**USED, **daily}, **with_points(**daily))
    room.until("2023-04-19 08:00")
    room.uses("SECOND", None)
    room.uses("FOUNDRY-GAS", 576.0)
    room.until("2023-04-20 10:00")
    (row,) = room.asks("WANG", "judge")
    assert row["subject"] == "FOUNDRY/gas"
    room.until("2023-04-21 10:00")
    room.told("WANG", "表计失联", "SECOND")

    # Now the larger part is silent: what he uses nobody knows, and a gap is never churn.
    room.uses("FOUNDRY-GAS", None)
    room.until("2023-04-23 10:00")
    room.told("WANG", "表计失联", "FOUNDRY-GAS")
    assert [row["day"] for row in room.asks("WANG", "judge")] == ["2023-04-19", "2023-04-20"]
