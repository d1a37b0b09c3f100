"""The shape of a codec: one payload format, packets in, readings as lists out.

A codec file declares ``CODEC = CodecKind(...)`` and is named in ``ingest.codecs.CODECS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from meterwatch.core.model.packets import Packet, Reason


@dataclass(slots=True)
class Decoded:
    """Readings as a codec found them, as lists of one length, and what it had to refuse.

    ``packet`` index into the decoded packets · ``record`` running number of the reading within its packet · ``meter`` code
    as sent · ``reading_type`` code · ``time`` UTC ms · ``value`` in the reading type's unit.
    ``refused``: (packet, record, reason, detail) for single readings; ``rejected``: (packet, reason, detail) for packets.
    """

    packet: list[int] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    meter: list[str] = field(default_factory=list)
    reading_type: list[int] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    refused: list[tuple[int, int, Reason, str]] = field(default_factory=list)
    rejected: list[tuple[int, Reason, str]] = field(default_factory=list)

    def add(self, packet: int, record: int, reading: tuple[str, int, int, float]) -> None:
        """Add one reading: (meter, reading type, time, value)."""
        self.packet.append(packet)
        self.record.append(record)
        for column, entry in zip((self.meter, self.reading_type, self.time, self.value), reading, strict=True):
            column.append(entry)  # type: ignore[attr-defined]


class Codec(Protocol):
    """Decodes the packets of the topics it was made for."""

    @property
    def name(self) -> str:
        """The name given in the settings."""

    @property
    def topics(self) -> Sequence[str]:
        """The topic filters it covers."""

    def decode(self, packets: Sequence[tuple[int, Packet]], into: Decoded) -> None:
        """Decode (index, packet) pairs. Whatever a packet holds, it becomes readings, refusals or a rejection; no raise."""


@dataclass(frozen=True, slots=True)
class CodecKind:
    """A codec's declaration: its ``kind`` in the settings, its options dataclass, and how to build it from them."""

    kind: str
    options: type[Any]
    build: Callable[[Any], Codec]


def excerpt(value: object, limit: int = 80) -> str:
    """Return what was found on one line, short enough for a log or a table, without characters that control a terminal."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except RecursionError:
        text = type(value).__name__
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in cut)
