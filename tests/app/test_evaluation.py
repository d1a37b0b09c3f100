"""Judging closed days and dirty ones, on real stores: what depends on more than one meter day's scheme."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from detectors.daily import DailyOptions
from detectors.rules import RULES
from meterwatch.app.evaluation import Evaluation, RuleSet
from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.instants import from_ms
from meterwatch.core.model.alerts import DirtyDay
from meterwatch.core.model.reading_types import BY_NAME
from meterwatch.core.model.readings import DayTotals, ReadingBatch
from meterwatch.core.model.registry import FOREVER_DAY, Registry
from meterwatch.core.ports import Settlement
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_sqlite import SqliteReadings
from notifier.routing import RoutingOptions, Site
from tests.support.ledger import fresh_database, load_episode, opened
from tests.support.readings import meters
from tests.support.rules import DAY, Supply, registry
from tests.support.wrapped import Wrapped

CLOSE_AFTER = timedelta(hours=2)
SITE = Site("Asia/Shanghai", WorkingCalendar(), RoutingOptions())
RULE_SET = RuleSet(RULES, {rule.name: rule.options for rule in RULES}, DailyOptions(), lunar=True, close_after=CLOSE_AFTER)


class Office:
    """Stores with 36 days of a use of 100 a day and point before DAY, and the evaluation on them."""

    def __init__(self, ledger: Ledger, store: SqliteReadings, held: Registry) -> None:
        self.ledger, self.store, self.held = ledger, store, held
        self._evaluation = Evaluation(store, ledger.evaluation, RULE_SET, SITE)
        store.know(held.codes)
        rows = np.arange(len(held.codes))
        for day in range(DAY - 36, DAY):
            one, nothing = np.ones(len(rows)), np.zeros(len(rows))
            store.write_totals(DayTotals.of(np.full(len(rows), day), rows, one * 100, one, nothing, nothing))
        for scheme in held.schemes:
            ledger.evaluation.open_scheme(scheme.name, DAY, self.closed(DAY - 1))

    def closed(self, day: int) -> datetime:
        """Return when a day may be judged by every scheme."""
        return max(from_ms(scheme.end(day)) for scheme in self.held.scheme_order) + CLOSE_AFTER

    def use(self, point: str, use: float, day: int = DAY, kind: str = "electricity.interval.day") -> None:
        row = self.held.codes.index(point)
        time = self.held.scheme_of(row).end(day)
        self.store.append(ReadingBatch.of([row], [BY_NAME[kind].code], [time], [use], [0], [time * 1000]))

    def use_late(self, point: str, use: float, day: int = DAY, kind: str = "electricity.interval.day") -> None:
        self.use(point, use, day, kind)
        settlement = Settlement((DirtyDay(day, self.held.codes.index(point), 0),), (), ())
        self.ledger.ingest.settle(settlement, self.closed(day))

    def step(self, day: int = DAY, held: Registry | None = None) -> None:
        self._evaluation.step(self.closed(day), held or self.held)

    def step_where_it_ends_first(self, day: int) -> None:
        first = from_ms(self.held.scheme_order[0].end(day)) + CLOSE_AFTER
        self._evaluation.step(first, self.held)

    def known_use(self, subject: str, day: int = DAY) -> list[float]:
        return [fact.figures["use"] for fact in self.ledger.evaluation.facts("churn", day, day, [subject])]

    def alerts(self) -> list[tuple[str, int, bool]]:
        """Return subject, opening day and whether it stands of every alert but those about meters a test lets be silent."""
        found = [one for one in self.ledger.evaluation.all_alerts(closed=True, limit=100) if one.episode.rule != "silent"]
        return [(one.episode.subject, one.episode.opened_day, one.withdrawn_at is None) for one in found]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """C1 has a point in Shanghai and one in Rome, C2 one in Shanghai, C3 one in Rome."""
    supplies = [Supply("C1", "S1"), Supply("C1", "R1"), Supply("C2", "S2"), Supply("C3", "R2")]
    held = replace(registry(supplies, zones={"R1": "Europe/Rome", "R2": "Europe/Rome"}), meters=meters())
    with fresh_database("sqlite", tmp_path) as database, closing(SqliteReadings(tmp_path / "readings.db")) as store:
        yield Office(Ledger(database), store, held)


def test_a_customer_in_two_zones_is_judged_from_both(office: Office) -> None:
    office.use("S1", 10.0)
    office.use("R1", 100.0)
    office.step()
    assert office.known_use("C1/electricity") == [110.0]


@pytest.mark.parametrize("late", ["S1", "R1"])
def test_late_readings_of_either_zone_judge_him_again(office: Office, late: str) -> None:
    office.use("R1" if late == "S1" else "S1", 100.0)
    office.step()
    assert office.known_use("C1/electricity") == []  # of a day half known nothing is said
    office.use_late(late, 10.0)
    office.step()
    assert office.known_use("C1/electricity") == [110.0]
    assert office.ledger.evaluation.dirty_days(10) == []


def test_late_readings_judge_nobody_else_again(office: Office) -> None:
    for point in ("S1", "R1", "S2", "R2"):
        office.use(point, 60.0)
    office.step()
    before = [office.known_use(f"C{number}/electricity") for number in (2, 3)]
    assert before == [[60.0], [60.0]]
    office.store.write_totals(DayTotals.of([DAY], [2], [1.0], [1.0], [0.0], [0]))
    office.use_late("R2", 60.0)
    office.step()
    assert [office.known_use(f"C{number}/electricity") for number in (2, 3)] == before


def test_a_day_that_one_of_the_zones_has_not_closed_yet_waits_for_it(office: Office) -> None:
    office.use_late("S1", 10.0, DAY + 1)
    office.use("R1", 100.0, DAY + 1)
    office.step(DAY)
    assert office.known_use("C1/electricity", DAY + 1) == []
    office.step(DAY + 1)
    assert office.known_use("C1/electricity", DAY + 1) == [110.0]


class NeverClean(Wrapped):
    """A ledger whose days are dirtied again as fast as they are judged: a backfill that goes on."""

    def dirty_days(self, limit: int) -> list[DirtyDay]:
        return [DirtyDay(DAY, 0, 0)][:limit]


def test_days_that_never_get_clean_do_not_keep_a_step_from_ending(office: Office) -> None:
    office.step()
    busy = Evaluation(office.store, NeverClean(office.ledger.evaluation), RULE_SET, SITE)
    assert busy.step(office.closed(DAY), office.held) == 10
    office.use("S2", 20.0, DAY + 1)
    assert busy.step(office.closed(DAY + 1), office.held) > 10
    assert office.ledger.evaluation.done_days() == dict.fromkeys((s.name for s in office.held.schemes), DAY + 1)


def drop_for_good(office: Office, days: range) -> None:
    for day in days:
        office.use("S2", 20.0, day)
        office.step(day)


def test_who_goes_out_of_scope_keeps_his_alert_and_goes_on_with_it(office: Office) -> None:
    drop_for_good(office, range(DAY, DAY + 5))
    alert = [("C2/electricity", DAY + 2, True)]
    assert office.alerts() == alert
    customers = tuple(replace(one, wheeling=one.code == "C2") for one in office.held.customers)
    out_of_scope = replace(office.held, customers=customers)
    for day in (DAY + 5, DAY + 6):
        office.use("S2", 20.0, day)
        office.step(day, out_of_scope)
    assert office.alerts() == alert
    drop_for_good(office, range(DAY + 7, DAY + 9))
    assert office.alerts() == alert
    (state,) = office.ledger.evaluation.states("churn", DAY + 8)
    assert state.known == 11  # of the days from six before it opened to DAY + 8 two were not looked at


def test_an_alert_stands_while_the_last_zone_has_not_closed_the_day_late_readings_are_of(office: Office) -> None:
    for day in range(DAY, DAY + 4):
        office.use("S1", 0.0, day)
        office.use("R1", 20.0, day)
        office.step(day)
    alert = [("C1/electricity", DAY + 2, True)]
    assert office.alerts() == alert
    office.use("S1", 0.0, DAY + 4)
    office.step_where_it_ends_first(DAY + 4)
    office.use_late("S1", 1.0, DAY + 4, kind="electricity.interval.hour")
    office.step_where_it_ends_first(DAY + 4)
    assert office.ledger.evaluation.dirty_days(10) == []
    assert office.alerts() == alert


def test_a_live_alert_stands_until_its_own_zone_has_closed_the_day(office: Office) -> None:
    office.step(DAY)
    office.step_where_it_ends_first(DAY + 1)
    office.ledger.evaluation.commit(opened(load_episode("R2", DAY + 1), duties=[], messages=[]))
    office.use_late("R2", 50.0)
    office.step_where_it_ends_first(DAY + 1)
    assert office.alerts() == [("R2", DAY + 1, True)]


def test_where_a_customer_is_judged_points_taken_out_of_the_registry_do_not_count(office: Office) -> None:
    ended = np.where(office.held.agreements.point == office.held.codes.index("R1"), DAY - 100, FOREVER_DAY)
    agreements = replace(office.held.agreements, last_day=ended)
    points = replace(office.held.points, active=np.array([True, False, True, True]))
    office.use("S1", 10.0)
    office.step(held=replace(office.held, agreements=agreements, points=points))
    assert office.known_use("C1/electricity") == [10.0]


def test_who_moves_to_another_zone_before_the_day_is_judged_keeps_his_alert(office: Office) -> None:
    drop_for_good(office, range(DAY, DAY + 5))
    alert = office.alerts()
    held = office.held
    zone = np.where(np.array(held.codes) == "S2", len(held.time_zones), held.points.time_zone).astype(
        held.points.time_zone.dtype
    )
    moved = replace(held, time_zones=(*held.time_zones, "Asia/Urumqi"), points=replace(held.points, time_zone=zone))
    office.ledger.evaluation.open_scheme("Asia/Urumqi@0", DAY + 6, office.closed(DAY + 4))
    office.held = moved
    drop_for_good(office, range(DAY + 5, DAY + 8))
    assert office.alerts() == alert
    (state,) = office.ledger.evaluation.states("churn", DAY + 7)
    assert (state.subject, state.known) == ("C2/electricity", 11)  # DAY + 5 is no day of either zone


def test_readings_too_old_to_be_judged_do_not_hide_those_that_are_not(office: Office) -> None:
    for day in range(DAY, DAY + 60):
        if day not in (DAY + 14, DAY + 50):
            office.use("S2", 100.0, day)
        office.step(day)
    office.use_late("S2", 10.0, DAY + 14)
    office.use_late("S2", 10.0, DAY + 50)
    office.step(DAY + 59)
    assert office.known_use("C2/electricity", DAY + 14) == []
    assert office.known_use("C2/electricity", DAY + 50) == [10.0]


# --- rules that judge whole weeks, and silent meters ------------------------------------------------------------------

MONDAY = DAY + 4  # DAY is a Thursday


def raised(office: Office, rule: str) -> list[tuple[str, int, bool]]:
    """Return subject, opening day and whether it stands of every alert of a rule, by subject and day."""
    found = [one for one in office.ledger.evaluation.all_alerts(closed=True, limit=100) if one.episode.rule == rule]
    return sorted((one.episode.subject, one.episode.opened_day, one.withdrawn_at is None) for one in found)


def live_through(office: Office, days: range, use: float = 100.0) -> None:
    """Every meter reports, S2 a use of its own."""
    for day in days:
        for point in ("S1", "R1", "R2"):
            office.use(point, 100.0, day)
        office.use("S2", use, day)
        office.step(day)


def with_large(office: Office, *codes: str) -> None:
    office.held = replace(office.held, large=frozenset(codes))


def test_a_swing_is_found_on_the_weeks_sunday(office: Office) -> None:
    with_large(office, "C2")
    live_through(office, range(DAY, MONDAY + 7), 70.0)
    # Of the week to DAY + 3 four days were at 70, (3 * 100 + 4 * 70) / 7 is 83 %; the next is at 70 % of last month's.
    assert raised(office, "swing") == [("C2/electricity", MONDAY + 6, True)]


def test_nobody_else_swings(office: Office) -> None:
    live_through(office, range(DAY, MONDAY + 7), 0.0)
    assert raised(office, "swing") == raised(office, "weekly_read") == []


def test_a_late_day_judges_its_weeks_sunday_again(office: Office) -> None:
    """Four days of a week are known, so it can't be compared; with Tuesday it can, and has fallen; with all it has not."""
    with_large(office, "C2")
    live_through(office, range(DAY, MONDAY))
    for day in range(MONDAY, MONDAY + 9):
        if day not in (MONDAY, MONDAY + 1, MONDAY + 2):
            office.use("S2", 50.0, day)
        office.step(day)
    sunday = MONDAY + 6
    assert raised(office, "swing") == []
    office.use_late("S2", 50.0, MONDAY + 1)
    office.step(MONDAY + 8)
    assert raised(office, "swing") == [("C2/electricity", sunday, True)]
    office.use_late("S2", 200.0, MONDAY)
    office.use_late("S2", 200.0, MONDAY + 2)
    office.step(MONDAY + 8)
    assert raised(office, "swing") == [("C2/electricity", sunday, False)]  # (5 * 50 + 2 * 200) / 7 is 93


def test_large_customers_meters_without_a_reading_in_the_week_are_found(office: Office) -> None:
    with_large(office, "C1")
    for day in range(DAY, MONDAY + 7):
        if day < MONDAY:
            office.use("R1", 100.0, day)
        office.use("S1", 100.0, day)
        office.step(day)
    sunday = MONDAY + 6
    assert raised(office, "weekly_read") == [("R1", sunday, True)]
    office.use_late("R1", 100.0, MONDAY + 2)
    office.step(sunday)
    assert raised(office, "weekly_read") == [("R1", sunday, False)]


def test_a_silent_meter_opens_until_it_reports_again(office: Office) -> None:
    for day in range(DAY, DAY + 6):
        for point in ("S1", "R1", "R2", *(["S2"] if day not in (DAY + 1, DAY + 2, DAY + 3) else [])):
            office.use(point, 0.0, day)
        office.step(day)
    assert raised(office, "silent") == [("S2", DAY + 2, True)]
    (alert,) = (one for one in office.ledger.evaluation.all_alerts(closed=True, limit=9) if one.episode.rule == "silent")
    assert (alert.episode.start_day, alert.episode.closed_day) == (DAY + 1, DAY + 4)
    office.use_late("S2", 10.0, DAY + 2)
    office.step(DAY + 5)
    assert raised(office, "silent") == [("S2", DAY + 2, False)]
