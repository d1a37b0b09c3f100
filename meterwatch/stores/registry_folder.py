"""A folder of registry files as one whole: local times made definite, and the files held against each other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.registry_files import Column, Problem
from meterwatch.stores.registry_managers import left_without_manager
from meterwatch.stores.registry_sheets import Sheet, Stored, missing_files, other_files, read_sheets

Sheets = Mapping[str, Sheet]
_FROM_TO = ("from", "to")

_NO_FOLDER = Phrase("there is no folder {directory}", "没有文件夹 {directory}")
_GB18030 = Phrase(
    "was read as GB18030, because it is not UTF-8; check that its names are right",
    "不是 UTF-8，已按 GB18030 编码读取；请核对名称是否正确",
)
_TWICE = Phrase('"{value}" stands on line {line} already', "“{value}”在第 {line} 行已出现")
_UNKNOWN = Phrase('"{value}" is not in {file}', "{file} 中没有“{value}”")
_NOT_AFTER = Phrase("must be after {first}", "必须晚于 {first}")
_QMIN_ABOVE = Phrase("qmin {qmin:.15g} is above qmax {qmax:.15g}", "qmin {qmin:.15g} 大于 qmax {qmax:.15g}")
_INDEX_TOO_LONG = Phrase(
    "{value:.15g} does not fit a register of {digits} digits", "{value:.15g} 超出 {digits} 位表计的计数范围"
)
_NOT_IN_OFFICE = Phrase(
    'the assignment lies outside the time "{person}" is in office (people.csv line {line})',
    "该分工超出“{person}”的任职期（people.csv 第 {line} 行）",
)
_TWO_CUSTOMERS = Phrase(
    "usage point {value} is supplied by the agreement on line {line} on some of these days",
    "用户点 {value} 在这些日期中已有第 {line} 行的合同",
)
_TWO_POINTS = Phrase(
    "meter {value} stands on another usage point at the same time, by line {line}",
    "表 {value} 同一时间在另一用户点（见第 {line} 行）",
)
_SAME_METER = Phrase("the times of meter {value} overlap with those on line {line}", "表 {value} 的有效期与第 {line} 行重叠")
_TWO_METERS = Phrase(
    "usage point {value} has another meter at the same time, on line {line}",
    "用户点 {value} 同一时间已有另一块表（见第 {line} 行）",
)
_OWN_ANCESTOR = Phrase('zone "{value}" is fed by itself: {path}', "“{value}”的上级又回到它自己：{path}")
_APPROVED_ALONE = Phrase("{value} also decided it; somebody else must approve it", "{value} 也是决定人；须由另一人批准")
_SAME_ASSIGNMENT = Phrase("line {line} says the same for some of these days", "第 {line} 行在这些日期中已有相同的分工")


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder holds: sheets by file name, every problem, and notices, which refuse nothing."""

    sheets: Sheets
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def read_folder(directory: Path, default_zone: str, stored: Stored = lambda _: ()) -> Folder:
    """Return all that ``directory`` holds; points without a time zone get ``default_zone``, meters' times are in UTC.

    What is ``stored`` of optional files that are not there is held against the others as well.
    Raises Refusal if there is no such folder, Unavailable if a file in it can't be read.
    """
    if not directory.is_dir():
        raise Refusal(_NO_FOLDER, directory=directory)
    sheets = read_sheets(directory, stored)
    _settle_times(sheets, default_zone)
    for check in CHECKS:
        check(sheets)
    problems = [problem for sheet in sheets.values() for problem in sorted(sheet.problems, key=lambda found: found.line)]
    decoded = [Problem(s.spec.file, 0, "", _GB18030) for s in sheets.values() if s.encoding == "GB18030"]
    left = left_without_manager(sheets) if not problems else []
    return Folder(sheets, tuple(problems), (*decoded, *missing_files(sheets), *other_files(directory), *left))


def _settle_times(sheets: Sheets, default_zone: str) -> None:
    points, meters = sheets["usage_points"], sheets["meters"]
    points.columns["time_zone"] = [zone or default_zone for zone in points["time_zone"]]
    zone_of = dict(zip(points["usage_point"], points["time_zone"], strict=True))
    info = {name: ZoneInfo(name) for name in {default_zone, *points["time_zone"]}}
    zones = [info[zone_of.get(point, default_zone)] for point in meters["usage_point"]]
    for name in ("valid_from", "valid_to"):
        meters.columns[name] = [_definite(moment, zone) for moment, zone in zip(meters[name], zones, strict=True)]


def _definite(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def check_keys(sheets: Sheets) -> None:
    """A key stands once; where the key holds a time, check_times tells its rows apart."""
    for sheet in sheets.values():
        span = sheet.spec.span
        if not span or span[0] not in sheet.spec.key:
            _check_key(sheet, sheet.spec.key)


def _check_key(sheet: Sheet, key: tuple[str, ...]) -> None:
    seen: dict[Any, int] = {}
    for row, codes in enumerate(zip(*(sheet[name] for name in key), strict=True)):
        first = seen.setdefault(codes, row)
        if first != row and None not in codes:
            sheet.spoil(row, key[0], _TWICE, value=", ".join(map(str, codes)), line=sheet.lines[first])


def check_references(sheets: Sheets) -> None:
    """What a cell refers to is there."""
    for sheet in sheets.values():
        for column in sheet.spec.columns:
            if column.references and sheets[column.references].whole:
                _check_reference(sheet, column, sheets[column.references])


def _check_reference(sheet: Sheet, column: Column, target: Sheet) -> None:
    known = {None, *target[target.spec.key[0]]}
    for row, code in enumerate(sheet[column.name]):
        if code not in known:
            sheet.report(sheet.lines[row], column.name, _UNKNOWN, value=code, file=target.spec.file)


def check_spans(sheets: Sheets) -> None:
    """A span ends after it begins."""
    for sheet in sheets.values():
        if sheet.spec.span:
            first, last = sheet.spec.span
            for row, (begin, end) in enumerate(zip(sheet[first], sheet[last], strict=True)):
                if begin is not None and end is not None and end <= begin:
                    sheet.spoil(row, last, _NOT_AFTER, first=first)


def check_flows(sheets: Sheets) -> None:
    """Qmin is not above Qmax."""
    points = sheets["usage_points"]
    for line, qmin, qmax in zip(points.lines, points["qmin"], points["qmax"], strict=True):
        if qmin is not None and qmax is not None and qmin > qmax:
            points.report(line, "qmin", _QMIN_ABOVE, qmin=qmin, qmax=qmax)


def check_indexes(sheets: Sheets) -> None:
    """A register shows no more than its digits can."""
    meters = sheets["meters"]
    for name in ("initial_index", "final_index"):
        for line, digits, value in zip(meters.lines, meters["digits"], meters[name], strict=True):
            if digits is not None and value is not None and value >= 10**digits:
                meters.report(line, name, _INDEX_TOO_LONG, value=value, digits=digits)


def check_offices(sheets: Sheets) -> None:
    """Nobody is assigned for a time he is not in office; where an assignment is open, his office bounds it."""
    people, assignments = sheets["people"], sheets["assignments"]
    if not (people.whole and assignments.whole):
        return
    row_of = {code: row for row, code in enumerate(people["person"]) if people.is_sound(row, ("person", *_FROM_TO))}
    for row, person in enumerate(assignments["person"]):
        if person in row_of and assignments.is_sound(row, _FROM_TO):
            line = people.lines[row_of[person]]
            for name in _out_of_office(*_span(people, row_of[person]), *_span(assignments, row)):
                assignments.report(assignments.lines[row], name, _NOT_IN_OFFICE, person=person, line=line)


def _out_of_office(begins: float, ends: float, first: float, last: float) -> Iterator[str]:
    """Yield the columns of an assignment ``first``..``last`` that lie outside an office ``begins``..``ends``."""
    if first != -inf and not begins <= first < ends:
        yield _FROM_TO[0]
    if last != inf and not begins < last <= ends:
        yield _FROM_TO[1]


def check_times(sheets: Sheets) -> None:
    """One customer on a point, one point for a meter, one meter on a point, one assignment, at any time."""
    agreements, meters, assignments = sheets["agreements"], sheets["meters"], sheets["assignments"]
    points = meters["usage_point"]
    codes = meters["meter"]
    _check_times(agreements, ("usage_point",), lambda *_: _TWO_CUSTOMERS)
    _check_times(meters, ("meter",), lambda a, b: _SAME_METER if points[a] == points[b] else _TWO_POINTS)
    _check_times(meters, ("usage_point",), lambda a, b: None if codes[a] == codes[b] else _TWO_METERS)
    _check_times(assignments, ("person", "role", "customer", "class", "area", "importance"), lambda *_: _SAME_ASSIGNMENT)


def _check_times(sheet: Sheet, together: Sequence[str], judge: Callable[[int, int], Phrase | None]) -> None:
    """Report rows of equal ``together`` that overlap in time and that ``judge`` has a text for, on the later line."""
    if not sheet.whole:
        return
    seen: dict[Any, int] = {}
    shared: dict[Any, list[int]] = {}
    for row, group in enumerate(zip(*(sheet[name] for name in together), strict=True)):
        first = seen.setdefault(group, row)
        if first != row:
            shared.setdefault(group, [first]).append(row)
    used = (*together, *(sheet.spec.span or ()))
    for rows in shared.values():
        for early, late in _overlapping(sheet, [row for row in rows if sheet.is_sound(row, used)]):
            if text := judge(early, late):
                value = sheet[together[0]][late]
                sheet.report(sheet.lines[late], together[0], text, value=value, line=sheet.lines[early])


def _overlapping(sheet: Sheet, rows: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (row, row further down) for each row that begins before one that began earlier has ended."""
    reach, until = -1, -inf
    for begin, end, row in sorted((*_span(sheet, row), row) for row in rows):
        if begin < until:
            yield min(reach, row), max(reach, row)
        if end > until:
            reach, until = row, end


def _span(sheet: Sheet, row: int) -> tuple[float, float]:
    first, last = sheet.spec.span or ("", "")
    return _bound(sheet[first][row], -inf), _bound(sheet[last][row], inf)


def _bound(value: date | None, open_end: float) -> float:
    if value is None:
        return open_end
    return value.timestamp() if isinstance(value, datetime) else float(value.toordinal())


def check_zones(sheets: Sheets) -> None:
    """Zones form a tree: none is fed by itself, directly or through others."""
    zones = sheets["zones"]
    if not zones.whole:
        return
    parent = {zone: above for zone, above in zip(zones["zone"], zones["parent"], strict=True) if zone}
    for row, zone in enumerate(zones["zone"]):
        path = _up(zone, parent)
        if path[-1] == zone and len(path) > 1:
            zones.report(zones.lines[row], "parent", _OWN_ANCESTOR, value=zone, path=" -> ".join(path))


def check_classifications(sheets: Sheets) -> None:
    """Two people decided and approved each row; the newest year's customers and people are there.

    Rows of earlier years, and those that are stored, outlive the customers and people they name.
    """
    sheet = sheets["classifications"]
    if sheet.kept or not sheet.whole:
        return
    for row, (decided, approved) in enumerate(zip(sheet["decided_by"], sheet["approved_by"], strict=True)):
        if decided is not None and decided == approved:
            sheet.report(sheet.lines[row], "approved_by", _APPROVED_ALONE, value=approved)
    newest = max(filter(None, sheet["year"]), default=None)
    for name, target in (("customer", "customers"), ("decided_by", "people"), ("approved_by", "people")):
        known = {None, *sheets[target][sheets[target].spec.key[0]]}
        for row, (year, code) in enumerate(zip(sheet["year"], sheet[name], strict=True)):
            if year == newest and sheets[target].whole and code not in known:
                sheet.report(sheet.lines[row], name, _UNKNOWN, value=code, file=sheets[target].spec.file)


def _up(zone: str, parent: Mapping[str, str | None]) -> list[str]:
    """Return a zone and all above it, up to the root or to the first that came before."""
    path = [zone]
    seen: set[str] = set()
    while (above := parent.get(path[-1])) and above not in seen:
        seen.add(above)
        path.append(above)
    return path


CHECKS: tuple[Callable[[Sheets], None], ...] = (
    check_keys,
    check_references,
    check_spans,
    check_flows,
    check_indexes,
    check_offices,
    check_times,
    check_zones,
    check_classifications,
)
