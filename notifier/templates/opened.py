"""Tasks that somebody's act called for, or an alert for others than who is told of it."""

from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import ListTemplate

TEMPLATE = ListTemplate(
    name="opened",
    version=1,
    text=Phrase(
        "{count} new task(s) for you: {lines}. See `meterwatch tasks --mine`.",
        "您有{count}项新任务：{lines}。详见任务列表。",
    ),
    line=Phrase("no. {id} {subject}, {title}, due {due}", "编号{id} {subject}，{title}，期限{due}"),
    sample={
        "id": "41",
        "subject": "C-0007/gas",
        "title": "churn-warn",
        "due": "2023-03-02 17:30",
    },
)
