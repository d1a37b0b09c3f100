"""What reports say, as values: figures in, rows out (RULES use-important-report, oversee). No clock, no store."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meterwatch.app.usage import Members, PeriodUse
from meterwatch.core.calendar import last_year_day
from meterwatch.core.model.duties import DutyState
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import ContactRole, Customer, Designation, Registry, Role
from meterwatch.stores.ledger.figures import DutyCount
from notifier.duties import periods
from notifier.duties.periods import Period
from notifier.roster import Roster

ENOUGH = 2 / 3
"""Share of a period's days that must be known to compare it: 5 of 7 (RULES use-weekly-swing), 20 of 30 (churn-warn)."""
Kind = Callable[[date], Period]
KINDS: Sequence[Kind] = (periods.week, periods.month, periods.quarter, periods.half_year, periods.year)


# --- periods ----------------------------------------------------------------------------------------------------------


def kind_of(period: Period) -> Kind:
    """Return what names the period of a day, of the kind a period is."""
    return next(kind for kind in KINDS if kind(period.first) == period)


def before(period: Period) -> Period:
    """Return the period of the same kind that ends where this one begins."""
    return kind_of(period)(period.first - timedelta(days=1))


def year_before(period: Period, *, lunar: bool) -> tuple[date, date]:
    """Return the first and the last day of last year's same period.

    Of a week: the seven days around the day its Thursday is compared with, near Spring Festival (with ``lunar``) at the
    same distance from the festival; of a calendar period: the same one a year earlier.
    """
    kind = kind_of(period)
    if kind is periods.week:
        thursday = last_year_day(period.first + timedelta(days=3), lunar=lunar)
        return thursday - timedelta(days=3), thursday + timedelta(days=3)
    earlier = kind(period.first.replace(year=period.first.year - 1))
    return earlier.first, earlier.last


# --- use --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compared:
    """A period's use, kWh or m3, and by what share the later use is above it; None = not known."""

    use: float | None
    change: float | None


@dataclass(frozen=True, slots=True)
class UseRow:
    """The use of one commodity by a unit, or by one of its important customers (``customer`` is empty for the unit).

    ``use`` sums the ``known`` of ``supplied`` days of its customers; None if no day is known. ``read`` is the share of the
    meters' days that were read.
    """

    unit: str
    customer: str
    commodity: Commodity
    use: float | None
    known: int
    supplied: int
    read: float | None
    before: Compared
    last_year: Compared
    alerts: int


@dataclass(frozen=True, slots=True)
class Uses:
    """What the members used in a period, the one before it, and last year's."""

    members: Members
    now: PeriodUse
    before: PeriodUse
    last_year: PeriodUse

    @property
    def supplied(self) -> NDArray[np.bool_]:
        """Which members were supplied on any day of the periods, (n,)."""
        return (self.now.supplied + self.before.supplied + self.last_year.supplied) > 0

    @property
    def any_read(self) -> bool:
        """Whether anything was read in the period."""
        return bool(self.now.read.any())


def use_rows(registry: Registry, uses: Uses, alerts: NDArray[np.int64]) -> Sequence[UseRow]:
    """Return the rows of each unit by commodity, those of its important customers below (RULES use-important-report).

    ``alerts`` (n,) counts each member's open alerts. Who was supplied in none of the periods and has none is left out.
    """
    members = uses.members
    customers = [registry.customers[index] for index in members.customer.tolist()]
    units = np.array([customer.unit for customer in customers], object)
    there = uses.supplied | (alerts > 0)
    rows = []
    for unit in sorted(set(units[there])):
        mine = there & (units == unit)
        for commodity in np.unique(members.commodity[mine]).tolist():
            chosen = np.flatnonzero(mine & (members.commodity == commodity))
            rows.append(_use_row(unit, "", uses, chosen, alerts))
        rows += [
            _use_row(unit, customers[column].code, uses, np.array([column]), alerts)
            for column in np.flatnonzero(mine).tolist()
            if customers[column].code in registry.designations
        ]
    return rows


def _use_row(unit: str, customer: str, uses: Uses, chosen: NDArray[np.int64], alerts: NDArray[np.int64]) -> UseRow:
    now, earlier, last_year = (one.take(chosen) for one in (uses.now, uses.before, uses.last_year))
    return UseRow(
        unit,
        customer,
        uses.members.commodity_of(chosen[0]),
        _sum(now),
        int(now.known.sum()),
        int(now.supplied.sum()),
        float(now.read.sum() / now.expected.sum()) if now.expected.any() else None,
        Compared(_sum(earlier), change(now, earlier)),
        Compared(_sum(last_year), change(now, last_year)),
        int(alerts[chosen].sum()),
    )


def _sum(used: PeriodUse) -> float | None:
    return float(used.use.sum()) if used.known.any() else None


def change(now: PeriodUse, then: PeriodUse) -> float | None:
    """Return by what share the mean daily use of ``now`` is above that of ``then``; None if it can't be told.

    Compared are the members of whom ENOUGH of the days are known on both sides: a gap in the readings, a customer who came
    or went, is no change of use.
    """
    both = _enough(now) & _enough(then)
    mean_now, mean_then = (float((used.use[both] / used.known[both]).sum()) for used in (now, then))
    return mean_now / mean_then - 1 if mean_then > 0 else None


def _enough(used: PeriodUse) -> NDArray[np.bool_]:
    return (used.known > 0) & (used.known >= ENOUGH * used.days)


# --- important customers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImportantRow:
    """An important or a large customer, who looks after him, and what is open about him.

    ``uses`` holds, for each commodity he takes, what he used in the last whole week and month (None = not known).
    """

    customer: Customer
    designation: Designation | None
    review_passed: bool
    manager: str
    deputy: str
    outage_contact: bool
    uses: Sequence[tuple[Commodity, float | None, float | None]] = ()
    alerts: int = 0
    duties: int = 0


class Recent(NamedTuple):
    """What members used in the last whole week and month."""

    members: Members
    week: PeriodUse
    month: PeriodUse


class Standing(NamedTuple):
    """What is open about customers: alerts (n,) by member, duties by customer."""

    alerts: NDArray[np.int64]
    duties: Mapping[str, int]


def listed(registry: Registry, units: Iterable[str], *, large: bool) -> Sequence[Customer]:
    """Return the important customers of some units, with ``large`` the general large ones too, by unit and code."""
    wanted = set(units)
    chosen = [
        customer
        for customer in registry.customers
        if customer.unit in wanted
        and (registry.is_large(customer.code) if large else customer.code in registry.designations)
    ]
    return sorted(chosen, key=lambda customer: (customer.unit, customer.code))


def important_rows(
    customers: Sequence[Customer], roster: Roster, recent: Recent, standing: Standing
) -> Sequence[ImportantRow]:
    """Return a row for each customer (RULES who-important, out-contact)."""
    registry, day = roster.registry, roster.day
    reached = {c.customer for c in registry.contacts if c.role is ContactRole.OUTAGE and c.first_day <= day < c.last_day}
    columns: dict[str, list[int]] = {}
    for column, index in enumerate(recent.members.customer.tolist()):
        columns.setdefault(registry.customers[index].code, []).append(column)
    rows = []
    for customer in customers:
        designation = registry.designations.get(customer.code)
        manager, deputy = (roster.appointed(customer, role) for role in (Role.MANAGER, Role.DEPUTY))
        mine = columns.get(customer.code, [])
        rows.append(
            ImportantRow(
                customer,
                designation,
                designation is not None and designation.review_day < day,
                manager.code if manager else "",
                deputy.code if deputy else "",
                customer.code in reached,
                [_recent(recent, column) for column in mine],
                int(standing.alerts[mine].sum()),
                standing.duties.get(customer.code, 0),
            )
        )
    return rows


def _recent(recent: Recent, column: int) -> tuple[Commodity, float | None, float | None]:
    chosen = np.array([column])
    return recent.members.commodity_of(column), _sum(recent.week.take(chosen)), _sum(recent.month.take(chosen))


# --- duties -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DutyFigures:
    """How many duties stand where; a duty is in time when it was met by its deadline."""

    counts: Mapping[DutyState, int] = field(default_factory=dict)

    @property
    def due(self) -> int:
        """All that were due, those left out that turned out not to be owed."""
        return sum(count for state, count in self.counts.items() if state is not DutyState.VOID)

    @property
    def in_time(self) -> float | None:
        """The share met in time of those that are decided: met, late, or breached; None if none is."""
        decided = sum(self.counts.get(state, 0) for state in (DutyState.MET, DutyState.LATE, DutyState.BREACHED))
        return self.counts.get(DutyState.MET, 0) / decided if decided else None


@dataclass(frozen=True, slots=True)
class OverseeRow:
    """The duties of the company, a unit, a rule or a person: of the period, the one before, and the year so far."""

    by: str
    name: str
    period: DutyFigures
    before: DutyFigures
    year: DutyFigures


class Spans(NamedTuple):
    """Duties due in the period, in the one before it, and from the start of its year to its end."""

    period: Sequence[DutyCount]
    before: Sequence[DutyCount]
    year: Sequence[DutyCount]


def oversee_rows(spans: Spans) -> Sequence[OverseeRow]:
    """Return all duties, and those of each unit, each rule and each person of a unit, in that order (RULES oversee)."""
    rows: list[OverseeRow] = []
    for by in ("all", "unit", "rule", "person"):
        sums = [_sums(by, counts) for counts in spans]
        names = sorted(set().union(*sums))
        rows += [OverseeRow(by, name, *(DutyFigures(found.get(name, {})) for found in sums)) for name in names]
    return rows


def _sums(by: str, counts: Iterable[DutyCount]) -> dict[str, dict[DutyState, int]]:
    found: dict[str, dict[DutyState, int]] = {}
    for count in counts:
        name = {"all": "", "unit": count.unit or "-", "rule": count.rule, "person": count.person or "-"}[by]
        states = found.setdefault(name, {})
        states[count.state] = states.get(count.state, 0) + count.duties
    return found
