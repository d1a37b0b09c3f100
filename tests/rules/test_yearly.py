"""General large customers: the monthly mean use of a calendar year (RULES who-large)."""

from calendar import monthrange
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.daily import CustomerDays
from detectors.yearly import ClassOptions, YearUse, is_large, year_use
from meterwatch.core.model.reading_types import Commodity

NAN = float("nan")
LENGTHS = [monthrange(2022, month)[1] for month in range(1, 13)]
STARTS = np.cumsum([0, *LENGTHS])


def evenly(*months: float) -> NDArray[np.float64]:
    """Return a year of days of which each month sums up to its figure; NaN = nothing is known of it."""
    return np.concatenate([np.full(length, use / length) for use, length in zip(months, LENGTHS, strict=True)])


def year(use: NDArray[np.float64], supplied: NDArray[np.bool_] | None = None, min_known: float = 1.0) -> YearUse:
    """Return what a year of one customer comes to."""
    served = np.full(365, True) if supplied is None else supplied

    def months() -> Iterator[CustomerDays]:
        for first, last in pairwise(STARTS.tolist()):
            days = np.where(served[first:last], use[first:last], NAN)[:, None]
            yield CustomerDays(last, days, served[first:last, None], served[first:last, None])

    return year_use(months(), 1, min_known)


def figures(found: YearUse) -> tuple[float, int, bool]:
    mean, months, provisional = (column.tolist()[0] for column in found.columns())
    return mean, months, provisional


ALL = np.full(365, True)
FROM_JULY = np.arange(365) >= STARTS[6]
FROM_MID_JUNE = np.arange(365) >= STARTS[5] + 15
WITHOUT_A_DAY = np.where(np.arange(365) == 40, NAN, evenly(*[4200.0] * 12))


@pytest.mark.parametrize(
    ("use", "supplied", "wanted"),
    [
        (evenly(*[4000.0] * 12), ALL, (4000.0, 12, False)),
        (evenly(*[3000.0] * 6, *[5001.0] * 6), ALL, (4000.5, 12, False)),
        (evenly(*[4800.0] * 6, *[0.0] * 6), ALL, (2400.0, 12, False)),  # no use is not no service
        (evenly(*[6000.0] * 12), FROM_JULY, (6000.0, 6, True)),  # the mean is made of his months only
        (evenly(*[6000.0] * 12), FROM_MID_JUNE, (6000.0, 7, True)),  # half a month counts as the whole month it would be
        (evenly(*[NAN] * 3, *[4100.0] * 9), ALL, (4100.0, 9, True)),
        (WITHOUT_A_DAY, ALL, (4200.0, 12, True)),
        (evenly(*[NAN] * 12), ALL, (NAN, 0, True)),
        (evenly(*[1.0] * 12), ~ALL, (NAN, 0, True)),
    ],
)
def test_the_monthly_mean(use: NDArray[np.float64], supplied: NDArray[np.bool_], wanted: tuple[float, int, bool]) -> None:
    """RULES who-large: mean over months with service; an incomplete year is provisional."""
    np.testing.assert_array_equal(figures(year(use, supplied)), wanted)


def test_a_site_may_take_fewer_days_for_a_whole_year() -> None:
    use = evenly(*[4000.0] * 12)
    use[:18], use[100] = NAN, NAN
    assert [figures(year(use, min_known=share))[2] for share in (1.0, 346 / 365, 347 / 365)] == [True, False, True]
    assert figures(year(use, FROM_JULY, min_known=0.0))[2]  # that he was not supplied is no gap of the readings


def test_the_bound_is_included() -> None:
    """RULES who-large: 4000 included. A mean is judged as it is shown: stray digits of a sum are no use."""
    thirds = evenly(*[4000.0] * 12) * (1 - 1e-12)
    assert figures(year(thirds))[0] == 4000.0
    found = is_large(np.array([3999.999, 4000.0, 4000.001, NAN]), 4000.0)
    assert found.tolist() == [False, True, True, False]


def test_what_is_classified() -> None:
    assert ClassOptions().thresholds == {Commodity.ELECTRICITY: 4000.0}
    assert ClassOptions(None, 5000.0).thresholds == {Commodity.GAS: 5000.0}
    with pytest.raises(ValueError, match=r"large_kwh -1.* is not within"):
        ClassOptions(-1)
