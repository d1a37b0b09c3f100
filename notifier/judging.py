"""What is known beforehand about a crossing by the letter: evidence for a person's judgement, never the judgement itself
(RULES churn-warn, churn-exclude).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from meterwatch.core.bounds import require_within
from meterwatch.core.calendar import WorkingCalendar, spring_festival
from meterwatch.core.model.alerts import Alert, FactRow
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.exclusions import Exclusion
from meterwatch.core.model.phrase import Phrase
from notifier.duties.duty import Want
from notifier.duties.plan import new_duty
from notifier.duties.rules import BY_NAME
from notifier.roster import Roster
from notifier.site import Site

CHURN = "churn"
_WARN_DUTY, _WARN_STAGE = "churn-warn", "warn"


@dataclass(frozen=True)
class JudgingOptions:
    """How crossings are judged and excluded."""

    festival_days: int = 15
    """Days around Spring Festival on which a crossing is marked as near it."""
    exclusion_days: int = 366
    """Days an exclusion that comes once may reach ahead, and the most it may cover."""
    exclusion_years: int = 3
    """Years a yearly exclusion may reach ahead."""
    ending_days: int = 7
    """Days before its end from which an exclusion is shown as ending."""

    def __post_init__(self) -> None:
        require_within(self, festival_days=(0, 60), exclusion_days=(1, 366), exclusion_years=(1, 3), ending_days=(0, 366))


class Reason(StrEnum):
    """What may explain a crossing."""

    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    MAKE_UP = "make-up-day"
    FESTIVAL = "spring-festival"
    LAST_YEAR = "last-year"
    EPISODE = "episode"
    EXCLUDED = "excluded"


REASON_TEXT: dict[Reason, Phrase] = {
    Reason.HOLIDAY: Phrase("holiday", "法定节假日"),
    Reason.WEEKEND: Phrase("weekend", "周末"),
    Reason.MAKE_UP: Phrase("make-up working day", "调休上班日"),
    Reason.FESTIVAL: Phrase("near Spring Festival", "临近春节"),
    Reason.LAST_YEAR: Phrase("the same drop last year", "去年同期同样下降"),
    Reason.EPISODE: Phrase("belongs to an open alert", "属于未结束的告警"),
    Reason.EXCLUDED: Phrase("covered by an exclusion", "已有排除"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What crossings are held against. ``line`` is the warning line; ``exclusions`` are the approved ones."""

    calendar: WorkingCalendar
    options: JudgingOptions
    line: float
    alerts: Mapping[str, Sequence[Alert]]
    exclusions: Mapping[str, Sequence[Exclusion]]


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A crossing, what may explain it, and the alert and the exclusion it falls under."""

    fact: FactRow
    reasons: tuple[Reason, ...]
    alert: int | None = None
    exclusion: int | None = None


def prefilled(fact: FactRow, known: Known) -> Prefilled:
    """Return a crossing with what may explain it.

    Last year's ratio is the smallest around the day's counterpart of last year, at the same distance from Spring Festival
    where that is near; the fact carries it. A make-up working day is a Saturday or Sunday on which offices work.
    """
    day = date.fromordinal(fact.day)
    alert = next((one.id for one in known.alerts.get(fact.subject, ()) if _open_on(one, fact.day)), None)
    covering = (
        one.id for one in known.exclusions.get(fact.subject, ()) if one.covers(CHURN, fact.subject, _WARN_STAGE, day)
    )
    exclusion = next(covering, None)
    so = {
        **_of_the_calendar(day, known),
        Reason.LAST_YEAR: fact.figures.get("last_year_ratio", known.line) < known.line,
        Reason.EPISODE: alert is not None,
        Reason.EXCLUDED: exclusion is not None,
    }
    return Prefilled(fact, tuple(reason for reason in Reason if so[reason]), alert, exclusion)


def _of_the_calendar(day: date, known: Known) -> dict[Reason, bool]:
    working, weekend, holiday = known.calendar.is_working(day), day.weekday() >= 5, known.calendar.is_holiday(day)
    return {
        Reason.HOLIDAY: holiday,
        Reason.WEEKEND: weekend and not working and not holiday,
        Reason.MAKE_UP: weekend and working,
        Reason.FESTIVAL: abs((day - spring_festival(day.year)).days) <= known.options.festival_days,
    }


def _open_on(alert: Alert, day: int) -> bool:
    closed = alert.episode.closed_day
    return alert.episode.start_day <= day and (closed is None or day <= closed)


def warning(now: datetime, subject: str, day: int, by: str, roster: Roster, site: Site) -> NewDuty:
    """Return the task that a verdict to act on a crossing calls for: visit or phone, with cause and proposal."""
    customer = roster.registry.customer(subject.rpartition("/")[0])
    want = Want(subject, date.fromordinal(day).isoformat(), customer, called_by=by)
    return new_duty(now, BY_NAME[_WARN_DUTY], want, roster, site)
