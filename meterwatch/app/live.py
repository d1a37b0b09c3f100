"""Live rules: judged on each batch of new readings, committed before the batch is released."""

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from detectors.episodes import one_day
from detectors.evaluate import judge_peaks
from detectors.rule import AnyRule
from meterwatch.app import metrics
from meterwatch.core.clock import Clock
from meterwatch.core.instants import from_ms
from meterwatch.core.model.alerts import AlertChanges, FactRow
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.core.model.registry import Registry
from meterwatch.core.ports import Commit, EvaluationLedger
from meterwatch.core.registers import MAX_GAP_MS, Intervals, intervals
from notifier.metrics import count_held
from notifier.roster import Roster
from notifier.routing import owed
from notifier.site import Site

_LATEST = 2  # of each series these are remembered, so that readings that overtook each other are judged as well,
_REMEMBERED = 3  # and one more

_Series = tuple[int, int]  # usage point, reading type
_At = tuple[int, float]  # UTC ms, value


class Live:
    """Judges live rules on the rates between successive readings.

    Only meter days whose evaluation has not begun are judged here; when a day closes, the same rule judges all of it, so
    that what a batch could not see (a late reading, the first after a restart) is not missed.
    """

    def __init__(
        self, ledger: EvaluationLedger, rules: Sequence[AnyRule], options: Mapping[str, object], site: Site, clock: Clock
    ) -> None:
        self._ledger, self._site, self._clock, self._options = ledger, site, clock, options
        self._rules = [rule for rule in rules if rule.live_by]
        self._recent: dict[_Series, list[_At]] = {}

    def prime(self, batch: ReadingBatch) -> None:
        """Remember the last readings before a start, so that the first new ones have neighbours.

        ``batch`` must hold none that will be judged: what is remembered counts as judged.
        """
        self._remember(batch)

    def judge(self, batch: ReadingBatch, registry: Registry) -> None:
        """Judge new readings and commit the alerts they open; doing it twice changes nothing.

        They are remembered only when all is committed: after a ledger that did not answer they are judged again.
        """
        begun = self._ledger.begun_days()
        batch = _recent_enough(batch, registry, begun)
        if not len(batch):
            return
        steps = intervals(self._with_recent(batch), registry.meters)
        rank = registry.scheme_rank[steps.point]
        for index in np.unique(rank).tolist():
            scheme = registry.scheme_order[index]
            own = steps.take(rank == index)
            days = scheme.days(own.end)
            for day in np.unique(days[days > begun.get(scheme.name, -1)]).tolist():
                self._judge_day(own.take(days == day), day, registry)
        self._remember(batch)

    def _judge_day(self, steps: Intervals, day: int, registry: Registry) -> None:
        rates = steps.rates()
        steps, rates = steps.take(~np.isnan(rates)), rates[~np.isnan(rates)]
        order = np.lexsort((rates, steps.point))
        highest = order[np.flatnonzero(np.diff(steps.point[order], append=-1))]
        rows, peak, ends = steps.point[highest], rates[highest], steps.end[highest]
        for rule in self._rules:
            judged = judge_peaks(rule, self._options[rule.name], registry, rows, day, peak)
            crossing = np.flatnonzero(judged.facts.crossing[rule.alerting]).tolist()
            if crossing:
                facts = judged.facts.rows(rule.name, judged.subjects.names, crossing)
                happened = {fact.subject: from_ms(int(ends[row])) for fact, row in zip(facts, crossing, strict=True)}
                self._commit(rule, facts, day, happened, registry)

    def _commit(
        self, rule: AnyRule, facts: Sequence[FactRow], day: int, happened: Mapping[str, datetime], registry: Registry
    ) -> None:
        subjects = [fact.subject for fact in facts]
        known = {fact.subject: fact for fact in self._ledger.facts(rule.name, day, day, subjects)}
        higher = [fact for fact in facts if _exceeds(fact, known.get(fact.subject), rule.live_by)]
        present = {a.episode.subject for a in self._ledger.alerts(rule.name, day, subjects) if a.episode.opened_day == day}
        found = (one_day(rule, fact, closed=False) for fact in facts if fact.subject not in present)
        changes = AlertChanges(opened=tuple(episode for episode in found if episode is not None))
        if not (higher or changes):
            return
        now = self._clock.now()
        at = {episode.key: happened[episode.subject] for episode in changes.opened}
        roster = Roster(registry, self._ledger.absences(), self._site.day(now))
        owes = owed(changes, roster, self._site, now, at, self._ledger.exclusions(), self._ledger.sent_lately(now))
        self._ledger.commit(
            Commit(
                now=now,
                registry=registry.number,
                facts=higher,
                changes=changes,
                suppressed=owes.suppressed,
                duties=owes.duties,
                voided=owes.voided,
                messages=owes.messages,
            )
        )
        metrics.count(changes)
        count_held(owes.messages)

    def _with_recent(self, batch: ReadingBatch) -> ReadingBatch:
        """Return the batch with the readings that came before it of each series, sorted as ``intervals`` wants it."""
        new = {(point, kind, time): value for point, kind, time, value in _rows(batch)}
        old = {
            (*series, time): value
            for series in {(point, kind) for point, kind, _ in new}
            for time, value in self._recent.get(series, ())
        }
        keys, values = zip(*sorted((old | new).items()), strict=True) if new else ((), ())
        points, kinds, times = zip(*keys, strict=True) if keys else ((), (), ())
        nothing = np.zeros(len(keys))
        return ReadingBatch.of(points, kinds, times, values, nothing, nothing)

    def _remember(self, batch: ReadingBatch) -> None:
        for point, kind, time, value in _rows(batch):
            recent = self._recent.setdefault((point, kind), [])
            if (time, value) not in recent:
                insort(recent, (time, value))
            if len(recent) > _REMEMBERED:
                # Of the oldest the highest stays: a register that fell to 0 is measured against it when it comes back.
                recent[:-_LATEST] = [max(recent[:-_LATEST], key=itemgetter(1))]


def _recent_enough(batch: ReadingBatch, registry: Registry, begun: Mapping[str, int]) -> ReadingBatch:
    """Return the readings of days not begun, and those of the last hours before: all of a backfill is neither."""
    horizon = np.full(len(registry.scheme_order), np.iinfo(np.int64).min)
    for index, scheme in enumerate(registry.scheme_order):
        if scheme.name in begun:
            horizon[index] = scheme.end(begun[scheme.name]) - 2 * MAX_GAP_MS
    return batch.take(batch.time > horizon[registry.scheme_rank[batch.usage_point]])


def _rows(batch: ReadingBatch) -> Iterator[tuple[int, int, int, float]]:
    columns: tuple[NDArray[np.generic], ...] = (batch.usage_point, batch.reading_type, batch.time, batch.value)
    return zip(*(column.tolist() for column in columns), strict=True)


def _exceeds(fact: FactRow, known: FactRow | None, figure: str) -> bool:
    return known is None or fact.figures[figure] > known.figures[figure]
