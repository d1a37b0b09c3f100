"""`meterwatch registry`: what an import would change, copies of a snapshot, and empty files to fill in."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from meterwatch.stores.registry_files import FILES
from tests.support.registry_csv import SOUND, write_files
from tests.support.settings import CODEC
from tests.support.terminal import Terminal

FILE_NAMES = sorted(spec.file for spec in FILES)


def mend(meterwatch: Terminal, name: str, old: str, new: str) -> None:
    path = meterwatch.folder / "registry" / f"{name}.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def become_supervisor(meterwatch: Terminal) -> None:
    path = meterwatch.folder / "meterwatch.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"K1"', '"K3"'), encoding="utf-8")


def noted(meterwatch: Terminal, action: str) -> list[tuple[str, str, dict[str, int]]]:
    with closing(sqlite3.connect(meterwatch.folder / "data" / "ledger.db")) as ledger:
        rows = ledger.execute("SELECT actor, subject, detail FROM audit WHERE action = ?", [action]).fetchall()
    return [(actor, subject, json.loads(detail)) for actor, subject, detail in rows]


class TestImport:
    def test_is_for_those_who_may_say_who_sees_whom(self, empty: Terminal) -> None:
        """Else a manager made himself supervisor in people.csv and saw everybody (RULES who-confidential)."""
        mend(empty, "people", "manager", "supervisor")
        printed = empty("registry", "import", "registry")
        assert printed.code == 1
        assert "may not import the registry, which says who sees whom" in printed.err
        ((actor, subject, detail),) = noted(empty, "registry.refuse")
        assert (actor.partition(" ")[0], subject, detail) == ("K1", "import", {"why": "no right to import"})
        become_supervisor(empty)
        assert empty("registry", "import", "registry").code == 0

    def test_the_first_one_is_anybodys(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "meterwatch.toml").write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = 1\n{CODEC}')
        write_files(tmp_path / "registry", SOUND)
        stranger = Terminal(tmp_path, capsys)
        assert stranger("registry", "import", "registry").code == 0
        mend(stranger, "customers", "Bright", "Brighter")
        assert "may not import" in stranger("registry", "import", "registry").err


class TestDryRun:
    def test_it_shows_each_difference_and_changes_nothing(self, empty: Terminal) -> None:
        mend(empty, "customers", "C2,Bright Hotel,A2", "C2,Brighter Hotel,A1")
        mend(empty, "contacts", "N3,C2", "N4,C2")
        shown = empty("registry", "import", "registry", "--dry-run").out
        assert "customers.csv C2: name (not shown) -> (not shown), class A2 -> A1" in shown
        assert "contacts.csv + N4" in shown
        assert "contacts.csv - N3" in shown
        assert "dry run: nothing was changed; without --dry-run this becomes snapshot 2" in shown
        assert "Hotel" not in shown
        become_supervisor(empty)
        assert empty("registry", "import", "registry", "--json").data["snapshot"] == 2

    def test_in_chinese(self, empty: Terminal) -> None:
        mend(empty, "customers", "C2,Bright Hotel,A2", "C2,Bright Hotel,A1")
        shown = empty("registry", "import", "registry", "--dry-run", "--lang", "zh-CN").out
        assert "customers.csv 修改 C2：class A2 -> A1" in shown
        assert "试运行：未作任何改动" in shown

    def test_as_json(self, empty: Terminal) -> None:
        mend(empty, "usage_points", "315", "400")
        told = empty("registry", "import", "registry", "--dry-run", "--json").data
        assert (told["dry_run"], told["snapshot"], told["changed"]) == (True, 2, True)
        assert told["rows"] == [
            {"file": "usage_points.csv", "key": ["P2"], "before": {"capacity": "315"}, "after": {"capacity": "400"}}
        ]

    def test_many_differences_are_cut_with_a_hint(self, empty: Terminal) -> None:
        mend(empty, "customers", "C1,", "".join(f"D{n},Name,A1,,,\n" for n in range(150)) + "C1,")
        shown = empty("registry", "import", "registry", "--dry-run").out
        assert shown.count("customers.csv + D") == 100
        assert "and 50 more; --json shows all" in shown

    def test_bad_files_are_refused_as_by_an_import(self, empty: Terminal) -> None:
        mend(empty, "contacts", "139 0000-0009", "139-CALL")
        printed = empty("registry", "import", "registry", "--dry-run")
        assert printed.code == 1
        assert "contacts.csv:2 phone" in printed.err


class TestExport:
    def test_a_supervisor_gets_files_that_import_as_no_change(self, empty: Terminal) -> None:
        become_supervisor(empty)
        assert "snapshot 1 is in copy" in empty("registry", "export", "copy").out
        files = sorted((empty.folder / "copy").iterdir())
        assert [path.name for path in files] == FILE_NAMES
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        assert "nothing changed; snapshot 1" in empty("registry", "import", "copy").out
        ((actor, subject, detail),) = noted(empty, "archive.export")
        assert actor.startswith("K3 (")
        assert (subject, detail["customers"], detail["contacts"]) == ("1", 3, 3)

    def test_others_are_refused_and_that_is_noted(self, empty: Terminal) -> None:
        printed = empty("registry", "export", "copy")
        assert printed.code == 1
        assert "may not export the archive: only a supervisor or the company manager may" in printed.err
        assert not (empty.folder / "copy").exists()
        assert len(noted(empty, "archive.refuse")) == 1
        assert noted(empty, "archive.export") == []

    def test_an_older_snapshot(self, empty: Terminal) -> None:
        become_supervisor(empty)
        mend(empty, "customers", "Bright", "Brighter")
        empty("registry", "import", "registry")
        empty("registry", "export", "old", "--snapshot", "1")
        assert "Brighter" not in (empty.folder / "old" / "customers.csv").read_text(encoding="utf-8")
        printed = empty("registry", "export", "none", "--snapshot", "9")
        assert printed.code == 1
        assert "there is no registry snapshot 9; the newest is 2" in printed.err


class TestTemplate:
    @pytest.mark.parametrize(("lang", "word"), [("en", "(required)"), ("zh-CN", "（必填）")])
    def test_empty_files_that_import(self, empty: Terminal, lang: str, word: str) -> None:
        assert empty("registry", "template", "fresh", "--lang", lang).code == 0
        files = sorted((empty.folder / "fresh").iterdir())
        assert [path.name for path in files] == FILE_NAMES
        assert all(word in path.read_text(encoding="utf-8-sig") for path in files)
        assert empty("registry", "import", "fresh", "--dry-run", "--json").data["files"]["customers"]["removed"] == 3


@pytest.mark.parametrize("verb", ["export", "template"])
def test_no_file_is_overwritten(empty: Terminal, verb: str) -> None:
    become_supervisor(empty)
    folder = empty.folder / "mine"
    folder.mkdir()
    (folder / "zones.csv").write_text("mine", encoding="utf-8")
    printed = empty("registry", verb, "mine")
    assert printed.code == 1
    assert f"{Path('mine', 'zones.csv')} is there already" in printed.err
    assert [path.read_text(encoding="utf-8") for path in folder.iterdir()] == ["mine"]
