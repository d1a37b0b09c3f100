"""When and how often people are messaged: quiet hours, and how many of a kind within an hour and a day."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from meterwatch.core.model.messages import NewMessage
from notifier.site import Site, hour
from notifier.suppress import Silence

DIGEST = "digest"


class Pace:
    """Lets messages through one by one.

    ``lately`` says how many somebody was sent within the last hour and the last 24, by (person, kind). A kind is a template;
    several alerts in one message are of the kind of each.
    """

    def __init__(self, site: Site, now: datetime, lately: Mapping[tuple[str, str], tuple[int, int]]) -> None:
        self._site, self._now, self._lately = site, now, lately
        self._new: Counter[tuple[str, str]] = Counter()
        self._quiet_until = quiet_until(now, site)

    def silence(self, message: NewMessage) -> Silence:
        """Return why a message is not sent: too many of its kind, or its meaning is gone before the quiet hours end."""
        if message.kind == DIGEST:
            return Silence.NONE
        kind = (message.person, message.kind)
        (hourly, daily), new = self._lately.get(kind, (0, 0)), self._new[kind]
        options = self._site.options
        if hourly + new >= options.hourly or daily + new >= options.daily:
            return Silence.RATE
        held = self.held(message)
        return Silence.QUIET if held.not_before and held.not_before >= message.expires_at else Silence.NONE

    def held(self, message: NewMessage) -> NewMessage:
        """Return a message with the end of the quiet hours as the time it waits for, where it has to."""
        exempt = message.kind == DIGEST or message.kind in self._site.options.urgent
        return message if exempt else replace(message, not_before=self._quiet_until)

    def passed(self, message: NewMessage) -> NewMessage | None:
        """Return a message as it is to be queued, and count it; None if it is not sent."""
        if self.silence(message):
            return None
        self._new[message.person, message.kind] += 1
        return self.held(message)


def quiet_until(now: datetime, site: Site) -> datetime | None:
    """Return when the quiet hours end in which ``now`` lies, None outside them."""
    start, end = hour(site.options.quiet_from), hour(site.options.quiet_to)
    today = site.day(now)
    for begun in (today - timedelta(days=1), today):
        over = begun if start < end else begun + timedelta(days=1)
        until = site.at(over, site.options.quiet_to)
        if start != end and site.at(begun, site.options.quiet_from) <= now < until:
            return until
    return None
