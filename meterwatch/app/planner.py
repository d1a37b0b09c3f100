"""Planning duties: reads the situation, asks the pure plan what is to be done, and enters it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from meterwatch.app.books import Books
from meterwatch.app.judgement_list import DAYS, Span, counts
from meterwatch.core.model.duties import Act
from meterwatch.core.model.messages import NewMessage
from notifier import metrics
from notifier.duties.morning import digests, is_stale, next_at, previous
from notifier.duties.morning import question as morning_of
from notifier.duties.plan import PEOPLE, TOLD, Situation, plan, questions
from notifier.duties.rules import BY_NAME
from notifier.duties.telling import TOLD_AT_ONCE, recipient, told
from notifier.pace import DIGEST
from notifier.roster import Roster
from notifier.site import Site
from notifier.templates.digest import TEMPLATE

_INSTANT = timedelta(microseconds=1)
_BATCH = 2000  # duties a transaction; what is due beyond it has its turn in the same step


class Planner:
    """Keeps every duty where it should be at a moment."""

    def __init__(self, books: Books, site: Site) -> None:
        self._books, self._site = books, site

    def step(self, now: datetime) -> None:
        """Do all that is to be done about duties at ``now``; done again at once it changes nothing."""
        while self._once(now):
            pass
        metrics.PLANNER_LAST_RUN.set(now.timestamp())

    def _once(self, now: datetime) -> bool:
        """Plan and enter up to a batch; return whether there may be more."""
        situation = self._situation(now)
        made = plan(now, situation, BY_NAME)
        if not made:
            return False
        ledger = self._books.ledger.planner
        entered = told(made, situation, now)
        changed = ledger.apply(entered, now)
        metrics.count_held(entered.messages)
        metrics.DUTIES_BREACHED.inc(sum(step.act is Act.BREACH for change in changed for step in change.steps))
        more = bool(changed) and len(situation.due) == _BATCH
        return more or bool(made.opened)  # somebody is to be told of them

    def _situation(self, now: datetime) -> Situation:
        ledger, orders = self._books.ledger.planner, self._books.ledger.orders
        roster = Roster(self._books.snapshots.newest(), orders.absences(), self._site.day(now))
        planned, state = ledger.planned(), orders.absences_state()
        asked = questions(BY_NAME.values(), roster, state)
        anew = {name for name, question in asked.items() if planned.get(name) != question}
        standing = ledger.unfinished(anew - {PEOPLE}) if anew - {PEOPLE} else {}
        gone = [code for code in ledger.holders() if not roster.available(code)] if PEOPLE in anew else []
        newest, before = ledger.newest(), planned.get(TOLD)
        morning = morning_of(now, self._site)
        return Situation(
            roster,
            self._site,
            planned,
            standing,
            ledger.due(now, _BATCH),
            ledger.held_by(gone) if gone else (),
            state,
            newest,
            ledger.opened_after(int(before), TOLD_AT_ONCE) if before not in (None, str(newest)) else (),
            ledger.sent_lately(now),
            morning,
            self._digests(now, roster) if planned.get(DIGEST) != morning and morning else (),
        )

    def _digests(self, now: datetime, roster: Roster) -> Sequence[NewMessage]:
        """Return the morning's messages; none where the morning is over."""
        if is_stale(now, self._site):
            return ()
        day = self._site.day(now)
        ends = self._site.at(day + timedelta(days=1), "00:00")
        standings = self._books.ledger.planner.standings(now, ends, TEMPLATE.named)
        span = Span(day - timedelta(days=DAYS), day - timedelta(days=1))

        def manager(customer: str) -> str:
            found = recipient(customer, roster)
            return found.code if found else ""

        held = self._books.ledger.planner.held_back(previous(now, self._site), now)
        return digests(now, standings, counts(self._books, span, manager), held, roster, self._site)

    def next_due(self, now: datetime) -> datetime | None:
        """Return when, after ``now``, the next duty climbs or is breached by itself, or the next digest is due."""
        act = self._books.ledger.planner.next_act()
        found = (act and max(act, now + _INSTANT), next_at(now, self._site))
        return min((due for due in found if due), default=None)
