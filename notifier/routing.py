"""Whom an alert concerns, and what it owes: duties by the working calendar, messages with the time their meaning ends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from meterwatch.core.model.alerts import AlertChanges, AlertKey, Episode, Stage
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.exclusions import Exclusion
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Customer, Person, Registry, Role
from notifier import texts
from notifier.duties.duty import OnAlert, Want, in_scope
from notifier.duties.plan import new_duty
from notifier.duties.rules import DUTIES
from notifier.roster import Roster
from notifier.site import RoutingOptions, Site
from notifier.suppress import Silence, silence, silent_together

_ALERTED = [(rule, rule.trigger) for rule in DUTIES if isinstance(rule.trigger, OnAlert)]


@dataclass(frozen=True, slots=True)
class Owed:
    """What changes of alerts owe, what is owed no more, and why some of them stay silent."""

    duties: tuple[NewDuty, ...] = ()
    messages: tuple[NewMessage, ...] = ()
    voided: tuple[tuple[int, str], ...] = ()
    suppressed: Mapping[AlertKey, str] = field(default_factory=dict)


def owed(
    changes: AlertChanges,
    roster: Roster,
    site: Site,
    now: datetime,
    happened: Mapping[AlertKey, datetime],
    exclusions: Sequence[Exclusion] = (),
) -> Owed:
    """Return what ``changes`` owe: the duties of every stage newly reached, and messages about newly opened alerts.

    ``happened`` says when what each alert speaks of was over: a message is worth nothing too long after it. A stage that
    somebody's approved exclusion covers owes nothing (RULES churn-exclude); ``voided`` are (alert, duty rule) of stages that
    late readings took back.
    """
    duties: list[NewDuty] = []
    messages: list[NewMessage] = []
    silences: dict[AlertKey, str] = {}
    together = silent_together(changes.opened, roster.registry, site.options.silent_together)
    for episode in changes.opened:
        customer, commodity = _concerned(episode, roster.registry)
        own = _called_for(episode, episode.stages, roster, site, now, exclusions)
        duties += own
        manager = _manager(customer, roster)
        expires_at = happened[episode.key] + _validity(episode.rule, site.options)
        excluded = bool(episode.stages) and _excluded(episode, episode.stages[-1], exclusions)
        silences[episode.key] = silence(
            now, expires_at, manager.code if manager else "", excluded=excluded, together=episode.key in together
        )
        if manager and silences[episode.key] == Silence.NONE:
            messages.append(_message(episode, commodity, manager, own, site, expires_at))
    voided: list[tuple[int, str]] = []
    for alert, episode in changes.changed:
        before, after = dict(alert.episode.stages), dict(episode.stages)
        duties += _called_for(episode, [s for s in episode.stages if s.name not in before], roster, site, now, exclusions)
        gone = [name for name in before if name not in after]
        voided += [(alert.id, rule.name) for rule, on in _ALERTED if episode.rule in on.rules and on.stage in gone]
    return Owed(tuple(duties), tuple(messages), tuple(voided), silences)


def _manager(customer: Customer | None, roster: Roster) -> Person | None:
    """Return who is sent messages about a customer: his manager, or the deputy; they do not climb as duties do."""
    if customer is None:
        return None
    return roster.acting(customer, Role.MANAGER) or roster.acting(customer, Role.DEPUTY)


def _called_for(
    episode: Episode,
    stages: Iterable[Stage],
    roster: Roster,
    site: Site,
    now: datetime,
    exclusions: Sequence[Exclusion],
) -> list[NewDuty]:
    customer, _ = _concerned(episode, roster.registry)
    reached = {stage.name for stage in stages if not _excluded(episode, stage, exclusions)}
    period = date.fromordinal(episode.opened_day).isoformat()
    want = Want(episode.subject, period, customer)
    return [
        replace(new_duty(now, rule, want, roster, site), alert=episode.key)
        for rule, on in _ALERTED
        if episode.rule in on.rules and on.stage in reached and in_scope(on.scope, customer, roster.registry)
    ]


def _excluded(episode: Episode, stage: Stage, exclusions: Sequence[Exclusion]) -> bool:
    day = date.fromordinal(stage.day)
    return any(one.covers(episode.rule, episode.subject, stage.name, day) for one in exclusions)


def _validity(rule: str, options: RoutingOptions) -> timedelta:
    return timedelta(hours=options.valid_h.get(rule, texts.TEMPLATES[rule].valid_h))


def _concerned(episode: Episode, registry: Registry) -> tuple[Customer | None, Commodity]:
    """Return the customer an alert is about and the commodity; the subject is ``CUSTOMER/commodity`` or a usage point."""
    row = registry.row_of(episode.subject)
    if row is not None:
        return registry.customer_of(row, episode.opened_day), registry.commodity_of(row)
    code, _, commodity = episode.subject.rpartition("/")
    return registry.customer(code), Commodity(commodity)


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
