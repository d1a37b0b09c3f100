"""By when a duty is due: working days that end at 17:30 (RULES §4), the same day, minutes, the end of a period."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from meterwatch.core.calendar import OFFICE_CLOSES, Deadline
from notifier.site import Site

Term = Callable[[datetime, Site], Deadline]
"""The deadline of what was called for at a moment."""


def working_days(count: int) -> Term:
    """Return the term that ends at 17:30 of the ``count``-th working day after day zero (RULES §4)."""
    return lambda moment, site: site.calendar.deadline(moment, count, site.zone)


def longest_complaint(received: datetime, site: Site) -> Deadline:
    """Return the end of the longest a complaint may take, with every extension (RULES complaint, OIL 11(3))."""
    return site.calendar.deadline(received, site.complaints.longest_days, site.zone)


def within(length: timedelta) -> Term:
    """Return the term that ends ``length`` later, working time or not."""
    return lambda moment, _site: Deadline(moment + length, provisional=False)


def same_day(moment: datetime, site: Site) -> Deadline:
    """Return the end of the local day ``moment`` lies in."""
    midnight = datetime.combine(site.day(moment) + timedelta(days=1), time(0), tzinfo=ZoneInfo(site.zone))
    return Deadline(midnight.astimezone(moment.tzinfo), provisional=False)


def by_day(last: date, site: Site) -> Deadline:
    """Return 17:30 local of the last working day that is not after ``last``: a period never ends on a rest day."""
    day = last
    while not site.calendar.is_working(day):
        day -= timedelta(days=1)
    at = datetime.combine(day, OFFICE_CLOSES, tzinfo=ZoneInfo(site.zone))
    return Deadline(at, provisional=not site.calendar.is_published(day.year))
