"""What the notifier needs to know of the place it serves."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from meterwatch.core.bounds import require_within
from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.model.complaints import ComplaintGrade


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


@dataclass(frozen=True)
class ComplaintOptions:
    """How many working days complaints take (RULES complaint)."""

    ordinary_answer_days: int = 1
    """An ordinary complaint is answered within (OIL 11(3))."""
    ordinary_done_days: int = 1
    """An ordinary complaint is settled within (OIL 11(3))."""
    larger_answer_days: int = 3
    """A larger complaint is answered within (OIL 11(3))."""
    larger_done_days: int = 3
    """A larger complaint is settled within (OIL 11(3))."""
    gas_answer_days: int = 3
    """A complaint of a gas customer is answered within (M 9(3))."""
    gas_done_days: int = 7
    """A complaint of a gas customer is settled within (M 9(3))."""
    longest_days: int = 7
    """No approved extension goes beyond this many (OIL 11(3))."""

    def __post_init__(self) -> None:
        require_within(self, **dict.fromkeys(self.__dataclass_fields__, (1, 365)))

    def days(self, grade: ComplaintGrade) -> tuple[int, int]:
        """Return the working days a complaint of a grade is answered, and settled, within."""
        return getattr(self, f"{grade}_answer_days"), getattr(self, f"{grade}_done_days")


@dataclass(frozen=True, slots=True)
class Site:
    """The place: its time zone, its working days, how its people are reached, how long complaints take."""

    zone: str
    calendar: WorkingCalendar
    options: RoutingOptions
    complaints: ComplaintOptions = ComplaintOptions()

    def day(self, moment: datetime) -> date:
        """Return the local date of a moment."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def local(self, moment: datetime) -> str:
        """Return a moment as people here read it."""
        return moment.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%d %H:%M")
