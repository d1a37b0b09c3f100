"""The periods duties come in, by name and by their last day: weeks, months, quarters, half-years, years."""

import re
from datetime import date, timedelta
from typing import NamedTuple


class Period(NamedTuple):
    """A named stretch of days; ``last`` belongs to it."""

    name: str
    first: date
    last: date


def week(day: date) -> Period:
    """Return the ISO week, Monday to Sunday, that ``day`` lies in: ``2023-W09``."""
    year, number, weekday = day.isocalendar()
    monday = day - timedelta(days=weekday - 1)
    return Period(f"{year}-W{number:02d}", monday, monday + timedelta(days=6))


def month(day: date) -> Period:
    """Return the calendar month: ``2023-03``."""
    return _months(day, 1, f"{day:%Y-%m}")


def quarter(day: date) -> Period:
    """Return the calendar quarter: ``2023-Q1``."""
    return _months(day, 3, f"{day.year}-Q{(day.month + 2) // 3}")


def half_year(day: date) -> Period:
    """Return the calendar half-year: ``2023-H1``."""
    return _months(day, 6, f"{day.year}-H{(day.month + 5) // 6}")


def year(day: date) -> Period:
    """Return the calendar year: ``2023``."""
    return _months(day, 12, f"{day.year}")


def _months(day: date, length: int, name: str) -> Period:
    first = date(day.year, (day.month - 1) // length * length + 1, 1)
    after = date(day.year + (first.month + length > 12), (first.month + length - 1) % 12 + 1, 1)
    return Period(name, first, after - timedelta(days=1))


_NAMED = (
    (re.compile(r"(\d{4})-W(\d\d)"), lambda y, n: week(date.fromisocalendar(y, n, 1))),
    (re.compile(r"(\d{4})-Q(\d)"), lambda y, n: quarter(date(y, 3 * n, 1))),
    (re.compile(r"(\d{4})-H(\d)"), lambda y, n: half_year(date(y, 6 * n, 1))),
    (re.compile(r"(\d{4})-(\d\d)"), lambda y, n: month(date(y, n, 1))),
    (re.compile(r"(\d{4})"), lambda y: year(date(y, 1, 1))),
)


def named(name: str) -> Period | None:
    """Return the period of a name, None if it names none, such as a 54th week or a 13th month."""
    for pattern, made in _NAMED:
        found = pattern.fullmatch(name)
        if found:
            try:
                return made(*map(int, found.groups()))
            except ValueError:
                return None
    return None
