"""Sheets: text, CSV that calculates nothing, HTML that runs nothing, files that are new and private."""

import csv as csv_format
import io
from argparse import ArgumentParser
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from meterwatch.cli import sheet
from meterwatch.cli.output import Output
from meterwatch.cli.sheet import Sheet
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang

SHEET = Sheet("标题 <1>", ("日期", "what"), [("2023-03-01", "a & b"), ("2023-03-02", "=1+1")], ("foot, one", "二"), Lang.ZH)


class Reader(HTMLParser):
    """Reads a page as a browser does: its cells, and every tag in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {f"{tag}.{name}": value for name, value in attrs}
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells and self.tags[-1] in ("td", "th") and data.strip():
            self.cells[-1] += data


def test_text_is_aligned_between_title_and_foot() -> None:
    lines = sheet.text(SHEET).split("\n")
    assert lines[:2] == ["标题 <1>", ""]
    assert [line.split() for line in lines[2:5]] == [["日期", "what"], ["2023-03-01", "a", "&", "b"], ["2023-03-02", "=1+1"]]
    assert lines[5:] == ["", "foot, one", "二", ""]


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        *((f"{mark}cmd|' /C calc'!A0", f"'{mark}cmd|' /C calc'!A0") for mark in "=+-@＝＋－＠"),
        ("\t=1+1", "'\t=1+1"),
        ("-1+1", "'-1+1"),
        ("--", "'--"),
        ("-20.5", "-20.5"),
        ("+3 %", "+3 %"),
        ("a=b", "a=b"),
        ("", ""),
        ("\x1b[31m", "\\x1b[31m"),
    ],
)
def test_no_cell_of_a_csv_is_a_formula(cell: str, safe: str) -> None:
    written = sheet.csv(Sheet("t", (cell, "x"), [(cell, "x")], (cell,)))
    assert list(csv_format.reader(io.StringIO(written))) == [[safe, "x"], [safe, "x"], [safe]]


def test_html_shows_what_is_written_and_runs_nothing() -> None:
    evil = "</td><script>alert(1)</script>\" onload='x' &amp;"
    page = Reader(sheet.html(Sheet(evil, (evil, "b"), [(evil, "\x07")], (evil,), Lang.EN)))
    assert page.cells == [evil, "b", evil, "\\x07"]
    assert "script" not in page.tags
    assert page.attributes == {"html.lang": "en", "meta.charset": "utf-8"}


def test_html_needs_nothing_from_elsewhere_and_prints_its_head_on_every_page() -> None:
    page = sheet.html(SHEET)
    assert "<thead>\n<tr><th>日期</th><th>what</th></tr>\n</thead>" in page
    assert "thead { display: table-header-group; }" in page
    assert not any(word in page for word in ("http", "url(", "src=", "@import"))
    assert 'lang="zh-CN"' in page
    assert "foot, one<br>\n二" in page


def deliver(*words: str) -> str:
    parser = ArgumentParser()
    sheet.sheet_arguments(parser, Lang.EN)
    said = io.StringIO()
    sheet.deliver(SHEET, parser.parse_args(words), Output(Lang.EN, file=said))
    return said.getvalue()


@pytest.mark.parametrize("name", sheet.FORMATS)
def test_is_printed_or_written_whole_to_a_private_file(name: str, tmp_path: Path) -> None:
    printed = deliver("--format", name)
    assert printed == sheet.FORMATS[name](SHEET).replace("\r\n", "\n")
    path = tmp_path / "sheet"
    said = deliver("--format", name, "--out", str(path))
    content = path.read_bytes()
    assert said == f"{path} is written (sha256 {sha256(content).hexdigest()})\n"
    assert content.decode("utf-8-sig").replace("\r\n", "\n") == printed
    assert content.startswith(b"\xef\xbb\xbf") == (name == "csv")
    assert path.stat().st_mode & 0o777 == 0o600


def test_writes_over_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sheet"
    path.write_text("older")
    with pytest.raises(Refusal, match=r"is there already; nothing was written"):
        deliver("--out", str(path))
    assert path.read_text() == "older"
