"""Whom an alert concerns, and what it owes: duties by the working calendar, messages with the time their meaning ends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType

from meterwatch.core.model.alerts import AlertChanges, AlertKey, Episode, Stage
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.exclusions import Exclusion
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Customer, Person, Registry
from notifier.duties.duty import OnAlert, Want, in_scope
from notifier.duties.plan import new_duty
from notifier.duties.rules import DUTIES
from notifier.duties.telling import recipient
from notifier.pace import Pace
from notifier.roster import Roster
from notifier.site import RoutingOptions, Site
from notifier.suppress import Silence, silence, silent_together
from notifier.templates import OF_RULE, alerts
from notifier.templates.template import Figures

_DUE = Phrase(" Tasks due from {due}.", "任务最早期限{due}。")
_ALERTED = [(rule, rule.trigger) for rule in DUTIES if isinstance(rule.trigger, OnAlert)]


@dataclass(frozen=True, slots=True)
class Owed:
    """What changes of alerts owe, what is owed no more, and why some of them stay silent."""

    duties: tuple[NewDuty, ...] = ()
    messages: tuple[NewMessage, ...] = ()
    voided: tuple[tuple[int, str], ...] = ()
    suppressed: Mapping[AlertKey, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Warning:
    """One alert somebody is to be told of."""

    episode: Episode
    customer: Customer | None
    commodity: Commodity
    due: datetime | None
    expires_at: datetime


def owed(
    changes: AlertChanges,
    roster: Roster,
    site: Site,
    now: datetime,
    happened: Mapping[AlertKey, datetime],
    exclusions: Sequence[Exclusion] = (),
    lately: Mapping[tuple[str, str], tuple[int, int]] = MappingProxyType({}),
) -> Owed:
    """Return what ``changes`` owe: the duties of every stage newly reached, and messages about newly opened alerts.

    Several alerts of one rule for one person make one message. ``happened`` says when what each alert speaks of was over: a
    message is worth nothing too long after it. A stage that somebody's approved exclusion covers owes nothing (RULES
    churn-exclude); ``voided`` are (alert, duty rule) of stages that late readings took back. ``lately`` says what people
    were sent before (notifier.pace).
    """
    duties: list[NewDuty] = []
    silences: dict[AlertKey, str] = {}
    to_tell: dict[tuple[str, str], list[_Warning]] = {}
    together = silent_together(changes.opened, roster.registry, site.options.silent_together)
    for episode in changes.opened:
        customer, commodity = _concerned(episode, roster.registry)
        own = _called_for(episode, episode.stages, roster, site, now, exclusions)
        duties += own
        manager = recipient(customer.code, roster) if customer else None
        expires_at = happened[episode.key] + _validity(episode.rule, site.options)
        excluded = bool(episode.stages) and _excluded(episode, episode.stages[-1], exclusions)
        silences[episode.key] = silence(
            now, expires_at, manager.code if manager else "", excluded=excluded, together=episode.key in together
        )
        if manager and silences[episode.key] == Silence.NONE:
            warning = _Warning(episode, customer, commodity, _due(own, manager, OF_RULE[episode.rule].duty), expires_at)
            to_tell.setdefault((manager.code, episode.rule), []).append(warning)
    messages = _messages(to_tell, roster, Pace(site, now, lately), site)
    silences |= {key: message.held for message in messages if message.held for key in message.alerts}
    voided: list[tuple[int, str]] = []
    for alert, episode in changes.changed:
        before, after = dict(alert.episode.stages), dict(episode.stages)
        duties += _called_for(episode, [s for s in episode.stages if s.name not in before], roster, site, now, exclusions)
        gone = [name for name in before if name not in after]
        voided += [(alert.id, rule.name) for rule, on in _ALERTED if episode.rule in on.rules and on.stage in gone]
    return Owed(tuple(duties), tuple(messages), tuple(voided), silences)


def _due(duties: Iterable[NewDuty], person: Person, rule: str) -> datetime | None:
    """Return the first deadline among somebody's duties, of one rule if it is named."""
    return min((duty.due_at for duty in duties if duty.person == person.code and rule in ("", duty.rule)), default=None)


def _messages(to_tell: Mapping[tuple[str, str], list[_Warning]], roster: Roster, pace: Pace, site: Site) -> list[NewMessage]:
    """Return a message for each person and rule, held back where it may not go out."""
    messages: list[NewMessage] = []
    for (code, rule), warnings in sorted(to_tell.items()):
        person = roster.registry.people[code]
        single = len(warnings) == 1
        made = _message(warnings[0], person, site) if single else _about_several(rule, warnings, person, site)
        messages.append(pace.passed(made))
    return messages


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
    return timedelta(hours=options.valid_h.get(rule, OF_RULE[rule].valid_h))


def _concerned(episode: Episode, registry: Registry) -> tuple[Customer | None, Commodity]:
    """Return the customer an alert is about and the commodity; the subject is ``CUSTOMER/commodity`` or a usage point."""
    row = registry.row_of(episode.subject)
    if row is not None:
        return registry.customer_of(row, episode.opened_day), registry.commodity_of(row)
    code, _, commodity = episode.subject.rpartition("/")
    return registry.customer(code), Commodity(commodity)


def _message(warning: _Warning, person: Person, site: Site) -> NewMessage:
    """Return the message about one alert: what it says, and what is to be done by when."""
    episode, lang = warning.episode, Lang(person.lang)
    template = OF_RULE[episode.rule]
    opened = date.fromordinal(episode.opened_day).isoformat()
    return NewMessage(
        key=f"{episode.rule}/{episode.policy}/{episode.subject}/{opened}/warn/{person.code}/{site.options.channel}",
        channel=site.options.channel,
        person=person.code,
        lang=person.lang,
        template=template.name,
        template_version=template.version,
        body=template.body(lang, _figures(warning, lang, site)),
        expires_at=warning.expires_at,
        alerts=(episode.key,),
    )


def _about_several(rule: str, warnings: Sequence[_Warning], person: Person, site: Site) -> NewMessage:
    """Return one message about several alerts of a rule: the first few in short, how many more, and the first deadline."""
    lang, template = Lang(person.lang), alerts.TEMPLATE
    short = [OF_RULE[rule].short.say(lang, **_figures(one, lang, site)) for one in warnings]
    due = min((one.due for one in warnings if one.due), default=None)
    keys = tuple(one.episode.key for one in warnings)
    name = sha256(repr(sorted(keys)).encode()).hexdigest()[:16]
    opened = date.fromordinal(warnings[0].episode.opened_day).isoformat()
    figures = {"count": len(warnings), "what": OF_RULE[rule].title.say(lang), "lines": template.lines(lang, short)}
    return NewMessage(
        key=f"{rule}/{opened}/{len(keys)}/{name}/{person.code}/{site.options.channel}",
        channel=site.options.channel,
        person=person.code,
        lang=person.lang,
        template=f"{rule}/{template.name}",
        template_version=template.version,
        body=template.text.say(lang, due=_DUE.say(lang, due=site.local(due)) if due else "", **figures),
        expires_at=min(one.expires_at for one in warnings),
        alerts=keys,
    )


def _figures(warning: _Warning, lang: Lang, site: Site) -> Figures:
    template, episode = OF_RULE[warning.episode.rule], warning.episode
    code = warning.customer.code if warning.customer else episode.subject.rpartition("/")[0]
    return template.filled(episode, code, warning.commodity, lang, site.local(warning.due) if warning.due else "")
