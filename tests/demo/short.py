"""An hour of the play, in which most stories never happen; a process of its own by ``python -m tests.demo.short FOLDER``."""

import sys
from pathlib import Path

from meterwatch.cli.demo import Play, demonstrate
from meterwatch.cli.output import Output
from meterwatch.core.model.phrase import Lang
from meterwatch.demo.script import Script, at
from tests.support.month import small_fleet


def play(folder: Path, *, once: bool) -> int:
    script = Script.make(small_fleet())
    return demonstrate(Play(script, once, pace_s=0.0, history_days=range(1), end=at(1, 1, 1)), folder, Output(Lang.EN))


if __name__ == "__main__":
    sys.exit(play(Path(sys.argv[1]), once=False))
