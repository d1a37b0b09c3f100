"""Journal segments on disk: the bytes (docs/formats.md §1).

A segment is a 16-byte header and records. A record is ``length, crc32c`` of its body and the body: flags, topic length,
connection generation, receive time, properties length, then topic, properties and payload.
"""

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from meterwatch.core.errors import Refusal
from meterwatch.core.model.packets import Packet, Position
from meterwatch.core.model.phrase import Phrase

MAGIC = b"MWJR"
VERSION = 1
HEADER = struct.Struct("<4sHHQ")  # magic, version, reserved, segment number
FRAME = struct.Struct("<II")  # length of the body, crc32c of the body
BODY = struct.Struct("<BBHIqI")  # flags, reserved, topic length, generation, received at (UTC us), properties length

_DUP, _RETAIN = 0x04, 0x08
_CHUNK = 1 << 20
_NEWER = Phrase(
    "the journal file {path} is of version {found}; this program knows {known}. Use the newer program.",
    "日志文件 {path} 的版本是 {found}，本程序只支持 {known}。请使用较新的程序。",
)


@dataclass(frozen=True, slots=True)
class Records:
    """What a stretch of a segment holds: packets with the offset of each, and the offset after the last whole record."""

    packets: tuple[tuple[int, Packet], ...]
    end: int


def path_of(directory: Path, number: int) -> Path:
    """Return the file of segment ``number``."""
    return directory / f"{number:012d}.seg"


def numbers(directory: Path) -> list[int]:
    """Return the numbers of the segments in ``directory``, oldest first."""
    return sorted(int(path.stem) for path in directory.glob("*.seg") if path.stem.isdigit())


def encode_header(number: int) -> bytes:
    """Return the first bytes of segment ``number``."""
    return HEADER.pack(MAGIC, VERSION, 0, number)


def has_header(path: Path) -> bool:
    """Return whether a file starts as a segment does; raises Refusal if a newer program wrote it."""
    with path.open("rb") as file:
        head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return False
    magic, version, _, _ = HEADER.unpack(head)
    if magic == MAGIC and version > VERSION:
        raise Refusal(_NEWER, path=path, found=version, known=VERSION)
    return bool(magic == MAGIC and version == VERSION)


def encode(packet: Packet) -> bytes:
    """Return the record of a packet."""
    topic = packet.topic.encode()
    flags = packet.qos | _DUP * packet.dup | _RETAIN * packet.retain
    head = BODY.pack(flags, 0, len(topic), packet.generation, packet.received_at, len(packet.properties))
    body = b"".join((head, topic, packet.properties, packet.payload))
    return FRAME.pack(len(body), google_crc32c.value(body)) + body


def decode(body: bytes) -> Packet:
    """Return the packet of a record's body, whose checksum has been verified."""
    flags, _, topic_length, generation, received_at, properties_length = BODY.unpack_from(body)
    topic_end = BODY.size + topic_length
    properties_end = topic_end + properties_length
    return Packet(
        topic=body[BODY.size : topic_end].decode(errors="replace"),
        payload=body[properties_end:],
        qos=flags & 0x03,
        dup=bool(flags & _DUP),
        retain=bool(flags & _RETAIN),
        generation=generation,
        received_at=received_at,
        properties=body[topic_end:properties_end],
    )


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, body) of the whole records at the start of ``data``, up to one that is cut off or damaged."""
    at = 0
    while at + FRAME.size <= len(data):
        length, crc = FRAME.unpack_from(data, at)
        body = data[at + FRAME.size : at + FRAME.size + length]
        if length < BODY.size or len(body) < length or google_crc32c.value(body) != crc:
            return
        yield at, body
        at += FRAME.size + length


def read(path: Path, start: int, end: int, at_least: int = _CHUNK) -> Records:
    """Return the records from offset ``start``, about ``at_least`` bytes of them but at least one, none beyond ``end``.

    Stops at the first record that is cut off or whose checksum is wrong; ``resume`` says where to go on.
    """
    found = list(frames(_load(path, start, end, at_least)))
    after = found[-1][0] + FRAME.size + len(found[-1][1]) if found else 0
    return Records(tuple((start + at, decode(body)) for at, body in found), start + after)


def _load(path: Path, start: int, end: int, at_least: int) -> bytes:
    """Return about ``at_least`` bytes from ``start``, and the first record whole however large it is."""
    room = max(end - start, 0)
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(min(max(at_least, FRAME.size), room))
        if len(data) >= FRAME.size:
            missing = FRAME.size + FRAME.unpack_from(data)[0] - len(data)
            data += file.read(min(max(missing, 0), room - len(data)))
    return data


def resume(path: Path, start: int, end: int) -> int:
    """Return where the next whole record lies after the damaged one at ``start``; ``end`` if its length leads to none."""
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(FRAME.size)
    following = start + FRAME.size + FRAME.unpack(head)[0] if len(head) == FRAME.size else end
    return following if following < end and any(frames(_load(path, following, end, 0))) else end


def offsets(path: Path, start: int = HEADER.size) -> Iterator[int]:
    """Yield the offset of every whole record of a segment from offset ``start`` on."""
    return (at for at, _ in _bodies(path, start))


def whole_length(path: Path) -> int:
    """Return how much of a segment is whole: the offset after the last good record, 0 if not even the header is."""
    start = HEADER.size if has_header(path) else 0
    return max((at + FRAME.size + len(body) for at, body in _bodies(path)), default=start)


def last(path: Path) -> Packet | None:
    """Return the newest packet of a segment, None if it holds none."""
    newest = None
    for _, body in _bodies(path):
        newest = body
    return decode(newest) if newest is not None else None


def _bodies(path: Path, start: int = HEADER.size) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, body) of every whole record of a segment from offset ``start`` on, passing over damaged ones."""
    size = path.stat().st_size
    while start < size:
        after = start
        for at, body in frames(_load(path, start, size, _CHUNK)):
            yield start + at, body
            after = start + at + FRAME.size + len(body)
        start = after if after > start else resume(path, start, size)


def write_file(path: Path, number: int, packets: Iterable[Packet]) -> None:
    """Write a whole segment file of its own, durable and under its name only when complete."""
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
        file.write(encode_header(number))
        file.writelines(encode(packet) for packet in packets)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write ``data`` at ``offset``; raises OSError (disk full, file too large) when not all of it could be written."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def sync_directory(directory: Path) -> None:
    """Make new names in ``directory`` durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def positions(number: int, start: int, records: Sequence[bytes]) -> list[Position]:
    """Return where each of ``records`` lies when they are written one after the other at ``start``."""
    found = []
    for record in records:
        found.append(Position(number, start))
        start += len(record)
    return found
