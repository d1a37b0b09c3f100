"""Facts, episodes and alerts as the ledger keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from meterwatch.core.model.phrase import Phrase


@dataclass(frozen=True, slots=True)
class FactRow:
    """What a rule saw on one meter day of one subject.

    ``subject`` is a usage point code, or ``CUSTOMER/commodity``. ``crossing`` names the policies whose bound was crossed.
    ``figures`` are the rule's declared columns; a figure that is not known is absent.
    """

    rule: str
    subject: str
    day: int
    crossing: tuple[str, ...]
    figures: Mapping[str, float]


class AlertKey(NamedTuple):
    """What makes an alert this alert: one per rule, policy, subject and opening day."""

    rule: str
    policy: str
    subject: str
    opened_day: int


class Stage(NamedTuple):
    """A step of an episode and the meter day it was reached on."""

    name: str
    day: int


STAGE_TEXT: dict[str, Phrase] = {"warn": Phrase("warning", "预警"), "potential": Phrase("potential churn", "潜在流失")}
CLOSED_WHY_TEXT: dict[str, Phrase] = {
    "": Phrase("", ""),
    "recovered": Phrase("recovered", "已恢复"),
    "rebased": Phrase("new normal", "已成新常态"),
    "day over": Phrase("day over", "当日结束"),
    "reporting again": Phrase("reporting again", "已恢复上报"),
}


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert's memory: what was frozen when it opened and what has been counted since. Days are ordinals.

    ``known`` and ``below`` count known days since ``start_day`` (day 1) and those below the bound; ``recovered`` is the
    present run of recovered days.
    """

    rule: str
    policy: str
    subject: str
    opened_day: int
    start_day: int
    baseline: float = 0.0
    known: int = 0
    below: int = 0
    recovered: int = 0
    stages: tuple[Stage, ...] = ()
    closed_day: int | None = None
    closed_why: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> AlertKey:
        """The identity under which reconciliation finds it again."""
        return AlertKey(self.rule, self.policy, self.subject, self.opened_day)


class DirtyDay(NamedTuple):
    """A meter day of a usage point whose readings changed after its first evaluation began; ``mark`` names the change."""

    day: int
    point: int
    mark: int


@dataclass(frozen=True, slots=True)
class Alert:
    """An episode the ledger holds: when it was committed, under which registry snapshot, and what silenced it."""

    id: int
    episode: Episode
    opened_at: datetime
    registry: int
    suppressed: str = ""
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertChanges:
    """The difference between what the ledger holds and what the facts say."""

    opened: tuple[Episode, ...] = ()
    changed: tuple[tuple[Alert, Episode], ...] = ()
    withdrawn: tuple[Alert, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.withdrawn)
