"""The files of SQLite databases: who may open them, and how someone opens one that he may only read.

SQLite gives ``-wal`` and ``-shm`` beside a database the database's own mode. Both must be there to read it, or be made; the
last who closes it takes them away. Then ``immutable=1`` reads the file as it lies, and leaves nothing there that the service
could not write.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Phrase

FOLDER_MODE = 0o750
FILE_MODE = 0o640  # names and phones stand in the ledger

_UNREADABLE = Phrase(
    "this account may not open {path}, in which names and phones lie: use the account the service runs under, "
    "or have yours put into its group",
    "当前账号无权打开 {path}（内含姓名与电话）：请使用服务所用账号，或将当前账号加入其用户组",
)
_READ_ONLY = Phrase(
    "this account may only read {path}: to change anything, or to see names (every look at them is recorded there), it must "
    "be able to write {lacking}; or use the account the service runs under",
    "当前账号只能读取 {path}：修改内容或查看姓名（每次查看均记录在其中）须能写入 {lacking}，或改用服务所用账号",
)


def make_folder(path: Path) -> None:
    """Make a folder for data, which others can't look into; one that is there keeps its mode.

    Raises Unavailable if it can't be made.
    """
    try:
        path.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as problem:
        raise Unavailable(f"{path}: {problem.strerror}") from problem


def make_file(path: Path) -> None:
    """Make an empty file for SQLite to fill; one that is there keeps its mode. Raises OSError if it can't be read."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT, FILE_MODE))


class ReadOnly:
    """How an account opens a database that it may not write, because it can't write ``lacking``."""

    def __init__(self, path: Path, lacking: Sequence[Path]) -> None:
        self._path, self._lacking = path, lacking
        self._seen = _stamp(path)
        self._alone = not _wal(path).exists()

    def connect(self) -> sqlite3.Connection:
        """Return a new connection."""
        how = "immutable=1" if self._alone else "mode=ro"
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?{how}", uri=True, check_same_thread=False)

    def check(self) -> None:
        """Raise Unavailable if someone wrote the file under a reader whom SQLite does not guard against that."""
        if self._alone and _stamp(self._path) != self._seen:
            raise Unavailable(f"ledger {self._path}: it was written while it was read; ask again")

    def refusal(self) -> Refusal:
        """Return what to say to who wants to write."""
        return Refusal(_READ_ONLY, path=self._path, lacking=", ".join(map(str, self._lacking)))


def open_file(path: Path) -> ReadOnly | None:
    """Make the file if there is none; return how this account opens it, None if it may write it.

    Raises Refusal if it may not even read it, Unavailable if it can't be made.
    """
    try:
        make_file(path)
    except PermissionError as problem:
        raise Refusal(_UNREADABLE, path=path) from problem
    except OSError as problem:
        raise Unavailable(f"ledger {path}: {problem.strerror}") from problem
    wal, shm = _wal(path), Path(f"{path}-shm")
    lacking = [found for found in (path, path.parent, wal, shm) if found.exists() and not os.access(found, os.W_OK)]
    if lacking and wal.exists() and not (os.access(wal, os.R_OK) and os.access(shm, os.R_OK)):
        raise Refusal(_UNREADABLE, path=path)
    return ReadOnly(path, lacking) if lacking else None


def _wal(path: Path) -> Path:
    return Path(f"{path}-wal")


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size
