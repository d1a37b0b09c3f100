"""What this room counts."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from meterwatch.core.model.messages import NewMessage

MESSAGES = Counter(
    "meterwatch_messages_total", "Messages by channel and the state an attempt ended in.", ["channel", "state"]
)
MESSAGE_RETRIES = Counter("meterwatch_message_retries_total", "Attempts that failed and are tried again.", ["channel"])
RECEIPTS = Counter(
    "meterwatch_receipts_total", "Receipts by channel and whether they were known already.", ["channel", "known"]
)
OUTBOX_WAITING = Gauge("meterwatch_outbox_messages", "Messages not yet handed over, by channel.", ["channel"])
OUTBOX_OLDEST = Gauge(
    "meterwatch_outbox_oldest_seconds", "Age of the oldest message not yet handed over, business time.", ["channel"]
)
MESSAGES_HELD = Counter(
    "meterwatch_messages_held_total",
    "Messages never sent, by kind and reason: rate (their person had too many), quiet (they meant nothing after it).",
    ["kind", "reason"],
)
DUTIES = Gauge("meterwatch_duties", "Duties by state.", ["state"])
PLANNER_LAST_RUN = Gauge(
    "meterwatch_planner_last_run_timestamp_seconds", "When duties were last planned to the end, business time."
)
DUTIES_BREACHED = Counter("meterwatch_duties_breached_total", "Duties whose deadline passed without evidence.")


def count_held(messages: Iterable[NewMessage]) -> None:
    """Count those of some messages that are held back."""
    for message in messages:
        if message.held:
            MESSAGES_HELD.labels(message.kind, message.held).inc()
