"""Why an alert says nothing to anybody. Every silence has a name, and the alert keeps it."""

from datetime import datetime
from enum import StrEnum

from meterwatch.core.model.phrase import Phrase


class Silence(StrEnum):
    """A named reason for sending no message about an alert; the empty one sends it."""

    NONE = ""
    STALE = "stale"
    NOBODY = "nobody"
    EXCLUDED = "excluded"


SILENCE_TEXT: dict[Silence, Phrase] = {
    Silence.NONE: Phrase("", ""),
    Silence.STALE: Phrase("found too late for a message to mean anything", "发现时已过时效，不再发送短信"),
    Silence.EXCLUDED: Phrase("somebody excluded this use, and it was approved", "已批准排除"),
    Silence.NOBODY: Phrase("nobody is responsible for this customer", "该客户没有负责人"),
}


def silence(now: datetime, expires_at: datetime, recipient: str, *, excluded: bool = False) -> Silence:
    """Return why no message goes out; judged in this order: excluded, meaning gone, nobody to tell."""
    if excluded:
        return Silence.EXCLUDED
    if now >= expires_at:
        return Silence.STALE
    return Silence.NONE if recipient else Silence.NOBODY
