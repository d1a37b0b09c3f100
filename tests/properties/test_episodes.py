"""Running episodes day by day with stored state, all at once, or again from any stored state comes to the same."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given as with_data
from hypothesis import settings
from hypothesis import strategies as st

from detectors import episodes
from detectors.rule import AnyRule, UsageWindow
from detectors.rules import RULES
from detectors.rules.churn import RULE as CHURN
from meterwatch.core.model.alerts import AlertKey, Episode, FactRow
from tests.support.rules import given

SUBJECTS = ("C1/electricity", "C2/gas", "C3/water")
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
some = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def lives(draw: st.DrawFn, days: int = 120) -> list[FactRow]:
    """The facts of three customers whose use moves from level to level, with gaps, some days not judged at all."""
    stretch = st.tuples(st.integers(1, 40), st.sampled_from([100.0, 100.0, 76.0, 60.0, 30.0, 0.0, None]))
    columns = []
    for _ in SUBJECTS:
        levels = [100.0] * 36 + [
            level for length, level in draw(st.lists(stretch, min_size=4, max_size=8)) for _ in range(length)
        ]
        columns.append([*levels, *[100.0] * (36 + days)][: 36 + days])
    use = np.array([[np.nan if value is None else value for value in column] for column in columns])
    windows = np.lib.stride_tricks.sliding_window_view(use, 37, axis=1)  # [subject, day, day of the window]
    made = given(CHURN, UsageWindow(0, np.ascontiguousarray(windows.reshape(-1, 37).T)))
    names = [subject for subject in SUBJECTS for _ in range(days)]
    rows = CHURN.judge(made, CHURN.options).rows(CHURN.name, names, range(len(names)))
    facts = [replace(fact, day=index % days) for index, fact in enumerate(rows)]
    missing = draw(st.sets(st.integers(0, len(facts) - 1), max_size=20))
    return [fact for index, fact in enumerate(facts) if index not in missing]


@st.composite
def crossings(draw: st.DrawFn, rule: AnyRule) -> list[FactRow]:
    """Facts of any rule: whole figures, any crossing."""
    found = []
    for subject in SUBJECTS:
        for day in sorted(draw(st.sets(st.integers(0, 60), max_size=30))):
            crossing = tuple(policy for policy in rule.policies if draw(st.booleans()))
            figures = {column.name: float(draw(st.integers(1, 9))) for column in rule.columns}
            found.append(FactRow(rule.name, subject, day, crossing, figures))
    return found


class Ledger:
    """What the ledger keeps of a rule: each episode as it last stood, and its state at the end of each day."""

    def __init__(self) -> None:
        self.seen: dict[AlertKey, Episode] = {}
        self.states: dict[tuple[str, int], Episode] = {}

    def keep(self, run: episodes.Run) -> None:
        for episode in run.seen:
            self.seen[episode.key] = episode
        for state in run.states:
            assert (state.episode.subject, state.day) not in self.states
            self.states[state.episode.subject, state.day] = state.episode

    def before(self, day: int) -> dict[str, Episode]:
        return {subject: episode for (subject, at), episode in self.states.items() if at == day}


def all_at_once(rule: AnyRule, facts: list[FactRow]) -> Ledger:
    ledger = Ledger()
    ledger.keep(episodes.run(rule, rule.options, {}, facts))
    return ledger


def every_day(facts: list[FactRow]) -> list[FactRow]:
    """Facts with a blank one for each day that was not judged: an open episode has a state on every day."""
    last = max((fact.day for fact in facts), default=0)
    present = {(fact.subject, fact.day) for fact in facts}
    blank = [
        FactRow(CHURN.name, subject, day, (), {})
        for subject in SUBJECTS
        for day in range(last + 1)
        if (subject, day) not in present
    ]
    return [*facts, *blank]


@some
@with_data(facts=lives())
def test_day_by_day_is_all_at_once(facts: list[FactRow]) -> None:
    wanted = all_at_once(CHURN, facts)
    found, open_now = Ledger(), dict[str, Episode]()
    for day in range(max(fact.day for fact in facts) + 1):
        run = episodes.run(CHURN, CHURN.options, open_now, [fact for fact in facts if fact.day == day])
        found.keep(run)
        open_now = {**open_now, **{episode.subject: episode for episode in run.seen}}
        open_now = {subject: episode for subject, episode in open_now.items() if episode.closed_day is None}
    assert found.seen == wanted.seen
    assert found.states == wanted.states


@some
@with_data(facts=lives(), again=st.integers(0, 119))
def test_starting_again_from_any_stored_state_comes_to_the_same(facts: list[FactRow], again: int) -> None:
    facts = every_day(facts)
    wanted = all_at_once(CHURN, facts)
    run = episodes.run(CHURN, CHURN.options, wanted.before(again - 1), [fact for fact in facts if fact.day >= again])
    lived = {
        key: episode for key, episode in wanted.seen.items() if episode.closed_day is None or episode.closed_day >= again
    }
    assert {episode.key: episode for episode in run.seen} == lived
    states = {(state.episode.subject, state.day): state.episode for state in run.states}
    assert states == {key: episode for key, episode in wanted.states.items() if key[1] >= again}


def _with_use(fact: FactRow, use: float | None) -> dict[str, float]:
    rest = {name: figure for name, figure in fact.figures.items() if name != "use"}
    return rest if use is None else {**rest, "use": use}


@some
@with_data(facts=lives(), changed=st.integers(0, 119), use=st.sampled_from([0.0, 100.0, None]))
def test_a_changed_day_touches_nothing_before_it(facts: list[FactRow], changed: int, use: float | None) -> None:
    """What late data may withdraw or correct began on its day or after."""
    facts = every_day(facts)
    late = [replace(fact, figures=_with_use(fact, use)) if fact.day == changed else fact for fact in facts]
    one, other = all_at_once(CHURN, facts), all_at_once(CHURN, late)
    for ledger, against in ((one, other), (other, one)):
        for (subject, day), episode in ledger.states.items():
            assert day >= changed or against.states[subject, day] == episode
        for key, episode in ledger.seen.items():
            over = episode.closed_day is not None and episode.closed_day < changed
            assert not over or against.seen[key] == episode
            assert key.opened_day >= changed or key in against.seen


@every_rule
@some
@with_data(data=st.data())
def test_subjects_are_independent_and_the_order_of_facts_is_irrelevant(rule: AnyRule, data: st.DataObject) -> None:
    facts = data.draw(lives()) if rule is CHURN else data.draw(crossings(rule))
    wanted = all_at_once(rule, facts)
    shuffled = all_at_once(rule, data.draw(st.permutations(facts)))
    assert (shuffled.seen, shuffled.states) == (wanted.seen, wanted.states)
    alone = Ledger()
    for subject in SUBJECTS:
        alone.keep(episodes.run(rule, rule.options, {}, [fact for fact in facts if fact.subject == subject]))
    assert (alone.seen, alone.states) == (wanted.seen, wanted.states)


@every_rule
@some
@with_data(data=st.data())
def test_one_episode_at_a_time(rule: AnyRule, data: st.DataObject) -> None:
    """Episodes of a subject follow each other; each opens on a crossing day of the alerting policy and only ever grows."""
    facts = data.draw(lives()) if rule is CHURN else data.draw(crossings(rule))
    run = episodes.run(rule, rule.options, {}, facts)
    crossing = {(fact.subject, fact.day) for fact in facts if rule.alerting in fact.crossing}
    for subject in SUBJECTS:
        own = [episode for episode in run.seen if episode.subject == subject]
        assert all((subject, episode.opened_day) in crossing for episode in own)
        assert all(episode.policy == rule.alerting for episode in own)
        for earlier, later in pairwise(own):
            assert earlier.closed_day is not None
            assert earlier.closed_day < later.opened_day
        if not rule.step:
            assert {episode.opened_day for episode in own} == {day for who, day in crossing if who == subject}
    for episode in run.seen:
        assert episode.start_day <= episode.opened_day <= (episode.closed_day or episode.opened_day)
        assert 0 <= episode.below <= episode.known
        assert all(episode.opened_day <= stage.day for stage in episode.stages)


def test_a_subject_nobody_looked_at_keeps_its_episode() -> None:
    open_since = Episode(CHURN.name, "guarded", SUBJECTS[0], opened_day=5, start_day=-1, baseline=100.0, known=7, below=6)
    other = FactRow(CHURN.name, SUBJECTS[1], 6, (), {"use": 100.0})
    run = episodes.run(CHURN, CHURN.options, {SUBJECTS[0]: open_since}, [other])
    assert run == episodes.Run((), ())
