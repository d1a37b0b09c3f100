"""What has memory: running episodes over the facts of successive meter days."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from detectors.rule import AnyRule
from meterwatch.core.model.alerts import Episode, FactRow, Stage
from meterwatch.core.ports import EpisodeState


@dataclass(frozen=True, slots=True)
class Run:
    """What came of running a rule's episodes over some days.

    ``seen`` holds every episode that was open on or after the first of them, as it stands after the last; ``states`` each
    one's state at the end of each day it was open.
    """

    seen: tuple[Episode, ...]
    states: tuple[EpisodeState, ...]


def run(rule: AnyRule, options: object, before: Mapping[str, Episode], facts: Iterable[FactRow]) -> Run:
    """Return the episodes after ``facts`` (any order, at most one a subject and day).

    ``before`` are the episodes open at the end of the day before, by subject. A subject without facts keeps its episode
    as it is. A rule without ``step`` raises an alert for each crossing day, closed with the day.
    """
    seen: list[Episode] = []
    states: list[EpisodeState] = []
    for subject, rows in _by_subject(facts).items():
        episode = before.get(subject)
        for fact in rows:
            episode = step(rule, options, episode, fact)
            if episode is None:
                continue
            if episode.closed_day is not None:
                seen.append(episode)
                episode = None
            else:
                states.append(EpisodeState(fact.day, episode))
        if episode is not None:
            seen.append(episode)
    return Run(tuple(seen), tuple(states))


def step(rule: AnyRule, options: object, episode: Episode | None, fact: FactRow) -> Episode | None:
    """Return the episode after one more day; the rule's own step, or the one-day alert of a rule without memory."""
    if rule.step is not None:
        return rule.step(episode, fact, options)
    return one_day(rule, fact)


def one_day(rule: AnyRule, fact: FactRow, *, closed: bool = True) -> Episode | None:
    """Return the alert of a rule without memory for a crossing day; still open while the day goes on (live rules)."""
    if rule.alerting not in fact.crossing:
        return None
    return Episode(
        rule.name,
        rule.alerting,
        fact.subject,
        opened_day=fact.day,
        start_day=fact.day,
        stages=(Stage("warn", fact.day),),
        closed_day=fact.day if closed else None,
        closed_why="day over" if closed else "",
        figures=fact.figures,
    )


def _by_subject(facts: Iterable[FactRow]) -> dict[str, list[FactRow]]:
    found: dict[str, list[FactRow]] = {}
    for fact in sorted(facts, key=lambda row: (row.subject, row.day)):
        found.setdefault(fact.subject, []).append(fact)
    return found
