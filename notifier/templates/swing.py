"""A customer's week is not like the week or the month before."""

from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import AlertTemplate, Figures, amount, percent


def _figures(episode: Episode) -> Figures:
    figures = episode.figures
    shown = {name: amount(figures.get(name)) for name in ("week_mean", "last_week_mean", "last_month_mean")}
    return shown | {name: percent(figures.get(name)) for name in ("last_week_ratio", "last_month_ratio")}


TEMPLATE = AlertTemplate(
    name="swing",
    version=2,
    title=Phrase("weekly swing", "周用量波动"),
    text=Phrase(
        "Weekly swing: customer {customer}, {commodity}, week to {day}: mean day {week_mean} {use_unit}, last week "
        "{last_week_mean} {use_unit} ({last_week_ratio}%), same period last month {last_month_mean} {use_unit} "
        "({last_month_ratio}%).",
        "周用量波动：客户{customer}{commodity}截至{day}一周日均{week_mean}{use_unit}，上周日均{last_week_mean}{use_unit}"
        "（{last_week_ratio}%），上月同期日均{last_month_mean}{use_unit}（{last_month_ratio}%）。",
    ),
    task=Phrase(
        "Please investigate and write the fluctuation analysis by {due}.",
        "请于{due}前调查原因并提交波动分析。",
    ),
    short=Phrase(
        "{customer} {commodity} {last_week_ratio}% / {last_month_ratio}%",
        "{customer}{commodity}{last_week_ratio}%/{last_month_ratio}%",
    ),
    sample={
        "customer": "C-0007",
        "commodity": "gas",
        "day": "2023-02-26",
        "week_mean": "130",
        "last_week_mean": "100",
        "last_week_ratio": "130",
        "last_month_mean": "162",
        "last_month_ratio": "80",
        "use_unit": "m³",
        "due": "2023-03-02 17:30",
    },
    figures=_figures,
    duty="use-weekly-swing",
)
