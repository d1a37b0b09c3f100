"""RULES who-supply: a usage point hangs on several zones, primary and backup, as the registry says."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.scene import Office

ZONES = """\
zone,kind,parent
S-EAST,substation,
S-WEST,substation,
F-12,feeder,S-EAST
F-40,feeder,S-WEST
"""
TWO = "usage_point,zone,supply\nHOTEL-POWER,F-12,primary\nHOTEL-POWER,F-40,backup\n"


def hangs(room: Office, *words: str) -> list[tuple[str, str, str]]:
    """Return which point hangs on which zone as what, as the registry is copied."""
    room.says("WU", "registry", "export", f"copy{''.join(words)}", *words)
    text = Path(f"copy{''.join(words)}", "point_zones.csv").read_text(encoding="utf-8-sig")
    return [(row["usage_point"], row["zone"], row["supply"]) for row in csv.DictReader(text.splitlines())]


def test_a_point_on_two_substations(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1, zones=ZONES, point_zones=TWO)
    both = [("HOTEL-POWER", "F-12", "primary"), ("HOTEL-POWER", "F-40", "backup")]
    assert hangs(room) == both
    room.files_registry(point_zones="usage_point,zone,supply\nHOTEL-POWER,F-40,\n")  # empty is primary
    assert hangs(room, "--snapshot", "2") == [("HOTEL-POWER", "F-40", "primary")]
    assert hangs(room, "--snapshot", "1") == both


@pytest.mark.parametrize(
    ("zones", "point_zones", "file"),
    [
        (ZONES, f"{TWO}HOTEL-POWER,F-99,backup\n", "point_zones"),
        (ZONES, f"{TWO}NOWHERE,F-12,backup\n", "point_zones"),
        (ZONES, f"{TWO}HOTEL-POWER,F-12,backup\n", "point_zones"),  # once is enough
        (ZONES, "usage_point,zone,supply\nHOTEL-POWER,F-12,third\n", "point_zones"),
        (ZONES.replace("S-EAST,substation,", "S-EAST,substation,F-12"), TWO, "zones"),  # fed by itself
    ],
    ids=["unknown zone", "unknown point", "twice on one", "neither primary nor backup", "a zone fed by itself"],
)
def test_what_is_refused(office: Callable[..., Office], zones: str, point_zones: str, file: str) -> None:
    room = office("2023-04-17 10:00", days=1)
    with pytest.raises(AssertionError, match=rf"\b{file}\.csv"):
        room.files_registry(zones=zones, point_zones=point_zones)
    assert room.service.books.snapshots.newest().number == 1
