"""The folder a demonstration plays in: emptied if it is its own, refused if it is not or if another one plays there."""

from pathlib import Path

import pytest

from meterwatch.cli.main import main
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang
from meterwatch.demo.play import MARK, prepare


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_folder_is_made(tmp_path: Path) -> None:
    with prepare(tmp_path / "a" / "b"):
        assert names(tmp_path / "a" / "b") == {MARK}


def test_its_own_folder_is_emptied(tmp_path: Path) -> None:
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    (kept / "file").touch()
    folder = tmp_path / "demo"
    with prepare(folder):
        (folder / "data" / "journal").mkdir(parents=True)
        (folder / "data" / "ledger.db").touch()
        (folder / "meterwatch.toml").touch()
        (folder / "link").symlink_to(kept)
    with prepare(folder):
        assert names(folder) == {MARK}
    assert (folder / MARK).read_text(encoding="utf-8").count("meterwatch demo") == 1
    assert names(kept) == {"file"}


def test_a_folder_that_is_not_its_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match="not made by the demonstration"):
        prepare(tmp_path)
    assert names(tmp_path) == {"file"}


def test_a_folder_in_which_one_plays_is_left_alone(tmp_path: Path) -> None:
    with prepare(tmp_path):
        (tmp_path / "ledger.db").touch()
        mark = (tmp_path / MARK).read_text(encoding="utf-8")
        with pytest.raises(Refusal) as refused:
            prepare(tmp_path)
        assert names(tmp_path) == {MARK, "ledger.db"}
        assert (tmp_path / MARK).read_text(encoding="utf-8") == mark
    for lang in Lang:
        assert str(tmp_path) in refused.value.say(lang)
        assert "--dir" in refused.value.say(lang)
    prepare(tmp_path).close()


@pytest.mark.usefixtures("own_signals")
class TestTheCommand:
    def refused(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
        assert main(["demo", "--once", "--lang", "en", "--dir", str(folder)]) == 1
        return capsys.readouterr().err

    def test_refuses_the_folder_of_another(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with prepare(tmp_path):
            assert f"a demonstration is running in {tmp_path}" in self.refused(tmp_path, capsys)

    @pytest.mark.parametrize("where", ["file", "file/below"])
    def test_refuses_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str) -> None:
        (tmp_path / "file").touch()
        printed = self.refused(tmp_path / where, capsys)
        assert str(tmp_path / where) in printed
        assert "a file stands where a folder is needed" in printed

    def test_refuses_where_nothing_can_be_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "/proc/nowhere" in self.refused(Path("/proc/nowhere"), capsys)
