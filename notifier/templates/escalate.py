"""Tasks nobody has done yet, to whom they climb."""

from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import ListTemplate

TEMPLATE = ListTemplate(
    name="escalate",
    version=2,
    text=Phrase(
        "{count} task(s) nobody has done yet are now yours to see to: {lines}. See `meterwatch tasks`.",
        "有{count}项任务尚未办理，请督办：{lines}。详见任务列表。",
    ),
    line=Phrase("no. {id} {subject}, {title}, due {due}", "编号{id} {subject}，{title}，期限{due}"),
    sample={
        "id": "41",
        "subject": "C-0007/gas",
        "title": "churn-warn",
        "due": "2023-03-02 17:30",
    },
)
