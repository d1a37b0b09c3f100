"""What waits for somebody in the morning."""

from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import ListTemplate

NOT_SENT = Phrase(" Messages not sent to you: {count}.", "未向您发送的短信：{count}条。")
TEMPLATE = ListTemplate(
    name="digest",
    version=2,
    text=Phrase(
        "Tasks on {day}: {overdue} overdue, {today} due today, {open} open in all{lines}. Days below the warning line to "
        "judge: {crossings}.{held} See `meterwatch tasks --mine` and `meterwatch judge`.",
        "{day}待办：逾期{overdue}项，今日到期{today}项，共{open}项{lines}。低于预警线待判断：{crossings}天。{held}"
        "详见任务列表与判断列表。",
    ),
    lead=Phrase(": ", "："),
    line=Phrase("no. {id} {subject}, {title}, due {due}", "编号{id} {subject}，{title}，期限{due}"),
    sample={
        "day": "2023-03-02",
        "overdue": "1",
        "today": "2",
        "open": "7",
        "crossings": "3",
        "held": "",
        "id": "41",
        "subject": "C-0007/gas",
        "title": "churn-warn",
        "due": "2023-03-02 17:30",
    },
)
