"""The spool: one file a message, for a modem's or another program's pick-up (docs/formats.md §6).

At least once: after a crash the file is written again under the same name, and carries the same notice number.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from meterwatch.core.errors import TransportError
from meterwatch.core.model.messages import Guarantee, MessageState
from meterwatch.core.ports import Outgoing, Sent


@dataclass(frozen=True)
class SpoolOptions:
    """Where files for pick-up are laid."""

    directory: Path = Path("spool")
    """Folder the files appear in, whole or not at all; relative to the data folder."""


class SpoolChannel:
    """Writes each message as ``N<number>.txt``: headers ``To``, ``Reference``, an empty line, the text in UTF-8."""

    name: ClassVar[str] = "spool"
    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    Options: ClassVar[type[SpoolOptions]] = SpoolOptions

    def __init__(self, options: SpoolOptions) -> None:
        self._directory = options.directory

    def send(self, outgoing: Outgoing) -> Sent:
        """Lay the file; raises TransportError if the person has no number or the disk does not take it."""
        if not outgoing.address:
            raise TransportError(f"{outgoing.message.person} has no phone number", permanent=True)
        text = f"To: {outgoing.address}\nReference: {outgoing.reference}\n\n{outgoing.text}\n"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._write(self._directory / f"{outgoing.reference}.txt", text.encode())
        except OSError as problem:
            raise TransportError(f"spool {self._directory}: {problem.strerror}", permanent=False) from problem
        return Sent(MessageState.ACCEPTED, outgoing.reference)

    def _write(self, path: Path, data: bytes) -> None:
        part = path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # the new name, too, must outlive a power cut: the ledger will say it was handed over
        finally:
            os.close(directory)
