"""Somebody at work, and the planner that watches his duties."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.model.duties import DutyChange
from meterwatch.core.model.registry import Registry
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.ledger import Ledger
from notifier.duties.closing import Desk
from notifier.duties.plan import Situation, plan
from notifier.duties.rules import BY_NAME
from notifier.roster import Roster
from notifier.site import RoutingOptions, Site
from tests.support.ledger import NOW

ZONE = "Asia/Shanghai"
SITE = Site(ZONE, WorkingCalendar(), RoutingOptions())


def at(text: str) -> datetime:
    """Return a moment as clocks in the office show it."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


def desk(viewer: Viewer, registry: Registry | None = None, now: datetime = NOW) -> Desk:
    return Desk(viewer, Roster(registry or Registry.empty(), (), SITE.day(now)), SITE, now)


def climbed(ledger: Ledger, now: datetime, registry: Registry | None = None) -> list[DutyChange]:
    """Let time do to the open duties what it does; return the changes made."""
    roster = Roster(registry or Registry.empty(), (), SITE.day(now))
    situation = Situation(roster, SITE, due=ledger.planner.due(now, 10**6))
    made = plan(now, situation, BY_NAME)
    return list(ledger.planner.apply(replace(made, opened=(), planned={}), now))
