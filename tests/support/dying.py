"""File operations: what a call does to the disk, and a process that dies between two of them."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

_FILE_OPERATIONS = {
    "posix": {"open", "pwrite", "ftruncate", "fsync", "fdatasync", "rename", "replace", "unlink", "mkdir"},
    "io": {"open"},
    "_io": {"open"},
    None: {"write", "writelines", "flush"},  # methods of open files
}


def dies(life: Callable[[], None], before: int) -> bool:
    """Live ``life`` in a forked child that is killed before its file operation number ``before``; return whether it was."""
    child = os.fork()
    if not child:
        _die_before(before)
        life()
        sys.setprofile(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the child ended with status {status}"
    return status == signal.SIGKILL


def operations(call: Callable[[], object], look: Callable[[], Any]) -> list[tuple[str, Any]]:
    """Return the file operations ``call`` makes, in order, each with what ``look`` says just before it."""
    found: list[tuple[str, Any]] = []
    _on_each(lambda name: found.append((name, look())))
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def _die_before(number: int) -> None:
    left = number

    def count(_name: str) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    _on_each(count)


def _on_each(notice: Callable[[str], None]) -> None:
    def profile(_frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in _FILE_OPERATIONS.get(called.__module__, ()):
            notice(called.__name__)

    sys.setprofile(profile)
