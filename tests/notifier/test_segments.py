"""How many SMS a text takes: 160 or 153 septets, 70 or 67 code units, nothing cut in two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.segments import Encoding, segments

ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the escape would be cut at 153: it begins the second part
        ("气" * 70, "UCS-2", 70, 1),
        ("气" * 71, "UCS-2", 71, 2),
        ("气" * 134, "UCS-2", 134, 2),
        ("气" * 135, "UCS-2", 135, 3),
        ("气" * 66 + "😀" + "气" * 66, "UCS-2", 134, 3),  # so would the surrogate pair
        ("m³", "UCS-2", 2, 1),
        ("`", "UCS-2", 1, 1),
        ("Ünder [5] {x} ~ ^ | \\ €", "GSM-7", 32, 1),
    ],
)
def test_literally(text: str, encoding: str, units: int, count: int) -> None:
    found = segments(text)
    assert (found.encoding, found.units, len(found.parts)) == (encoding, units, count)


@given(st.text(st.sampled_from("aZ é€[]^気气😀𠮷\n"), max_size=400))
def test_the_parts_are_the_text_and_each_fits(text: str) -> None:
    found = segments(text)
    assert "".join(found.parts) == text
    single, part = ROOM[found.encoding]
    for one in found.parts:
        assert segments(one).units <= (single if len(found.parts) == 1 else part)
        one.encode("utf-16")  # no half of a pair
