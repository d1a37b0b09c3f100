"""Registry rows as CSV text that reads back as the same rows, and empty annotated files to fill in."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.registry_files import FileSpec

_REQUIRED = Phrase(" (required)", "（必填）")
_COLUMN = Phrase("# {name}{required}: {what}. {about}", "# {name}{required}：{what}。{about}")
_HOW = Phrase(
    "# Lines that start with # and empty lines are skipped. Fill in below the line of column names.",
    "# 以 # 开头的行和空行不读取。请在列名行之下填写。",
)


def csv_text(spec: FileSpec, rows: Iterable[Sequence[Any]]) -> str:
    """Return a file of the registry that holds ``rows`` (values in the order of its columns), sorted."""
    lines = sorted([cell(value) for value in row] for row in rows)
    return "\n".join([_header(spec), *map(_line, lines), ""])


def template_text(spec: FileSpec, lang: Lang) -> str:
    """Return an empty file of the registry that says what each column holds."""
    said = [
        _COLUMN.say(
            lang,
            name=column.name,
            required=_REQUIRED.say(lang) if column.required else "",
            what=column.kind.what.say(lang),
            about=column.about.say(lang),
        )
        for column in spec.columns
    ]
    return "\n".join([*said, _HOW.say(lang), _header(spec), ""])


def _header(spec: FileSpec) -> str:
    return ",".join(column.name for column in spec.columns)


def _line(cells: Sequence[str]) -> str:
    """Return a record; a first cell that starts with # is quoted, or it would be read as a comment."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(cells)
    line = written.getvalue()
    return line if not line.startswith("#") else f'"{cells[0]}"{line[len(cells[0]) :]}'


def cell(value: Any) -> str:
    """Return a value as it is written in a cell; None is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime() | date():
            return value.isoformat()
        case float():
            return repr(value).removesuffix(".0")
        case _:
            return str(value)
