"""The shape of a rule: one declaration, one pure function over arrays, and, where it has memory, one pure step.

A rule file declares ``RULE = Rule(...)`` and is named in ``detectors.rules.RULES``; settings, documentation, conformance
tests and metrics derive from the declaration.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.model.alerts import Episode, FactRow
from meterwatch.core.model.columns import Columns
from meterwatch.core.model.phrase import Phrase

BLOCK = 8192
"""Rows worked on at a time: enough that a call costs nothing, few enough that their temporaries stay in the cache."""


class Level(StrEnum):
    """Whom a rule judges."""

    POINT = "point"
    CUSTOMER = "customer"  # the sum over his points of one commodity (RULES who-sum)


@dataclass(frozen=True, slots=True)
class UsageWindow:
    """Daily use as a C-order matrix ``use[day, row]`` float64, NaN = unknown; the last day is ``last_day`` (ordinal)."""

    last_day: int
    use: NDArray[np.float64]

    @property
    def first_day(self) -> int:
        """The ordinal of row 0."""
        return self.last_day - len(self.use) + 1

    def part(self, first: int, last: int) -> "UsageWindow":
        """Return the window's days ``first`` .. ``last``."""
        return UsageWindow(last, self.use[first - self.first_day : last - self.first_day + 1])


@dataclass(frozen=True, slots=True)
class WeekReadings(Columns):
    """What meters showed in the seven meter days that end with the judged one, one entry a usage point, float64.

    ``read_days``: days with a valid reading, 0..7. ``register`` and ``intervals``: use by the register and by the sum of
    intervals over the time both know, kWh or m3. ``step``: use that one whole digit of the register stands for.
    NaN = not known, or not the rule's to ask: the point was not supplied to one customer of its scope all week.
    """

    DTYPES: ClassVar = (np.float64, np.float64, np.float64, np.float64)
    read_days: NDArray[np.float64]
    register: NDArray[np.float64]
    intervals: NDArray[np.float64]
    step: NDArray[np.float64]

    @classmethod
    def unknown(cls, rows: int) -> "WeekReadings":
        """Return a value that says nothing of ``rows`` usage points."""
        return cls.of(*(np.full(rows, np.nan) for _ in cls.DTYPES))


@dataclass(frozen=True, slots=True)
class RuleInput:
    """What a rule may look at for one judged meter day; everything has one column or entry per row.

    ``recent`` ends with the judged day and holds ``lookback`` days before it. ``last_year`` is centred on last year's day
    (lunar-aligned): ``lookback`` + ``last_year`` days before it, the day, ``last_year`` after it; None if not declared.
    ``peak`` and ``limit`` (n,): highest mean rate of the day and highest allowed rate, kW or m3/h, NaN = unknown.
    ``last_month``: the declared days that end on the same date one month earlier; ``week``: what the meters themselves
    showed; None if not declared.
    """

    day: int
    recent: UsageWindow
    last_year: UsageWindow | None
    peak: NDArray[np.float64]
    limit: NDArray[np.float64]
    last_month: UsageWindow | None = None
    week: WeekReadings | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A figure a rule reports. ``unit``: ``use`` (kWh, m3), ``rate`` (kW, m3/h), ``ratio`` or ``days``."""

    name: str
    unit: str
    meaning: Phrase


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule saw on ``day``, as columns: figures float64 (n,), NaN = not known; crossing bool (n,) by policy."""

    day: int
    figures: Mapping[str, NDArray[np.float64]]
    crossing: Mapping[str, NDArray[np.bool_]]

    def rows(self, rule: str, subjects: Sequence[str], index: Iterable[int]) -> list[FactRow]:
        """Return the facts of the rows in ``index`` as ledger rows; ``subjects[row]`` names each row."""
        return [
            FactRow(
                rule,
                subjects[row],
                self.day,
                tuple(policy for policy, crossed in self.crossing.items() if crossed[row]),
                {name: float(column[row]) for name, column in self.figures.items() if np.isfinite(column[row])},
            )
            for row in index
        ]


Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Options]):
    """A rule's declaration.

    ``judge(input, options)`` returns Facts for every row; it reads nothing but its arguments and changes none of them.
    ``step(open episode or None, fact, options)`` returns the episode after that day, closed ones included, or None; a rule
    without it raises an alert for each crossing meter day. ``alerting`` names the policy that raises alerts.
    A rule with ``live_by`` looks at nothing but ``peak`` and ``limit`` and is also judged on each appended batch; of a day's
    facts the one with the highest such figure is kept.
    A ``weekly`` rule judges whole weeks, Monday to Sunday, on their Sundays, and has no ``step``. One with ``week_readings``
    judges usage points by the readings of their meters. ``large`` narrows it to general large and important customers
    (RULES who-large, who-important). ``absence`` says that nothing known is itself a finding.
    """

    name: str
    title: Phrase
    source: str
    level: Level
    options: Options
    columns: tuple[Column, ...]
    policies: tuple[str, ...]
    alerting: str
    judge: Callable[[RuleInput, Options], Facts]
    lookback: int = 0
    last_year: int = 0
    step: Callable[[Episode | None, FactRow, Options], Episode | None] | None = None
    live_by: str = ""
    residential: bool = True
    wheeling: bool = True
    large: bool = False
    last_month: int = 0
    weekly: bool = False
    week_readings: bool = False
    absence: bool = False

    def judges(self, day: int) -> bool:
        """Return whether meter day ``day`` (ordinal) is judged: every day, or only Sundays."""
        return not self.weekly or date.fromordinal(day).isoweekday() == 7


AnyRule = Rule[Any]


def blocks(rows: int) -> list[slice]:
    """Return slices that cut ``rows`` columns into cache-sized blocks."""
    return [slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK)]
