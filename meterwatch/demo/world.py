"""What the service came to, as values, beside the script it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from math import nan
from typing import NamedTuple, Self

from ingest.outcomes import Balance
from meterwatch.app.books import Books
from meterwatch.core.model.alerts import Alert, FactRow
from meterwatch.core.model.duties import Duty
from meterwatch.core.model.judgements import Judgement
from meterwatch.core.model.messages import Message
from meterwatch.core.model.readings import DayTotals
from meterwatch.core.model.registry import Registry
from meterwatch.core.ports import ReadingStore
from meterwatch.demo.fleet import PLAY_START, Fleet, Kind, Point
from meterwatch.demo.script import Script
from meterwatch.stores.ledger.work import Wanted

FIRST_DAY = PLAY_START.date().toordinal()
LAST_DAY = date(2023, 3, 31).toordinal()
_ALL = 10**6
_WHOLE = 0.999  # of a day, from which on its total is held against the truth
_ROUNDING = {Kind.REGISTER: 0.011, Kind.INTERVAL: 0.024, Kind.FLOW: 0.024}  # of a day, in units of the display


class Total(NamedTuple):
    """Use of a point on a day, the share of it that is known, and its quality bits; as it stands here, nothing is known."""

    use: float = nan
    known: float = 0.0
    quality: int = 0

    @property
    def whole(self) -> bool:
        """Whether all of the day is known."""
        return self.known >= _WHOLE


@dataclass(frozen=True)
class World:
    """What the service came to, and the script it is held against. Days are ordinals."""

    script: Script
    points: Sequence[str]
    """Code of each row of the totals."""
    day_totals: DayTotals
    alerts: Sequence[Alert]
    """All that were not withdrawn, oldest first."""
    churn_facts: Sequence[FactRow]
    tasks: Sequence[Duty]
    messages: Sequence[Message]
    judgements: Sequence[Judgement]
    rejects: Mapping[str, int]
    balance: Balance
    stored: int
    """Readings in the store."""

    @classmethod
    def of(cls, script: Script, books: Books, store: ReadingStore, registry: Registry, balance: Balance) -> Self:
        """Return what stands in the books and the store."""
        evaluation = books.ledger.evaluation
        churn_facts = evaluation.facts("churn", FIRST_DAY, LAST_DAY)
        alerts = [alert for alert in evaluation.all_alerts(closed=True, limit=_ALL) if alert.withdrawn_at is None]
        return cls(
            script,
            registry.codes,
            store.read_totals(FIRST_DAY, LAST_DAY),
            alerts[::-1],
            churn_facts,
            books.ledger.work.tasks(Wanted(finished=True), limit=None),
            books.ledger.outbox.messages(limit=_ALL),
            books.ledger.judgements.judgements({fact.subject for fact in churn_facts}),
            books.ledger.ingest.reject_counts(),
            balance,
            store.count(),
        )

    @property
    def fleet(self) -> Fleet:
        """The fleet that played."""
        return self.script.fleet

    @cached_property
    def _totals(self) -> dict[tuple[str, int], Total]:
        totals = self.day_totals
        columns = (totals.usage_point, totals.day, totals.use, totals.known, totals.quality)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return {(self.points[row], day): Total(*rest) for row, day, *rest in rows}

    def total(self, point: Point, day: int) -> Total:
        """Return the total of one point and day."""
        return self._totals.get((point.code, day), Total())

    def true_use(self, point: Point, day: int) -> float:
        """Return what the point truly used on that day."""
        return self.script.truth.day_use(point, day)

    def is_right(self, point: Point, day: int) -> bool:
        """Return whether the total is whole, and the truth but for the rounding of the display."""
        found, allowed = self.total(point, day), _ROUNDING[point.kind] * point.multiplier
        return found.whole and abs(found.use - self.true_use(point, day)) <= allowed
