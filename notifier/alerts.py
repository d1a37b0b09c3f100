"""Reconciliation: what the ledger holds against what the facts say, as a pure set comparison."""

from collections.abc import Iterable

from meterwatch.core.model.alerts import Alert, AlertChanges, Episode


def reconcile(have: Iterable[Alert], want: Iterable[Episode]) -> AlertChanges:
    """Return what turns ``have`` into ``want``.

    Both cover the same subjects and days. An alert is found again by (rule, policy, subject, opening day); one that late
    readings would have opened on another day is the same alert as long as the two overlap: nobody is warned twice of one
    thing. Wanted and not there, it is opened; there and not wanted, withdrawn; there with another opening day, other
    stages, end or figures, changed.
    """
    present = {alert.episode.key: alert for alert in have}
    wanted = {episode.key: episode for episode in want}
    pairs = [(present.pop(key), wanted.pop(key)) for key in sorted(present.keys() & wanted.keys())]
    for _, episode in sorted(wanted.items()):
        moved = next((alert for _, alert in sorted(present.items()) if _same_thing(alert.episode, episode)), None)
        if moved is not None:
            pairs.append((present.pop(moved.episode.key), wanted.pop(episode.key)))
    return AlertChanges(
        opened=tuple(episode for _, episode in sorted(wanted.items())),
        changed=tuple((alert, episode) for alert, episode in pairs if alert.episode != episode),
        withdrawn=tuple(alert for _, alert in sorted(present.items())),
    )


def _same_thing(one: Episode, other: Episode) -> bool:
    """Return whether two episodes of a rule and policy about a subject have a day in common."""
    first, second = sorted((one, other), key=lambda episode: episode.opened_day)
    same = one.key._replace(opened_day=0) == other.key._replace(opened_day=0)
    return same and (first.closed_day is None or first.closed_day >= second.opened_day)
