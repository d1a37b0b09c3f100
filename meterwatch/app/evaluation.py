"""Judging meter days: each once when it closes, and again from the first day that late or corrected readings touched."""

import logging
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from detectors import daily, episodes
from detectors.evaluate import Judged, Material, Subjects, evaluate, orphans, subjects_by_rule
from detectors.rule import AnyRule
from meterwatch.app import metrics
from meterwatch.core.calendar import DayScheme
from meterwatch.core.corrections import as_readings, overlay
from meterwatch.core.instants import from_ms, to_ms
from meterwatch.core.model.alerts import AlertChanges, DirtyDay, Episode, FactRow
from meterwatch.core.model.registry import Registry
from meterwatch.core.ports import Commit, EpisodeState, EvaluationLedger, ReadingStore
from meterwatch.core.registers import intervals
from notifier.alerts import reconcile
from notifier.metrics import count_held
from notifier.roster import Roster
from notifier.routing import owed
from notifier.site import Site

log = logging.getLogger(__name__)

LATE_DAYS = 45  # late data re-evaluates its day this far back; older days only get their totals anew
_DIRTY_CHUNK = 20_000
_DIRTY_CHUNKS = 10  # of one step: while a long backfill goes on, days close and must not wait for its end


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules and their options by name, and what days are judged by besides."""

    rules: Sequence[AnyRule]
    options: Mapping[str, object]
    daily: daily.DailyOptions
    lunar: bool
    close_after: timedelta


@dataclass(frozen=True, slots=True)
class Judgement:
    """What judging some subjects came to, for one rule. ``since``: whose memory is replaced from which day on."""

    rule: AnyRule
    facts: Sequence[FactRow]
    states: Sequence[EpisodeState]
    changes: AlertChanges
    since: Mapping[str, int]


class Evaluation:
    """Runs the rules over closed meter days and commits what they say."""

    def __init__(self, store: ReadingStore, ledger: EvaluationLedger, rules: RuleSet, site: Site) -> None:
        self._store, self._ledger, self._rules, self._site = store, ledger, rules, site

    def rule_names(self) -> list[str]:
        """Return the names of the rules that are judged."""
        return [rule.name for rule in self._rules.rules]

    def step(self, now: datetime, registry: Registry) -> int:
        """Evaluate every day that has closed by ``now`` and every dirty one; return how many days were judged."""
        judged = 0
        done = self._ledger.done_days()
        for scheme in registry.schemes:  # those that end first lead: a customer in several zones is judged by the last
            for day in self._closed(scheme, done[scheme.name], now):
                self.evaluate_day(scheme, day, now, registry)
                judged += 1
        for _ in range(_DIRTY_CHUNKS):
            if not self.evaluate_dirty(now, registry):
                break
            judged += 1
        return judged

    def open_schemes(self, now: datetime, registry: Registry) -> None:
        """Note for every meter-day scheme not seen before that the day ``now`` lies in is the first to be judged."""
        for scheme in registry.schemes:
            first = int(scheme.days(np.array([to_ms(now) + 1], np.int64))[0])
            self._ledger.open_scheme(scheme.name, first, now)

    def next_due(self, registry: Registry) -> datetime | None:
        """Return when the next meter day is to be evaluated, None if nothing is known yet."""
        done = self._ledger.done_days()
        due = [self._due(scheme, done[scheme.name] + 1) for scheme in registry.schemes if scheme.name in done]
        return min(due, default=None)

    def _due(self, scheme: DayScheme, day: int) -> datetime:
        return from_ms(scheme.end(day)) + self._rules.close_after

    def _closed(self, scheme: DayScheme, done: int, now: datetime) -> Iterator[int]:
        """Yield the days after ``done`` that have closed by ``now``."""
        while self._due(scheme, done + 1) <= now:
            done += 1
            yield done

    # --- a day that closes ---------------------------------------------------------------------------------------

    def evaluate_day(self, scheme: DayScheme, day: int, now: datetime, registry: Registry) -> None:
        """Judge ``day`` for every usage point of ``scheme`` and commit what it comes to."""
        self._ledger.begin_day(scheme.name, day, now)
        rows = registry.schemes[scheme]
        self.write_totals(scheme, day, rows, registry)
        first_days = self._ledger.first_days()
        judging = [other for other in registry.schemes if first_days[other.name] <= day]
        found = []
        for rule, subjects in self._subjects(registry, rows, scheme):
            if not rule.judges(day):
                continue
            judged = self._evaluate(rule, subjects, day, registry)
            before = {episode.subject: episode for episode in self._ledger.states(rule.name, day - 1)}
            facts = judged.facts.rows(rule.name, subjects.names, _worth_a_look(judged, before))
            judgement = self._judgement(rule, facts, before, frozenset(subjects.names), day, day)
            # At whom nobody looks, nobody says of him that it is over: should he come back, it goes on.
            unseen = orphans(registry, rule, before.keys() - subjects.names, judging) if before else []
            kept = [EpisodeState(day, before[name]) for name in unseen]
            found.append(replace(judgement, states=[*judgement.states, *kept]))
        self._commit(found, scheme, registry, now, until=day, done=(scheme.name, day))
        metrics.DAYS_EVALUATED.inc()

    def write_totals(self, scheme: DayScheme, day: int, rows: NDArray[np.int32], registry: Registry) -> None:
        """Recompute and store the day totals of ``rows`` from the stored readings and what was corrected of them."""
        start, end = daily.reading_range(scheme, day)
        corrected = as_readings(self._ledger.corrections(start, end), registry)  # those of other rows change nothing
        readings = overlay(self._store.read(start, end, rows), corrected)
        steps = intervals(readings, registry.meters)
        self._store.write_totals(daily.totals(steps, scheme, day, rows))

    # --- days that late or corrected readings touched ----------------------------------------------------------------

    def evaluate_dirty(self, now: datetime, registry: Registry) -> bool:
        """Judge again what the oldest dirty days touch, and clear them; False if nothing was dirty."""
        dirty = [entry for entry in self._ledger.dirty_days(_DIRTY_CHUNK) if entry.point < len(registry.codes)]
        if not dirty:
            return False
        self._totals_again(dirty, registry)
        for scheme in registry.schemes:
            self._again(scheme, dirty, now, registry)
        # Only now that every scheme has judged: a crash in between judges all of them once more.
        self._ledger.commit(Commit(now, registry.number, cleared=dirty))
        metrics.DIRTY_DAYS.inc(len(dirty))
        return True

    def _totals_again(self, dirty: Sequence[DirtyDay], registry: Registry) -> None:
        def scheme_and_day(entry: DirtyDay) -> tuple[int, int]:
            return int(registry.scheme_rank[entry.point]), entry.day

        for (rank, day), entries in groupby(sorted(dirty, key=scheme_and_day), key=scheme_and_day):
            points = np.unique(np.array([entry.point for entry in entries], np.int32))
            self.write_totals(registry.scheme_order[rank], day, points, registry)

    def _again(self, scheme: DayScheme, dirty: Sequence[DirtyDay], now: datetime, registry: Registry) -> None:
        """Judge again by ``scheme`` whomever the dirty points belong to, from the first dirty day that is not too old."""
        done = self._ledger.done_days()[scheme.name]
        touched = [entry for entry in dirty if done - LATE_DAYS < entry.day <= done]
        if touched:
            points = np.unique(np.array([entry.point for entry in touched], np.int32))
            first = max(min(entry.day for entry in touched), self._ledger.first_days()[scheme.name])
            found = self._judge_again(scheme, points, first, done, registry)
            self._commit(found, scheme, registry, now, until=done)

    def _judge_again(
        self, scheme: DayScheme, points: NDArray[np.int32], first: int, done: int, registry: Registry
    ) -> list[Judgement]:
        """Judge the days ``first`` .. ``done`` for the subjects of the touched usage points."""
        found = []
        for rule, subjects in self._subjects(registry, points, scheme):
            facts = [
                fact
                for day in filter(rule.judges, range(first, done + 1))
                for fact in self._evaluate(rule, subjects, day, registry).facts.rows(
                    rule.name, subjects.names, range(len(subjects.names))
                )
            ]
            before = {e.subject: e for e in self._ledger.states(rule.name, first - 1, subjects.names)}
            judgement = self._judgement(rule, facts, before, frozenset(subjects.names), first, done)
            found.append(replace(judgement, since=dict.fromkeys(subjects.names, first)))
        return found

    # --- shared --------------------------------------------------------------------------------------------------

    def _subjects(
        self, registry: Registry, rows: NDArray[np.int32], scheme: DayScheme
    ) -> Iterator[tuple[AnyRule, Subjects]]:
        found = subjects_by_rule(self._rules.rules, registry, rows, scheme)
        return ((rule, found[rule.name]) for rule in self._rules.rules if found[rule.name].names)

    def _evaluate(self, rule: AnyRule, subjects: Subjects, day: int, registry: Registry) -> Judged:
        store, rules = self._store, self._rules
        material = Material(registry, store.read_totals, store.read, rules.daily, rules.lunar)
        return evaluate(rule, rules.options[rule.name], subjects, day, material)

    def _judgement(
        self, rule: AnyRule, facts: Sequence[FactRow], before: Mapping[str, Episode], names: Set[str], since: int, until: int
    ) -> Judgement:
        """Run the rule's episodes over ``facts`` and compare with the alerts the ledger holds for ``names``."""
        run = episodes.run(rule, self._rules.options[rule.name], before, facts)
        lived = {(state.episode.subject, state.day) for state in run.states}
        lived |= {(episode.subject, episode.closed_day) for episode in run.seen if episode.closed_day is not None}
        kept = [fact for fact in facts if fact.crossing or (fact.subject, fact.day) in lived]
        have = [
            alert
            for alert in self._ledger.alerts(rule.name, since)
            if alert.episode.subject in names and alert.episode.opened_day <= until
        ]
        replaced = {alert.episode.subject: since for alert in have}
        return Judgement(rule, kept, run.states, reconcile(have, run.seen), replaced)

    def _commit(
        self,
        found: Sequence[Judgement],
        scheme: DayScheme,
        registry: Registry,
        now: datetime,
        *,
        until: int,
        done: tuple[str, int] | None = None,
    ) -> None:
        changes = AlertChanges(
            tuple(episode for one in found for episode in one.changes.opened),
            tuple(pair for one in found for pair in one.changes.changed),
            tuple(alert for one in found for alert in one.changes.withdrawn),
        )
        happened = {episode.key: from_ms(scheme.end(episode.opened_day)) for episode in changes.opened}
        roster = Roster(registry, self._ledger.absences(), self._site.day(now))
        owes = owed(changes, roster, self._site, now, happened, self._ledger.exclusions(), self._ledger.sent_lately(now))
        commit = Commit(
            now=now,
            registry=registry.number,
            rules=[one.rule.name for one in found],
            since={subject: day for one in found for subject, day in one.since.items()},
            until=until,
            facts=[fact for one in found for fact in one.facts],
            states=[state for one in found for state in one.states],
            changes=changes,
            suppressed=owes.suppressed,
            duties=owes.duties,
            voided=owes.voided,
            messages=owes.messages,
            done=done,
        )
        self._ledger.commit(commit)
        metrics.count(changes)
        count_held(owes.messages)


def _worth_a_look(judged: Judged, before: Mapping[str, Episode]) -> list[int]:
    """Return the rows that cross a bound or have an open episode; the rest of a day's facts is forgotten at once."""
    crossing = np.zeros(len(judged.subjects.names), np.bool_)
    for mask in judged.facts.crossing.values():
        crossing |= mask
    return [row for row, name in enumerate(judged.subjects.names) if crossing[row] or name in before]
