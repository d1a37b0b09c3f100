"""Tables on a terminal: narrowed to fit, nothing but words between blanks; elsewhere as wide as they are."""

import re
import sys
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from meterwatch.cli.main import main
from meterwatch.cli.output import Output, figure
from meterwatch.core.model.phrase import Lang, Phrase
from tests.support.terminal import Terminal

LISTS = ["alerts", "alerts --all", "tasks", "tasks --all", "messages", "readings P1", "readings P1 --days", "rejects list"]
EMPTY = Phrase("nothing", "无")


class Screen(StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")  # no colours, and rich would take it for 80 columns


def on_screen(monkeypatch: pytest.MonkeyPatch, columns: int, *words: str) -> str:
    """Return what a command prints on a terminal of so many columns."""
    screen = Screen()
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setattr(sys, "stdout", screen)
        assert main(words) == 0
    return screen.getvalue()


def drawn(rows: list[dict[str, object]], columns: int = 0) -> list[str]:
    """Return the lines of a table of ``rows``; on a terminal of so many columns if there are any."""
    titles = {key: Phrase(key, key) for key in rows[0]}
    file = Screen() if columns else StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        Output(Lang.EN, file=file).table(titles, rows, EMPTY)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("columns", [60, 80, 132])
@pytest.mark.parametrize("command", LISTS)
def test_no_command_cuts_a_code_a_date_or_a_number(
    meterwatch: Terminal, monkeypatch: pytest.MonkeyPatch, command: str, columns: int
) -> None:
    everything = meterwatch(*command.split()).out.splitlines()[1:]
    shown = on_screen(monkeypatch, columns, *command.split())
    assert all(cell_len(line) <= columns for line in shown.splitlines())
    assert {word for line in everything for word in line.split() if word.isascii()} <= set(shown.split())


WORD = st.text("abcdefgh0123456789-:/", min_size=1, max_size=20)
CELL = st.lists(WORD, max_size=8).map(" ".join) | st.text("春节用气", max_size=60) | st.just("2023-03-02 17:00+0800")


@given(st.lists(st.tuples(CELL, CELL, CELL, CELL), min_size=1, max_size=4), st.integers(24, 120))
def test_what_fits_is_shown_whole(cells: list[tuple[str, ...]], columns: int) -> None:
    lines = drawn([dict(zip("abcd", row, strict=True)) for row in cells], columns)
    assert all(cell_len(line) <= columns for line in lines)
    assert {word for row in cells for cell in row for word in cell.split() if word.isascii()} <= set(" ".join(lines).split())
    assert sum(text in "春节用气" for line in lines for text in line) == sum(
        len(c) for r in cells for c in r if not c.isascii()
    )


def test_the_widest_column_is_narrowed_first() -> None:
    rows: list[dict[str, object]] = [{"id": 1, "at": "2023-03-02 17:00+0800", "what": "visit or phone: find the cause"}]
    assert drawn(rows, 40) == [
        "id  at                     what",
        " 1  2023-03-02 17:00+0800  visit or",
        "                           phone: find",
        "                           the cause",
    ]


def test_a_moment_is_folded_before_the_table_is_given_up() -> None:
    rows: list[dict[str, object]] = [{"id": 1, "at": "2023-03-02 17:00+0800", "what": "visit or phone"}]
    assert drawn(rows, 22) == [
        "id  at          what",
        " 1  2023-03-02  visit",
        "    17:00+0800  or",
        "                phone",
    ]
    assert drawn(rows, 16) == ["id: 1", "at: 2023-03-02", "17:00+0800", "what: visit or", "phone"]


def test_chinese_folds_anywhere() -> None:
    rows: list[dict[str, object]] = [{"id": 1, "what": "上门或电话核实，查明原因并提出改进措施"}]
    assert drawn(rows, 24) == ["id  what", " 1  上门或电话核实，查明", "    原因并提出改进措施"]


def test_what_is_longer_than_any_code_folds_anywhere() -> None:
    assert drawn([{"id": 1, "what": "x" * 60}], 50) == ["id  what", f" 1  {'x' * 46}", f"    {'x' * 14}"]


def test_rows_that_became_lines_stand_apart() -> None:
    rows: list[dict[str, object]] = [{"code": "a" * 30, "other": "b" * 30}, {"code": "c", "other": None}]
    assert drawn(rows, 40) == [f"code: {'a' * 30}", f"other: {'b' * 30}", "", "code: c"]


def test_elsewhere_a_row_is_a_line() -> None:
    text = "word " * 100
    assert drawn([{"id": 1, "text": text, "more": "end"}])[1].endswith(f"{text.rstrip()}   end")


def test_a_column_without_content_is_left_out_but_not_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [{"a": 1, "b": None, "c": ""}, {"a": 2, "b": "", "c": 0}]
    assert drawn(rows) == ["a  c", "1", "2  0"]
    Output(Lang.EN, as_json=True).table({}, rows, EMPTY)
    assert re.findall(r'"(\w)"', capsys.readouterr().out) == ["a", "b", "c"] * 2


def test_numbers_stand_to_the_right_unknown_ones_too() -> None:
    assert drawn([{"use": 5.25, "x": "x"}, {"use": None, "x": "y"}, {"use": 1234.5, "x": "z"}])[1:] == [
        "  5.25  x",
        "        y",
        "1234.5  z",
    ]


def test_a_cell_never_steers_the_terminal_nor_shifts_its_neighbours() -> None:
    assert drawn([{"a": "\x1b[31mred\tx", "b": "y"}])[1] == r"\x1b[31mred     x  y"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.551234567, "0.551235"), (1234.5, "1234.5"), (999999.7, "1000000"), (12345678.25, "12345678")],
)
def test_figures_are_written_out(value: float, shown: str) -> None:
    assert figure(value) == shown
