"""Whom an alert concerns, and what it owes: duties by the working calendar, messages with the time their meaning ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from meterwatch.core.bounds import require_within
from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.model.alerts import AlertChanges, AlertKey, Episode
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Customer, Person, Registry, Role
from meterwatch.core.model.work import NewDuty, NewMessage
from notifier import texts
from notifier.duties import DUTIES
from notifier.duties.duty import DutyRule
from notifier.suppress import Silence, silence, silent_together


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
    """What routing needs to know of the place."""

    zone: str
    calendar: WorkingCalendar
    options: RoutingOptions


@dataclass(frozen=True, slots=True)
class Owed:
    """What newly opened alerts owe, and why some of them stay silent."""

    duties: tuple[NewDuty, ...] = ()
    messages: tuple[NewMessage, ...] = ()
    suppressed: Mapping[AlertKey, str] = field(default_factory=dict)


def owed(
    changes: AlertChanges, registry: Registry, site: Site, now: datetime, happened: Mapping[AlertKey, datetime]
) -> Owed:
    """Return the duties and messages of ``changes.opened``.

    ``happened`` says when what each alert speaks of was over: a message is worth nothing too long after it. An alert that
    changes or closes owes nothing new.
    """
    duties: list[NewDuty] = []
    messages: list[NewMessage] = []
    silences: dict[AlertKey, str] = {}
    day = now.astimezone(ZoneInfo(site.zone)).date()
    together = silent_together(changes.opened, registry, site.options.silent_together)
    for episode in changes.opened:
        customer, commodity = _concerned(episode, registry)
        called_for = [rule for rule in DUTIES if rule.alert_rule == episode.rule and rule.stage in dict(episode.stages)]
        own = [_duty(rule, episode, _in_charge(registry, customer, rule.role, day), site, now) for rule in called_for]
        duties += own
        manager = _in_charge(registry, customer, Role.MANAGER, day)
        expires_at = happened[episode.key] + _validity(episode.rule, site.options)
        said_to = manager.code if manager else ""
        silences[episode.key] = silence(now, expires_at, said_to, together=episode.key in together)
        if manager and silences[episode.key] == Silence.NONE:
            messages.append(_message(episode, commodity, manager, own, site, expires_at))
    return Owed(tuple(duties), tuple(messages), silences)


def _validity(rule: str, options: RoutingOptions) -> timedelta:
    return timedelta(hours=options.valid_h.get(rule, texts.TEMPLATES[rule].valid_h))


def _concerned(episode: Episode, registry: Registry) -> tuple[Customer | None, Commodity]:
    """Return the customer an alert is about and the commodity; the subject is ``CUSTOMER/commodity`` or a usage point."""
    row = registry.row_of(episode.subject)
    if row is not None:
        return registry.customer_of(row, episode.opened_day), registry.commodity_of(row)
    code, _, commodity = episode.subject.rpartition("/")
    return registry.customer(code), Commodity(commodity)


def _in_charge(registry: Registry, customer: Customer | None, role: Role, day: date) -> Person | None:
    return registry.responsible(customer, role, day) if customer else None


def _duty(rule: DutyRule, episode: Episode, person: Person | None, site: Site, now: datetime) -> NewDuty:
    deadline = site.calendar.deadline(now, rule.working_days, site.zone)
    return NewDuty(
        rule.name,
        episode.subject,
        period=date.fromordinal(episode.opened_day).isoformat(),
        due_at=deadline.at,
        provisional=deadline.provisional,
        person=person.code if person else "",
        alert=episode.key,
    )


def _message(
    episode: Episode, commodity: Commodity, person: Person, duties: list[NewDuty], site: Site, expires_at: datetime
) -> NewMessage:
    template = texts.TEMPLATES[episode.rule]
    due = duties[0].due_at if duties else None
    opened = date.fromordinal(episode.opened_day).isoformat()
    return NewMessage(
        key=f"{episode.rule}/{episode.policy}/{episode.subject}/{opened}/warn/{person.code}/{site.options.channel}",
        channel=site.options.channel,
        person=person.code,
        lang=person.lang,
        template=template.name,
        template_version=template.version,
        body=texts.body(template, Lang(person.lang), episode, commodity, due, site.zone),
        expires_at=expires_at,
        alert=episode.key,
    )
