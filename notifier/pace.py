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

    def passed(self, message: NewMessage) -> NewMessage:
        """Return a message as it is to be entered, and count it if it goes out.

        It waits for the end of the quiet hours where it has to, and is held back if there were too many of its kind, or if
        its meaning is gone before the quiet hours end.
        """
        if message.kind == DIGEST:
            return message
        kind = (message.person, message.kind)
        (hourly, daily), new = self._lately.get(kind, (0, 0)), self._new[kind]
        options = self._site.options
        if hourly + new >= options.hourly or daily + new >= options.daily:
            return replace(message, held=Silence.RATE)
        until = None if message.kind in options.urgent else self._quiet_until
        if until and until >= message.expires_at:
            return replace(message, held=Silence.QUIET)
        self._new[kind] += 1
        return replace(message, not_before=until)


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
