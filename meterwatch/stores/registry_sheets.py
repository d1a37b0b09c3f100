"""Reading the registry's CSV files: bytes become columns of values, and every problem a single file can show.

A record is one line, so that a problem has one place and a forgotten quotation mark spoils no line but its own.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from meterwatch.core.errors import Unavailable
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.registry_files import FILES, Column, FileSpec, Problem

_BLOCK = 256  # lines split before their cells are read: few enough that the garbage collector never sees them grow old
_SHOWN = 60  # characters of a wrong cell that an error text repeats

_WRONG = Phrase('"{value}" is not {what}', "“{value}”无效，应为{what}")
_WRONG_CHARACTER = Phrase('"{value}" is not {what}: it holds {char!r}', "“{value}”无效，应为{what}，不能有 {char!r}")
_REQUIRED = Phrase("must not be empty", "不能为空")
_NO_FILE = Phrase(
    "the file is missing; if there is nothing to enter, leave only its header line", "缺少该文件；如无内容，请只保留表头一行"
)
_NOT_TEXT = Phrase(
    "is neither UTF-8 nor GB18030 text; save it as CSV UTF-8", "不是 UTF-8 或 GB18030 文本，请另存为 CSV UTF-8"
)
_NO_HEADER = Phrase("the header line is missing", "缺少表头行")
_UNKNOWN_COLUMN = Phrase(
    '"{value}" is not a column of this file; did you mean "{nearest}"?', "本文件没有“{value}”列，是否应为“{nearest}”？"
)
_COLUMN_TWICE = Phrase("the column stands twice in the header", "表头中该列重复")
_NO_COLUMN = Phrase("the required column is missing in the header", "表头缺少该必填列")
_BAD_QUOTES = Phrase(
    "the quotation marks (\") do not pair up on this line; a value can't hold a line break",
    '本行的引号（"）不成对；单元格内不能换行',
)
_TOO_MANY = Phrase(
    "the line has {found} values, the header has {expected} columns", "本行有 {found} 个值，而表头只有 {expected} 列"
)
_KEPT = Phrase(
    "is not in the folder; what is stored of it stays as it is ({rows} rows)",
    "目录中没有该文件；已存内容保持不变（{rows} 行）",
)
_UNKNOWN_FILE = Phrase(
    'is not a file of the registry and was not read; did you mean "{nearest}"?',
    "不是档案文件，未读取；是否应为“{nearest}”？",
)


@dataclass(slots=True)
class Sheet:
    """The rows of one file as columns of values, ``lines`` the line each stands on.

    A cell that can't be read is None and its (row, column) is in ``broken``. ``whole`` is False if the file or a required
    column is missing, so that nothing may be concluded from what is not in it. ``kept`` rows are stored ones: there is no
    file, and they stand on line 0.
    """

    spec: FileSpec
    encoding: str = ""
    lines: list[int] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    broken: set[tuple[int, str]] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    whole: bool = False
    kept: bool = False

    def __getitem__(self, column: str) -> list[Any]:
        return self.columns[column]

    def report(self, line: int, column: str, text: Phrase, /, **figures: object) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.spec.file, line, column, text, figures))

    def spoil(self, row: int, column: str, text: Phrase, /, **figures: object) -> None:
        """Note a problem of a cell that leaves nothing to compare it by."""
        self.broken.add((row, column))
        self.report(self.lines[row], column, text, **figures)

    def is_sound(self, row: int, columns: Iterable[str]) -> bool:
        """Return whether none of these cells of a row is broken."""
        return not any((row, column) in self.broken for column in columns)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows as tuples in the order of the file's declared columns."""
        return list(zip(*(self.columns[column.name] for column in self.spec.columns), strict=True))


Stored = Callable[[FileSpec], Sequence[tuple[Any, ...]]]


def read_sheets(directory: Path, stored: Stored) -> dict[str, Sheet]:
    """Return a sheet for each of ``FILES``, by name; of an optional one that is missing, of what is ``stored`` of it.

    Raises Unavailable if a file is there but can't be read.
    """
    found = {}
    for spec in FILES:
        content = _bytes(directory / spec.file)
        found[spec.name] = (
            read_sheet(spec, content) if content is not None or not spec.optional else _keep(spec, stored(spec))
        )
    return found


def _keep(spec: FileSpec, rows: Sequence[tuple[Any, ...]]) -> Sheet:
    columns = list(zip(*rows, strict=True)) or [()] * len(spec.columns)
    named = {column.name: list(values) for column, values in zip(spec.columns, columns, strict=True)}
    return Sheet(spec, lines=[0] * len(rows), columns=named, whole=True, kept=True)


def missing_files(sheets: Mapping[str, Sheet]) -> list[Problem]:
    """Return what there is to say about the files that are not there and of which something is stored."""
    kept = [sheet for sheet in sheets.values() if sheet.kept and sheet.lines]
    return [Problem(sheet.spec.file, 0, "", _KEPT, {"rows": len(sheet.lines)}) for sheet in kept]


def other_files(directory: Path) -> list[Problem]:
    """Return what there is to say about the CSV files in ``directory`` that are not read."""
    known = [spec.name for spec in FILES]
    found = sorted({path.stem for path in directory.glob("*.csv")} - set(known))
    return [Problem(f"{name}.csv", 0, "", _UNKNOWN_FILE, {"nearest": f"{_nearest(name, known)}.csv"}) for name in found]


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise Unavailable(f"{path}: {problem.strerror}") from problem


def read_sheet(spec: FileSpec, content: bytes | None) -> Sheet:
    """Return the sheet of one file's ``content`` with every problem a single file can show; None = there is no file."""
    sheet = Sheet(spec, columns={column.name: [] for column in spec.columns})
    if content is None:
        sheet.report(0, "", _NO_FILE)
        return sheet
    text, sheet.encoding = _decode(content)
    if not sheet.encoding:
        sheet.report(0, "", _NOT_TEXT)
        return sheet
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    numbers = [n for n, line in enumerate(lines, 1) if line.strip(", \t\u3000") and line[0] != "#"]
    if not numbers:
        sheet.report(0, "", _NO_HEADER)
        return sheet
    names = _read_header(sheet, numbers[0], lines[numbers[0] - 1])
    if names:
        _read_rows(sheet, names, lines, numbers[1:])
    return sheet


def _decode(content: bytes) -> tuple[str, str]:
    """Return text and encoding; the encoding is empty if there is none that fits."""
    marked = content.startswith(b"\xef\xbb\xbf")
    for encoding, codec in (("UTF-8", "utf-8-sig"),) if marked else (("UTF-8", "utf-8"), ("GB18030", "gb18030")):
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        return (text, encoding) if "\0" not in text else ("", "")
    return "", ""


def _split(line: str) -> list[str] | None:
    """Return the cells of a line; None if its quotation marks do not pair up."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return None


def _read_header(sheet: Sheet, line: int, text: str) -> list[str]:
    """Return the column of each position, empty where there is none to be read."""
    cells = [cell.strip() for cell in _split(text) or ()]
    if not cells:
        sheet.report(line, "", _BAD_QUOTES)
        return []
    known = [column.name for column in sheet.spec.columns]
    for cell in cells:
        if cell and cell not in known:
            sheet.report(line, "", _UNKNOWN_COLUMN, value=cell[:_SHOWN], nearest=_nearest(cell, known))
    for name in (name for name in known if cells.count(name) > 1):
        sheet.report(line, name, _COLUMN_TWICE)
    absent = [column.name for column in sheet.spec.columns if column.required and column.name not in cells]
    for name in absent:
        sheet.report(line, name, _NO_COLUMN)
    sheet.whole = not absent
    return [cell if cell in known and cell not in cells[:at] else "" for at, cell in enumerate(cells)]


def _nearest(name: str, known: Sequence[str]) -> str:
    return get_close_matches(name.lower(), known, n=1, cutoff=0.0)[0]


def _read_rows(sheet: Sheet, names: list[str], lines: list[str], numbers: list[int]) -> None:
    readers = {column.name: _Reader(column) for column in sheet.spec.columns if column.name in names}
    for start in range(0, len(numbers), _BLOCK):
        rows = _split_rows(sheet, len(names), lines, numbers[start : start + _BLOCK])
        for name, texts in zip(names, zip(*rows, strict=True), strict=False):  # no rows, no columns
            if name:
                sheet.columns[name].extend(readers[name].values_of(texts))
    for column in sheet.spec.columns:
        if column.name not in readers:
            sheet.columns[column.name] = [column.empty] * len(sheet.lines)
        elif readers[column.name].found_wrong:
            _spoil_wrong(sheet, column.name)


def _split_rows(sheet: Sheet, width: int, lines: list[str], numbers: list[int]) -> list[list[str]]:
    rows = []
    for number in numbers:
        cells = _split(lines[number - 1])
        if cells is None:
            sheet.report(number, "", _BAD_QUOTES)
        elif len(cells) == width or _fit(cells, width):
            rows.append(cells)
            sheet.lines.append(number)
        else:
            sheet.report(number, "", _TOO_MANY, found=len(cells), expected=width)
    return rows


def _fit(cells: list[str], width: int) -> bool:
    """Bring a line to the header's width; False, and nothing done, if that would drop a value."""
    if any(cell.strip() for cell in cells[width:]):
        return False
    cells[width:] = [""] * (width - len(cells))
    return True


def _spoil_wrong(sheet: Sheet, name: str) -> None:
    values = sheet.columns[name]
    for row, value in enumerate(values):
        if isinstance(value, _Wrong):
            sheet.spoil(row, name, value.text, **value.figures)
            values[row] = None


@dataclass(frozen=True, slots=True)
class _Wrong:
    text: Phrase
    figures: Mapping[str, object] = field(default_factory=dict)


class _Reader(dict[str, Any]):
    """The value of each text that has stood in a column: what is repeated is read once."""

    def __init__(self, column: Column) -> None:
        super().__init__()
        self._column = column
        self._read = column.kind.read
        self.found_wrong = False

    def values_of(self, texts: Sequence[str]) -> Iterable[Any]:
        """Return the values of some cells. Those of a required code differ from line to line: none is remembered."""
        if self._column.required and self._column.kind.plain(texts):
            return texts
        return map(self.__getitem__, texts)

    def __missing__(self, text: str) -> Any:
        plain = text.strip()
        value = self._read(plain) if plain else self._column.empty
        if value is None and (plain or self._column.required):
            value = self._wrong(plain)
        self[text] = value
        return value

    def _wrong(self, text: str) -> _Wrong:
        self.found_wrong = True
        if not text:
            return _Wrong(_REQUIRED)
        kind = self._column.kind
        figures = {"value": text[:_SHOWN], "what": kind.what}
        char = kind.foreign(text)
        return _Wrong(_WRONG_CHARACTER, {**figures, "char": char}) if char else _Wrong(_WRONG, figures)
