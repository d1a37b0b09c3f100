"""Other accounts of the machine, and a ledger's service that they meet in the file system."""

import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.support.absent import absent

GROUP, ELSEWHERE = 4242, 5555  # the service's group, and one that has no right to anything
_NOBODY = 65534


def as_account(group: int, act: Callable[[], str]) -> str:
    """Return what ``act`` returns in a process under an account that has no rights but those of ``group``.

    It may not be able to read this interpreter: what ``act`` uses must be imported, and no SQLite file open, beforehand.
    """
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads; ours wait for nothing here
        child = os.fork()
    if child == 0:
        _become(group, act, sending)
    os.close(sending)
    with os.fdopen(receiving, "rb") as said:
        answer = said.read().decode()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, answer
    return answer


def _become(group: int, act: Callable[[], str], sending: int) -> None:
    code = 1
    try:
        os.setgroups([])
        os.setgid(group)
        os.setuid(_NOBODY)
        answer = act().encode()
        code = 0
    except BaseException:  # said by the parent
        answer = traceback.format_exc().encode()
    with os.fdopen(sending, "wb") as out:
        out.write(answer)
    os._exit(code)


def need_root() -> None:
    """Skip a test where this process can't act for another account."""
    if os.geteuid() != 0:
        absent("only root can act for another account")


def give_to_group(folder: Path) -> None:
    """Let the service's group have ``folder`` and what is in it."""
    for path in (folder, *folder.iterdir()):
        os.chown(path, -1, GROUP)


_SERVICE = """
import sys
from datetime import datetime
from pathlib import Path
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger

for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "open":
        database = Database.file(Path(rest))
    elif word == "move":
        Ledger(database).clock.move(datetime.fromisoformat(rest))
    else:
        database.close()
    print("done", flush=True)
"""


class LedgerService:
    """A process that opens the ledger, moves its clock and closes it when told to."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", _SERVICE]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def open(self) -> None:
        """Open the ledger."""
        self._do(f"open {self._path}")

    def move(self, to: str) -> None:
        """Move the clock; committed when it returns."""
        self._do(f"move {to}")

    def close(self) -> None:
        """Close the ledger, the last to do so."""
        self._do("close")

    def kill(self) -> None:
        """End as in a power cut."""
        self._process.kill()
        self._process.communicate()

    def _do(self, command: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n", "the service has ended"
