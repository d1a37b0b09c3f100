"""Import of a registry of 1e6 usage points as a multiple of reading the same files with csv. To reach: at most 10.

The peer reads each file into a list of its rows, as one must who holds files against each other; it checks nothing and
stores nothing. How long csv takes if the rows are dropped at once stands beside it.
"""

import csv
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from meterwatch.core.clock import elapsed
from meterwatch.stores.database import Database
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.registry_files import FILES

POINTS = (100_000, 1_000_000)
NOW = datetime(2023, 1, 1, tzinfo=UTC)
AREAS, MANAGERS = 200, 500


def write(folder: Path, points: int) -> None:
    """Write the files of a registry in which every customer has one point, one agreement and one meter."""
    numbers = range(points)
    rows = {
        "customers": (f"C{n:07d},客户{n},A{n % 3 + 1},no,U{n % 20},AREA-{n % AREAS}" for n in numbers),
        "usage_points": (f"P{n:07d},electricity,,{100 + n % 900},," for n in numbers),
        "agreements": (f"G{n:07d},C{n:07d},P{n:07d},2020-01-{n % 28 + 1:02d}," for n in numbers),
        "meters": (f"M{n:07d},P{n:07d},6,40,GW{n // 100},site/{n // 100}/up,2020-01-{n % 28 + 1:02d},,0," for n in numbers),
        "people": (f"K{n:03d},经理{n},manager,1380000{n:04d},,U{n % 20},,," for n in range(MANAGERS)),
        "assignments": (f"K{n % MANAGERS:03d},manager,,,AREA-{n},,," for n in range(AREAS)),
    }
    for spec in FILES:
        with (folder / spec.file).open("w", encoding="utf-8") as file:
            print(",".join(column.name for column in spec.columns), file=file)
            file.writelines(f"{row}\n" for row in rows.get(spec.name, ()))


def read_plainly(folder: Path) -> int:
    """Read every file with csv and keep all rows; return how many there are."""
    held = []
    for spec in FILES:
        with (folder / spec.file).open(encoding="utf-8", newline="") as file:
            held.append(list(csv.reader(file)))
    return sum(map(len, held))


def drop_rows(folder: Path) -> None:
    """Read every file with csv and keep nothing."""
    for spec in FILES:
        with (folder / spec.file).open(encoding="utf-8", newline="") as file:
            deque(csv.reader(file), maxlen=0)


def seconds(work: Callable[[Path], object], files: Path) -> float:
    """Return the best of three rounds."""
    best = float("inf")
    for _ in range(3):
        began = elapsed()
        work(files)
        best = min(best, elapsed() - began)
    return best


def measure(points: int, folder: Path) -> tuple[float, ...]:
    """Return seconds of reading without and with keeping rows, of the first import, and of importing the same again."""
    files = folder / "files"
    files.mkdir()
    write(files, points)
    plain = seconds(drop_rows, files), seconds(read_plainly, files)
    with closing(Database.file(folder / "ledger.db")) as database:
        registry = SqlRegistry(database)
        found = []
        for _ in range(2):
            began = elapsed()
            registry.import_files(files, by="bench", now=NOW, default_zone="Asia/Shanghai")
            found.append(elapsed() - began)
    return *plain, *found


def run() -> Iterator[str]:
    yield "| usage points | csv, rows dropped s | csv s | import s | ratio | the same again s | ratio |"
    yield "|---|---|---|---|---|---|---|"
    for points in POINTS:
        done = subprocess.run(
            [sys.executable, "-m", "bench.registry", str(points)], capture_output=True, text=True, check=True
        )
        dropped, plain, first, again = map(float, done.stdout.split())
        figures = f"{first:.1f} | {first / plain:.1f} | {again:.1f} | {again / plain:.1f}"
        yield f"| {points:,} | {dropped:.2f} | {plain:.2f} | {figures} |"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(*measure(int(sys.argv[1]), Path(place)))
