"""Nothing is known of a usage point."""

from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import AlertTemplate, Figures, amount


def _figures(episode: Episode) -> Figures:
    return {"days": amount(episode.figures["silent_days"])}


TEMPLATE = AlertTemplate(
    name="silent",
    version=2,
    title=Phrase("silent meters", "表计失联"),
    text=Phrase(
        "Silent meter: of usage point {subject} of customer {customer} nothing is known since {since} ({days} days).",
        "表计失联：客户{customer}用户点{subject}自{since}起无数据（{days}天）。",
    ),
    task=Phrase(
        "Please check the meter and its connection by {due}.",
        "请于{due}前检查表计及其通信。",
    ),
    short=Phrase("{subject} since {since}", "{subject}（{since}起）"),
    sample={
        "customer": "C-0007",
        "subject": "GP-0007",
        "since": "2023-02-20",
        "days": "2",
        "due": "2023-02-27 17:30",
    },
    figures=_figures,
    duty="meter-silent",
)
