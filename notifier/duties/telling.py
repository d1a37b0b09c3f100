"""What people are told about tasks that came to them: one message a person and occasion, however many tasks it is about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from meterwatch.core.model.duties import Act, Duty, DutyChange, DutyPlan
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Person, Role
from notifier.duties.duty import DutyRule, OnAlert
from notifier.duties.plan import Situation
from notifier.duties.rules import BY_NAME
from notifier.pace import Pace
from notifier.roster import Roster
from notifier.site import Site
from notifier.templates import copied, escalate, hand_over, opened
from notifier.templates.template import ListTemplate

VALID = timedelta(hours=24)
_OF_ACT: Mapping[Act, ListTemplate] = {Act.ESCALATE: escalate.TEMPLATE, Act.HAND_OVER: hand_over.TEMPLATE}
TOLD_AT_ONCE = tuple(rule.name for rule in BY_NAME.values() if isinstance(rule.trigger, OnAlert) or rule.copies)
"""Rules whose duties somebody may have to be told of when they are opened; those that an act called for come besides."""

_Found = dict[tuple[str, str], list[Duty]]
_TEMPLATES = {one.name: one for one in (copied.TEMPLATE, escalate.TEMPLATE, hand_over.TEMPLATE, opened.TEMPLATE)}


def told(made: DutyPlan, situation: Situation, now: datetime) -> DutyPlan:
    """Return the plan with a message to everybody a duty was escalated or handed over to, or opened for by an act or an
    alert, and to who gets a copy of it. What the calendar opens is told in the morning (notifier.duties.morning).
    """
    found: _Found = {}
    for change in made.changed:
        for code, act in _concerned(change):
            found.setdefault((code, _OF_ACT[act].name), []).append(change.after)
    for duty in situation.opened:
        for code, template in _to_tell(duty, BY_NAME[duty.rule], situation.roster):
            found.setdefault((code, template.name), []).append(duty)
    pace = Pace(situation.site, now, situation.lately)
    people = situation.roster.registry.people
    messages = [
        pace.passed(_message(people[code], _TEMPLATES[name], duties, situation.site, now))
        for (code, name), duties in sorted(found.items())
        if code in people
    ]
    return replace(made, messages=(*made.messages, *messages))


def _concerned(change: DutyChange) -> Iterable[tuple[str, Act]]:
    """Return who is to be told of a change, each once."""
    return dict.fromkeys((step.person, step.act) for step in change.steps if step.act in _OF_ACT and step.person)


def _to_tell(duty: Duty, rule: DutyRule, roster: Roster) -> list[tuple[str, ListTemplate]]:
    """Return who is to be told of a duty that was opened, and how."""
    known = _knows(duty, rule, roster)
    found = [(duty.person, opened.TEMPLATE)] if duty.person and duty.person not in known else []
    holders = {_holder(role, duty, roster) for role in rule.copies}
    return found + [(code, copied.TEMPLATE) for code in sorted(holders - {duty.person, ""})]


def _knows(duty: Duty, rule: DutyRule, roster: Roster) -> set[str]:
    """Return who knows of a duty without being told: who called for it, who is sent the alert, who reads the digest."""
    if duty.called_by:
        return {duty.called_by}
    if not isinstance(rule.trigger, OnAlert):
        return {duty.person}
    manager = recipient(duty.customer, roster)
    return {manager.code} if manager else set()


def recipient(customer: str, roster: Roster) -> Person | None:
    """Return who is sent messages about a customer: his manager, or the deputy; they do not climb as duties do."""
    found = roster.registry.customer(customer)
    if found is None:
        return None
    return roster.acting(found, Role.MANAGER) or roster.acting(found, Role.DEPUTY)


def _holder(role: Role, duty: Duty, roster: Roster) -> str:
    customer = roster.registry.customer(duty.customer)
    found = roster.acting(customer, role) if customer else roster.present(roster.officer(role, duty.unit))
    return found.code if found else ""


def _message(person: Person, template: ListTemplate, duties: Sequence[Duty], site: Site, now: datetime) -> NewMessage:
    lang = Lang(person.lang)
    lines = template.lines(lang, [task(duty, template, lang, site) for duty in duties])
    numbers = ",".join(f"{duty.id}.{duty.level}" for duty in duties[: template.named])
    return NewMessage(
        key=f"{template.name}/{now.isoformat()}/{numbers}/{person.code}/{site.options.channel}",
        channel=site.options.channel,
        person=person.code,
        lang=person.lang,
        template=template.name,
        template_version=template.version,
        body=template.text.say(lang, count=len(duties), lines=lines),
        expires_at=now + VALID,
    )


def task(duty: Duty, template: ListTemplate, lang: Lang, site: Site) -> str:
    """Return a task as one of several."""
    title = BY_NAME[duty.rule].title.say(lang)
    return template.line.say(lang, id=duty.id, subject=duty.subject, title=title, due=site.local(duty.due_at))
