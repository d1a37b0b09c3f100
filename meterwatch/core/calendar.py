"""Meter days, working days and the lunar year.

Meter day: the 24 h (23 or 25 at a change of the clocks) a daily figure belongs to; power and water count from 00:00,
gas from 08:00 local by default. Working days follow China's published holidays *and make-up working days*
(RULES §4: a deadline of n working days ends at 17:30 of the n-th working day after day 0).
"""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import holidays
import numpy as np
from lunar_python import Lunar
from numpy.typing import NDArray

from meterwatch.core.instants import to_ms
from meterwatch.core.model.reading_types import Commodity

DAY_START_HOUR = {Commodity.ELECTRICITY: 0, Commodity.GAS: 8, Commodity.WATER: 0, Commodity.HEAT: 0}
OFFICE_CLOSES = time(17, 30)
LUNAR_REACH = 30  # days around Spring Festival in which last year's day is taken at the same distance from it


@dataclass(frozen=True, slots=True, order=True)
class DayScheme:
    """Which meter day a moment belongs to: IANA zone and the local hour the day starts at."""

    zone: str
    start_hour: int

    @property
    def name(self) -> str:
        """The scheme as written in the ledger, e.g. ``Asia/Shanghai@8``."""
        return f"{self.zone}@{self.start_hour}"

    def start(self, day: int) -> int:
        """Return UTC milliseconds of the start of meter day ``day`` (proleptic ordinal)."""
        return _day_start(self.zone, self.start_hour, day)

    def end(self, day: int) -> int:
        """Return UTC milliseconds of the end of meter day ``day``; its length is 23 or 25 h at a change of the clocks."""
        return self.start(day + 1)

    def days(self, times: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the ordinal of the meter day each UTC millisecond lies in, (n,) int32.

        Times are interval ends, so a day holds (start, end]: 00:00 sharp still belongs to the day before.
        """
        if not len(times):
            return np.empty(0, np.int32)
        low, high = int(times.min()) // 86_400_000, int(times.max()) // 86_400_000
        first = date(1970, 1, 1).toordinal() + low - 2
        bounds = np.array([self.start(day) for day in range(first, first + high - low + 5)], np.int64)
        return (np.searchsorted(bounds, times, side="left") - 1 + first).astype(np.int32)

    def day_of(self, moment: datetime) -> int:
        """Return the ordinal of the meter day an aware ``moment`` lies in."""
        return int(self.days(np.array([to_ms(moment)], np.int64))[0])


@lru_cache(maxsize=65536)
def _day_start(zone: str, hour: int, day: int) -> int:
    return to_ms(datetime.combine(date.fromordinal(day), time(hour), tzinfo=ZoneInfo(zone)))


def meter_day(commodity: Commodity, zone: str) -> DayScheme:
    """Return the meter day of a usage point."""
    return DayScheme(zone, DAY_START_HOUR[commodity])


def zone_problem(zone: str) -> str:
    """Return why ``zone`` is no IANA time zone, naming the nearest one; empty if it is one."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = difflib.get_close_matches(zone, available_timezones(), n=1)
        return f"{zone!r} is no IANA time zone" + (f"; did you mean {close[0]!r}?" if close else ", e.g. 'Asia/Shanghai'")
    return ""


@lru_cache(maxsize=256)
def spring_festival(year: int) -> date:
    """Return the date of the first day of the lunar year that begins in ``year``."""
    solar = Lunar.fromYmd(year, 1, 1).getSolar()
    return date(solar.getYear(), solar.getMonth(), solar.getDay())


def last_year_day(day: date, *, lunar: bool) -> date:
    """Return the day of last year that ``day`` is compared with.

    The same month and day (29 February: the 28th); with ``lunar``, within 30 days of Spring Festival the day at the
    same distance from last year's, because all industry rests then and the festival moves by up to a month.
    """
    if lunar:
        for festival in (spring_festival(day.year), spring_festival(day.year + 1)):
            if abs((day - festival).days) <= LUNAR_REACH:
                return spring_festival(festival.year - 1) + (day - festival)
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)


def last_month_day(day: date) -> date:
    """Return the same date one month earlier, the last day of that month where it has no such date."""
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


@dataclass(frozen=True, slots=True)
class Deadline:
    """When something is due; ``provisional`` while the holidays of that year are not published yet."""

    at: datetime
    provisional: bool


@dataclass(frozen=True)
class WorkingCalendar:
    """Working days of China, make-up days included; a site may override single dates."""

    working: frozenset[date] = frozenset()
    resting: frozenset[date] = frozenset()

    @classmethod
    def with_overrides(cls, working: Collection[date] = (), resting: Collection[date] = ()) -> "WorkingCalendar":
        """Return the calendar with the site's own working and resting dates."""
        return cls(frozenset(working), frozenset(resting))

    def is_working(self, day: date) -> bool:
        """Return whether offices work on ``day``; beyond the published years only weekends and fixed feasts are known."""
        if day in self.working:
            return True
        return day not in self.resting and _china(day.year).is_working_day(day)

    def is_holiday(self, day: date) -> bool:
        """Return whether ``day`` is a holiday, or a day off in exchange for a make-up day; a mere weekend is none."""
        return not self.is_working(day) and (day in self.resting or day in _china(day.year))

    def is_published(self, year: int) -> bool:
        """Return whether the State Council's notice for ``year`` is known: it always moves working days to weekends."""
        return any(day.year == year for day in _china(year).weekend_workdays)

    def published_through(self, year: int) -> int:
        """Return the last published year at or before ``year`` + 1."""
        return next(known for known in range(year + 1, 2000, -1) if self.is_published(known))

    def day_zero(self, moment: datetime, zone: str) -> date:
        """Return the working day a term starts from: after 17:30 or on a rest day it is the next working day."""
        local = moment.astimezone(ZoneInfo(zone))
        day = local.date() + timedelta(days=local.time() > OFFICE_CLOSES)
        return self._next_working(day)

    def deadline(self, moment: datetime, working_days: int, zone: str) -> Deadline:
        """Return 17:30 local of the ``working_days``-th working day after day zero of an aware ``moment``."""
        day = self.day_zero(moment, zone)
        for _ in range(working_days):
            day = self._next_working(day + timedelta(days=1))
        at = datetime.combine(day, OFFICE_CLOSES, tzinfo=ZoneInfo(zone))
        return Deadline(at.astimezone(moment.tzinfo), provisional=not self.is_published(day.year))

    def _next_working(self, day: date) -> date:
        while not self.is_working(day):
            day += timedelta(days=1)
        return day


@lru_cache(maxsize=64)
def _china(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("CN", years=year)
