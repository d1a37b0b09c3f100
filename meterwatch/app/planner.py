"""Planning duties: reads the situation, asks the pure plan what is to be done, and enters it."""

from datetime import datetime, timedelta

from meterwatch.app.books import Books
from meterwatch.core.model.duties import Act
from notifier import metrics
from notifier.duties.plan import PEOPLE, Situation, plan, questions
from notifier.duties.rules import BY_NAME
from notifier.duties.telling import told
from notifier.roster import Roster
from notifier.site import Site

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
        changed = ledger.apply(told(made, situation, now), now)
        metrics.DUTIES_BREACHED.inc(sum(step.act is Act.BREACH for change in changed for step in change.steps))
        more = bool(changed) and len(situation.due) == _BATCH
        return more or any(duty.act_at <= now for duty in made.opened)

    def _situation(self, now: datetime) -> Situation:
        ledger, orders = self._books.ledger.planner, self._books.ledger.orders
        roster = Roster(self._books.snapshots.newest(), orders.absences(), self._site.day(now))
        planned, state = ledger.planned(), orders.absences_state()
        asked = questions(BY_NAME.values(), roster, state)
        anew = {name for name, question in asked.items() if planned.get(name) != question}
        standing = ledger.unfinished(anew - {PEOPLE}) if anew - {PEOPLE} else {}
        gone = [code for code in ledger.holders() if not roster.available(code)] if PEOPLE in anew else []
        return Situation(
            roster,
            self._site,
            planned,
            standing,
            ledger.due(now, _BATCH),
            ledger.held_by(gone) if gone else (),
            state,
        )

    def next_due(self, now: datetime) -> datetime | None:
        """Return when, after ``now``, the next duty climbs or is breached by itself, None if none will."""
        found = self._books.ledger.planner.next_act()
        return found and max(found, now + _INSTANT)
