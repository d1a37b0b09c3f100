"""Files written of a registry: they read back as the same registry, and templates say what to fill in."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.registry_files import CUSTOMERS, FILES, FileSpec
from meterwatch.stores.registry_sheets import read_sheet
from meterwatch.stores.registry_text import csv_text, template_text
from tests.support.registry_csv import SOUND, write_files

NOW = datetime(2023, 1, 1, 8, tzinfo=UTC)
SUPERVISOR = Viewer.for_person("acc", "K3", Role.SUPERVISOR, frozenset())
ODD = ["#1", "a,b", 'say "so"', "#", '"', "=1+1", "，", "x" * 200]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.file(tmp_path / "ledger.db")) as opened:
        yield opened


def put(database: Database, folder: Path, files: dict[str, str]) -> bool:
    registry = SqlRegistry(database)
    written = write_files(folder, files)
    return registry.import_files(written, by="clerk", now=NOW, default_zone="Europe/Rome").changed


def copied(database: Database, number: int | None = None) -> dict[str, str]:
    rows = SqlArchive(database).copy(SUPERVISOR, NOW, number)
    return {spec.name: csv_text(spec, rows[spec.name]) for spec in FILES}


def test_what_is_written_is_what_is_stored(database: Database, tmp_path: Path) -> None:
    customers = SOUND["customers"] + '#7,"Hash, quoted",A1,yes,,\n'.replace("#7", '"#7"')
    assert put(database, tmp_path / "first", {**SOUND, "customers": customers})
    assert not put(database, tmp_path / "again", copied(database))


def test_an_older_snapshot_is_what_it_was(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path / "first", SOUND)
    first = copied(database)
    put(database, tmp_path / "second", {**SOUND, "contacts": SOUND["contacts"].splitlines()[0]})
    assert copied(database, 1) == first != copied(database)


@given(
    st.lists(st.sampled_from(ODD) | st.text(st.characters(blacklist_categories=["Cc", "Cs", "Z"]), min_size=1), max_size=5)
)
def test_any_name_comes_back(names: list[str]) -> None:
    rows = [(f"C{at}", name, "A1", False, None, None) for at, name in enumerate(names)]
    sheet = read_sheet(CUSTOMERS, csv_text(CUSTOMERS, rows).encode())
    assert sheet.problems == []
    assert sorted(sheet.rows()) == sorted(rows)


@given(
    st.none() | st.floats(0, 1e12, exclude_min=True),
    st.none() | st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_any_figure_and_moment_comes_back(multiplier: float | None, until: datetime | None) -> None:
    (meters,) = (spec for spec in FILES if spec.name == "meters")
    row = ("M1", "P1", 6, multiplier or 1.0, None, "a/+", datetime(1900, 1, 1, tzinfo=UTC), until, multiplier, None)
    sheet = read_sheet(meters, csv_text(meters, [row]).encode())
    assert sheet.problems == []
    assert sheet.rows() == [row]


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("spec", FILES, ids=lambda spec: spec.name)
def test_a_template_is_an_empty_file_that_explains_every_column(spec: FileSpec, lang: Lang) -> None:
    text = template_text(spec, lang)
    sheet = read_sheet(spec, text.encode())
    assert (sheet.problems, sheet.rows(), sheet.whole) == ([], [], True)
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [re.split("[ :（：]", line[2:])[0] for line in comments[:-1]] == [column.name for column in spec.columns]
    if lang is Lang.ZH:
        assert all(re.search("[一-鿿]", line.partition("：")[2]) for line in comments[:-1])


def test_days_are_written_as_they_are_read() -> None:
    (people,) = (spec for spec in FILES if spec.name == "people")
    row = ("K1", "张伟", "manager", "138", None, None, "zh-CN", date(2020, 1, 31), None)
    assert csv_text(people, [row]).splitlines()[1] == "K1,张伟,manager,138,,,zh-CN,2020-01-31,"
