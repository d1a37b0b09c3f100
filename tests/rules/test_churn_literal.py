"""The churn rule against hand-written tables (RULES churn-warn, churn-potential) and against the two policies in words.

Uses are written as lists of days, oldest first, the judged day last; None = nothing is known of that day.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from math import isclose

import numpy as np
import pytest

from detectors import episodes
from detectors.evaluate import evaluate, subjects_by_rule
from detectors.rules.churn import RULE, ChurnOptions
from meterwatch.core.calendar import DayScheme, meter_day, spring_festival
from meterwatch.core.model.alerts import Episode, FactRow
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Customer, CustomerClass, Registry
from tests.support.rules import Days, Supply, given, material, registry, window

OPTIONS = RULE.options
SUBJECT = "C1/electricity"


def judge(days: Days, last_year: Days | None = None, options: ChurnOptions = OPTIONS) -> FactRow:
    """Return what the rule says of one customer: 37 days, or only the 31 of the literal policy; 57 days of last year."""
    padded = [*[None] * (37 - len(days)), *days]
    made = given(RULE, window(padded), window(last_year) if last_year else None)
    return RULE.judge(made, options).rows(RULE.name, [SUBJECT], [0])[0]


# --- literal: "daily use below 70 % of the mean daily use of the month before that day" --------------------------------


@pytest.mark.parametrize(
    ("month", "today", "crosses"),
    [
        ([100.0] * 30, 69.9, True),
        ([100.0] * 30, 70.0, False),  # strict <: exactly 70 % does not cross
        ([100.0] * 30, 70.1, False),
        ([100.0] * 30, 0.0, True),
        ([33.3] * 30, 23.31, False),  # the same line in figures that binary fractions don't hold
        ([0.1] * 30, 0.07, False),
        ([0.1] * 30, 0.0699, True),
        ([90.0, 110.0] * 15, 70.0, False),  # the mean, not each day
        ([200.0] + [100.0] * 29, 72.0, True),  # mean 103.3, line 72.3
        ([None] * 10 + [100.0] * 20, 69.0, True),  # at least 20 of the 30 known
        ([None] * 11 + [100.0] * 19, 0.0, False),  # 19 are not enough
        ([None] * 10 + [100.0] * 20, 70.0, False),  # mean over the known ones: unknown days are no zeros
        ([100.0, None, 100.0] * 10, 69.0, True),
        ([100.0] * 30, None, False),  # today unknown: a gap is never churn
        ([None] * 30, 50.0, False),
        ([0.0] * 30, 0.0, False),  # nothing before, nothing now
        ([-10.0] * 30, -5.0, False),  # a month that fed in has no 70 %
        ([100.0] * 30, -5.0, True),
    ],
)
def test_literal_crosses_below_70_percent_of_the_month_before(
    month: list[float | None], today: float, crosses: bool
) -> None:
    fact = judge([*month, today])
    assert ("literal" in fact.crossing) is crosses


def test_the_month_before_is_the_30_days_before_that_day() -> None:
    """Neither the day itself nor the 31st day before it counts."""
    assert judge([*[1000.0] * 6, *[100.0] * 30, 70.0]).figures["month_mean"] == 100.0
    assert judge([1000.0, *[100.0] * 29, 70.0]).figures["month_mean"] == 130.0


def test_the_fact_carries_its_evidence() -> None:
    figures = judge([*[100.0] * 34, None, None, 50.0]).figures
    assert figures["use"] == 50.0
    assert figures["day_ratio"] == 0.5
    assert figures["known_days"] == 35


def test_a_mean_of_too_few_days_is_not_told() -> None:
    figures = judge([*[None] * 17, *[100.0] * 19, 50.0]).figures
    assert figures.keys() == {"use", "known_days"}
    assert judge([*[None] * 11, *[100.0] * 25, 50.0]).figures.keys() == {"use", "month_mean", "day_ratio", "known_days"}


def test_literal_opens_no_episode() -> None:
    fact = judge([*[100.0] * 36, 0.0])
    assert fact.crossing == ("literal",)
    assert RULE.step is not None
    assert RULE.step(None, fact, OPTIONS) is None


def test_the_line_is_a_setting() -> None:
    assert "literal" not in judge([*[100.0] * 30, 65.0], options=replace(OPTIONS, below=0.6)).crossing


# --- guarded: "opens on day D when q = (mean of the known days of D-6..D, at least 5) / (mean of the known days of
# --- D-36..D-7, at least 20), divided by min(1, the smallest same ratio within ±10 days of last year's day), is < 0.70" --


@pytest.mark.parametrize(
    ("before", "week", "crosses"),
    [
        ([100.0] * 30, [69.9] * 7, True),
        ([100.0] * 30, [70.0] * 7, False),  # exactly 0.70
        ([33.3] * 30, [23.31] * 7, False),
        ([100.0] * 30, [100.0, 100.0, 58.0, 58.0, 58.0, 58.0, 58.0], False),  # exactly 490 / 7
        ([100.0] * 30, [100.0, 100.0, 57.0, 58.0, 58.0, 58.0, 58.0], True),
        ([100.0] * 30, [None, None, 69.0, 69.0, 69.0, 69.0, 69.0], True),  # at least 5 of the 7 known
        ([100.0] * 30, [None, None, None, 0.0, 0.0, 0.0, 0.0], False),  # 4 are not enough
        ([100.0] * 30, [69.0, 69.0, 69.0, 69.0, 69.0, None, None], True),  # the day itself may be unknown
        ([None] * 10 + [100.0] * 20, [69.0] * 7, True),  # at least 20 of the 30 known
        ([None] * 11 + [100.0] * 19, [0.0] * 7, False),  # 19 are not enough
        ([300.0] * 10 + [None] * 10 + [0.0] * 10, [100.0] * 7, True),  # mean of the known ones: 150
        ([0.0] * 30, [0.0] * 7, False),
        ([0.0] * 30, [-5.0] * 7, False),  # of nothing there is no share
    ],
)
def test_guarded_compares_a_week_with_the_month_before_it(
    before: list[float | None], week: list[float | None], crosses: bool
) -> None:
    assert ("guarded" in judge([*before, *week]).crossing) is crosses


def last_year(ends: int = 0, dip: float = 100.0, normal: float = 100.0) -> list[float | None]:
    """57 days of last year, from 46 before its day to 10 after, and the seven that end ``ends`` days after it are a dip."""
    return [dip if ends - 6 <= day <= ends else normal for day in range(-46, 11)]


@pytest.mark.parametrize(
    ("this_year", "then", "judged", "crosses"),
    [
        (60.0, last_year(), 0.60, True),  # last year was level
        (60.0, last_year(0, 80.0), 0.75, False),  # last year fell to 0.8 by itself
        (56.0, last_year(0, 80.0), 0.70, False),  # exactly 0.70
        (35.0, last_year(0, 50.0), 0.70, False),
        (55.0, last_year(0, 80.0), 0.6875, True),
        (60.0, last_year(10, 80.0), 0.75, False),  # ten days later last year
        (60.0, last_year(-10, 80.0), 0.75, False),  # ten days earlier
        (60.0, [100.0] * 30 + [150.0] * 27, 0.60, True),  # min(1, …): a rise last year takes nothing away
        (60.0, [None] * 57, 0.60, True),  # without last year undivided
        (60.0, [0.0] * 57, 0.60, True),  # no use last year: no ratio, undivided
        (60.0, last_year(0, 0.0), None, False),  # closed for a week last year: any drop is what last year did
        (0.0, last_year(0, 0.0), None, False),
        (60.0, last_year(0, -20.0), None, False),
        (60.0, last_year(0, -20.0, -100.0), 0.60, True),  # a year that fed in has no ratio
    ],
)
def test_guarded_takes_out_what_last_year_did_by_itself(
    this_year: float, then: list[float | None], judged: float | None, crosses: bool
) -> None:
    fact = judge([*[100.0] * 30, *[this_year] * 7], then)
    assert ("guarded" in fact.crossing) is crosses
    found = fact.figures.get("judged_ratio")
    assert (found is None) is (judged is None)
    assert found is None or judged is None or isclose(found, judged)


@pytest.mark.parametrize(("ends", "crosses"), [(-11, True), (-10, False), (10, False), (11, True)])
def test_guarded_looks_ten_days_about_last_years_day_and_no_further(ends: int, crosses: bool) -> None:
    """A week at half: seen whole, the ratio is 0.5 and 0.36 becomes 0.72; seen but for a day it is 0.57 and 0.36 crosses."""
    today, then = date(2023, 6, 15).toordinal(), date(2022, 6, 15).toordinal()

    def use(day: int) -> float:
        return 36.0 if today - 7 < day <= today else 50.0 if then + ends - 7 < day <= then + ends else 100.0

    at = date.fromordinal(today)
    assert guarded_days(use, at, at, lunar=True) == ([at] if crosses else [])


@pytest.mark.parametrize(
    ("month", "week", "divided"),
    [
        (range(-26, -6), range(-6, -1), True),  # 20 and 5 days known, and only on last year's own day
        (range(-25, -6), range(-6, -1), False),  # 19 of the month
        (range(-26, -6), range(-6, -2), False),  # 4 of the week
    ],
)
def test_last_years_ratio_needs_as_many_known_days(month: range, week: range, divided: bool) -> None:
    then = [100.0 if day in month else 80.0 if day in week else None for day in range(-46, 11)]
    fact = judge([*[100.0] * 30, *[60.0] * 7], then)
    assert isclose(fact.figures["judged_ratio"], 0.75 if divided else 0.60)


def test_guarded_needs_no_literal_crossing_and_the_other_way_round() -> None:
    assert judge([*[100.0] * 30, *[0.0] * 6, 100.0]).crossing == ("guarded",)
    assert judge([*[100.0] * 36, 0.0]).crossing == ("literal",)


# --- the episode: "The denominator is frozen as baseline and D-6 is day 1. Stage 2 at day 30 when at least 80 % of the known
# --- days are < 0.70 × baseline; it closes after 7 consecutive known days >= 0.75 × baseline and re-bases at day 45" ------


def live(days: Days, options: ChurnOptions = OPTIONS) -> tuple[Episode, ...]:
    """Judge every day after the 36 days at 100 that go before, and return the episodes; day 0 is the first of ``days``."""
    history = [*[100.0] * 36, *days]
    facts = []
    for day in range(len(days)):
        fact = judge(history[day : day + 37], options=options)
        facts.append(replace(fact, day=day))
    return episodes.run(RULE, options, {}, facts).seen


def after_drop(*days: float | None) -> list[float | None]:
    """A drop to half that opens the episode on its fifth day, and ``days`` from the episode's day 8 on."""
    return [50.0] * 5 + list(days)


OPENED, DAY_1 = 4, -2


def test_it_opens_when_the_week_is_low_and_starts_six_days_before() -> None:
    (episode,) = live([50.0] * 5)
    assert (episode.opened_day, episode.start_day, episode.baseline) == (OPENED, DAY_1, 100.0)
    assert (episode.known, episode.below, episode.recovered) == (7, 5, 0)
    assert [stage.name for stage in episode.stages] == ["warn"]
    assert episode.closed_day is None
    assert isclose(episode.figures["judged_ratio"], 450 / 700)


def test_the_days_before_it_opened_are_counted() -> None:
    """90 is neither below nor, so long before the end, a recovery; of an unknown day nothing is counted."""
    (episode,) = live([90.0, None, 50.0, 50.0, 50.0, 50.0])
    assert (episode.opened_day, episode.known, episode.below, episode.recovered) == (5, 6, 4, 0)


def test_a_row_of_recovered_days_may_begin_before_it_opens() -> None:
    (episode,) = live([10.0, 10.0, 80.0, None])
    assert (episode.opened_day, episode.recovered) == (3, 1)  # the unknown day does not break it


def test_the_baseline_stays_frozen_while_the_mean_sinks() -> None:
    """At 72 % of the baseline a day is above the line for good, however low the trailing mean is by then."""
    (episode,) = live([50.0] * 10 + [72.0] * 20)
    assert episode.baseline == 100.0
    assert episode.below == 10


def test_gaps_are_not_days_below() -> None:
    (episode,) = live(after_drop(*[None] * 10))
    assert (episode.known, episode.below, episode.closed_day) == (7, 5, None)


@pytest.mark.parametrize(
    ("normal", "unknown", "potential"),
    [
        (0, 0, True),
        (4, 0, True),  # with the two days before the drop, 24 of 30 below: 80 %
        (5, 0, False),  # 23 of 30
        (3, 5, True),  # unknown days are not counted: 20 of 25
        (4, 5, False),  # 19 of 25
        (3, 6, False),  # 19 of 24: 79 %
        (0, 23, False),  # 5 of 7
        (0, 20, True),  # 8 of 10
    ],
)
def test_stage_two_on_day_30_with_80_percent_of_the_known_days_below(normal: int, unknown: int, potential: bool) -> None:
    rest: list[float | None] = [100.0] * normal + [None] * unknown + [69.9] * (23 - normal - unknown)
    (episode,) = live(after_drop(*rest))
    assert episode.start_day + 29 == len(after_drop(*rest)) - 1  # day 30 is the last one lived
    assert ("potential" in dict(episode.stages)) is potential
    assert not potential or dict(episode.stages)["potential"] == DAY_1 + 29


def test_stage_two_is_decided_on_day_30_only() -> None:
    rest = [100.0] * 5 + [0.0] * 18
    (before,) = live(after_drop(*[0.0] * 22))
    (later,) = live(after_drop(*rest, *[0.0] * 10))
    assert [stage.name for stage in before.stages] == ["warn"]  # day 29
    assert [stage.name for stage in later.stages] == ["warn"]  # 23 of 30 then, 33 of 40 now


@pytest.mark.parametrize(
    ("days", "closed_after"),
    [
        ([75.0] * 7, 7),  # exactly 0.75 counts
        ([74.9] + [75.0] * 7, 8),
        ([75.0] * 6, None),
        ([75.0] * 6 + [74.9] + [75.0] * 6, None),  # a single day short breaks the row
        ([75.0] * 3 + [None] * 2 + [75.0] * 4, 9),  # unknown days neither count nor break it
        ([75.0] * 6 + [None] * 20, None),
    ],
)
def test_it_closes_after_seven_recovered_days_in_a_row(days: list[float | None], closed_after: int | None) -> None:
    (episode,) = live(after_drop(*days))
    assert episode.closed_day == (None if closed_after is None else OPENED + closed_after)
    assert episode.closed_why == ("recovered" if closed_after else "")


def test_recovery_on_day_30_closes_without_stage_two() -> None:
    (episode,) = live(after_drop(*[0.0] * 16, *[80.0] * 7))
    assert episode.closed_day == DAY_1 + 29
    assert [stage.name for stage in episode.stages] == ["warn"]


def test_it_rebases_on_day_45_and_does_not_open_again_while_the_level_stays() -> None:
    (episode,) = live([50.0] * 150)
    assert (episode.closed_day, episode.closed_why) == (DAY_1 + 44, "rebased")


def test_an_unknown_day_45_rebases_all_the_same() -> None:
    (episode,) = live(after_drop(*[None] * 60))
    assert (episode.closed_day, episode.closed_why) == (DAY_1 + 44, "rebased")


def test_a_deeper_drop_inside_an_episode_opens_no_second_one() -> None:
    found = live([60.0] * 20 + [10.0] * 20)
    assert len(found) == 1


def test_a_further_drop_after_the_rebase_opens_the_next() -> None:
    first, second = live([50.0] * 60 + [20.0] * 10)
    assert first.closed_why == "rebased"
    assert (second.opened_day, second.baseline) == (63, 50.0)  # (3 * 50 + 4 * 20) / 7 is 66 % of 50


def test_after_recovery_a_new_drop_opens_a_new_episode() -> None:
    found = live(after_drop(*[100.0] * 40, *[50.0] * 5))
    assert [episode.opened_day for episode in found] == [OPENED, 49]


def test_an_episode_of_exactly_the_line_is_never_below() -> None:
    (episode,) = live(after_drop(*[70.0] * 20))
    assert episode.below == 5


# --- Spring Festival --------------------------------------------------------------------------------------------------


def closed_for_the_festival(day: int) -> float:
    """A factory that closes from six days before Spring Festival to nine days after it, every year."""
    today = date.fromordinal(day)
    return 5.0 if any(-6 <= (today - spring_festival(year)).days <= 9 for year in (2022, 2023)) else 100.0


def guarded_days(use_of: Callable[[int], float | None], first: date, last: date, *, lunar: bool) -> list[date]:
    held = registry([Supply("C1", "P1")])
    rows = np.arange(1, dtype=np.int32)
    judged = subjects_by_rule([RULE], held, rows, held.scheme_order[0])[RULE.name]
    made = material(held, lambda day, _: use_of(day), lunar=lunar)
    days = range(first.toordinal(), last.toordinal() + 1)
    crossed = (day for day in days if evaluate(RULE, OPTIONS, judged, day, made).facts.crossing["guarded"][0])
    return [date.fromordinal(day) for day in crossed]


def test_a_factory_closed_every_spring_festival_opens_nothing() -> None:
    span = (date(2022, 12, 15), date(2023, 4, 1))
    assert spring_festival(2022) == date(2022, 2, 1)
    assert spring_festival(2023) == date(2023, 1, 22)
    assert guarded_days(closed_for_the_festival, *span, lunar=True) == []


def test_without_alignment_it_would_open() -> None:
    """In 2024 the festival came nineteen days later than in 2023: by the date, the factory worked last year."""

    def closed(day: int) -> float:
        today = date.fromordinal(day)
        return 5.0 if any(-6 <= (today - spring_festival(year)).days <= 9 for year in (2023, 2024)) else 100.0

    span = (date(2024, 1, 1), date(2024, 3, 31))
    assert guarded_days(closed, *span, lunar=True) == []
    assert date(2024, 2, 4) < guarded_days(closed, *span, lunar=False)[0] < date(2024, 2, 19)  # while it is closed


def test_a_factory_that_stays_closed_after_the_festival_opens_all_the_same() -> None:
    """Last year it was back after nine days; this year it is not."""

    def use(day: int) -> float:
        return 5.0 if day >= date(2023, 1, 16).toordinal() else closed_for_the_festival(day)

    found = guarded_days(use, date(2022, 12, 15), date(2023, 4, 1), lunar=True)
    assert found
    assert found[0] > date(2023, 1, 31)


# --- whom it judges ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customer", "judged"),
    [
        (Customer("C1", CustomerClass.A1), True),
        (Customer("C1", CustomerClass.A2), True),
        (Customer("C1", CustomerClass.A3), True),
        (Customer("C1", CustomerClass.B1), False),
        (Customer("C1", CustomerClass.B2), False),
        (Customer("C1", CustomerClass.A1, wheeling=True), False),
    ],
)
def test_residential_and_wheeling_customers_are_left_out(customer: Customer, judged: bool) -> None:
    held = registry([Supply("C1", "P1")], customers={"C1": customer})
    assert subjects(held, held.scheme_order[0]) == ((SUBJECT,) if judged else ())


def subjects(held: Registry, scheme: DayScheme) -> tuple[str, ...]:
    return subjects_by_rule([RULE], held, held.schemes[scheme], scheme)[RULE.name].names


def test_a_customer_is_judged_once_for_each_commodity() -> None:
    held = registry(
        [Supply("C1", "E1"), Supply("C1", "E2"), Supply("C1", "G1"), Supply("C2", "G2")],
        commodity={"G1": Commodity.GAS, "G2": Commodity.GAS},
    )
    power, gas = meter_day(Commodity.ELECTRICITY, "Asia/Shanghai"), meter_day(Commodity.GAS, "Asia/Shanghai")
    assert subjects(held, power) == ("C1/electricity",)
    assert subjects(held, gas) == ("C1/gas", "C2/gas")


def test_a_customer_in_two_zones_is_judged_when_the_later_day_has_closed() -> None:
    held = registry([Supply("C1", "E1"), Supply("C1", "E2"), Supply("C2", "E1", 0, 1)], zones={"E2": "Europe/Rome"})
    shanghai, rome = held.scheme_order
    assert (shanghai.zone, rome.zone) == ("Asia/Shanghai", "Europe/Rome")
    assert subjects(held, shanghai) == ("C2/electricity",)
    assert subjects(held, rome) == ("C1/electricity",)
