"""General large customers: the monthly mean use of a calendar year (RULES who-large; supply 2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.daily import CustomerDays
from detectors.kernels import added
from meterwatch.core.bounds import require_within
from meterwatch.core.model.columns import Columns
from meterwatch.core.model.reading_types import Commodity

DECIMALS = 3  # a mean is compared as it is shown: sums of shared-out days end in stray digits


@dataclass(frozen=True)
class ClassOptions:
    """Which customers are large by their use in the last calendar year; decided once a year, in January (supply 3)."""

    large_kwh: float | None = 4000.0
    """Monthly mean use of electricity in kWh from which a customer is a general large one (supply 2)."""
    large_m3: float | None = None
    """The same for gas in m3; the rules name none, so gas customers are not classified by use unless it is set."""
    min_known: float = 1.0
    """Share of the year's days that must be known; with less, or a part of the year without service, the office decides."""

    def __post_init__(self) -> None:
        given = {"large_kwh": self.large_kwh, "large_m3": self.large_m3}
        require_within(self, min_known=(0, 1), **{name: (0, 1e12) for name, found in given.items() if found is not None})

    @property
    def thresholds(self) -> dict[Commodity, float]:
        """The threshold of each commodity that is classified, in its unit of use."""
        found = {Commodity.ELECTRICITY: self.large_kwh, Commodity.GAS: self.large_m3}
        return {commodity: threshold for commodity, threshold in found.items() if threshold is not None}


@dataclass(frozen=True, slots=True)
class YearUse(Columns):
    """A year of customers, an entry each.

    ``mean`` float64 monthly mean use in kWh or m3, NaN = nothing known · ``months`` int64 how many months it is the mean
    of · ``provisional`` bool: service or readings do not cover the year.
    """

    DTYPES: ClassVar = (np.float64, np.int64, np.bool_)
    mean: NDArray[np.float64]
    months: NDArray[np.int64]
    provisional: NDArray[np.bool_]


def year_use(months: Iterable[CustomerDays], members: int, min_known: float) -> YearUse:
    """Return the monthly mean use of ``members`` customers over the calendar ``months`` of a year, in order.

    A month with service counts if any of its days is known; of what is known of his own days a whole month is made. Only
    days on which a customer was supplied are looked at, so that no mean crosses a change of customer (RULES who-point).
    """
    total = np.zeros(members)
    counted, known_days, supplied_days = (np.zeros(members, np.int64) for _ in range(3))
    length = 0
    for month in months:
        known = ~np.isnan(month.use)
        days = np.count_nonzero(known, axis=0)
        scale = np.divide(len(known), days, out=np.zeros(members), where=days > 0)  # exactly 1 for a month without a gap
        total += added(np.where(known, month.use, 0.0)) * scale
        counted += days > 0
        known_days += days
        supplied_days += np.count_nonzero(month.supplied, axis=0)
        length += len(known)
    mean = np.divide(total, counted, out=np.full(members, np.nan), where=counted > 0)
    provisional = (supplied_days < length) | (known_days < min_known * length)
    return YearUse.of(np.round(mean, DECIMALS), counted, provisional)


def is_large(mean: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Return whether a monthly mean use reaches the threshold, which is included; an unknown mean does not."""
    return mean >= threshold
