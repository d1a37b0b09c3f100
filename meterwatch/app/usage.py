"""The use of customers over stretches of meter days, summed from stored day totals one day at a time."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.daily import DailyOptions, customer_window, point_window
from detectors.evaluate import ReadTotals
from meterwatch.core.model.columns import Columns
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.readings import DayTotals
from meterwatch.core.model.registry import COMMODITIES, Agreements, Registry


@dataclass(frozen=True, slots=True)
class Members:
    """Who takes what: a column for each commodity of each customer.

    ``customer`` (n,) indexes the registry's customers, ``commodity`` (n,) COMMODITIES. ``rows`` are the usage points,
    sorted; ``member[i]`` is the column agreement i adds to, -1 for none.
    """

    customer: NDArray[np.int64]
    commodity: NDArray[np.int64]
    rows: NDArray[np.int32]
    member: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.customer)

    def commodity_of(self, column: int) -> Commodity:
        """Return what a column counts."""
        return COMMODITIES[int(self.commodity[column])]


def members_of(registry: Registry, units: Collection[str]) -> Members:
    """Return the customers of some units, by code and commodity as the registry orders them."""
    agreements = registry.agreements
    mine = np.array([customer.unit in units for customer in registry.customers], np.bool_)
    pair = agreements.customer.astype(np.int64) * len(COMMODITIES) + registry.points.commodity[agreements.point]
    counts = registry.points.active[agreements.point] & mine[agreements.customer]
    pairs, column = np.unique(pair[counts], return_inverse=True)
    member = np.full(len(agreements), -1, np.int64)
    member[counts] = column
    customer, commodity = np.divmod(pairs, len(COMMODITIES))
    return Members(customer, commodity, np.unique(agreements.point[counts]).astype(np.int32), member)


@dataclass(frozen=True, slots=True)
class PeriodUse(Columns):
    """What members used over a stretch of days; all (n,).

    ``use`` in kWh or m3 over the days that are known, ``known`` their number, ``supplied`` the days the customer was
    supplied of the stretch's ``days``; ``read`` the days of his meters that were read, in parts of a day, of ``expected``.
    """

    DTYPES: ClassVar = (np.int64, np.float64, np.int64, np.int64, np.float64, np.int64)
    days: NDArray[np.int64]
    use: NDArray[np.float64]
    known: NDArray[np.int64]
    supplied: NDArray[np.int64]
    read: NDArray[np.float64]
    expected: NDArray[np.int64]


def period_use(registry: Registry, members: Members, read: ReadTotals, days: range, daily: DailyOptions) -> PeriodUse:
    """Return the use of members over meter days ``days``; each day counts the points of the agreements then in force.

    Only the totals of the members' own points are read, and of one day at a time. A day of which a point is unknown is
    unknown (RULES who-sum); nothing crosses a change of customer (RULES who-point).
    """
    count = len(members)
    use, shares = np.zeros(count), np.zeros(count)
    known, supplied, expected = (np.zeros(count, np.int64) for _ in range(3))
    for day in days:
        found = read(day, day, members.rows)
        total = _customers(found, day, registry.agreements, members, daily)
        column, row = _supplies(registry.agreements, members, day)
        points = np.bincount(column, minlength=count)
        use += np.nan_to_num(total)
        known += ~np.isnan(total)
        supplied += points > 0
        expected += points
        shares += np.bincount(column, _read(found, members.rows)[row], count)
    return PeriodUse(np.full(count, len(days)), use, known, supplied, shares, expected)


def _customers(
    found: DayTotals, day: int, agreements: Agreements, members: Members, daily: DailyOptions
) -> NDArray[np.float64]:
    """Return the members' use of one day, NaN = unknown."""
    points = point_window(found, day, day, members.rows, daily)
    use: NDArray[np.float64] = customer_window(points, members.rows, agreements, members.member, len(members)).use[0]
    return use


def _supplies(agreements: Agreements, members: Members, day: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return column and index in ``rows`` of each point that is supplied on a day, once however many agreements say so."""
    chosen = (members.member >= 0) & (agreements.first_day <= day) & (day < agreements.last_day)
    row = np.searchsorted(members.rows, agreements.point[chosen])
    pairs = np.unique(np.stack([members.member[chosen], row]), axis=1)
    return pairs[0], pairs[1]


def _read(found: DayTotals, rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the share of the day that is known at each of ``rows``."""
    share = np.zeros(len(rows))
    share[np.searchsorted(rows, found.usage_point)] = found.known
    return share


def alerts_of(registry: Registry, members: Members, open_alerts: Mapping[str, int], day: int) -> NDArray[np.int64]:
    """Return how many of ``open_alerts`` (by subject: a usage point or ``CUSTOMER/commodity``) concern each member.

    An alert of a usage point concerns who is supplied there on meter day ``day``.
    """
    columns = {
        f"{registry.customers[customer].code}/{COMMODITIES[commodity]}": column
        for column, (customer, commodity) in enumerate(
            zip(members.customer.tolist(), members.commodity.tolist(), strict=True)
        )
    }
    column, row = _supplies(registry.agreements, members, day)
    columns |= {registry.codes[members.rows[at]]: one for one, at in zip(column.tolist(), row.tolist(), strict=True)}
    counts = np.zeros(len(members), np.int64)
    for subject, count in open_alerts.items():
        if subject in columns:
            counts[columns[subject]] += count
    return counts
