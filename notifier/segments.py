"""How many SMS a text takes (3GPP TS 23.038, 23.040): what it costs, and what a phone joins again."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a character: two septets
_BMP = 0xFFFF


class Encoding(StrEnum):
    """How a text is written on the air."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}  # of a single SMS, and of each part of several


@dataclass(frozen=True, slots=True)
class Segments:
    """``parts`` of a text, each an SMS; ``units`` are septets of GSM-7 or code units of UCS-2."""

    encoding: Encoding
    units: int
    parts: tuple[str, ...]


def segments(text: str) -> Segments:
    """Return the SMS a text is sent as. An escaped character or a surrogate pair is never cut in two."""
    encoding = Encoding.GSM_7 if set(text) <= _BASIC | _EXTENDED else Encoding.UCS_2
    units = sum(_size(letter, encoding) for letter in text)
    single, part = _ROOM[encoding]
    return Segments(encoding, units, (text,) if units <= single else tuple(_cut(text, encoding, part)))


def _size(letter: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM_7:
        return 2 if letter in _EXTENDED else 1
    return 2 if ord(letter) > _BMP else 1


def _cut(text: str, encoding: Encoding, room: int) -> Iterator[str]:
    begun, used = 0, 0
    for at, letter in enumerate(text):
        size = _size(letter, encoding)
        if used + size > room:
            yield text[begun:at]
            begun, used = at, 0
        used += size
    yield text[begun:]
