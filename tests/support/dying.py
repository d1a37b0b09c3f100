"""A process that dies between two file operations, as SIGKILL or a power cut would have it."""

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


def _die_before(number: int) -> None:
    left = number

    def profile(_frame: Any, event: str, called: Any) -> None:
        nonlocal left
        if event != "c_call" or called.__name__ not in _FILE_OPERATIONS.get(called.__module__, ()):
            return
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    sys.setprofile(profile)
