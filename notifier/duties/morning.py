"""What everybody is told in the morning of a working day: how his tasks stand, and how many days he has to judge."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from meterwatch.core.model.duties import Standing
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.registry import Registry
from notifier.duties.telling import task
from notifier.roster import Roster
from notifier.site import NOON, Site
from notifier.templates.digest import NOT_SENT, TEMPLATE

NAME = TEMPLATE.name


def question(now: datetime, site: Site) -> str:
    """Return the day whose digest is due by ``now``; empty before its hour, on a rest day, and where none is wanted."""
    day = site.day(now)
    if not site.options.digest_at or not site.calendar.is_working(day) or now < site.at(day, site.options.digest_at):
        return ""
    return day.isoformat()


def next_at(now: datetime, site: Site) -> datetime | None:
    """Return when, after ``now``, the next digest is due; None where none is wanted."""
    if not site.options.digest_at:
        return None
    day = site.day(now)
    while not site.calendar.is_working(day) or site.at(day, site.options.digest_at) <= now:
        day += timedelta(days=1)
    return site.at(day, site.options.digest_at)


def previous(now: datetime, site: Site) -> datetime:
    """Return when the digest before today's was due."""
    day = site.day(now) - timedelta(days=1)
    while not site.calendar.is_working(day):
        day -= timedelta(days=1)
    return site.at(day, site.options.digest_at)


def is_stale(now: datetime, site: Site) -> bool:
    """Return whether it is too late in the day for a digest: after noon nobody is told any more what waits for him."""
    return now >= site.at(site.day(now), f"{NOON:%H:%M}")


def digests(
    now: datetime,
    standings: Sequence[Standing],
    crossings: Mapping[str, int],
    held: Mapping[str, int],
    roster: Roster,
    site: Site,
) -> list[NewMessage]:
    """Return a message to everybody who is there and has something to be told: tasks, by ``crossings`` days below the line
    to judge, or by ``held`` messages he was not sent.
    """
    tasks = {one.person: one for one in standings}
    people = sorted(code for code in {*tasks, *crossings, *held} if roster.available(code))
    return [
        _message(now, tasks.get(code, Standing(code)), (crossings.get(code, 0), held.get(code, 0)), roster.registry, site)
        for code in people
    ]


def _message(now: datetime, standing: Standing, beside: tuple[int, int], registry: Registry, site: Site) -> NewMessage:
    person, day = registry.people[standing.person], site.day(now)
    lang = Lang(person.lang)
    said = [task(duty, TEMPLATE, lang, site) for duty in standing.first]
    lines = TEMPLATE.lines(lang, said + [""] * (standing.open - len(said)))
    crossings, held = beside
    not_sent = NOT_SENT.say(lang, count=held) if held else ""
    figures: dict[str, object] = {
        "overdue": standing.overdue,
        "today": standing.today,
        "open": standing.open,
        "crossings": crossings,
        "held": not_sent,
    }
    return NewMessage(
        key=f"{NAME}/{day}/{person.code}/{site.options.channel}",
        channel=site.options.channel,
        person=person.code,
        lang=person.lang,
        template=NAME,
        template_version=TEMPLATE.version,
        body=TEMPLATE.text.say(lang, day=day, lines=lines, **figures),
        expires_at=site.at(day, f"{NOON:%H:%M}"),
    )
