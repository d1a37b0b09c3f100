"""Registry: one immutable numbered snapshot of who is supplied where, by which meter, and who is responsible.

It holds codes only. Names and phones stay in the archive and are read with a :class:`Viewer` (see core.ports.Archive).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.calendar import DayScheme, meter_day
from meterwatch.core.model.columns import Columns
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.reading_types import Commodity

COMMODITIES = tuple(Commodity)
FOREVER_MS = 2**62
FOREVER_DAY = 2**31 - 1
_SOME_DAY = 730_120  # any day will do to order the schemes: they keep their order all year but for an hour


class CustomerClass(StrEnum):
    """Customer class (RULES who-class): A1 industrial, A2 commercial, A3 other, B1 collective, B2 scattered residential."""

    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    B1 = "B1"
    B2 = "B2"

    @property
    def residential(self) -> bool:
        """Whether churn rules leave this class out."""
        return self in (CustomerClass.B1, CustomerClass.B2)


class Role(StrEnum):
    """What a person is to a customer or a unit."""

    MANAGER = "manager"
    DEPUTY = "deputy"
    OFFICE_HEAD = "office_head"
    SUPERVISOR = "supervisor"
    SUPPLY_ADMIN = "supply_admin"
    CALL_CENTRE = "call_centre"
    DISPATCH = "dispatch"
    FINANCE = "finance"
    COMPANY_MANAGER = "company_manager"
    OPERATOR = "operator"


ROLE_TEXT: dict[Role, Phrase] = {
    Role.MANAGER: Phrase("customer manager", "客户经理"),
    Role.DEPUTY: Phrase("deputy", "代理客户经理"),
    Role.OFFICE_HEAD: Phrase("office head", "所长"),
    Role.SUPERVISOR: Phrase("supervisor", "督察"),
    Role.SUPPLY_ADMIN: Phrase("supply administrator", "供电管理员"),
    Role.CALL_CENTRE: Phrase("call centre", "呼叫中心"),
    Role.DISPATCH: Phrase("dispatch", "调度"),
    Role.FINANCE: Phrase("finance", "财务"),
    Role.COMPANY_MANAGER: Phrase("company manager", "公司经理"),
    Role.OPERATOR: Phrase("operator", "运维"),
}


class ContactRole(StrEnum):
    """What a contact is asked about (RULES out-contact)."""

    MAIN = "main"
    OUTAGE = "outage"


class Category(StrEnum):
    """Why a customer is important (RULES who-important)."""

    INFRASTRUCTURE = "infrastructure"
    GOVERNMENT = "government"
    PUBLIC_SERVICE = "public service"
    OTHER = "other"


class Grade(StrEnum):
    """How important a customer is (RULES who-important)."""

    SPECIAL = "special"
    FIRST = "1"
    SECOND = "2"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class Points(Columns):
    """Usage points by row: commodity index into COMMODITIES, time zone index, limits in kW or m3/h (NaN = not known)."""

    DTYPES: ClassVar = (np.int8, np.int16, np.float64, np.float64, np.float64, np.bool_)
    commodity: NDArray[np.int8]
    time_zone: NDArray[np.int16]
    capacity: NDArray[np.float64]
    qmin: NDArray[np.float64]
    qmax: NDArray[np.float64]
    active: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Meters(Columns):
    """Meters with their time on a usage point, sorted by (point, valid_from).

    ``valid_from`` < t <= ``valid_to`` in UTC milliseconds; ``digits`` before the point, 0 = not known; use = difference of
    the register * ``multiplier``; ``initial`` and ``final`` register index at the ends, NaN = not known.
    """

    DTYPES: ClassVar = (np.int32, np.int8, np.float64, np.int64, np.int64, np.float64, np.float64)
    point: NDArray[np.int32]
    digits: NDArray[np.int8]
    multiplier: NDArray[np.float64]
    valid_from: NDArray[np.int64]
    valid_to: NDArray[np.int64]
    initial: NDArray[np.float64]
    final: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreements(Columns):
    """CustomerAgreements: customer ``customer`` is supplied at ``point`` on meter days first_day <= d < last_day."""

    DTYPES: ClassVar = (np.int32, np.int32, np.int32, np.int32)
    point: NDArray[np.int32]
    customer: NDArray[np.int32]
    first_day: NDArray[np.int32]
    last_day: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer by code: class, wheeling (his gas is only carried, RULES churn-warn leaves him out), unit and area."""

    code: str
    customer_class: CustomerClass
    wheeling: bool = False
    unit: str = ""
    area: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who works for the utility, by code."""

    code: str
    role: Role
    unit: str = ""
    lang: str = "zh-CN"
    first_day: date = date.min
    last_day: date = date.max

    def works_on(self, day: date) -> bool:
        """Return whether the person is in office on ``day``."""
        return self.first_day <= day < self.last_day


LARGE, IMPORTANT = "large", "important"
IMPORTANCE_RANK: Mapping[str, int] = {LARGE: 1, IMPORTANT: 2, **dict.fromkeys(Grade, 3)}
"""What an assignment may say of importance, and how specific it is."""


def importance_labels(*, large: bool, grade: Grade | None) -> frozenset[str]:
    """Return what a customer is called: ``large`` (by his use, or designated), ``important`` and the grade (designated)."""
    return frozenset({LARGE, IMPORTANT, grade}) if grade else frozenset({LARGE} if large else ())


@dataclass(frozen=True, slots=True)
class Assignment:
    """``person`` is ``role`` for the customers that match every scope given (empty = all).

    Scopes are customer, class, area, and importance: one of what ``importance_labels`` calls him.
    """

    person: str
    role: Role
    customer: str = ""
    customer_class: str = ""
    area: str = ""
    first_day: date = date.min
    last_day: date = date.max
    importance: str = ""

    def covers(self, customer: Customer, importance: Collection[str], day: date) -> bool:
        """Return whether the assignment holds on ``day`` for ``customer``, who is called ``importance``."""
        return self.first_day <= day < self.last_day and self.fits(customer, importance)

    def fits(self, customer: Customer, importance: Collection[str]) -> bool:
        """Return whether ``customer``, who is called ``importance``, is in every scope, at whatever time."""
        return (
            self.customer in ("", customer.code)
            and self.customer_class in ("", customer.customer_class)
            and self.area in ("", customer.area)
            and (not self.importance or self.importance in importance)
        )

    @property
    def weight(self) -> tuple[bool, int, bool, bool]:
        """How specific the scope is: customer before importance before area before class; the most specific one wins."""
        rank = IMPORTANCE_RANK.get(self.importance, 0)
        return bool(self.customer), rank, bool(self.area), bool(self.customer_class)


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom a customer names, by code: for everything, or for outages only."""

    code: str
    customer: str
    role: ContactRole
    first_day: date = date.min
    last_day: date = date.max


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the network, and the zone that feeds it (empty = none)."""

    code: str
    kind: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class PointZones(Columns):
    """On which zones usage points hang, sorted by (point, zone): a point is out when all its zones are."""

    DTYPES: ClassVar = (np.int32, np.int32, np.bool_)
    point: NDArray[np.int32]
    zone: NDArray[np.int32]
    backup: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Designation:
    """The record that makes a customer important, whatever he uses (RULES who-important)."""

    customer: str
    category: Category
    grade: Grade
    review_day: date


@dataclass(frozen=True)
class Registry:
    """One numbered snapshot. ``codes[row]`` is the usage point of a row; rows are append-only and never reused.

    ``large`` are the customers who are large by their use, as decided for the newest year (RULES who-large).
    """

    number: int
    codes: tuple[str, ...]
    time_zones: tuple[str, ...]
    points: Points
    meters: Meters
    meter_codes: tuple[str, ...]
    customers: tuple[Customer, ...]
    agreements: Agreements
    people: Mapping[str, Person] = field(default_factory=dict)
    assignments: tuple[Assignment, ...] = ()
    contacts: tuple[Contact, ...] = ()
    zones: tuple[Zone, ...] = ()
    point_zones: PointZones = field(default_factory=PointZones.empty)
    designations: Mapping[str, Designation] = field(default_factory=dict)
    large: frozenset[str] = frozenset()
    """Codes of the customers classified general large (RULES who-large)."""

    @classmethod
    def empty(cls) -> "Registry":
        """Return the snapshot before the first import."""
        return cls(0, (), (), Points.empty(), Meters.empty(), (), (), Agreements.empty())

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {code: row for row, code in enumerate(self.codes)}

    @cached_property
    def _meter_rows(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for index, code in enumerate(self.meter_codes):
            found.setdefault(code, []).append(index)
        return found

    def row_of(self, code: str) -> int | None:
        """Return the row of a usage point code, None if the registry never held it."""
        return self._rows.get(code)

    def meter_indexes(self, code: str) -> list[int]:
        """Return the rows of ``meters`` a meter code stands on; empty if the meter is unknown."""
        return self._meter_rows.get(code, [])

    def commodity_of(self, row: int) -> Commodity:
        """Return what is delivered at a row."""
        return COMMODITIES[int(self.points.commodity[row])]

    def scheme_of(self, row: int) -> DayScheme:
        """Return the meter day of a row."""
        return meter_day(self.commodity_of(row), self.time_zones[self.points.time_zone[row]])

    @cached_property
    def scheme_order(self) -> tuple[DayScheme, ...]:
        """Every meter-day scheme in use, the one whose days end first leading."""
        pairs = np.unique(np.stack([self.points.commodity, self.points.time_zone]), axis=1).T.tolist()
        found = {meter_day(COMMODITIES[commodity], self.time_zones[zone]) for commodity, zone in pairs}
        return tuple(sorted(found, key=lambda scheme: (scheme.end(_SOME_DAY), scheme)))

    @cached_property
    def scheme_rank(self) -> NDArray[np.int64]:
        """The index of each row's scheme in ``scheme_order``."""
        rank = np.empty((len(COMMODITIES), len(self.time_zones)), np.int64)
        for (commodity, zone), _ in np.ndenumerate(rank):
            scheme = meter_day(COMMODITIES[commodity], self.time_zones[zone])
            rank[commodity, zone] = self.scheme_order.index(scheme) if scheme in self.scheme_order else -1
        return rank[self.points.commodity, self.points.time_zone]

    @cached_property
    def schemes(self) -> dict[DayScheme, NDArray[np.int32]]:
        """The active rows of each scheme, as sorted int32 arrays."""
        return {
            scheme: np.flatnonzero((self.scheme_rank == index) & self.points.active).astype(np.int32)
            for index, scheme in enumerate(self.scheme_order)
        }

    @cached_property
    def upper_limit(self) -> NDArray[np.float64]:
        """The highest allowed rate of each row: contract or transformer capacity (kW), Qmax of the meter (m3/h)."""
        capacity, qmax = self.points.capacity, self.points.qmax
        electric = self.points.commodity == COMMODITIES.index(Commodity.ELECTRICITY)
        first, second = np.where(electric, capacity, qmax), np.where(electric, qmax, capacity)
        limit = np.where(np.isnan(first), second, first)
        return np.where(limit > 0, limit, np.nan)

    def customer_of(self, row: int, day: int) -> Customer | None:
        """Return who is supplied at ``row`` on meter day ``day``."""
        a = self.agreements
        found = np.flatnonzero((a.point == row) & (a.first_day <= day) & (day < a.last_day))
        return self.customers[a.customer[found[0]]] if len(found) else None

    def customer(self, code: str) -> Customer | None:
        """Return a customer by code."""
        return self._customers.get(code)

    def supplied(self, day: int) -> NDArray[np.bool_]:
        """Return which of ``customers`` have an agreement in force on meter day ``day``, (customers,)."""
        a = self.agreements
        found = np.zeros(len(self.customers), np.bool_)
        found[a.customer[(a.first_day <= day) & (day < a.last_day)]] = True
        return found

    @cached_property
    def _turns(self) -> NDArray[np.int32]:
        return np.unique(np.concatenate([self.agreements.first_day, self.agreements.last_day]))

    def supply_turned(self, day: int) -> int:
        """Return the last day up to ``day`` (ordinal) on which an agreement began or was over, 0 if there is none."""
        place = int(np.searchsorted(self._turns, day, side="right"))
        return int(self._turns[place - 1]) if place else 0

    @cached_property
    def _customers(self) -> dict[str, Customer]:
        return {customer.code: customer for customer in self.customers}

    def is_large(self, code: str) -> bool:
        """Return whether a customer is large as the rules mean it: by his use, or important (RULES who-important)."""
        return code in self.large or self.is_important(code)

    def is_important(self, code: str) -> bool:
        """Return whether a customer is designated, whatever he uses (RULES who-important)."""
        return code in self.designations

    def importance_of(self, code: str) -> frozenset[str]:
        """Return what a customer is called in assignments by importance."""
        designation = self.designations.get(code)
        return importance_labels(large=code in self.large, grade=designation.grade if designation else None)

    def responsible(self, customer: Customer, role: Role, day: date) -> Person | None:
        """Return the person in office who is ``role`` for ``customer`` on ``day``: the most specific assignment."""
        importance = self.importance_of(customer.code)
        fitting = [
            found
            for found in self.assignments
            if found.role is role and found.covers(customer, importance, day) and self.people[found.person].works_on(day)
        ]
        best = max(fitting, key=lambda found: (found.weight, found.first_day, found.person), default=None)
        return self.people[best.person] if best else None
