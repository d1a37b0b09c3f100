"""What the notifier needs to know of the place it serves."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from meterwatch.core.bounds import beyond, require_within
from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.model.complaints import ComplaintGrade

NOON = time(12)


def hour(text: str) -> time:
    """Return a time of day written as ``08:00``; raises ValueError for anything else."""
    return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone


def _is_hour(text: str) -> bool:
    try:
        hour(text)
    except ValueError:
        return False
    return True


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
    digest_at: str = "08:00"
    """Local time each working day at which everybody is told what waits for him; empty: never."""
    quiet_from: str = "22:00"
    """Local time from which messages wait; the same as quiet_to: they never do."""
    quiet_to: str = "07:00"
    """Local time at which they are sent."""
    urgent: tuple[str, ...] = ("load",)
    """Kinds of messages (names of templates) that are sent in quiet hours, too; several alerts of a kind in one, too."""
    hourly: int = 10
    """Messages of one kind a person is sent within an hour at most; tasks beyond it stand in the digest."""
    daily: int = 60
    """Messages of one kind a person is sent within 24 hours at most."""
    sms_price: float = 0.0
    """What one SMS costs, for previews; 0: not known."""
    sms_currency: str = "CNY"
    """What the price is in."""

    def __post_init__(self) -> None:
        found = beyond(self, silent_together=(0, 1), hourly=(1, 1000), daily=(1, 10_000), sms_price=(0, 100))
        hours = {"quiet_from": self.quiet_from, "quiet_to": self.quiet_to}
        hours |= {"digest_at": self.digest_at} if self.digest_at else {}
        found += [f"{name} {text!r} is no time of day such as 08:00" for name, text in hours.items() if not _is_hour(text)]
        if not found and self.digest_at and hour(self.digest_at) >= NOON:
            found = [f"digest_at {self.digest_at} does not lie before noon"]
        if found:
            raise ValueError("; ".join(found))


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

    def at(self, day: date, text: str) -> datetime:
        """Return the moment at which clocks here show a time of day, written as ``08:00``, on ``day``."""
        return datetime.combine(day, hour(text), ZoneInfo(self.zone))

    def local(self, moment: datetime) -> str:
        """Return a moment as people here read it."""
        return moment.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%d %H:%M")
