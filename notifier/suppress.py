"""Why an alert says nothing to anybody. Every silence has a name, and the alert keeps it."""

from collections.abc import Iterable, Set
from datetime import datetime
from enum import StrEnum

from meterwatch.core.model.alerts import AlertKey, Episode
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Registry


class Silence(StrEnum):
    """A named reason for sending no message about an alert; the empty one sends it."""

    NONE = ""
    STALE = "stale"
    INGEST = "ingest"
    NOBODY = "nobody"
    EXCLUDED = "excluded"
    QUIET = "quiet"
    RATE = "rate"


SILENCE_TEXT: dict[Silence, Phrase] = {
    Silence.NONE: Phrase("", ""),
    Silence.STALE: Phrase("found too late for a message to mean anything", "发现时已过时效，不再发送短信"),
    Silence.EXCLUDED: Phrase("somebody excluded this use, and it was approved", "已批准排除"),
    Silence.INGEST: Phrase(
        "many points fell silent together: look at the gateways and the broker",
        "大量用户点同时失联，请检查网关与消息服务器",
    ),
    Silence.QUIET: Phrase("its meaning would be gone before the quiet hours end", "静默时段结束前即已过时效"),
    Silence.RATE: Phrase("he was sent too many of its kind: see the morning's digest", "同类短信过多，请见晨间汇总"),
    Silence.NOBODY: Phrase("nobody is responsible for this customer", "该客户没有负责人"),
}


SILENT_RULE = "silent"
_FEW = 3  # meters may fail on one day, each by itself


def silence(
    now: datetime, expires_at: datetime, recipient: str, *, excluded: bool = False, together: bool = False
) -> Silence:
    """Return why no message goes out: excluded, meaning gone, not the meter's fault, nobody to tell, in this order."""
    if excluded:
        return Silence.EXCLUDED
    if now >= expires_at:
        return Silence.STALE
    if together:
        return Silence.INGEST
    return Silence.NONE if recipient else Silence.NOBODY


def silent_together(opened: Iterable[Episode], registry: Registry, share: float) -> Set[AlertKey]:
    """Return the alerts about silent meters that are not the meters' fault.

    These are newly opened ones of more than ``share`` of the active usage points of one meter-day scheme, and of more than a
    few: it is what brings their readings that is silent.
    """
    found: dict[int, list[AlertKey]] = {}
    for episode in opened:
        row = registry.row_of(episode.subject)
        if episode.rule == SILENT_RULE and row is not None:
            found.setdefault(int(registry.scheme_rank[row]), []).append(episode.key)
    active = {rank: len(registry.schemes[scheme]) for rank, scheme in enumerate(registry.scheme_order)}
    return {key for rank, keys in found.items() if len(keys) > max(share * active[rank], _FEW) for key in keys}
