"""Times as devices write them."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from meterwatch.core.instants import EPOCH, to_ms

_BOUND_MS = 1 << 52  # beyond any date a calendar knows; keeps arithmetic within int64


def time_reader(form: str, zone: str) -> Callable[[Any], int | None]:
    """Return a function from a value to UTC milliseconds, None if it can't be read.

    ``form`` is ``ms``, ``s`` (since 1970, number or text), ``iso``, or a strptime pattern such as ``%Y%m%d%H%M%S%f``.
    ``zone`` is the IANA zone of times that carry none. Raises ValueError for a form that ``format_problem`` complains of,
    ZoneInfoNotFoundError for an unknown zone.
    """
    if form in ("ms", "s"):
        return _count(1000.0 if form == "s" else 1.0)
    if problem := format_problem(form):
        raise ValueError(problem)
    local = ZoneInfo(zone)
    if form == "iso":
        return _text(datetime.fromisoformat, local)
    return _text(lambda text: datetime.strptime(text, form), local)  # noqa: DTZ007 - the zone is added when it has none


def format_problem(form: str) -> str:
    """Return why no time can be read in ``form``, empty if one can."""
    if form in ("ms", "s", "iso"):
        return ""
    try:
        datetime.strptime(EPOCH.strftime(form), form)  # noqa: DTZ007 - only to see whether it works
        understood = "%" in form
    except (ValueError, re.error):
        understood = False
    return "" if understood else f"{form!r} is no time format; write ms, s, iso, or a pattern such as %Y%m%d%H%M%S%f"


def _count(factor: float) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            moment = round(float(value) * factor)
        except (ValueError, OverflowError):
            return None
        return moment if -_BOUND_MS < moment < _BOUND_MS else None

    return read


def _text(parse: Callable[[str], datetime], local: ZoneInfo) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        try:
            moment = parse(str(value).strip()) if isinstance(value, str | int) else None
            if moment is None:
                return None
            return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=local))
        except (ValueError, OverflowError):
            return None

    return read
