"""The usage points a reading store knows: their codes, by registry row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase

_OTHER_OWNER = Phrase(
    "in these readings row {row} is usage point {known}, in the registry it is {offered}: readings would change their "
    "owner. Use the registry that belongs to these readings.",
    "读数库中第 {row} 行是用户点 {known}，档案中却是 {offered}：读数将归属错误的用户。请使用与该读数库配套的档案。",
)


def unknown_codes(known: Sequence[str], codes: Sequence[str]) -> Sequence[str]:
    """Return those of ``codes`` that stand beyond the ``known`` rows; raises Refusal if a known row bears another code."""
    for row, (ours, theirs) in enumerate(zip(known, codes, strict=False)):
        if ours != theirs:
            raise Refusal(_OTHER_OWNER, row=row, known=ours, offered=theirs)
    return codes[len(known) :]


def require_known(rows: NDArray[np.int32], known: int) -> None:
    """Raise IndexError for a row that was never named: its readings would belong to nobody."""
    if len(rows) and (rows.min() < 0 or rows.max() >= known):
        raise IndexError(f"usage point rows {rows.min()}..{rows.max()}, but only 0..{known - 1} are known")
