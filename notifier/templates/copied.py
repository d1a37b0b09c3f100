"""Tasks of others that somebody is to know of."""

from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import ListTemplate

TEMPLATE = ListTemplate(
    name="copied",
    version=1,
    text=Phrase(
        "For your information, {count} new task(s): {lines}. See `meterwatch tasks`.",
        "抄送：{count}项新任务：{lines}。详见任务列表。",
    ),
    line=Phrase("no. {id} {subject}, {title}, due {due}", "编号{id} {subject}，{title}，期限{due}"),
    sample={
        "id": "41",
        "subject": "C-0007/gas",
        "title": "churn-warn",
        "due": "2023-03-02 17:30",
    },
)
