"""Material for judging: windows made of written-out days, made-up fleets, a registry without a database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from detectors.daily import DailyOptions
from detectors.evaluate import Material
from detectors.rule import AnyRule, RuleInput, UsageWindow, WeekReadings
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.readings import DayTotals, ReadingBatch
from meterwatch.core.model.registry import (
    COMMODITIES,
    FOREVER_DAY,
    Agreements,
    Customer,
    CustomerClass,
    Meters,
    Points,
    Registry,
)

DAY = date(2023, 6, 15).toordinal()  # far from any festival
Days = Sequence[float | None]


def window(*columns: Days, last_day: int = DAY) -> UsageWindow:
    """Return a window with one column for each list of days, oldest first; None = unknown."""
    use = np.array([[np.nan if value is None else value for value in days] for days in columns], np.float64)
    return UsageWindow(last_day, np.ascontiguousarray(use.T))


def given(rule: AnyRule, recent: UsageWindow, last_year: UsageWindow | None = None) -> RuleInput:
    """Return the input of a rule that needs no rates."""
    unknown = np.full(recent.use.shape[1], np.nan)
    if last_year is None and rule.last_year:
        last_year = UsageWindow(
            recent.last_day - 365, np.full((rule.lookback + 2 * rule.last_year + 1, len(unknown)), np.nan)
        )
    return RuleInput(recent.last_day, recent, last_year, unknown, unknown)


def made_up(rule: AnyRule, rows: int, seed: int, unknown: float = 0.05) -> RuleInput:
    """Return an input with all that a fleet holds: steady, dropped, closed and feeding-in rows, gaps, rates about limits."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(5, 2, rows))
    drop = rng.choice([1.0, 0.7, 0.6, 0.3, 0.0], rows)
    recent = level * rng.uniform(0.9, 1.1, (rule.lookback + 1, rows))
    since = rng.integers(1, 9, rows)
    recent *= np.where(np.arange(rule.lookback, -1, -1)[:, None] < since, drop, 1.0)
    limit = np.where(rng.random(rows) < 0.1, np.nan, level / 10)
    made = RuleInput(
        DAY,
        UsageWindow(DAY, _with_gaps(recent, rng, unknown)),
        UsageWindow(DAY - 365 + rule.last_year, _last_year(rule, level, rng, unknown)) if rule.last_year else None,
        limit * rng.choice([0.5, 1.0, 1.5, np.nan], rows),
        limit,
        UsageWindow(DAY - 31, level * rng.uniform(0.9, 1.1, (rule.last_month, rows))) if rule.last_month else None,
        _week(level, rng) if rule.week_readings else None,
    )
    fell_silent = rng.choice([0, 0, 0, 0, 1, 2, 9], rows) if unknown else np.zeros(rows)
    made.recent.use[np.arange(rule.lookback, -1, -1)[:, None] < fell_silent] = np.nan
    return made


def _week(level: NDArray[np.float64], rng: np.random.Generator) -> WeekReadings:
    """Meters that were read or not, whose registers agree with their intervals or not."""
    rows = len(level)
    read_days = rng.choice([0.0, 1.0, 7.0, np.nan], rows)
    register = np.where(read_days > 0, level * 7, np.nan)
    return WeekReadings(read_days, register, register * rng.choice([1.0, 0.995, 0.9], rows), rng.choice([1.0, np.nan], rows))


def _last_year(rule: AnyRule, level: NDArray[np.float64], rng: np.random.Generator, unknown: float) -> NDArray[np.float64]:
    use = level * rng.uniform(0.9, 1.1, (rule.lookback + 2 * rule.last_year + 1, len(level)))
    use[:, rng.random(len(level)) < 0.2] = np.nan  # no customer yet
    use[20:40, rng.random(len(level)) < 0.2] *= 0.5
    use[:, rng.random(len(level)) < 0.05] *= -1.0  # fed in
    return _with_gaps(use, rng, unknown)


def _with_gaps(use: NDArray[np.float64], rng: np.random.Generator, unknown: float) -> NDArray[np.float64]:
    whole = rng.random(use.shape[1]) < 0.3
    use[:, whole] = np.round(use[:, whole])
    use[(rng.random(use.shape) < unknown) & ~whole] = np.nan
    return use


def columns_of(made: RuleInput, index: slice | NDArray[np.intp]) -> RuleInput:
    """Return the input of some of the rows."""

    def some(window: UsageWindow | None) -> UsageWindow | None:
        return UsageWindow(window.last_day, window.use[:, index]) if window else None

    recent, last_year, last_month = some(made.recent), some(made.last_year), some(made.last_month)
    assert recent is not None
    week = WeekReadings(*(column[index] for column in made.week.columns())) if made.week else None
    return RuleInput(made.day, recent, last_year, made.peak[index], made.limit[index], last_month, week)


def bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bits of a column, so that 0 and -0 differ and NaN equals NaN."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


@dataclass(frozen=True)
class Supply:
    """An agreement of a test registry."""

    customer: str
    point: str
    first_day: int = 0
    last_day: int = FOREVER_DAY


def registry(
    supplies: Sequence[Supply],
    *,
    zones: Mapping[str, str] | None = None,
    commodity: Mapping[str, Commodity] | None = None,
    customers: Mapping[str, Customer] | None = None,
    limits: Mapping[str, float] | None = None,
    large: Sequence[str] = (),
) -> Registry:
    """Return a registry of the points and customers in ``supplies``: power in Shanghai, class A1 unless said otherwise."""
    codes = tuple(dict.fromkeys(supply.point for supply in supplies))
    names = tuple(dict.fromkeys(supply.customer for supply in supplies))
    zone_of = {code: (zones or {}).get(code, "Asia/Shanghai") for code in codes}
    zone_names = tuple(dict.fromkeys(zone_of.values()))
    kind = {code: (commodity or {}).get(code, Commodity.ELECTRICITY) for code in codes}
    unknown = np.full(len(codes), np.nan)
    return Registry(
        1,
        codes,
        zone_names,
        Points.of(
            [COMMODITIES.index(kind[code]) for code in codes],
            [zone_names.index(zone_of[code]) for code in codes],
            [(limits or {}).get(code, np.nan) for code in codes],
            unknown,
            unknown,
            np.full(len(codes), True),
        ),
        Meters.empty(),
        (),
        tuple((customers or {}).get(name, Customer(name, CustomerClass.A1)) for name in names),
        Agreements.of(
            [codes.index(supply.point) for supply in supplies],
            [names.index(supply.customer) for supply in supplies],
            [supply.first_day for supply in supplies],
            [supply.last_day for supply in supplies],
        ),
        large=frozenset(large),
    )


def material(held: Registry, use_of: Callable[[int, str], float | None], *, lunar: bool = True) -> Material:
    """Return what days are judged from, where ``use_of(day, point)`` is the use of a wholly known day; None = unknown."""

    def read(first: int, last: int, rows: NDArray[np.int32]) -> DayTotals:
        found = [
            (day, row, use, 1.0, np.nan, 0)
            for day in range(first, last + 1)
            for row in rows.tolist()
            if (use := use_of(day, held.codes[row])) is not None
        ]
        return DayTotals.of(*zip(*found, strict=True)) if found else DayTotals.empty()

    return Material(held, read, lambda *_: ReadingBatch.empty(), DailyOptions(), lunar)
