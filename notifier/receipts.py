"""Receipts: stored before they are acknowledged; early, late or twice, they do no harm."""

from meterwatch.core.model.messages import Receipt
from meterwatch.core.ports import Outbox
from notifier import metrics


def accept(outbox: Outbox, receipt: Receipt) -> bool:
    """Store a receipt and join it to its message; False if it was known already. Durable when it returns."""
    fresh = outbox.accept(receipt)
    metrics.RECEIPTS.labels(receipt.channel, "no" if fresh else "yes").inc()
    return fresh
