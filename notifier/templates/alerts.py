"""Several alerts of one rule for one person."""

from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import ListTemplate

TEMPLATE = ListTemplate(
    name="alerts",
    version=1,
    text=Phrase(
        "{count} alerts, {what}: {lines}.{due} See `meterwatch alerts`.",
        "{count}条告警（{what}）：{lines}。{due}详见告警列表。",
    ),
    line=Phrase("{short}", "{short}"),
    sample={
        "what": "churn",
        "short": "C-0007 gas 50% since 2023-02-22",
        "due": " Tasks due from 2023-03-02 17:30.",
    },
)
