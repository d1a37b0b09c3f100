"""Quiet hours, and how many messages of a kind a person is sent."""

from datetime import timedelta
from typing import Any

import pytest

from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.model.messages import NewMessage
from notifier.pace import Pace, quiet_until
from notifier.site import RoutingOptions, Site
from notifier.suppress import Silence
from tests.support.desk import ZONE, at
from tests.support.ledger import message

NOON = at("2023-02-08T12:00")


def site(**options: Any) -> Site:
    return Site(ZONE, WorkingCalendar(), RoutingOptions(**options))


def made(number: int = 1, **changes: Any) -> NewMessage:
    return message(key=f"m{number}", **{"template": "churn", "expires_at": NOON + timedelta(days=2), **changes})


class TestQuietHours:
    @pytest.mark.parametrize(
        ("start", "end", "now", "until"),
        [
            ("22:00", "07:00", "2023-02-08T21:59", None),
            ("22:00", "07:00", "2023-02-08T22:00", "2023-02-09T07:00"),
            ("22:00", "07:00", "2023-02-09T00:00", "2023-02-09T07:00"),
            ("22:00", "07:00", "2023-02-09T06:59", "2023-02-09T07:00"),
            ("22:00", "07:00", "2023-02-09T07:00", None),
            ("12:00", "14:00", "2023-02-09T12:00", "2023-02-09T14:00"),
            ("12:00", "14:00", "2023-02-09T11:59", None),
            ("12:00", "14:00", "2023-02-09T14:00", None),
            ("00:00", "00:00", "2023-02-09T00:00", None),
            ("00:00", "06:00", "2023-02-09T00:00", "2023-02-09T06:00"),
        ],
    )
    def test_begin_and_end_by_the_offices_clock(self, start: str, end: str, now: str, until: str | None) -> None:
        found = quiet_until(at(now), site(quiet_from=start, quiet_to=end))
        assert found == (at(until) if until else None)

    def test_messages_wait_for_their_end(self) -> None:
        night = at("2023-02-08T23:00")
        pace = Pace(site(), night, {})
        passed = [pace.passed(made(1)), pace.passed(made(2, template="load")), pace.passed(made(3, template="digest"))]
        assert [one.not_before for one in passed] == [at("2023-02-09T07:00"), None, None]

    @pytest.mark.parametrize(("expires", "why"), [("07:00", Silence.QUIET), ("07:01", Silence.NONE)])
    def test_what_means_nothing_by_then_is_not_sent(self, expires: str, why: Silence) -> None:
        pace = Pace(site(), at("2023-02-08T23:00"), {})
        assert pace.passed(made(expires_at=at(f"2023-02-09T{expires}"))).held == why


class TestRates:
    def sent(self, count: int, lately: dict[tuple[str, str], tuple[int, int]], **changes: Any) -> int:
        pace = Pace(site(hourly=3, daily=5), NOON, lately)
        return [pace.passed(made(number, **changes)).held for number in range(count)].count("")

    @pytest.mark.parametrize(
        ("lately", "count"), [((0, 0), 3), ((2, 2), 1), ((3, 3), 0), ((0, 4), 1), ((0, 5), 0), ((0, 2), 3)]
    )
    def test_bound_the_hour_and_the_day(self, lately: tuple[int, int], count: int) -> None:
        assert self.sent(9, {("K1", "churn"): lately}) == count

    def test_are_of_one_person_and_one_kind(self) -> None:
        spent = {("K1", "churn"): (3, 5)}
        assert self.sent(9, spent, person="K2") == 3
        assert self.sent(9, spent, template="swing") == 3

    def test_do_not_touch_the_digest(self) -> None:
        assert self.sent(9, {}, template="digest") == 9

    def test_what_was_not_sent_does_not_count(self) -> None:
        pace = Pace(site(hourly=1), at("2023-02-08T23:00"), {})
        found = [pace.passed(made(1, expires_at=at("2023-02-08T23:30"))), pace.passed(made(2)), pace.passed(made(3))]
        assert [one.held for one in found] == ["quiet", "", "rate"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"digest_at": "8"}, "digest_at '8' is no time of day such as 08:00"),
        ({"quiet_from": "25:00"}, "quiet_from '25:00'"),
        ({"digest_at": "12:00"}, "digest_at 12:00 does not lie before noon"),
        ({"hourly": 0}, "hourly 0 is not within"),
    ],
)
def test_hours_are_refused_that_are_none(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RoutingOptions(**options)


def test_a_site_without_a_digest() -> None:
    assert RoutingOptions(digest_at="").digest_at == ""
