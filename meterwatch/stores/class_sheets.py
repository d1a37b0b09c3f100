"""The classification sheet as a CSV file: written for an office, and read back with what it decided."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.classes import ClassRow
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.registry_cells import CODE, COMMODITY, CUSTOMER_CLASS, MONTHS, NUMBER, YEAR, YES_NO
from meterwatch.stores.registry_files import Column, FileSpec, Problem
from meterwatch.stores.registry_sheets import Sheet, read_sheet
from meterwatch.stores.registry_text import cell, csv_text

SHEET = FileSpec(
    "sheet",
    (
        Column("customer", CODE, Phrase("code of the customer", "客户编号"), required=True, key=True),
        Column("commodity", COMMODITY, Phrase("use of what", "供应品种"), required=True, key=True),
        Column("year", YEAR, Phrase("year of the use", "用量所属年份"), required=True),
        Column("class", CUSTOMER_CLASS, Phrase("his class", "客户类别")),
        Column("monthly_mean", NUMBER, Phrase("monthly mean use, kWh or m3", "月均用量，kWh 或 m3")),
        Column("months", MONTHS, Phrase("months it is the mean of", "计入的月数"), required=True),
        Column("provisional", YES_NO, Phrase("the year is not covered", "未覆盖全年"), required=True),
        Column("old_large", YES_NO, Phrase("large until now", "原为大客户")),
        Column("proposed", YES_NO, Phrase("reaches the threshold", "达到标准")),
        Column("large", YES_NO, Phrase("what the office decides", "认定结果"), required=True),
    ),
)
_REFUSED = Phrase(
    "the sheet was not recorded and nothing was changed; problems found: {count}",
    "认定表未记录，未作任何改动；共发现 {count} 处问题",
)
_NO_FILE = Phrase("there is no file {path}; `--csv {path}` writes one", "没有文件 {path}；用 `--csv {path}` 生成")
_OTHER_YEAR = Phrase("the row is of {value}, the sheet of {year}", "本行为 {value} 年，认定表为 {year} 年")
_NOT_ON_SHEET = Phrase(
    "{value} is not on the sheet of {year}; write a new one", "{year} 年认定表中没有 {value}；请重新生成认定表"
)
_TWICE = Phrase("{value} stands on line {line} already", "{value} 在第 {line} 行已出现")
_MISSING = Phrase("{value} is missing; decide every row of the sheet", "缺少 {value}；认定表的每一行都须认定")
_CHANGED = Phrase(
    "the figures of {value} are {mean} over {months} months by now; write a new sheet and decide it",
    "{value} 的数据现为月均 {mean}，计 {months} 个月；请重新生成认定表后再认定",
)
_NOT_TO_DECIDE = Phrase(
    "{value} used {mean} a month in a whole year, so large is {proposed}; only a provisional row is the office's to decide",
    "{value} 全年月均 {mean}，large 应为 {proposed}；仅暂定行由供电所认定",
)

Key = tuple[str, str]


class SheetRefused(Refusal):
    """A decided sheet that was not recorded: ``problems`` names each row and what is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(_REFUSED, count=len(problems))
        self.problems = problems

    def say(self, lang: Lang) -> str:
        """Return the reason and below it one line for each problem."""
        return "\n".join([super().say(lang), *(found.say(lang) for found in self.problems)])


def sheet_text(rows: Iterable[ClassRow], year: int) -> str:
    """Return the sheet of ``year``; ``large`` is filled in with the proposal, but left empty where the office decides."""
    return csv_text(SHEET, ((*_cells(row, year), None if row.provisional else row.proposed) for row in rows))


def _cells(row: ClassRow, year: int) -> tuple[object, ...]:
    figures = (row.customer_class, row.monthly_mean, row.months, row.provisional, row.old_large, row.proposed)
    return (*row.key, year, *figures)


def read_decided(path: Path, year: int, rows: Iterable[ClassRow]) -> list[ClassRow]:
    """Return ``rows``, the sheet of ``year`` as it is computed now, with what the file at ``path`` decides.

    Raises SheetRefused naming every row that is missing, unknown, out of date, undecided, or decided against its figures;
    Refusal if there is no such file, Unavailable if it can't be read.
    """
    asked = {row.key: row for row in rows}
    sheet = read_sheet(SHEET, _content(path))
    found = _decided(sheet, year, asked) if sheet.whole else {}
    if sheet.problems:
        ordered = sorted(sheet.problems, key=lambda problem: (problem.line, str(problem.figures.get("value", ""))))
        raise SheetRefused([replace(problem, file=path.name) for problem in ordered])
    return [found[key] for key in sorted(found)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as problem:
        raise Refusal(_NO_FILE, path=path) from problem
    except OSError as problem:
        raise Unavailable(f"{path}: {problem.strerror}") from problem


def _decided(sheet: Sheet, year: int, asked: Mapping[Key, ClassRow]) -> dict[Key, ClassRow]:
    """Return the decided rows, and note what is wrong with any."""
    lines: dict[Key, int] = {}
    decided: dict[Key, ClassRow] = {}
    for at, key in enumerate(zip(sheet["customer"], sheet["commodity"], strict=True)):
        line = sheet.lines[at]
        if None in key:
            continue  # what can't be read is said already
        if lines.setdefault(key, line) != line:
            sheet.report(line, "customer", _TWICE, value=_shown(key), line=lines[key])
            continue
        row = asked.get(key)
        for column, text, figures in _wrong(sheet, at, year, row):
            sheet.report(line, column, text, **{"value": _shown(key), "year": year, **figures})
        if row:
            decided[key] = replace(row, large=sheet["large"][at])
    for key in asked.keys() - lines.keys():
        sheet.report(0, "", _MISSING, value=_shown(key))
    return decided


def _wrong(sheet: Sheet, at: int, year: int, row: ClassRow | None) -> Iterator[tuple[str, Phrase, dict[str, object]]]:
    """Yield the column, the text and the figures of what is wrong with a row; ``row`` is what is computed of it."""
    if not sheet.is_sound(at, ("year", "monthly_mean", "months", "provisional", "large")):
        return
    if sheet["year"][at] != year:
        yield "year", _OTHER_YEAR, {"value": sheet["year"][at]}
    elif row is None:
        yield "customer", _NOT_ON_SHEET, {}
    elif (sheet["monthly_mean"][at], sheet["months"][at], sheet["provisional"][at]) != _figures(row):
        yield "monthly_mean", _CHANGED, {"mean": cell(row.monthly_mean), "months": row.months}
    elif not row.provisional and sheet["large"][at] != row.proposed:
        yield "large", _NOT_TO_DECIDE, {"mean": cell(row.monthly_mean), "proposed": cell(row.proposed)}


def _figures(row: ClassRow) -> tuple[float | None, int, bool]:
    return row.monthly_mean, row.months, row.provisional


def _shown(key: Key) -> str:
    return "/".join(key)
