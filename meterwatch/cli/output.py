"""What commands print: tables and sentences for people, JSON for machines; never both."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, TextIO
from unicodedata import category
from zoneinfo import ZoneInfo

from meterwatch.core.model.phrase import Lang, Phrase


class Output:
    """Prints in one language, as text or as JSON."""

    def __init__(self, lang: Lang, *, as_json: bool = False, file: TextIO | None = None) -> None:
        self.lang, self.as_json = lang, as_json
        self._file = file or sys.stdout

    def say(self, phrase: Phrase, /, **figures: object) -> None:
        """Print a sentence; nothing when the output is JSON."""
        if not self.as_json:
            self.line(phrase.say(self.lang, **figures))

    def line(self, text: str) -> None:
        """Print a line; what could steer a terminal is shown, not sent."""
        print(shown(text), file=self._file)

    def error(self, text: str) -> None:
        """Print why something was not done."""
        print(f"meterwatch: {text}", file=sys.stderr)  # noqa: T201

    def data(self, value: Any) -> None:
        """Print a value as JSON."""
        print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain), file=self._file)

    def table(self, columns: Mapping[str, Phrase], rows: Sequence[Mapping[str, Any]], empty: Phrase) -> None:
        """Print rows under the columns' titles, ``empty`` when there are none; as JSON the rows with all their keys."""
        if self.as_json:
            self.data(list(rows))
        elif not rows:
            self.say(empty)
        else:
            self._draw([[title.say(self.lang), *(row[key] for row in rows)] for key, title in columns.items()])

    def _draw(self, columns: Sequence[Sequence[Any]]) -> None:
        """Print columns led by their titles, those with nothing below it left out."""
        from meterwatch.cli.table import draw  # noqa: PLC0415 - help must not wait for it

        told = [column for column in columns if any(map(_text, column[1:]))]
        numbers = [all(isinstance(cell, int | float | None) for cell in column[1:]) for column in told]
        draw([list(map(_text, column)) for column in told], numbers, self._file)


def local(moment: datetime | None, zone: str) -> str:
    """Return a moment as people read it in ``zone``, with its offset; empty for none."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M%z") if moment else ""


def lang_of(arguments: Sequence[str], environ: Mapping[str, str]) -> Lang:
    """Return the language asked for: --lang, then METERWATCH_LANG, then the locale."""
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--lang=") else [word])]
    asked = [value for name, value in pairwise(words) if name == "--lang"]
    names = [*asked[-1:], *(environ.get(name, "") for name in ("METERWATCH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))]
    chosen = next(filter(None, names), "")
    return Lang.ZH if chosen.lower().startswith("zh") else Lang.EN


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def shown(text: str) -> str:
    """Return a text from who knows where with its control characters written out, all but line ends and tabs."""
    return "".join(repr(c)[1:-1] if category(c) == "Cc" and c not in "\n\t" else c for c in text)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return figure(cell) if isinstance(cell, float) else shown(str(cell)).expandtabs()


def figure(value: float) -> str:
    """Return a number as people read it: six digits, or all before the point if there are more."""
    text = f"{value:.6g}"
    return f"{value:.0f}" if "e+" in text else text
