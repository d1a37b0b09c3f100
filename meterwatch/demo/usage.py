"""What every point of the fleet truly uses, hour by hour: the truth the demonstration's figures are held against."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.calendar import meter_day, spring_festival
from meterwatch.core.instants import to_ms
from meterwatch.core.model.reading_types import Commodity
from meterwatch.demo.fleet import HISTORY_START, PLAY_END, Fleet, Kind, Point

HOUR = timedelta(hours=1)
HOURS = (PLAY_END - HISTORY_START) // HOUR + 48
_SEED = 20230101
_WEEK = {
    "A1": (1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.8),
    "A2": (0.9, 0.9, 0.9, 0.95, 1.0, 1.1, 1.1),
    "A3": (1.0, 1.0, 1.0, 1.0, 1.0, 0.85, 0.85),
    "B1": (1.0, 1.0, 1.0, 1.0, 1.0, 1.05, 1.05),
}
_FESTIVAL = {"A1": 0.8, "A2": 0.95, "A3": 0.9, "B1": 1.05}  # how far use falls in the days around Spring Festival
_FESTIVAL_DAYS = range(-3, 8)
_WINTER = {Commodity.GAS: 0.25, Commodity.ELECTRICITY: 0.08}  # seasonal swing, highest in mid January


@dataclass(frozen=True)
class Change:
    """A scripted change: from ``start`` to ``end`` the use of ``point`` is multiplied by ``factor``, or set to ``to``."""

    point: str
    start: datetime
    end: datetime
    factor: float = 1.0
    to: float | None = None


@dataclass(frozen=True)
class Truth:
    """True use as a matrix ``hourly[hour, point]`` in kWh or m3, hour 0 beginning at HISTORY_START."""

    fleet: Fleet
    hourly: NDArray[np.float64]

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """Use since the start, ``[hour + 1, point]``, row 0 all zero."""
        return np.vstack([np.zeros(len(self.fleet.points)), np.cumsum(self.hourly, axis=0)])

    def since_start(self, point: Point, at: datetime) -> float:
        """Return the use of ``point`` from HISTORY_START to ``at``; within an hour use is even."""
        whole, rest = divmod(at - HISTORY_START, HOUR)
        before = self.cumulative[whole, point.index]
        return float(before + (rest / HOUR) * (self.cumulative[whole + 1, point.index] - before if rest else 0.0))

    def day_use(self, point: Point, day: int) -> float:
        """Return the use of ``point`` on meter day ``day``."""
        scheme = meter_day(point.commodity, point.zone)
        start = to_ms(HISTORY_START)
        first, last = ((edge - start) // 3_600_000 for edge in (scheme.start(day), scheme.end(day)))
        return float(self.cumulative[last, point.index] - self.cumulative[first, point.index])


def make_truth(fleet: Fleet, changes: tuple[Change, ...]) -> Truth:
    """Return the fleet's true use with the scripted changes in it."""
    starts = [HISTORY_START.astimezone(UTC) + number * HOUR for number in range(HOURS)]
    clocks = {zone: _Clock.of(starts, zone) for zone in sorted({point.zone for point in fleet.points})}
    hourly = np.column_stack([_model(point, clocks[point.zone]) for point in fleet.points])
    for change in changes:
        _apply(hourly, fleet.point(change.point), change)
    return Truth(fleet, hourly)


def _apply(hourly: NDArray[np.float64], point: Point, change: Change) -> None:
    hours = slice((change.start - HISTORY_START) // HOUR, (change.end - HISTORY_START) // HOUR)
    if change.to is None:
        hourly[hours, point.index] *= change.factor
    else:
        hourly[hours, point.index] = change.to


@dataclass(frozen=True, slots=True)
class _Clock:
    """Local time of every hour in one zone."""

    hour: NDArray[np.int64]
    weekday: NDArray[np.int64]
    ordinal: NDArray[np.int64]
    season: NDArray[np.float64]
    festival: NDArray[np.bool_]

    @classmethod
    def of(cls, starts: list[datetime], zone: str) -> "_Clock":
        local = [moment.astimezone(ZoneInfo(zone)) for moment in starts]
        ordinal = np.array([moment.toordinal() for moment in local])
        festival = np.zeros(len(local), np.bool_)
        for year in (2022, 2023):
            new_year = spring_festival(year).toordinal()
            festival |= (ordinal >= new_year + _FESTIVAL_DAYS.start) & (ordinal < new_year + _FESTIVAL_DAYS.stop)
        yearday = np.array([moment.timetuple().tm_yday for moment in local])
        season = np.cos((yearday - 15) / 365.25 * 2 * np.pi)
        return cls(np.array([m.hour for m in local]), np.array([m.weekday() for m in local]), ordinal, season, festival)


def _model(point: Point, clock: _Clock) -> NDArray[np.float64]:
    """Return the unscripted use of a point: shift, week, season, festival, and a little noise of its own."""
    noise = np.random.Generator(np.random.Philox(key=_SEED + point.index))
    days = clock.ordinal - clock.ordinal[0]
    day_noise = noise.normal(1.0, 0.03, int(days[-1]) + 1)[days]
    hour_noise = noise.normal(1.0, 0.05, HOURS)
    night = 0.85 if point.customer_class == "A1" else 0.45
    shift = np.where((clock.hour >= 7) & (clock.hour < 21), 1.0, night)
    week = np.array(_WEEK[point.customer_class])[clock.weekday]
    festival = np.where(clock.festival, _FESTIVAL[point.customer_class], 1.0)
    season = 1.0 + _WINTER[point.commodity] * clock.season
    use: NDArray[np.float64] = point.base * shift * week * season * festival * day_noise * hour_noise
    return use


@dataclass(frozen=True)
class Displays:
    """What the meters show: registers from their start index, rounded and rolled over as the display is, or mean rates."""

    truth: Truth
    start_index: Mapping[str, float]
    span: float = 1e6

    @cached_property
    def hourly(self) -> NDArray[np.float64]:
        """What every meter sends at the end of every hour, ``[hour, point]``."""
        points = self.truth.fleet.points
        registers = self.register(self.truth.cumulative[1:])
        rates = np.round(self.truth.hourly, 3)
        shown: NDArray[np.float64] = np.where([point.kind is Kind.REGISTER for point in points], registers, rates)
        return shown

    def register(self, used: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the registers of all points after ``used`` (…, point) since the start."""
        points = self.truth.fleet.points
        start = np.array([self.start_index.get(point.code, 1000.0 + 37.0 * point.index) for point in points])
        multiplier = np.array([point.multiplier for point in points])
        shown: NDArray[np.float64] = np.round((start + used / multiplier) % self.span, 2) % self.span
        return shown

    def at(self, moment: datetime) -> NDArray[np.float64]:
        """Return what every meter shows at ``moment`` (point,); between full hours only registers mean anything."""
        whole, rest = divmod(moment - HISTORY_START, HOUR)
        if not rest:
            full: NDArray[np.float64] = self.hourly[whole - 1]
            return full
        before, after = self.truth.cumulative[whole], self.truth.cumulative[whole + 1]
        return self.register(before + (rest / HOUR) * (after - before))
