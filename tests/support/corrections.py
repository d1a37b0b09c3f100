"""Corrections written out by hand."""

from datetime import datetime
from typing import Any

from meterwatch.core.model.corrections import Author, Correction, NewCorrection
from meterwatch.core.model.reading_types import BY_NAME
from tests.support.ledger import NOW
from tests.support.readings import REGISTER

AUTHOR = Author("K1", "clerk")


def new(time: int, value: float, *, point: str = "S1", kind: str = REGISTER, raw: float | None = 1.0) -> NewCorrection:
    """Return a correction to be entered; ``time`` in UTC ms."""
    return NewCorrection(point, BY_NAME[kind].code, time, raw, value, "digit misread")


def held(found: NewCorrection, number: int = 1, recorded_at: datetime = NOW, **changes: Any) -> Correction:
    """Return the same as the ledger holds it."""
    plain: dict[str, Any] = {name: getattr(found, name) for name in NewCorrection.__slots__}
    own = {"id": number, **AUTHOR._asdict(), "recorded_at": recorded_at, "withdrawn_at": None, "withdrawn_by": None}
    return Correction(**plain | own | changes)


def anything(_found: Correction) -> None:
    """Let anybody withdraw anything."""
