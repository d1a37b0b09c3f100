"""The yearly classification by use: from a year's day totals to a row for each customer (RULES who-large, who-january)."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from detectors.daily import CustomerDays, DailyOptions, customer_days, point_window
from detectors.evaluate import ReadTotals
from detectors.yearly import ClassOptions, is_large, year_use
from meterwatch.core.model.classes import ClassRow
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import COMMODITIES, Registry


@dataclass(frozen=True, slots=True)
class Classification:
    """What a year's rows are made from: the registry snapshot, stored day totals, and the settings."""

    registry: Registry
    read: ReadTotals
    daily: DailyOptions
    classes: ClassOptions

    def rows(self, year: int) -> list[ClassRow]:
        """Return the rows of ``year``: of every customer supplied in it who is still supplied on the day after, by code."""
        found = [
            row
            for commodity, threshold in self.classes.thresholds.items()
            for row in self._rows_of(commodity, threshold, year)
        ]
        return sorted(found, key=lambda row: row.key)

    def _rows_of(self, commodity: Commodity, threshold: float, year: int) -> Iterator[ClassRow]:
        customers, member = self._subjects(commodity, year)
        if not len(customers):
            return
        found = year_use(self._months(member, len(customers), year), len(customers), self.classes.min_known)
        large = is_large(found.mean, threshold)
        columns = (customers, *found.columns(), large)
        for index, mean, months, provisional, proposed in zip(*(column.tolist() for column in columns), strict=True):
            customer = self.registry.customers[index]
            yield ClassRow(
                customer.code,
                commodity.value,
                customer.customer_class.value,
                mean if months else None,
                months,
                provisional,
                customer.code in self.registry.large,
                proposed,
            )

    def _subjects(self, commodity: Commodity, year: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the customers to classify (sorted), and for each agreement the place of its customer, -1 = left out."""
        held = self.registry.agreements
        first, after = date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()
        own = self.registry.points.commodity[held.point] == COMMODITIES.index(commodity)
        within = own & (held.first_day < after) & (held.last_day > first)
        goes_on = own & (held.first_day <= after) & (held.last_day > after)
        customers = np.intersect1d(held.customer[within], held.customer[goes_on])
        counts = own & np.isin(held.customer, customers)
        return customers, np.where(counts, np.searchsorted(customers, held.customer), -1)

    def _months(self, member: NDArray[np.int64], members: int, year: int) -> Iterator[CustomerDays]:
        """Yield the customers' days month by month: a year of a million points would not fit into memory."""
        agreements = self.registry.agreements
        rows = np.unique(agreements.point[member >= 0])
        for month in range(1, 13):
            first = date(year, month, 1).toordinal()
            last = first + monthrange(year, month)[1] - 1
            window = point_window(self.read(first, last, rows), first, last, rows, self.daily)
            yield customer_days(window, rows, agreements, member, members)
