"""The episode of the churn rule against hand-written days (RULES churn-warn, churn-potential).

"The denominator is frozen as baseline and D-6 is day 1. Stage 2 at day 30 when at least 80 % of the known days are
< 0.70 × baseline; it closes after 7 consecutive known days >= 0.75 × baseline and re-bases at day 45."
"""

from dataclasses import replace
from math import isclose

import pytest

from detectors import episodes
from detectors.rules.churn import RULE, ChurnOptions
from meterwatch.core.model.alerts import Episode
from tests.support.churn import OPTIONS, judge
from tests.support.rules import Days


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
