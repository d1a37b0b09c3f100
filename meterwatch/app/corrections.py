"""What a person asks to be corrected, held against registry, rights and stored readings before anything is entered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from meterwatch.core.errors import Refusal
from meterwatch.core.instants import from_ms, to_ms
from meterwatch.core.model.corrections import Correction, NewCorrection
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import BY_NAME, ReadingType
from meterwatch.core.model.registry import Registry
from meterwatch.core.model.viewer import Viewer
from meterwatch.core.ports import ReadingStore
from meterwatch.stores.registry_cells import CODE, MOMENT, TEXT, Kind, read_number
from meterwatch.stores.registry_files import Column, FileSpec, Problem
from meterwatch.stores.registry_sheets import Sheet, read_sheet

MOST = 1e15  # no meter shows more, and what is not believed of a message is not believed of a person
_DAY_MS = 86_400_000

_NO_POINT = Phrase(
    "the registry holds no usage point {point!r}; `meterwatch registry import` loads them", "档案中没有用户点 {point!r}"
)
_NO_POINT_BUT = Phrase(
    "the registry holds no usage point {point!r}; did you mean {nearest!r}?",
    "档案中没有用户点 {point!r}；是否应为 {nearest!r}？",
)
_NO_TYPE = Phrase(
    "no reading type of {point} is called {name!r}; did you mean {nearest!r}?",
    "{point} 没有读数类型 {name!r}；是否应为 {nearest!r}？",
)
_NO_REASON = Phrase("a correction needs its reason", "修正必须填写原因")
_FUTURE = Phrase(
    "{time} lies in the future (it is now {now}): only what was metered can be corrected",
    "{time} 在未来（现在 {now}）：只能修正已计量的读数",
)
_NO_READING = Phrase(
    "there is no {type} reading of {point} at {time}, nor within a day of it; --add enters one",
    "{point} 在 {time} 及其前后一天内没有 {type} 读数；可用 --add 补录",
)
_NO_READING_BUT = Phrase(
    "there is no {type} reading of {point} at {time}; the nearest is at {nearest}: name that time, or --add one",
    "{point} 在 {time} 没有 {type} 读数，最近一条在 {nearest}：请改用该时间，或用 --add 补录",
)
_NOT_YOURS = Phrase(
    "{viewer} may not judge readings and meter of {point}: the manager or deputy of its customer may, an office head, "
    "a supervisor or the company manager",
    "{viewer} 无权修正 {point} 的读数或判定其表计：可由该客户的客户经理或其代理人、所长、督察或公司经理办理",
)
_TWICE = Phrase("line {line} corrects the same reading", "第 {line} 行已修正同一读数")
_NO_ROWS = Phrase("holds no rows below its header", "表头之下没有内容")
_REFUSED = Phrase(
    "nothing was corrected; problems found: {count}\n{problems}", "未作任何修正；共发现 {count} 处问题\n{problems}"
)
_A_VALUE = Phrase("a number a meter can show, such as 1234.5", "表计可能显示的数值（如 1234.5）")


class Asked(NamedTuple):
    """What a person asks for. ``reading_type`` by name; ``time`` is local to the usage point where it has no zone."""

    usage_point: str
    reading_type: str
    time: datetime
    value: float
    reason: str


class CorrectionsRefused(Refusal):
    """A file of corrections that was not entered: ``problems`` says all that was found wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(_REFUSED, count=len(problems), problems="")
        self.problems = sorted(problems, key=lambda problem: problem.line)

    def say(self, lang: Lang) -> str:
        """Return the reason and below it one line for each problem."""
        told = "\n".join(problem.say(lang) for problem in self.problems)
        return self.phrase.say(lang, count=len(self.problems), problems=told)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Holds what ``viewer`` asks for at ``now`` against the registry; ``add``: readings that are not there may be added."""

    registry: Registry
    viewer: Viewer
    now: datetime
    add: bool = False

    def correction(self, asked: Asked, store: ReadingStore) -> NewCorrection:
        """Return the correction with its raw value; raises Refusal saying why there can be none."""
        row = point_row(self.registry, asked.usage_point)
        kind = _kind(self.registry, row, asked.reading_type)
        if not asked.reason.strip():
            raise Refusal(_NO_REASON)
        moment = _at(asked.time, self.registry, row)
        if moment > self.now:
            raise Refusal(_FUTURE, time=moment.isoformat(), now=self.now.astimezone(moment.tzinfo).isoformat())
        self.require_right(row, moment)
        time = to_ms(moment)
        raw = _raw_value(store, row, kind, time)
        if raw is None and not self.add:
            raise _no_reading(store, row, kind, asked, moment)
        return NewCorrection(asked.usage_point, kind.code, time, raw, asked.value, asked.reason.strip())

    def require_right(self, row: int, moment: datetime) -> None:
        """Raise Refusal unless the viewer is responsible for who was supplied at a row then, or for every customer."""
        customer = self.registry.customer_of(row, self.registry.scheme_of(row).day_of(moment))
        every = self.viewer.person is not None and self.viewer.customers is None
        if not (every or (customer and self.viewer.may_see(customer.code))):
            raise Refusal(_NOT_YOURS, viewer=self.viewer.name, point=self.registry.codes[row])

    def require_right_to(self, correction: Correction) -> None:
        """Raise Refusal unless the viewer may judge what was corrected."""
        self.require_right(point_row(self.registry, correction.usage_point), from_ms(correction.time))

    def file(self, name: str, content: bytes, store: ReadingStore) -> list[NewCorrection]:
        """Return the corrections of a CSV file (docs/formats.md); raises CorrectionsRefused naming every bad row."""
        sheet = read_sheet(FileSpec(name.removesuffix(".csv"), COLUMNS), content)
        found: dict[tuple[str, int, int], int] = {}
        entered = []
        for line, asked in _sound_rows(sheet):
            try:
                one = self.correction(asked, store)
            except Refusal as problem:
                sheet.report(line, "", problem.phrase, **problem.figures)
                continue
            first = found.setdefault((one.usage_point, one.reading_type, one.time), line)
            if first != line:
                sheet.report(line, "", _TWICE, line=first)
            entered.append(one)
        if not (sheet.problems or entered):
            sheet.report(0, "", _NO_ROWS)
        if sheet.problems:
            raise CorrectionsRefused(sheet.problems)
        return entered


def point_row(registry: Registry, code: str) -> int:
    """Return the row of a usage point; raises Refusal that names the nearest code if there is no such point."""
    row = registry.row_of(code)
    if row is not None:
        return row
    nearest = get_close_matches(code, registry.codes, n=1)
    raise Refusal(_NO_POINT_BUT, point=code, nearest=nearest[0]) if nearest else Refusal(_NO_POINT, point=code)


def _kind(registry: Registry, row: int, name: str) -> ReadingType:
    kinds = {kind.name: kind for kind in BY_NAME.values() if kind.commodity is registry.commodity_of(row)}
    if name not in kinds:
        nearest = get_close_matches(name, kinds, n=1, cutoff=0.0)[0]
        raise Refusal(_NO_TYPE, point=registry.codes[row], name=name, nearest=nearest)
    return kinds[name]


def _at(time: datetime, registry: Registry, row: int) -> datetime:
    zone = ZoneInfo(registry.time_zones[registry.points.time_zone[row]])
    return time.astimezone(zone) if time.tzinfo else time.replace(tzinfo=zone)


def _raw_value(store: ReadingStore, row: int, kind: ReadingType, time: int) -> float | None:
    batch = store.read(time - 1, time, np.array([row], np.int32))
    found = batch.value[batch.reading_type == kind.code]
    return float(found[0]) if len(found) else None


def _no_reading(store: ReadingStore, row: int, kind: ReadingType, asked: Asked, moment: datetime) -> Refusal:
    time = to_ms(moment)
    near = store.read(time - _DAY_MS, time + _DAY_MS, np.array([row], np.int32))
    times = near.time[near.reading_type == kind.code]
    said = {"type": kind.name, "point": asked.usage_point, "time": moment.isoformat()}
    if not len(times):
        return Refusal(_NO_READING, **said)
    nearest = from_ms(int(times[np.argmin(np.abs(times - time))])).astimezone(moment.tzinfo)
    return Refusal(_NO_READING_BUT, **said, nearest=nearest.isoformat())


# --- a file of corrections --------------------------------------------------------------------------------------------


def read_value(text: str) -> float | None:
    """Return a number a meter can show, None if it is none."""
    value = read_number(text)
    return value if value is not None and abs(value) <= MOST else None


COLUMNS = (
    Column("usage_point", CODE, Phrase("where", "用户点"), required=True),
    Column("reading_type", CODE, Phrase("name of its type, e.g. gas.register", "读数类型，如 gas.register"), required=True),
    Column(
        "time",
        MOMENT,
        Phrase("time of the reading; local to the usage point if no zone is written", "读数时间；未写时区则为当地时间"),
        required=True,
    ),
    Column(
        "value",
        Kind(_A_VALUE, read_value),
        Phrase("what it counts as, in the type's unit", "修正值，单位同类型"),
        required=True,
    ),
    Column("reason", TEXT, Phrase("why", "原因"), required=True),
)
"""The columns of a file of corrections."""


def _sound_rows(sheet: Sheet) -> Iterator[tuple[int, Asked]]:
    """Yield line and content of each row whose every cell could be read."""
    names = [column.name for column in COLUMNS]
    if not sheet.whole:
        return
    for at, (line, values) in enumerate(zip(sheet.lines, sheet.rows(), strict=True)):
        if sheet.is_sound(at, names):
            yield line, Asked(*values)
