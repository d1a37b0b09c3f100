"""What people are told about tasks that came to them: one message a person and occasion, however many tasks it is about."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from meterwatch.core.model.duties import Act, Duty, DutyChange, DutyPlan
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Person
from notifier.duties.plan import Situation
from notifier.duties.rules import BY_NAME
from notifier.site import Site

VALID = timedelta(hours=24)
_NAMED = 3  # tasks a message names; the rest it counts
_HEAD = {
    Act.ESCALATE: Phrase(
        "{count} task(s) nobody has done yet are now yours to see to: ", "有{count}项任务尚未办理，请督办："
    ),
    Act.HAND_OVER: Phrase("{count} task(s) were handed over to you: ", "{count}项任务已移交给您："),
}
_TASK = Phrase("no. {id} {subject}, {title}, due {due}", "编号{id} {subject}，{title}，期限{due}")
_MORE = Phrase("; and {count} more: see `meterwatch tasks`", "；另有{count}项，请查看任务列表")
_VERSION = 1


def told(made: DutyPlan, situation: Situation, now: datetime) -> DutyPlan:
    """Return the plan with a message to everybody a duty was escalated or handed over to."""
    people = situation.roster.registry.people
    found: dict[tuple[str, Act], list[Duty]] = {}
    for change in made.changed:
        for code, act in _concerned(change):
            found.setdefault((code, act), []).append(change.after)
    messages = [
        _message(people[code], act, duties, situation.site, now)
        for (code, act), duties in sorted(found.items())
        if code in people
    ]
    return replace(made, messages=(*made.messages, *messages))


def _concerned(change: DutyChange) -> Iterable[tuple[str, Act]]:
    """Return who is to be told of a change, each once."""
    return dict.fromkeys((step.person, step.act) for step in change.steps if step.act in _HEAD and step.person)


def _message(person: Person, act: Act, duties: list[Duty], site: Site, now: datetime) -> NewMessage:
    lang = Lang(person.lang)
    named = "; ".join(_task(duty, lang, site) for duty in duties[:_NAMED])
    more = _MORE.say(lang, count=len(duties) - _NAMED) if len(duties) > _NAMED else ""
    numbers = ",".join(f"{duty.id}.{duty.level}" for duty in duties[:_NAMED])
    return NewMessage(
        key=f"{act}/{now.isoformat()}/{numbers}/{person.code}/{site.options.channel}",
        channel=site.options.channel,
        person=person.code,
        lang=person.lang,
        template=act.value,
        template_version=_VERSION,
        body=_HEAD[act].say(lang, count=len(duties)) + named + more,
        expires_at=now + VALID,
    )


def _task(duty: Duty, lang: Lang, site: Site) -> str:
    title = BY_NAME[duty.rule].title.say(lang)
    return _TASK.say(lang, id=duty.id, subject=duty.subject, title=title, due=site.local(duty.due_at))
