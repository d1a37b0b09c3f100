"""A usage point runs above its limit."""

from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import AlertTemplate, Figures, amount, percent


def _figures(episode: Episode) -> Figures:
    figures = episode.figures
    return {"peak": amount(figures["peak"]), "limit": amount(figures["limit"]), "percent": percent(figures["share"])}


TEMPLATE = AlertTemplate(
    name="load",
    version=2,
    title=Phrase("load", "负荷告警"),
    text=Phrase(
        "Load alert: usage point {subject} of customer {customer} ran at {peak} {rate_unit} on {day}, {percent}% of its "
        "limit of {limit} {rate_unit}.",
        "负荷告警：客户{customer}用户点{subject}于{day}负荷达{peak}{rate_unit}，为限值{limit}{rate_unit}的{percent}%。",
    ),
    task=Phrase(
        "Please see to it by {due}.",
        "请于{due}前处理。",
    ),
    short=Phrase("{subject} {peak} {rate_unit} ({percent}%)", "{subject}达{peak}{rate_unit}（{percent}%）"),
    sample={
        "customer": "C-0103",
        "subject": "EP-0003",
        "peak": "612",
        "limit": "546",
        "percent": "112",
        "rate_unit": "kW",
        "day": "2023-02-21",
        "due": "2023-02-21 17:30",
    },
    figures=_figures,
    valid_h=2,
)
