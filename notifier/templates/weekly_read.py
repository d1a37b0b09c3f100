"""A meter was not read in a week, or its register and its intervals do not agree."""

from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import AlertTemplate, Figures, amount


def _figures(episode: Episode) -> Figures:
    return {name: amount(episode.figures.get(name)) for name in ("read_days", "register", "intervals")}


TEMPLATE = AlertTemplate(
    name="weekly_read",
    version=2,
    title=Phrase("weekly reading check", "周抄表核对"),
    text=Phrase(
        "Weekly reading check: usage point {subject} of customer {customer}, week to {day}: valid readings on {read_days} "
        "of 7 days; register {register} {use_unit}, sum of intervals {intervals} {use_unit}.",
        "周抄表核对：客户{customer}用户点{subject}截至{day}一周，7天中{read_days}天有有效读数；表底示数差{register}{use_unit}，"
        "分时用量合计{intervals}{use_unit}。",
    ),
    task=Phrase(
        "Please read the meter and check it by {due}.",
        "请于{due}前抄表并核对。",
    ),
    short=Phrase("{subject} {read_days}/7", "{subject}（{read_days}/7天）"),
    sample={
        "customer": "C-0103",
        "subject": "EP-0003",
        "day": "2023-02-26",
        "read_days": "6",
        "register": "7100",
        "intervals": "6900",
        "use_unit": "kWh",
        "due": "2023-03-02 17:30",
    },
    figures=_figures,
    duty="use-weekly-read",
)
