"""The daily judgement list: crossings by the letter with what may explain them, for whoever answers for the customers
(RULES churn-warn, churn-exclude).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple, cast

from detectors.rules.churn import ChurnOptions
from meterwatch.app.books import Books
from meterwatch.app.parts import rule_set, site
from meterwatch.app.settings import Settings
from meterwatch.core.model.judgements import Crossing, NewJudgement, Verdict
from meterwatch.core.model.viewer import Viewer
from notifier.duties.closing import Desk
from notifier.judging import CHURN, Known, Prefilled, Reason, prefilled, warning

DAYS = 7
"""Meter days the list goes back by default."""


class Span(NamedTuple):
    """Meter days ``first`` .. ``last``, both included."""

    first: date
    last: date


def customer_of(subject: str) -> str:
    """Return the customer's code of a subject ``CUSTOMER/commodity``."""
    return subject.rpartition("/")[0]


def crossings(books: Books, settings: Settings, viewer: Viewer, span: Span) -> list[Prefilled]:
    """Return what nobody has judged yet of the customers ``viewer`` answers for, by day and subject."""
    first, last = (day.toordinal() for day in span)
    waiting = books.ledger.judgements.waiting(CHURN, first, last)
    facts = [fact for fact in waiting if viewer.answers_for(customer_of(fact.subject))]
    known = _known(books, settings, first) if facts else None
    return [prefilled(fact, known) for fact in facts if known]


def counts(books: Books, span: Span, holder: Callable[[str], str]) -> dict[str, int]:
    """Return how many crossings wait for each person; ``holder`` names who manages a customer, empty for nobody."""
    found: dict[str, int] = defaultdict(int)
    first, last = (day.toordinal() for day in span)
    waiting = sorted(customer_of(fact.subject) for fact in books.ledger.judgements.waiting(CHURN, first, last))
    for customer, facts in groupby(waiting):
        found[holder(customer)] += len(list(facts))
    return {person: count for person, count in found.items() if person}


def rulings(desk: Desk, found: Iterable[Crossing], verdict: Verdict, reason: str, person: str) -> Sequence[NewJudgement]:
    """Return a person's verdict on crossings; to act on one calls for the visit or the call that a warning asks for."""
    account = desk.viewer.account
    return [
        NewJudgement(
            CHURN,
            crossing,
            verdict,
            reason,
            person,
            account,
            warning(desk.now, crossing.subject, crossing.day, person, desk.roster, desk.site)
            if verdict is Verdict.ACT
            else None,
        )
        for crossing in found
    ]


def of_reason(found: Iterable[Prefilled], reason: Reason | None) -> list[Prefilled]:
    """Return the crossings that ``reason`` may explain; all of them for None."""
    return [one for one in found if reason is None or reason in one.reasons]


def _known(books: Books, settings: Settings, first: int) -> Known:
    alerts, exclusions = defaultdict(list), defaultdict(list)
    for alert in books.ledger.evaluation.alerts(CHURN, first):
        alerts[alert.episode.subject].append(alert)
    for one in books.ledger.exclusions.approved():
        exclusions[one.subject].append(one)
    line = cast("ChurnOptions", rule_set(settings).options[CHURN]).line
    return Known(site(settings).calendar, settings.judging, line, alerts, exclusions)
