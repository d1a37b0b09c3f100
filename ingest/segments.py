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

from meterwatch.core.model.packets import Packet, Position

MAGIC = b"MWJR"
VERSION = 1
HEADER = struct.Struct("<4sHHQ")  # magic, version, reserved, segment number
FRAME = struct.Struct("<II")  # length of the body, crc32c of the body
BODY = struct.Struct("<BBHIqI")  # flags, reserved, topic length, generation, received at (UTC us), properties length

_DUP, _RETAIN = 0x04, 0x08
_CHUNK = 1 << 20


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


def is_segment(head: bytes) -> bool:
    """Return whether ``head`` starts a segment this program can read."""
    if len(head) < HEADER.size:
        return False
    magic, version, _, _ = HEADER.unpack_from(head)
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
        topic=body[BODY.size : topic_end].decode(),
        payload=body[properties_end:],
        qos=flags & 0x03,
        dup=bool(flags & _DUP),
        retain=bool(flags & _RETAIN),
        generation=generation,
        received_at=received_at,
        properties=body[topic_end:properties_end],
    )


def parse(data: bytes, base: int) -> Records:
    """Return the whole records at the start of ``data``, which begins at offset ``base`` of its segment.

    Stops at the first record that is cut off or whose checksum is wrong.
    """
    packets: list[tuple[int, Packet]] = []
    at = 0
    while at + FRAME.size <= len(data):
        length, crc = FRAME.unpack_from(data, at)
        body = data[at + FRAME.size : at + FRAME.size + length]
        if length < BODY.size or len(body) < length or google_crc32c.value(body) != crc:
            break
        packets.append((base + at, decode(body)))
        at += FRAME.size + length
    return Records(tuple(packets), base + at)


def read(path: Path, start: int, end: int, at_least: int = _CHUNK) -> Records:
    """Return the records from offset ``start``, about ``at_least`` bytes of them but at least one, none beyond ``end``."""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(min(max(at_least, FRAME.size), end - start))
        if len(data) >= FRAME.size:
            missing = FRAME.size + FRAME.unpack_from(data)[0] - len(data)
            data += file.read(min(max(missing, 0), end - start - len(data)))
    return parse(data, start)


def whole_length(path: Path) -> int:
    """Return how much of a segment is whole: the offset after the last good record, 0 if not even the header is."""
    with path.open("rb") as file:
        if not is_segment(file.read(HEADER.size)):
            return 0
    return max([HEADER.size, *(found.end for found in _walk(path))])


def count(path: Path) -> int:
    """Return how many whole records a segment holds."""
    return sum(len(found.packets) for found in _walk(path))


def last(path: Path) -> Packet | None:
    """Return the newest packet of a segment, None if it holds none."""
    newest = None
    for found in _walk(path):
        newest = found.packets[-1][1] if found.packets else newest
    return newest


def _walk(path: Path) -> Iterator[Records]:
    at, size = HEADER.size, path.stat().st_size
    while at < size:
        found = read(path, at, size)
        if found.end == at:
            return
        yield found
        at = found.end


def write_file(path: Path, number: int, packets: Iterable[Packet]) -> None:
    """Write a whole segment file of its own, durable and under its name only when complete."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
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
