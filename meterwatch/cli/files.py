"""Files that commands write for people."""

import os
from pathlib import Path

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase

_THERE = Phrase("{path} is there already; name another file", "{path} 已存在，请指定其他文件名")


def write_private(path: Path, text: str) -> None:
    """Write a file that only this account may read; UTF-8 with a mark, by which spreadsheets know it.

    Raises Refusal if there is such a file already.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as problem:
        raise Refusal(_THERE, path=path) from problem
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode("utf-8-sig"))
