"""Who moved out: agreements that ended lately (RULES who-point, churn-ended)."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from meterwatch.core.model.registry import Customer, Registry

KEEP_DAYS = 45
"""How long ago an agreement may have ended to call for something: as far back as late data is taken."""


_PERIOD = "end "


def period(last_day: int) -> str:
    """Return the name of what an agreement's end calls for: ``end 2023-03-01``."""
    return f"{_PERIOD}{date.fromordinal(last_day)}"


def recent(name: str, day: date) -> bool:
    """Return whether ``name`` is of an agreement's end that is recent enough to be asked about."""
    if not name.startswith(_PERIOD):
        return False
    return day - timedelta(days=KEEP_DAYS) < date.fromisoformat(name.removeprefix(_PERIOD)) <= day


def ended(registry: Registry, day: int, days: int) -> Iterator[tuple[Customer, int, int]]:
    """Return (customer, usage point row, last day) of agreements that ended in the ``days`` days up to meter day ``day``.

    An agreement that the same customer's next one on the point follows at once was renewed, not ended.
    """
    a = registry.agreements
    for index in np.flatnonzero((a.last_day <= day) & (a.last_day > day - days)).tolist():
        last = int(a.last_day[index])
        same = (a.customer == a.customer[index]) & (a.point == a.point[index])
        if not np.any(same & (a.first_day <= last) & (last < a.last_day)):
            yield registry.customers[a.customer[index]], int(a.point[index]), last


def moved_out(registry: Registry, day: int, days: int) -> Iterator[tuple[Customer, int]]:
    """Return (customer, last day) of those who are supplied nowhere since an agreement of theirs ended."""
    supplied = registry.supplied(day)
    here = {registry.customers[index].code for index in np.flatnonzero(supplied).tolist()}
    last: dict[str, tuple[Customer, int]] = {}
    for customer, _, over in ended(registry, day, days):
        if customer.code not in here and over > last.get(customer.code, (customer, 0))[1]:
            last[customer.code] = (customer, over)
    yield from last.values()
