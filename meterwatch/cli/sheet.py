"""Sheets to be printed, filed or calculated with: one table with a title and a foot, as text, CSV or HTML."""

import csv as csv_format
import io
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path

from meterwatch.cli.output import Output, shown
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase

_THERE = Phrase(
    "{path} is there already; nothing was written: name another file", "{path} 已存在，未作改动；请改用其他文件名"
)
_WRITTEN = Phrase("{path} is written (sha256 {digest})", "已生成 {path}（sha256 {digest}）")
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")  # what spreadsheets calculate, wide marks too where people type Chinese
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)? ?%?")
_STYLE = """\
body { font: 10pt/1.5 "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif; margin: 1.5em; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #999; padding: 2px 6px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
td { white-space: pre-wrap; }
footer { margin-top: 1em; font-size: 8pt; overflow-wrap: anywhere; }
@page { size: A4 landscape; margin: 12mm; }
@media print { body { margin: 0; } thead { display: table-header-group; } tr { break-inside: avoid; } }"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text with as many cells in each row as there are columns; ``foot`` are lines below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    foot: Sequence[str] = ()
    lang: Lang = Lang.ZH


def text(sheet: Sheet) -> str:
    """Return a sheet as lines of aligned columns, the title above and the foot below."""
    from meterwatch.cli.table import draw  # noqa: PLC0415 - help must not wait for it

    lines = io.StringIO()
    print(shown(sheet.title), end="\n\n", file=lines)
    columns = [[shown(cell).expandtabs() for cell in column] for column in zip(sheet.columns, *sheet.rows, strict=True)]
    draw(columns, [False] * len(columns), lines)
    print("", *map(shown, sheet.foot), sep="\n", file=lines)
    return lines.getvalue()


def csv(sheet: Sheet) -> str:
    """Return a sheet as CSV: the columns' titles, the rows, and each line of the foot as a row of one cell.

    No cell is a formula to a spreadsheet: what begins like one gets an apostrophe before it, all but plain numbers.
    """
    lines = io.StringIO()
    writer = csv_format.writer(lines)
    for row in (sheet.columns, *sheet.rows, *([line] for line in sheet.foot)):
        writer.writerow([_plain(cell) for cell in row])
    return lines.getvalue()


def _plain(cell: str) -> str:
    safe = shown(cell)
    return f"'{safe}" if _FORMULA.match(safe) and not _NUMBER.fullmatch(safe) else safe


def html(sheet: Sheet) -> str:
    """Return a sheet as one page that needs nothing else, to be read or printed; every text in it is escaped."""
    head = _cells("th", sheet.columns)
    rows = "\n".join(_cells("td", row) for row in sheet.rows)
    foot = "<br>\n".join(map(_marked, sheet.foot))
    return f"""\
<!DOCTYPE html>
<html lang="{sheet.lang}">
<head><meta charset="utf-8"><title>{_marked(sheet.title)}</title>
<style>
{_STYLE}
</style></head>
<body>
<h1>{_marked(sheet.title)}</h1>
<table>
<thead>
{head}
</thead>
<tbody>
{rows}
</tbody>
</table>
<footer>
{foot}
</footer>
</body>
</html>
"""


def _cells(tag: str, row: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_marked(cell)}</{tag}>" for cell in row) + "</tr>"


def _marked(cell: str) -> str:
    return escape(shown(cell))


FORMATS: Mapping[str, Callable[[Sheet], str]] = {"text": text, "csv": csv, "html": html}


def sheet_arguments(parser: ArgumentParser, lang: Lang) -> None:
    """Add ``--format`` and ``--out``."""
    how = Phrase("how it is written (default: text)", "输出格式（默认：text）").say(lang)
    parser.add_argument("--format", choices=list(FORMATS), default="text", help=how)
    where = Phrase("a new file to write to (default: print it)", "写入的新文件（默认：直接输出）").say(lang)
    parser.add_argument("--out", type=Path, metavar="FILE", help=where)


def deliver(sheet: Sheet, args: Namespace, out: Output) -> None:
    """Print a sheet, or write it where ``--out`` says and name its SHA-256, by which it can be given as evidence.

    The file is new and only this account may read it. Raises Refusal if something is there already.
    """
    written = FORMATS[args.format](sheet)
    if args.out is None:
        out.line(written.rstrip("\r\n").replace("\r\n", "\n"))
        return
    content = written.encode("utf-8-sig" if args.format == "csv" else "utf-8")  # a mark, by which spreadsheets know it
    require_new(args.out)
    with os.fdopen(os.open(args.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    out.say(_WRITTEN, path=args.out, digest=sha256(content).hexdigest())


def require_new(path: Path | None) -> None:
    """Raise Refusal if the file to write to is there already."""
    if path is not None and path.exists():
        raise Refusal(_THERE, path=path)
