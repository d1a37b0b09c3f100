"""Reconciliation is a set comparison: what it says, applied to what is there, gives what is wanted."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from meterwatch.core.model.alerts import Alert, AlertChanges, AlertKey, Episode, Stage
from notifier.alerts import reconcile
from tests.support.ledger import episode

NOW = datetime(2023, 1, 1, tzinfo=UTC)
KEYS = st.builds(
    AlertKey,
    st.sampled_from(["churn", "load"]),
    st.sampled_from(["guarded", "literal"]),
    st.sampled_from("ab"),
    st.integers(1, 3),
)


def made(key: AlertKey, closed: int | None, figure: float) -> Episode:
    return Episode(*key, start_day=1, closed_day=closed, figures={"use": figure})


EPISODES = st.builds(made, KEYS, st.sampled_from([None, 9]), st.sampled_from([1.0, 2.0]))
SETS = st.lists(EPISODES, unique_by=lambda one: one.key)


def held(episodes: Iterable[Episode]) -> list[Alert]:
    return [Alert(number, one, NOW, registry=1) for number, one in enumerate(episodes, 1)]


def applied(have: Iterable[Alert], changes: AlertChanges) -> list[Alert]:
    """What the ledger holds after ``changes``."""
    kept = {alert.id: alert for alert in have}
    for gone in changes.withdrawn:
        del kept[gone.id]
    for alert, after in changes.changed:
        assert alert.episode.key._replace(opened_day=0) == after.key._replace(opened_day=0)
        kept[alert.id] = replace(alert, episode=after)
    fresh = [Alert(1000 + number, one, NOW, registry=1) for number, one in enumerate(changes.opened)]
    return [*kept.values(), *fresh]


@given(SETS, SETS)
def test_applied_to_what_is_there_gives_what_is_wanted(have: list[Episode], want: list[Episode]) -> None:
    changes = reconcile(held(have), want)
    after = applied(held(have), changes)
    assert {one.episode.key: one.episode for one in after} == {one.key: one for one in want}
    assert len(after) == len(want)
    assert not reconcile(after, want)


@given(SETS, SETS)
def test_says_no_more_than_it_must(have: list[Episode], want: list[Episode]) -> None:
    changes = reconcile(held(have), want)
    assert all(alert.episode != after for alert, after in changes.changed)
    assert not {one.key for one in changes.opened} & {one.key for one in have}
    assert not {one.episode.key for one in changes.withdrawn} & {one.key for one in want}


@given(SETS, SETS, st.randoms())
def test_does_not_depend_on_order(have: list[Episode], want: list[Episode], random: Random) -> None:
    first = reconcile(held(have), want)
    mixed_have, mixed_want = held(have), list(want)
    random.shuffle(mixed_have)
    random.shuffle(mixed_want)
    assert reconcile(mixed_have, mixed_want) == first


def test_a_stage_an_end_or_a_figure_is_a_change() -> None:
    before = episode()
    for after in (
        replace(before, stages=(*before.stages, Stage("potential", 9))),
        replace(before, closed_day=9, closed_why="recovered"),
        replace(before, figures={"use": 1.0}),
        replace(before, known=8),
    ):
        (alert,) = held([before])
        assert reconcile([alert], [after]) == AlertChanges(changed=((alert, after),))
    assert not reconcile(held([before]), [replace(before)])


def test_an_opening_day_that_moves_is_the_same_alert() -> None:
    (alert,) = held([episode(opened_day=5)])
    for moved in (3, 6, 40):
        after = episode(opened_day=moved, start_day=moved - 6)
        changes = reconcile([alert], [after])
        assert changes == AlertChanges(changed=((alert, after),))


def test_what_was_over_before_is_another_alert() -> None:
    (alert,) = held([episode(opened_day=5, closed_day=9)])
    other = episode(opened_day=10)
    assert reconcile([alert], [other]) == AlertChanges(opened=(other,), withdrawn=(alert,))
    touching = episode(opened_day=9)
    assert reconcile([alert], [touching]).changed == ((alert, touching),)


def test_the_same_day_is_found_before_one_that_moved() -> None:
    early, late = held([episode(opened_day=5, closed_day=20), episode(opened_day=9)])
    want = [episode(opened_day=9), episode(opened_day=12)]
    assert reconcile([early, late], want).changed == ((early, want[1]),)


def test_others_are_never_mixed_up() -> None:
    (alert,) = held([episode("C1/gas")])
    later = episode(opened_day=alert.episode.opened_day + 1)
    for other in (replace(later, subject="C2/gas"), replace(later, rule="load"), replace(later, policy="literal")):
        assert reconcile([alert], [other]) == AlertChanges(opened=(other,), withdrawn=(alert,))
