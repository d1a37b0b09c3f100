"""A month played by a process of its own that can be killed: ``python -m tests.support.month FOLDER PORT VARIANT LENGTH``.

Started again in the same folder it goes on where the ledger's clock stands.
"""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from meterwatch.core.model.packets import Packet
from meterwatch.demo.fleet import HISTORY_START, Fleet, make_fleet
from meterwatch.demo.packets import Reading
from meterwatch.demo.play import Player, Publisher, open_stage
from meterwatch.demo.script import Script, at

START = at(2, 13)
ENDS = {"days": at(2, 23, 10), "month": at(3, 16, 10)}
POINTS = (
    *("GP-0001", "GP-0007", "GP-0013", "GP-0021", "GP-0022", "GP-0031", "GP-0041", "GP-0042"),
    *("EP-0003", "EP-0011", "EP-0022", "EP-0041", "EP-0051", "EP-0073"),
)
_LAST_YEAR = range((at(12, 25, year=2021) - HISTORY_START).days, (at(4, 15, year=2022) - HISTORY_START).days)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Doubled(Script):
    """Every packet comes twice."""

    def deliver(self, readings: list[Reading], moment: datetime) -> list[Packet]:
        return [packet for packet in super().deliver(readings, moment) for _ in range(2)]


@dataclass
class Shuffled(Script):
    """What belongs to one meter day comes at its end, in any order: power at midnight, gas at eight."""

    waiting: dict[str, list[Packet]] = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def deliver(self, readings: list[Reading], moment: datetime) -> list[Packet]:
        for packet in super().deliver(readings, moment):
            self.waiting.setdefault(self._closes(packet), []).append(packet)
        due = self.waiting.pop(f"{moment.hour:02d}:{moment.minute:02d}", [])
        self.dice.shuffle(due)
        return due

    def _closes(self, packet: Packet) -> str:
        if packet.topic.startswith("power/R"):
            return "07:00"  # midnight in Rome
        return "00:00" if packet.topic.startswith("power") else "08:00"


VARIANTS: dict[str, type[Script]] = {"plain": Script, "twice": Doubled, "shuffled": Shuffled}


def small_fleet() -> Fleet:
    """The points the month's stories need."""
    chosen = [point for point in make_fleet().points if point.code in POINTS]
    return Fleet(tuple(replace(point, index=index, minutes=60) for index, point in enumerate(chosen)))


def main(arguments: Sequence[str]) -> None:
    folder, port, variant, end = Path(arguments[0]), int(arguments[1]), arguments[2], ENDS[arguments[3]]
    script = VARIANTS[variant].make(small_fleet())
    with open_stage(folder, script, port, "tester", start=START) as stage:
        reached = stage.service.books.clock.now()
        publisher = Publisher(port)
        begin = reached if reached.microsecond else reached - _MILLISECOND
        player = Player(stage, script, publisher, start=max(begin, START), end=end)
        player.settle()
        if reached == START:
            this_year = range((START - HISTORY_START).days - 60, (START - HISTORY_START).days)
            player.load_history([*_LAST_YEAR, *this_year])
        player.play()
        publisher.close()


if __name__ == "__main__":
    main(sys.argv[1:])
