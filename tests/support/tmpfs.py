"""A real disk so small that a test can fill it."""

import ctypes
import os
from pathlib import Path
from typing import Self

from tests.support.absent import absent

_LAZY = 2  # MNT_DETACH: it goes when its last file is closed


class SmallDisk:
    """A tmpfs of ``size`` bytes mounted on ``folder``; skips the test where mounting is not allowed."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self._size = folder, size
        self._libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        options = f"size={self._size},mode=0700".encode()
        if self._libc.mount(b"tmpfs", bytes(self.folder), b"tmpfs", 0, options):
            absent(f"a small disk can not be mounted: {os.strerror(ctypes.get_errno())}")
        return self

    def __exit__(self, *_: object) -> None:
        self._libc.umount2(bytes(self.folder), _LAZY)

    def fill(self, leave: int = 0) -> None:
        """Use up all space but ``leave`` bytes."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                file.truncate(max(file.tell() - leave, 0))

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"
