"""What the application counts."""

from prometheus_client import Counter, Gauge

from meterwatch.core.model.alerts import AlertChanges

DAYS_EVALUATED = Counter("meterwatch_days_evaluated_total", "Meter days judged for the first time, one a scheme and day.")
DIRTY_DAYS = Counter(
    "meterwatch_dirty_days_total", "Days of usage points judged again because of late or corrected readings."
)
ALERTS = Counter(
    "meterwatch_alerts_total", "Alerts by rule and what happened to them: opened, changed, withdrawn.", ["rule", "change"]
)
OPEN_ALERTS = Gauge("meterwatch_open_alerts", "Alerts open now, by rule.", ["rule"])
LAST_STEP = Gauge("meterwatch_last_step_timestamp_seconds", "Business time of the last completed step, by role.", ["role"])
STEP_FAILURES = Counter("meterwatch_step_failures_total", "Steps that could not be completed, by role.", ["role"])
REGISTRY_SNAPSHOT = Gauge("meterwatch_registry_snapshot", "Number of the registry snapshot in use.")


def count(changes: AlertChanges) -> None:
    """Count what a commit did to alerts."""
    for episode in changes.opened:
        ALERTS.labels(episode.rule, "opened").inc()
    for _, episode in changes.changed:
        ALERTS.labels(episode.rule, "changed").inc()
    for alert in changes.withdrawn:
        ALERTS.labels(alert.episode.rule, "withdrawn").inc()
