"""A snapshot of the registry, from rows to arrays."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from meterwatch.core.instants import to_ms
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import (
    COMMODITIES,
    FOREVER_DAY,
    FOREVER_MS,
    Agreements,
    Assignment,
    Category,
    Contact,
    ContactRole,
    Customer,
    CustomerClass,
    Designation,
    Grade,
    Meters,
    Person,
    Points,
    PointZones,
    Registry,
    Role,
    Zone,
)
from meterwatch.stores import tables

_COMMODITY_INDEX = {str(commodity): COMMODITIES.index(commodity) for commodity in Commodity}


def load_registry(connection: Connection, number: int, known_rows: int) -> Registry:
    """Return snapshot ``number``, which knew the first ``known_rows`` rows of usage points."""
    point_rows = tables.point_rows.c
    found = select(point_rows.usage_point).where(point_rows.row < known_rows).order_by(point_rows.row)
    codes = tuple(connection.scalars(found))
    row_of = {code: row for row, code in enumerate(codes)}
    customers = load_customers(connection, number)
    zones = _zones(connection, number)
    time_zones, points = _points(connection, number, row_of)
    meter_codes, meters = _meters(connection, number, row_of)
    return Registry(
        number,
        codes,
        time_zones,
        points,
        meters,
        meter_codes,
        customers,
        _agreements(connection, number, row_of, customers),
        load_people(connection, number),
        load_assignments(connection, number),
        _contacts(connection, number),
        zones,
        _point_zones(connection, number, row_of, zones),
        load_designations(connection, number),
        load_large(connection, number),
    )


def valid(table: Table, number: int) -> ColumnElement[bool]:
    """Return the condition for the rows of ``table`` that are part of snapshot ``number``."""
    return (table.c.first_snapshot <= number) & or_(table.c.last_snapshot.is_(None), table.c.last_snapshot > number)


def load_customers(connection: Connection, number: int) -> tuple[Customer, ...]:
    """Return the customers of a snapshot, sorted by code."""
    rows = _rows(connection, tables.customers, number, "customer", "class", "wheeling", "unit", "area")
    found = [Customer(row[0], CustomerClass(row[1]), row[2], _word(row[3]), _word(row[4])) for row in rows]
    return tuple(sorted(found, key=attrgetter("code")))  # sorted here, because databases sort text each in their own way


def load_people(connection: Connection, number: int) -> dict[str, Person]:
    """Return the people of a snapshot by code."""
    rows = _rows(connection, tables.people, number, "person", "role", "unit", "lang", "first_day", "last_day")
    found = [Person(row[0], Role(row[1]), _word(row[2]), _word(row[3]), *_days(row[4], row[5])) for row in rows]
    return {person.code: person for person in sorted(found, key=attrgetter("code"))}


def load_assignments(connection: Connection, number: int) -> tuple[Assignment, ...]:
    """Return the assignments of a snapshot, sorted by all they say."""
    names = ("person", "role", "customer", "class", "area", "first_day", "last_day", "importance")
    rows = _rows(connection, tables.assignments, number, *names)
    found = [
        Assignment(row[0], Role(row[1]), row[2] or "", _word(row[3]), _word(row[4]), *_days(row[5], row[6]), _word(row[7]))
        for row in rows
    ]
    return tuple(sorted(found, key=attrgetter(*(field.name for field in fields(Assignment)))))


def _word(text: str | None) -> str:
    """Return one object for all equal words: a unit stands on a hundred thousand customers."""
    return sys.intern(text or "")


def _days(first: date | None, last: date | None) -> tuple[date, date]:
    return first or date.min, last or date.max


def _rows(connection: Connection, table: Table, number: int, *names: str) -> Sequence[Any]:
    return connection.execute(select(*(table.c[name] for name in names)).where(valid(table, number))).all()


def _points(connection: Connection, number: int, row_of: Mapping[str, int]) -> tuple[tuple[str, ...], Points]:
    """Return time zones and points; one that left the registry keeps its last values and is not active."""
    table = tables.usage_points
    names = ("usage_point", "commodity", "time_zone", "capacity", "qmin", "qmax", "last_snapshot")
    found = select(*(table.c[name] for name in names)).where(table.c.first_snapshot <= number)
    newest: list[Any] = [None] * len(row_of)
    for version in connection.execute(found.order_by(table.c.first_snapshot)).all():
        newest[row_of[version[0]]] = version
    _, commodity, zone, capacity, qmin, qmax, last = _columns(newest, len(names))
    time_zones = sorted(set(zone))
    zone_index = {name: index for index, name in enumerate(time_zones)}
    return tuple(time_zones), Points.of(
        [_COMMODITY_INDEX[name] for name in commodity],
        [zone_index[name] for name in zone],
        _numbers(capacity),
        _numbers(qmin),
        _numbers(qmax),
        [until is None or until > number for until in last],
    )


def _meters(connection: Connection, number: int, row_of: Mapping[str, int]) -> tuple[tuple[str, ...], Meters]:
    names = ("meter", "usage_point", "digits", "multiplier", "valid_from", "valid_to", "initial_index", "final_index")
    rows = _rows(connection, tables.meters, number, *names)
    codes, point, digits, multiplier, begin, end, initial, final = _columns(rows, len(names))
    meters = Meters.of(
        [row_of[code] for code in point],
        [count or 0 for count in digits],
        multiplier,
        [to_ms(moment) for moment in begin],
        [_end_ms(moment) for moment in end],
        _numbers(initial),
        _numbers(final),
    )
    order = np.lexsort((meters.valid_from, meters.point))
    return tuple(codes[index] for index in order), meters.take(order)


def _end_ms(moment: datetime | None) -> int:
    return FOREVER_MS if moment is None else to_ms(moment)


def _agreements(connection: Connection, number: int, row_of: Mapping[str, int], customers: Sequence[Customer]) -> Agreements:
    index_of = {customer.code: index for index, customer in enumerate(customers)}
    rows = _rows(connection, tables.agreements, number, "usage_point", "customer", "first_day", "last_day")
    point, customer, first, last = _columns(rows, 4)
    agreements = Agreements.of(
        [row_of[code] for code in point],
        [index_of[code] for code in customer],
        [day.toordinal() for day in first],
        [day.toordinal() if day else FOREVER_DAY for day in last],
    )
    return agreements.take(np.lexsort((agreements.first_day, agreements.point)))


def _contacts(connection: Connection, number: int) -> tuple[Contact, ...]:
    rows = _rows(connection, tables.contacts, number, "contact", "customer", "role", "first_day", "last_day")
    found = [Contact(row[0], row[1], ContactRole(row[2]), *_days(row[3], row[4])) for row in rows]
    return tuple(sorted(found, key=attrgetter("customer", "code")))


def _zones(connection: Connection, number: int) -> tuple[Zone, ...]:
    rows = _rows(connection, tables.zones, number, "zone", "kind", "parent")
    return tuple(sorted((Zone(row[0], _word(row[1]), row[2] or "") for row in rows), key=attrgetter("code")))


def _point_zones(connection: Connection, number: int, row_of: Mapping[str, int], zones: Sequence[Zone]) -> PointZones:
    index_of = {zone.code: index for index, zone in enumerate(zones)}
    rows = _rows(connection, tables.point_zones, number, "usage_point", "zone", "supply")
    point, zone, supply = _columns(rows, 3)
    found = PointZones.of(
        [row_of[code] for code in point], [index_of[code] for code in zone], [name == "backup" for name in supply]
    )
    return found.take(np.lexsort((found.zone, found.point)))


def load_designations(connection: Connection, number: int) -> dict[str, Designation]:
    """Return the designations of a snapshot by customer."""
    rows = _rows(connection, tables.designations, number, "customer", "category", "grade", "review_date")
    found = [Designation(row[0], Category(row[1]), Grade(row[2]), row[3]) for row in rows]
    return {designation.customer: designation for designation in sorted(found, key=attrgetter("customer"))}


def load_large(connection: Connection, number: int) -> frozenset[str]:
    """Return who is large by his use in the newest year a snapshot holds (RULES who-large)."""
    table = tables.classifications.c
    held = valid(tables.classifications, number)
    newest = select(func.max(table.year)).where(held).scalar_subquery()
    return frozenset(connection.scalars(select(table.customer).where(held, table.year == newest, table.large)))


def _columns(rows: Sequence[Any], width: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) or [()] * width


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array(values, np.float64)  # None becomes NaN
