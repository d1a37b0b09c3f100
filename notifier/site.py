"""What the notifier needs to know of the place it serves."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from meterwatch.core.bounds import require_within
from meterwatch.core.calendar import WorkingCalendar


@dataclass(frozen=True)
class RoutingOptions:
    """How alerts reach people."""

    channel: str = "log"
    """Channel messages to managers go out on."""
    churn_valid_h: int = 48
    """Hours after the end of the meter day for which a churn message means something."""
    load_valid_h: int = 2
    """Hours after the reading for which a load message means something."""

    def __post_init__(self) -> None:
        require_within(self, churn_valid_h=(1, 100_000), load_valid_h=(1, 100_000))


@dataclass(frozen=True, slots=True)
class Site:
    """The place: its time zone, its working days, and how its people are reached."""

    zone: str
    calendar: WorkingCalendar
    options: RoutingOptions

    def day(self, moment: datetime) -> date:
        """Return the local date of a moment."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def local(self, moment: datetime) -> str:
        """Return a moment as people here read it."""
        return moment.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%d %H:%M")
