"""Judging a closed meter day: windows from day totals, every rule over its subjects, facts out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from detectors.daily import DailyOptions, customer_window, point_window
from detectors.rule import AnyRule, Facts, Level, RuleInput, UsageWindow
from meterwatch.core.calendar import DayScheme, last_year_day
from meterwatch.core.model.readings import DayTotals
from meterwatch.core.model.registry import COMMODITIES, Registry

ReadTotals = Callable[[int, int, NDArray[np.int32]], DayTotals]


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
    """What days are judged from: the registry snapshot, stored day totals, how much of a day must be known, and whether
    last year's day is found by the lunar calendar."""

    registry: Registry
    read: ReadTotals
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
        judged = np.flatnonzero(registry.points.active & np.isin(registry.scheme_rank, ranks))
        return sorted(set(names) - {registry.codes[row] for row in judged.tolist()})
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
    recent, today = _window(subjects, day - rule.lookback, day, material)
    last_year = None
    if rule.last_year:
        centre = last_year_day(date.fromordinal(day), lunar=material.lunar).toordinal()
        last_year, _ = _window(subjects, centre - rule.lookback - rule.last_year, centre + rule.last_year, material)
    given = RuleInput(day, recent, last_year, *_rates(material.registry, subjects, today))
    return Judged(rule, subjects, rule.judge(given, options))


def judge_peaks(
    rule: AnyRule, options: object, registry: Registry, rows: NDArray[np.int32], day: int, peak: NDArray[np.float64]
) -> Judged:
    """Return the facts of a live rule for usage points ``rows`` (n,) whose highest rates on ``day`` are ``peak`` (n,)."""
    nothing = UsageWindow(day, np.full((rule.lookback + 1, len(rows)), np.nan))
    facts = rule.judge(RuleInput(day, nothing, None, peak, registry.upper_limit[rows]), options)
    return Judged(rule, points_of(registry, rows), facts)


def _window(subjects: Subjects, first: int, last: int, material: Material) -> tuple[UsageWindow, DayTotals]:
    """Return the subjects' window and the point totals of its last day."""
    found = material.read(first, last, subjects.rows)
    window = point_window(found, first, last, subjects.rows, material.daily)
    if subjects.level is Level.CUSTOMER:
        agreements = material.registry.agreements
        window = customer_window(window, subjects.rows, agreements, subjects.member, len(subjects.names))
    return window, found.take(found.day == last)


def _rates(registry: Registry, subjects: Subjects, today: DayTotals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return peak and limit of point subjects; customers have neither."""
    unknown = np.full(len(subjects.names), np.nan)
    if subjects.level is Level.CUSTOMER:
        return unknown, unknown
    peak = unknown.copy()
    peak[np.searchsorted(subjects.rows, today.usage_point)] = today.peak
    return peak, registry.upper_limit[subjects.rows]


def _in_scope(registry: Registry, rule: AnyRule) -> NDArray[np.bool_]:
    return np.array(
        [
            (rule.residential or not customer.customer_class.residential) and (rule.wheeling or not customer.wheeling)
            for customer in registry.customers
        ],
        np.bool_,
    )


def subjects_by_rule(
    rules: Sequence[AnyRule], registry: Registry, rows: NDArray[np.int32], scheme: DayScheme
) -> Mapping[str, Subjects]:
    """Return whom each rule judges by the meter day of ``scheme`` because of usage points ``rows`` (sorted).

    Of the points themselves these are only the scheme's own; a customer may be judged here because of a point elsewhere.
    """
    own = rows[registry.scheme_rank[rows] == registry.scheme_order.index(scheme)]
    return {
        rule.name: points_of(registry, own) if rule.level is Level.POINT else customers_of(registry, rows, rule, scheme)
        for rule in rules
    }
