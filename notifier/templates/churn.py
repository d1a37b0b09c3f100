"""A customer uses less than 70 % of what he did."""

from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Phrase
from notifier.templates.template import AlertTemplate, Figures, amount, percent


def _figures(episode: Episode) -> Figures:
    figures = episode.figures
    return {
        "week": amount(figures["week_ratio"] * figures["baseline"]),
        "baseline": amount(figures["baseline"]),
        "percent": percent(figures["week_ratio"]),
    }


TEMPLATE = AlertTemplate(
    name="churn",
    version=2,
    title=Phrase("churn", "流失预警"),
    text=Phrase(
        "Churn warning: customer {customer}, {commodity}: mean day {week} {use_unit} in the last 7 days against "
        "{baseline} {use_unit} before ({percent}%), since {since}.",
        "流失预警：客户{customer}{commodity}近7天日均{week}{use_unit}，此前日均{baseline}{use_unit}（{percent}%），自{since}起。",
    ),
    task=Phrase(
        "Please visit or phone, find the cause and propose measures by {due}.",
        "请于{due}前上门或电话核实，查明原因并提出措施。",
    ),
    short=Phrase("{customer} {commodity} {percent}% since {since}", "{customer}{commodity}{percent}%（{since}起）"),
    sample={
        "customer": "C-0007",
        "commodity": "gas",
        "week": "623",
        "baseline": "1234",
        "percent": "50",
        "use_unit": "m³",
        "since": "2023-02-22",
        "due": "2023-03-02 17:30",
    },
    figures=_figures,
    duty="churn-warn",
)
