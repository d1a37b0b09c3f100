"""Reconciliation: what the ledger holds against what the facts say, as a pure set comparison."""

from collections.abc import Iterable

from meterwatch.core.model.alerts import Alert, AlertChanges, Episode


def reconcile(have: Iterable[Alert], want: Iterable[Episode]) -> AlertChanges:
    """Return what turns ``have`` into ``want``.

    Both cover the same subjects and days. An alert is found again by (rule, policy, subject, opening day): wanted and not
    there, it is opened; there and not wanted, withdrawn; there with other stages, end or figures, changed.
    """
    present = {alert.episode.key: alert for alert in have}
    wanted = {episode.key: episode for episode in want}
    return AlertChanges(
        opened=tuple(episode for key, episode in sorted(wanted.items()) if key not in present),
        changed=tuple(
            (present[key], episode)
            for key, episode in sorted(wanted.items())
            if key in present and present[key].episode != episode
        ),
        withdrawn=tuple(alert for key, alert in sorted(present.items()) if key not in wanted),
    )
