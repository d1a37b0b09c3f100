"""By when a duty is due, and the periods it comes in (RULES §4)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.duties.periods import Period, half_year, month, named, quarter, week, year
from notifier.duties.terms import Term, by_day, same_day, within, working_days
from tests.support.desk import SITE, ZONE


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("term", "called_for", "due"),
    [
        (working_days(3), "2023-03-01T10:00", "2023-03-06T17:30"),  # Wednesday: Thursday, Friday, Monday
        (working_days(7), "2023-04-27T18:00", "2023-05-11T17:30"),  # after hours, May Day, Saturday the 6th works
        (working_days(5), "2023-01-19T10:00", "2023-01-31T17:30"),  # Spring Festival; 28th and 29th work
        (within(timedelta(minutes=15)), "2023-03-01T03:10", "2023-03-01T03:25"),
        (same_day, "2023-03-01T00:00", "2023-03-02T00:00"),
        (same_day, "2023-03-01T23:59", "2023-03-02T00:00"),
    ],
)
def test_a_term_ends(term: Term, called_for: str, due: str) -> None:
    found = term(at(called_for).astimezone(UTC), SITE)
    assert (found.at, found.provisional) == (at(due), False)


@pytest.mark.parametrize(
    ("last", "due", "provisional"),
    [
        (date(2023, 3, 31), "2023-03-31T17:30", False),
        (date(2023, 12, 31), "2023-12-29T17:30", False),  # a Sunday: the Friday before
        (date(2024, 6, 30), "2024-06-28T17:30", False),
        (date(2023, 1, 29), "2023-01-29T17:30", False),  # a Sunday that is worked
        (date(2096, 3, 31), "2096-03-30T17:30", True),  # that year's holidays are not published
    ],
)
def test_a_period_is_over_with_its_last_working_day(last: date, due: str, provisional: bool) -> None:
    found = by_day(last, SITE)
    assert (found.at, found.provisional) == (at(due), provisional)


PERIODS = [
    (week(date(2023, 1, 1)), "2022-W52", date(2022, 12, 26), date(2023, 1, 1)),
    (week(date(2020, 12, 31)), "2020-W53", date(2020, 12, 28), date(2021, 1, 3)),
    (month(date(2024, 2, 10)), "2024-02", date(2024, 2, 1), date(2024, 2, 29)),
    (month(date(2023, 12, 31)), "2023-12", date(2023, 12, 1), date(2023, 12, 31)),
    (quarter(date(2023, 3, 31)), "2023-Q1", date(2023, 1, 1), date(2023, 3, 31)),
    (quarter(date(2023, 10, 1)), "2023-Q4", date(2023, 10, 1), date(2023, 12, 31)),
    (half_year(date(2023, 6, 30)), "2023-H1", date(2023, 1, 1), date(2023, 6, 30)),
    (half_year(date(2023, 7, 1)), "2023-H2", date(2023, 7, 1), date(2023, 12, 31)),
    (year(date(2023, 5, 5)), "2023", date(2023, 1, 1), date(2023, 12, 31)),
]


@pytest.mark.parametrize(("period", "name", "first", "last"), PERIODS, ids=[row[1] for row in PERIODS])
def test_a_period_has_a_name_by_which_it_is_found_again(period: Period, name: str, first: date, last: date) -> None:
    assert period == Period(name, first, last)
    assert named(name) == period


def test_every_day_lies_in_periods_that_follow_one_another() -> None:
    for make in (week, month, quarter, half_year, year):
        before = make(date(2019, 12, 31))
        for day in map(date.fromordinal, range(date(2020, 1, 1).toordinal(), date(2027, 1, 5).toordinal())):
            found = make(day)
            assert found.first <= day <= found.last
            assert named(found.name) == found
            assert found == before or found.first == before.last + timedelta(days=1) == day
            before = found


@pytest.mark.parametrize(
    "name",
    [
        *("", "2023-03-01", "end 2023-03-01", "2023-Q", "complaint 2023", "23"),
        *("2023-W54", "2023-W00", "2023-13", "2023-00", "2023-Q5", "2023-Q0", "2023-H3", "0000"),
    ],
)
def test_what_names_no_period(name: str) -> None:
    assert named(name) is None
