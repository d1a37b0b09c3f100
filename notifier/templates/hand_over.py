"""Tasks that pass to somebody else."""

from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import ListTemplate

TEMPLATE = ListTemplate(
    name="hand_over",
    version=2,
    text=Phrase(
        "{count} task(s) were handed over to you: {lines}. See `meterwatch tasks --mine`.",
        "{count}项任务已移交给您：{lines}。详见任务列表。",
    ),
    line=Phrase("no. {id} {subject}, {title}, due {due}", "编号{id} {subject}，{title}，期限{due}"),
    sample={
        "id": "41",
        "subject": "C-0007/gas",
        "title": "churn-warn",
        "due": "2023-03-02 17:30",
    },
)
