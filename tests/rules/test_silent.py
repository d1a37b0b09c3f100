"""Silent meters: unknown days in a row of a usage point that was known before (RULES use-validate; duties, process).

Days are written oldest first, the judged one last: a figure is a known use, None nothing known.
"""

from collections.abc import Iterable

import numpy as np
import pytest

from detectors import episodes
from detectors.rules.silent import LOOKBACK, RULE, SilentOptions
from meterwatch.core.model.alerts import Episode, FactRow
from tests.support.rules import Days, given, window


def judge(days: Days, options: SilentOptions = RULE.options) -> FactRow:
    padded = [*[None] * (LOOKBACK + 1 - len(days)), *days][-LOOKBACK - 1 :]
    return RULE.judge(given(RULE, window(padded)), options).rows(RULE.name, ["P1"], [0])[0]


def live(days: Days, options: SilentOptions = RULE.options) -> tuple[Episode, ...]:
    """Judge each of ``days``, the first is day 1, and return the episodes."""
    facts = []
    for last in range(1, len(days) + 1):
        fact = judge(days[:last], options)
        facts.append(FactRow(fact.rule, fact.subject, last, fact.crossing, fact.figures))
    return episodes.run(RULE, options, {}, facts).seen


def spans(found: Iterable[Episode]) -> list[tuple[int, int, int | None]]:
    return [(episode.start_day, episode.opened_day, episode.closed_day) for episode in found]


@pytest.mark.parametrize(
    ("days", "silent", "crosses"),
    [
        ([1.0, 1.0], 0, False),
        ([1.0, None], 1, False),
        ([1.0, None, None], 2, True),
        ([1.0, None, None, None], 3, True),
        ([0.0, 0.0, 0.0], 0, False),  # no use is known
        ([0.0, None, None], 2, True),
        ([1.0, None, None, 0.0], 0, False),
        ([1.0, None, 1.0, None], 1, False),  # in a row
        ([1.0, *[None] * LOOKBACK], LOOKBACK, True),
        ([1.0, *[None] * (LOOKBACK + 1)], None, False),  # it was known longer ago than is looked at
        ([None] * 5, None, False),  # never known
    ],
)
def test_it_is_silent_after_two_unknown_days_in_a_row(days: Days, silent: int | None, crosses: bool) -> None:
    found = judge(days)
    assert found.figures.get("silent_days") == silent
    assert (found.crossing == ("literal",)) is crosses


def test_known_days_are_counted() -> None:
    assert judge([1.0, None, 0.0, -1.0, None, None]).figures == {"silent_days": 2.0, "known_days": 3.0}


@pytest.mark.parametrize("days", [1, 2, 5, 30])
def test_after_how_many_days_is_a_setting(days: int) -> None:
    for unknown in (days - 1, days):
        assert (judge([1.0, *[None] * unknown], SilentOptions(days)).crossing == ("literal",)) is (unknown == days)


def test_it_opens_on_the_second_day_starts_on_the_first_and_ends_when_known_again() -> None:
    (episode,) = live([1.0, None, None, None, None, 0.0, 1.0])
    assert spans([episode]) == [(2, 3, 6)]
    assert episode.closed_why == "reporting again"
    assert [tuple(stage) for stage in episode.stages] == [("warn", 3)]


def test_silent_for_longer_than_it_looks_back_it_stays_open() -> None:
    (episode,) = live([1.0, *[None] * 80])
    assert spans([episode]) == [(2, 3, None)]
    (episode,) = live([1.0, *[None] * 80, 5.0, None])
    assert spans([episode]) == [(2, 3, 82)]


def test_each_silence_is_an_episode_of_its_own() -> None:
    assert spans(live([1.0, None, None, 1.0, None, 1.0, None, None, None])) == [(2, 3, 4), (7, 8, None)]


def test_who_was_never_known_does_not_open() -> None:
    assert live([None] * 60) == ()


def test_a_whole_fleet_is_counted_point_by_point() -> None:
    made = given(RULE, window(*([1.0] * (LOOKBACK + 1 - silent) + [None] * silent for silent in range(LOOKBACK + 1))))
    facts = RULE.judge(made, RULE.options)
    np.testing.assert_array_equal(facts.figures["silent_days"], np.arange(LOOKBACK + 1))
