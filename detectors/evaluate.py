"""Judging a closed meter day: windows from day totals, every rule over its subjects, facts out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from detectors.daily import DailyOptions, customer_window, point_window
from detectors.rule import AnyRule, Facts, Level, RuleInput, UsageWindow, WeekReadings
from detectors.week import WEEK, reading_range, week_readings
from meterwatch.core.calendar import DayScheme, last_month_day, last_year_day
from meterwatch.core.model.readings import DayTotals, ReadingBatch
from meterwatch.core.model.registry import COMMODITIES, Registry

ReadTotals = Callable[[int, int, NDArray[np.int32]], DayTotals]
ReadReadings = Callable[[int, int, NDArray[np.int32]], ReadingBatch]


@dataclass(frozen=True, slots=True)
class Subjects:
    """Whom a rule judges on one day, by name. ``rows`` are the usage points needed to judge them, sorted.

    At customer level ``member[i]`` is the column agreement i adds to, -1 for none; at point level it is empty and the
    columns are ``rows``.
    """

    level: Level
    names: tuple[str, ...]
    rows: NDArray[np.int32]
    member: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule's facts of one day, with the names of its rows."""

    rule: AnyRule
    subjects: Subjects
    facts: Facts


@dataclass(frozen=True, slots=True)
class Material:
    """What days are judged from: the registry snapshot, stored day totals and readings (see ReadingStore), how much of a day
    must be known, and whether last year's day is found by the lunar calendar."""

    registry: Registry
    read: ReadTotals
    readings: ReadReadings
    daily: DailyOptions
    lunar: bool


def points_of(registry: Registry, rows: NDArray[np.int32]) -> Subjects:
    """Return usage points as subjects, named by their codes."""
    return Subjects(Level.POINT, tuple(registry.codes[row] for row in rows), rows, np.empty(0, np.int64))


def customers_of(registry: Registry, rows: NDArray[np.int32], rule: AnyRule, scheme: DayScheme) -> Subjects:
    """Return the customers in the rule's scope that are or were supplied at ``rows``, one subject a commodity.

    A customer whose points lie in several zones is judged once, with the scheme whose day ends last. Names are
    ``CUSTOMER/commodity``.
    """
    agreements = registry.agreements
    pair, judged, rank = _judged_pairs(registry, rule)
    wanted = judged[(rank == registry.scheme_order.index(scheme)) & np.isin(judged, pair[np.isin(agreements.point, rows)])]
    member = np.where(np.isin(pair, wanted), np.searchsorted(wanted, pair), -1)
    return Subjects(Level.CUSTOMER, _names(registry, wanted), np.unique(agreements.point[member >= 0]), member)


def _judged_pairs(registry: Registry, rule: AnyRule) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the (customer, commodity) of each agreement as one number, those that are judged, and by which scheme."""
    agreements = registry.agreements
    pair = agreements.customer.astype(np.int64) * len(COMMODITIES) + registry.points.commodity[agreements.point]
    counts = registry.points.active[agreements.point] & _in_scope(registry, rule)[agreements.customer]
    judged, which = np.unique(pair[counts], return_inverse=True)
    rank = np.full(len(judged), -1)
    np.maximum.at(rank, which, registry.scheme_rank[agreements.point[counts]])
    return pair, judged, rank


def orphans(registry: Registry, rule: AnyRule, names: Iterable[str], schemes: Iterable[DayScheme]) -> list[str]:
    """Return those of ``names`` whom the rule judges by none of ``schemes``: gone from the registry, out of scope, moved."""
    ranks = [registry.scheme_order.index(scheme) for scheme in schemes]
    if rule.level is Level.POINT:
        judged = np.flatnonzero(registry.points.active & np.isin(registry.scheme_rank, ranks)).astype(np.int32)
        return sorted(set(names) - set(points_of(registry, _rows_in_scope(registry, rule, judged)).names))
    _, pairs, rank = _judged_pairs(registry, rule)
    return sorted(set(names) - set(_names(registry, pairs[np.isin(rank, ranks)])))


def _names(registry: Registry, pairs: NDArray[np.int64]) -> tuple[str, ...]:
    customers, commodities = (part.tolist() for part in np.divmod(pairs, len(COMMODITIES)))
    return tuple(
        f"{registry.customers[customer].code}/{COMMODITIES[commodity]}"
        for customer, commodity in zip(customers, commodities, strict=True)
    )


def evaluate(rule: AnyRule, options: object, subjects: Subjects, day: int, material: Material) -> Judged:
    """Return the facts of ``rule`` for ``subjects`` on meter day ``day``."""
    recent, last_month, today = _recent(rule, subjects, day, material)
    last_year = None
    if rule.last_year:
        centre = last_year_day(date.fromordinal(day), lunar=material.lunar).toordinal()
        first, last = centre - rule.lookback - rule.last_year, centre + rule.last_year
        last_year = _window(material.read(first, last, subjects.rows), first, last, subjects, material)
    week = _week(rule, subjects, day, material) if rule.week_readings else None
    given = RuleInput(day, recent, last_year, *_rates(material.registry, subjects, today), last_month, week)
    return Judged(rule, subjects, rule.judge(given, options))


def judge_peaks(
    rule: AnyRule, options: object, registry: Registry, rows: NDArray[np.int32], day: int, peak: NDArray[np.float64]
) -> Judged:
    """Return the facts of a live rule for usage points ``rows`` (n,) whose highest rates on ``day`` are ``peak`` (n,)."""
    nothing = UsageWindow(day, np.full((rule.lookback + 1, len(rows)), np.nan))
    facts = rule.judge(RuleInput(day, nothing, None, peak, registry.upper_limit[rows]), options)
    return Judged(rule, points_of(registry, rows), facts)


def _recent(
    rule: AnyRule, subjects: Subjects, day: int, material: Material
) -> tuple[UsageWindow, UsageWindow | None, DayTotals]:
    """Return the days up to the judged one, those of last month if declared, and the judged day's totals by point."""
    first = day - rule.lookback
    found = material.read(first, day, subjects.rows)
    today = found.take(found.day == day)
    if not rule.last_month:
        return _window(found, first, day, subjects, material), None, today
    ends = last_month_day(date.fromordinal(day)).toordinal()
    begins = ends - rule.last_month + 1
    found = DayTotals.join([material.read(begins, ends, subjects.rows), found])
    # Of both one window is made, so that no comparison of the two crosses a change of customer (RULES who-point).
    whole = _window(found, begins, day, subjects, material)
    return whole.part(first, day), whole.part(begins, ends), today


def _window(found: DayTotals, first: int, last: int, subjects: Subjects, material: Material) -> UsageWindow:
    """Return the subjects' window from the totals of their points."""
    window = point_window(found, first, last, subjects.rows, material.daily)
    if subjects.level is Level.POINT:
        return window
    return customer_window(window, subjects.rows, material.registry.agreements, subjects.member, len(subjects.names))


def _rates(registry: Registry, subjects: Subjects, today: DayTotals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return peak and limit of point subjects; customers have neither."""
    unknown = np.full(len(subjects.names), np.nan)
    if subjects.level is Level.CUSTOMER:
        return unknown, unknown
    peak = unknown.copy()
    peak[np.searchsorted(subjects.rows, today.usage_point)] = today.peak
    return peak, registry.upper_limit[subjects.rows]


def _week(rule: AnyRule, subjects: Subjects, day: int, material: Material) -> WeekReadings:
    """Return what the meters of point subjects showed in the week; nothing of a point not supplied to one customer in the
    rule's scope all week."""
    registry, rows = material.registry, subjects.rows
    agreements = registry.agreements
    all_week = (agreements.first_day <= day - WEEK + 1) & (day < agreements.last_day)
    asked = np.flatnonzero(np.isin(rows, agreements.point[all_week & _in_scope(registry, rule)[agreements.customer]]))
    out = WeekReadings.unknown(len(rows))
    if len(asked):
        scheme = registry.scheme_of(int(rows[asked[0]]))  # usage points are judged by the days of their own scheme
        batch = material.readings(*reading_range(scheme, day), rows[asked])
        found = week_readings(batch, registry.meters, scheme, day, rows[asked])
        for column, values in zip(out.columns(), found.columns(), strict=True):
            column[asked] = values
    return out


def _in_scope(registry: Registry, rule: AnyRule) -> NDArray[np.bool_]:
    """Return which customers the rule is about, (customer,)."""
    return np.array(
        [
            (rule.residential or not customer.customer_class.residential)
            and (rule.wheeling or not customer.wheeling)
            and (not rule.large or registry.is_large(customer.code))
            for customer in registry.customers
        ],
        np.bool_,
    )


def _rows_in_scope(registry: Registry, rule: AnyRule, rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return those of the usage points ``rows`` at which somebody the rule is about is or was supplied."""
    if rule.residential and rule.wheeling and not rule.large:
        return rows  # a meter is watched whoever, if anybody, is supplied there
    agreements = registry.agreements
    return rows[np.isin(rows, agreements.point[_in_scope(registry, rule)[agreements.customer]])]


def subjects_by_rule(
    rules: Sequence[AnyRule], registry: Registry, rows: NDArray[np.int32], scheme: DayScheme
) -> Mapping[str, Subjects]:
    """Return whom each rule judges by the meter day of ``scheme`` because of usage points ``rows`` (sorted).

    Of the points themselves these are only the scheme's own; a customer may be judged here because of a point elsewhere.
    """
    own = rows[registry.scheme_rank[rows] == registry.scheme_order.index(scheme)]
    return {
        rule.name: points_of(registry, _rows_in_scope(registry, rule, own))
        if rule.level is Level.POINT
        else customers_of(registry, rows, rule, scheme)
        for rule in rules
    }
