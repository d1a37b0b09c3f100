"""Live rules: judged on each batch of new readings, committed before the batch is released."""

from collections.abc import Mapping, Sequence

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
from meterwatch.core.registers import Intervals, intervals
from notifier.routing import Site, owed


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
        self._last: dict[tuple[int, int], tuple[int, float]] = {}

    def prime(self, batch: ReadingBatch) -> None:
        """Remember the last readings before a start, so that the first new ones have a neighbour."""
        self._remember(batch)

    def judge(self, batch: ReadingBatch, registry: Registry) -> None:
        """Judge new readings and commit the alerts they open; doing it twice changes nothing."""
        steps = intervals(self._with_last(batch), registry.meters)
        self._remember(batch)
        rank = registry.scheme_rank[steps.point] if len(steps) else np.empty(0, np.int64)
        begun = self._ledger.begun_days()
        for index in np.unique(rank).tolist():
            scheme = registry.scheme_order[index]
            own = steps.take(rank == index)
            days = scheme.days(own.end)
            for day in np.unique(days[days > begun.get(scheme.name, -1)]).tolist():
                self._judge_day(own.take(days == day), day, registry)

    def _judge_day(self, steps: Intervals, day: int, registry: Registry) -> None:
        rows, which = np.unique(steps.point, return_inverse=True)
        peak = np.full(len(rows), -np.inf)
        np.fmax.at(peak, which, steps.rates())
        for rule in self._rules:
            judged = judge_peaks(rule, self._options[rule.name], registry, rows, day, peak)
            crossing = np.flatnonzero(judged.facts.crossing[rule.alerting]).tolist()
            if crossing:
                facts = judged.facts.rows(rule.name, judged.subjects.names, crossing)
                self._commit(rule, facts, day, steps, registry)

    def _commit(self, rule: AnyRule, facts: Sequence[FactRow], day: int, steps: Intervals, registry: Registry) -> None:
        subjects = [fact.subject for fact in facts]
        known = {fact.subject: fact for fact in self._ledger.facts(rule.name, day, day, subjects)}
        higher = [fact for fact in facts if _exceeds(fact, known.get(fact.subject), rule.live_by)]
        present = {a.episode.subject for a in self._ledger.alerts(rule.name, day, subjects) if a.episode.opened_day == day}
        found = (one_day(rule, fact, closed=False) for fact in facts if fact.subject not in present)
        changes = AlertChanges(opened=tuple(episode for episode in found if episode is not None))
        if not (higher or changes):
            return
        now = self._clock.now()
        at = from_ms(int(steps.end.max()))
        owes = owed(changes, registry, self._site, now, {episode.key: at for episode in changes.opened})
        self._ledger.commit(
            Commit(
                now=now,
                registry=registry.number,
                facts=higher,
                changes=changes,
                suppressed=owes.suppressed,
                duties=owes.duties,
                messages=owes.messages,
            )
        )
        metrics.count(changes)

    def _with_last(self, batch: ReadingBatch) -> ReadingBatch:
        """Return the batch with the reading that came before it for each point and type, sorted as intervals wants it."""
        keys = np.unique(np.stack([batch.usage_point, batch.reading_type]), axis=1).T.tolist()
        before = [(point, kind, *self._last[point, kind]) for point, kind in keys if (point, kind) in self._last]
        points, kinds, times, values = zip(*before, strict=True) if before else ((), (), (), ())
        nothing = np.zeros(len(before))
        joined = ReadingBatch.join([ReadingBatch.of(points, kinds, times, values, nothing, nothing), batch])
        order = np.lexsort((joined.time, joined.reading_type, joined.usage_point))
        return joined.take(order)

    def _remember(self, batch: ReadingBatch) -> None:
        order = np.argsort(batch.time, kind="stable")
        columns: tuple[NDArray[np.generic], ...] = (batch.usage_point, batch.reading_type, batch.time, batch.value)
        for point, kind, time, value in zip(*(column[order].tolist() for column in columns), strict=True):
            if time >= self._last.get((point, kind), (time, 0.0))[0]:
                self._last[point, kind] = (time, value)


def _exceeds(fact: FactRow, known: FactRow | None, figure: str) -> bool:
    return known is None or fact.figures[figure] > known.figures[figure]
