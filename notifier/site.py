"""What the notifier needs to know of the place it serves."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from meterwatch.core.bounds import require_within
from meterwatch.core.calendar import WorkingCalendar


@dataclass(frozen=True)
class RoutingOptions:
    """How alerts reach people."""

    channel: str = "log"
    """Channel messages to managers go out on."""
    valid_h: dict[str, int] = field(default_factory=dict)
    """Hours after the end of the meter day (load: after the reading) for which a message means something, by rule, such as
    {churn = 24}; a rule that is not named: 48, load: 2."""
    silent_together: float = 0.5
    """When more than this share of the usage points falls silent on one day, no message is sent about the meters."""

    def __post_init__(self) -> None:
        require_within(self, silent_together=(0, 1))


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
