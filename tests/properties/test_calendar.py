"""Meter days, working days and the lunar year, against the published calendar and against slow references."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterwatch.core.calendar import (
    LUNAR_REACH,
    DayScheme,
    WorkingCalendar,
    last_month_day,
    last_year_day,
    meter_day,
    spring_festival,
    zone_problem,
)
from meterwatch.core.instants import from_ms, to_ms
from meterwatch.core.model.reading_types import Commodity

CHINA = "Asia/Shanghai"
CALENDAR = WorkingCalendar()
some = settings(max_examples=200, deadline=None, derandomize=True)


def at(text: str, zone: str = CHINA) -> datetime:
    """A local moment like 2023-01-20T17:30."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def day(text: str) -> date:
    return date.fromisoformat(text)


# --- working days -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("2023-01-20", True),  # Friday before Spring Festival
        ("2023-01-21", False),
        ("2023-01-23", False),  # a Monday, and rest
        ("2023-01-27", False),  # a Friday, and rest
        ("2023-01-28", True),  # a Saturday, made up
        ("2023-01-29", True),  # a Sunday, made up
        ("2023-01-30", True),
        ("2023-02-04", False),  # an ordinary Saturday
        ("2023-04-05", False),  # Qingming
        ("2023-04-23", True),  # made up for Labour Day
        ("2023-05-06", True),
        ("2023-06-25", True),  # made up for Dragon Boat
        ("2023-10-07", True),
        ("2023-10-08", True),
        ("2022-10-08", True),
        ("2022-01-29", True),
        ("2026-02-14", True),
        ("2026-02-16", False),
    ],
)
def test_china_works_and_rests_as_published(text: str, works: bool) -> None:
    assert CALENDAR.is_working(day(text)) is works


def test_a_site_overrides_single_dates() -> None:
    calendar = WorkingCalendar.with_overrides(
        working=[day("2023-01-23"), day("2023-05-01")], resting=[day("2023-01-30"), day("2023-05-01")]
    )
    assert calendar.is_working(day("2023-01-23"))
    assert not calendar.is_working(day("2023-01-30"))
    assert calendar.is_working(day("2023-05-01"))  # named twice: somebody is there
    assert calendar.is_working(day("2023-01-31"))
    assert calendar.deadline(at("2023-01-29T09:00"), 1, CHINA).at == at("2023-01-31T17:30")


# --- "A deadline of n working days ends at 17:30 of the n-th working day after day 0" (RULES §4) --------------------------


@pytest.mark.parametrize(
    ("moment", "days", "due"),
    [
        ("2023-03-01T09:00", 1, "2023-03-02T17:30"),
        ("2023-03-01T17:30", 1, "2023-03-02T17:30"),  # until 17:30 the day itself is day zero
        ("2023-03-01T17:30:01", 1, "2023-03-03T17:30"),  # after it the next working day is
        ("2023-03-01T23:59", 1, "2023-03-03T17:30"),
        ("2023-03-03T09:00", 1, "2023-03-06T17:30"),  # Friday to Monday
        ("2023-03-03T18:00", 1, "2023-03-07T17:30"),
        ("2023-03-04T00:01", 1, "2023-03-07T17:30"),  # on a rest day: Monday is day zero
        ("2023-03-05T12:00", 1, "2023-03-07T17:30"),
        ("2023-01-20T09:00", 1, "2023-01-28T17:30"),  # over Spring Festival to the made-up Saturday
        ("2023-01-20T18:00", 1, "2023-01-29T17:30"),
        ("2023-01-23T10:00", 3, "2023-01-31T17:30"),
        ("2023-03-01T09:00", 3, "2023-03-06T17:30"),
        ("2023-03-01T09:00", 7, "2023-03-10T17:30"),
        ("2023-03-01T09:00", 0, "2023-03-01T17:30"),
        ("2022-12-30T18:00", 1, "2023-01-04T17:30"),  # 2 January 2023 was a day off
    ],
)
def test_deadlines(moment: str, days: int, due: str) -> None:
    found = CALENDAR.deadline(at(moment), days, CHINA)
    assert found.at == at(due)
    assert not found.provisional


def test_a_deadline_is_told_in_the_zone_it_was_asked_in() -> None:
    """01:00 UTC on Friday is 09:00 there; 10:00 UTC is 18:00, after hours."""
    found = CALENDAR.deadline(datetime(2023, 3, 3, 1, tzinfo=UTC), 1, CHINA)
    assert (found.at, found.at.tzinfo) == (datetime(2023, 3, 6, 9, 30, tzinfo=UTC), UTC)
    assert CALENDAR.deadline(datetime(2023, 3, 3, 10, tzinfo=UTC), 1, CHINA).at == datetime(2023, 3, 7, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "zero"),
    [
        ("2023-03-01T17:30", "2023-03-01"),
        ("2023-03-01T17:31", "2023-03-02"),
        ("2023-01-20T17:31", "2023-01-28"),
        ("2023-01-24T09:00", "2023-01-28"),
    ],
)
def test_day_zero(moment: str, zero: str) -> None:
    assert CALENDAR.day_zero(at(moment), CHINA) == day(zero)


@some
@given(
    moment=st.datetimes(datetime(2022, 1, 1), datetime(2026, 11, 30)),  # noqa: DTZ001  local to the office
    days=st.integers(0, 10),
)
def test_deadlines_against_counting_days(moment: datetime, days: int) -> None:
    zero = moment.date()
    if (moment.hour, moment.minute, moment.second, moment.microsecond) > (17, 30, 0, 0):
        zero += timedelta(days=1)
    working = [zero + timedelta(days=ahead) for ahead in range(60) if CALENDAR.is_working(zero + timedelta(days=ahead))]
    due = CALENDAR.deadline(moment.replace(tzinfo=ZoneInfo(CHINA)), days, CHINA).at
    assert due == at(f"{working[days].isoformat()}T17:30")


def test_beyond_the_published_years_a_deadline_is_provisional() -> None:
    assert CALENDAR.is_published(2026)
    assert not CALENDAR.is_published(2027)
    assert not CALENDAR.is_published(2030)
    assert CALENDAR.published_through(2026) == 2026
    assert CALENDAR.published_through(2029) == 2026
    assert CALENDAR.published_through(2022) == 2023
    inside, across = (CALENDAR.deadline(at(text), 1, CHINA) for text in ("2026-12-30T09:00", "2026-12-31T09:00"))
    assert (inside.at, inside.provisional) == (at("2026-12-31T17:30"), False)
    assert across.at.year == 2027
    assert across.provisional


# --- the lunar year ---------------------------------------------------------------------------------------------------

FESTIVALS = ["2018-02-16", "2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29"]
DATES = st.dates(date(2001, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize("festival", FESTIVALS)
def test_spring_festival(festival: str) -> None:
    assert spring_festival(day(festival).year) == day(festival)


@pytest.mark.parametrize(
    ("today", "then"),
    [
        ("2023-01-22", "2022-02-01"),  # the day itself
        ("2022-12-23", "2022-01-02"),  # thirty days before, in the year before
        ("2022-12-22", "2021-12-22"),  # thirty-one: by the date
        ("2023-02-21", "2022-03-03"),  # thirty days after
        ("2023-02-22", "2022-02-22"),
        ("2024-02-10", "2023-01-22"),
        ("2024-02-29", "2023-02-10"),  # nineteen days after the festival
        ("2023-06-15", "2022-06-15"),
    ],
)
def test_last_years_day_keeps_its_distance_from_the_festival(today: str, then: str) -> None:
    assert last_year_day(day(today), lunar=True) == day(then)


@pytest.mark.parametrize(
    ("today", "then"), [("2024-02-29", "2023-02-28"), ("2024-02-28", "2023-02-28"), ("2025-02-28", "2024-02-28")]
)
def test_by_date_29_february_is_compared_with_the_28th(today: str, then: str) -> None:
    assert last_year_day(day(today), lunar=False) == day(then)


@pytest.mark.parametrize(
    ("today", "then"),
    [
        ("2023-06-18", "2023-05-18"),
        ("2023-03-31", "2023-02-28"),
        ("2024-03-31", "2024-02-29"),
        ("2023-03-28", "2023-02-28"),
        ("2023-07-31", "2023-06-30"),
        ("2023-01-31", "2022-12-31"),
        ("2023-02-28", "2023-01-28"),
    ],
)
def test_a_month_earlier_is_the_same_date_or_the_months_last(today: str, then: str) -> None:
    assert last_month_day(day(today)) == day(then)


@some
@given(today=DATES)
def test_last_years_day(today: date) -> None:
    plain, lunar = (last_year_day(today, lunar=lunar) for lunar in (False, True))
    assert (plain.year, plain.month) == (today.year - 1, today.month)
    assert plain.day == today.day or (today.month, today.day, plain.day) == (2, 29, 28)
    near = [year for year in (today.year, today.year + 1) if abs((today - spring_festival(year)).days) <= LUNAR_REACH]
    if near:
        assert lunar - spring_festival(near[0] - 1) == today - spring_festival(near[0])
    else:
        assert lunar == plain
    assert 334 <= (today - lunar).days <= 386


@some
@given(today=DATES)
def test_alignment_is_the_same_both_ways(today: date) -> None:
    """Near the festival no two days share last year's day, and their order is kept."""
    following = today + timedelta(days=1)
    near = [
        all(abs((one - spring_festival(year)).days) <= LUNAR_REACH for one in (today, following))
        for year in (today.year, today.year + 1)
    ]
    if any(near):
        assert last_year_day(following, lunar=True) - last_year_day(today, lunar=True) == timedelta(days=1)


# --- meter days -------------------------------------------------------------------------------------------------------

ZONES = [CHINA, "Europe/Rome", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]


def local_day(time: int, zone: ZoneInfo, start_hour: int) -> int:
    """The meter day by the wall clock of the last moment before ``time``: days hold their end, not their start."""
    local = datetime.fromtimestamp((time - 1) / 1000, zone)
    return local.date().toordinal() - (local.hour < start_hour)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 8])
def test_days_against_the_wall_clock(zone: str, hour: int) -> None:
    """Every half-hour of two years and the milliseconds about it; Havana and Cairo change their clocks at midnight."""
    scheme, info = DayScheme(zone, hour), ZoneInfo(zone)
    first, last = to_ms(datetime(2022, 1, 1, tzinfo=UTC)), to_ms(datetime(2024, 1, 1, tzinfo=UTC))
    marks = np.arange(first, last, 1_800_000)
    times = np.concatenate([marks, marks[::7] + 1, marks[::7] - 1])
    wanted = [local_day(time, info, hour) for time in times.tolist()]
    assert scheme.days(times).tolist() == wanted


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_each_other_without_gap(zone: str) -> None:
    scheme = DayScheme(zone, 0)
    for ordinal in range(date(2022, 1, 1).toordinal(), date(2024, 1, 1).toordinal()):
        start, end = scheme.start(ordinal), scheme.end(ordinal)
        assert 22 * 3_600_000 < end - start < 26 * 3_600_000
        assert scheme.days(np.array([start, start + 1, end], np.int64)).tolist() == [ordinal - 1, ordinal, ordinal]
        assert scheme.day_of(from_ms(end)) == ordinal


def test_times_in_any_order_and_none_at_all() -> None:
    scheme = DayScheme("Europe/Rome", 8)
    times = np.random.default_rng(1).integers(0, 2**41, 500)
    together = scheme.days(times)
    assert together.dtype == np.int32
    assert together.tolist() == [int(scheme.days(times[index : index + 1])[0]) for index in range(500)]
    assert len(scheme.days(np.empty(0, np.int64))) == 0


def test_each_commoditys_day() -> None:
    starts = {commodity: meter_day(commodity, CHINA).start_hour for commodity in Commodity}
    assert starts == {Commodity.ELECTRICITY: 0, Commodity.GAS: 8, Commodity.WATER: 0, Commodity.HEAT: 0}
    assert meter_day(Commodity.GAS, CHINA).name == "Asia/Shanghai@8"


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Asia/Shanghai", ""),
        ("Asia/Shangai", "Asia/Shanghai"),
        ("", "e.g."),
        ("../etc/passwd", "no IANA"),
        ("北京", "no IANA"),
    ],
)
def test_a_zone_that_is_none_is_named_with_the_nearest(zone: str, hint: str) -> None:
    assert (zone_problem(zone) == "") is (hint == "")
    assert hint in zone_problem(zone)
