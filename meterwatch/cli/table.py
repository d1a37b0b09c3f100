"""Tables: as wide as they are, or as a terminal has room for. No code, date or number is ever cut."""

import re
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_GAP = 2
_LONGEST, _LONGEST_WIDE = 40, 12  # longer words fold: no code is so long, and Chinese has no blanks between its words
_WORD = re.compile(r"\S+")
_WORD_OR_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d\S*|\S+")


def draw(columns: Sequence[Sequence[str]], numbers: Sequence[bool], file: TextIO) -> None:
    """Print columns of text, each led by its title, on ``file``; those that hold ``numbers`` to the right.

    On a terminal they are narrowed to fit. Where words would be cut, each row is printed as lines of its own instead.
    """
    gaps = _GAP * (len(columns) - 1)
    widths = [max(cell_len(line) for text in column for line in text.split("\n")) for column in columns]
    room = get_terminal_size().columns if file.isatty() else sum(widths) + gaps
    # Given no height, rich draws for 80 columns where TERM is dumb.
    console = Console(file=file, width=room, height=1, highlight=False)
    for words in (_WORD_OR_MOMENT, _WORD):  # a moment is folded before the table is given up
        least = [_least(words, column) for column in columns]
        if sum(least) + gaps <= room:
            console.print(_table(columns, numbers, _narrowed(widths, least, room - gaps)))
            return
    for number, row in enumerate(zip(*(column[1:] for column in columns), strict=True)):
        lines = [Text.assemble((f"{column[0]}: ", "bold"), text) for column, text in zip(columns, row, strict=True) if text]
        console.print(*([""] if number else []), *lines, sep="\n")


def _table(columns: Sequence[Sequence[str]], numbers: Sequence[bool], widths: Sequence[int]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column, right, width in zip(columns, numbers, widths, strict=True):
        table.add_column(column[0], width=width, justify="right" if right else "left", overflow="fold")
    for row in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*map(Text, row))
    return table


def _narrowed(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return widths that fit into ``room``, the widest column narrowed first, none below its least."""
    narrowed = list(widths)
    while sum(narrowed) > room:
        widest = max((at for at, width in enumerate(narrowed) if width > least[at]), key=narrowed.__getitem__)
        narrowed[widest] -= 1
    return narrowed


def _least(words: re.Pattern[str], column: Sequence[str]) -> int:
    """Return how wide a column must be for its words."""
    found = [word for text in column for word in words.findall(text)]
    return max(min(cell_len(word), _LONGEST if word.isascii() else _LONGEST_WIDE) for word in found)
