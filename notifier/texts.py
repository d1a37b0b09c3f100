"""What messages say. A template has a version; the body is frozen when the message is queued. Codes only, never names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import RATE_UNIT, USE_UNIT, Commodity

COMMODITY_NAME: Mapping[Commodity, Phrase] = {
    Commodity.ELECTRICITY: Phrase("electricity", "用电"),
    Commodity.GAS: Phrase("gas", "用气"),
    Commodity.WATER: Phrase("water", "用水"),
    Commodity.HEAT: Phrase("heat", "用热"),
}
UNIT_NAME = {"m3": "m³", "m3/h": "m³/h", "kWh": "kWh", "kW": "kW"}


@dataclass(frozen=True, slots=True)
class Template:
    """A text with named figures."""

    name: str
    version: int
    text: Phrase


CHURN = Template(
    "churn",
    1,
    Phrase(
        "Churn warning: customer {customer}, {commodity}: mean day {week} {unit} in the last 7 days against "
        "{baseline} {unit} before ({percent}%), since {since}. Please visit or phone, find the cause and propose measures "
        "by {due}.",
        "流失预警：客户{customer}{commodity}近7天日均{week}{unit}，此前日均{baseline}{unit}（{percent}%），自{since}起。"
        "请于{due}前上门或电话核实，查明原因并提出措施。",
    ),
)
LOAD = Template(
    "load",
    1,
    Phrase(
        "Load alert: usage point {point} ran at {peak} {unit} on {day}, {percent}% of its limit of {limit} {unit}.",
        "负荷告警：用户点{point}于{day}负荷达{peak}{unit}，为限值{limit}{unit}的{percent}%。",
    ),
)
TEMPLATES = {template.name: template for template in (CHURN, LOAD)}


def body(template: Template, lang: Lang, episode: Episode, commodity: Commodity, due: datetime | None, zone: str) -> str:
    """Return the text of ``template`` about an alert, in ``lang``; ``due`` is shown in ``zone``."""
    figures = episode.figures
    common = {"commodity": COMMODITY_NAME[commodity].say(lang)}
    if template is CHURN:
        shown = {
            "customer": episode.subject.rpartition("/")[0],
            "week": amount(figures["week_ratio"] * figures["baseline"]),
            "baseline": amount(figures["baseline"]),
            "percent": round(figures["week_ratio"] * 100),
            "unit": UNIT_NAME[USE_UNIT[commodity]],
            "since": date.fromordinal(episode.start_day).isoformat(),
            "due": due.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if due else "-",
        }
    else:
        shown = {
            "point": episode.subject,
            "peak": amount(figures["peak"]),
            "limit": amount(figures["limit"]),
            "percent": round(figures["share"] * 100),
            "unit": UNIT_NAME[RATE_UNIT[commodity]],
            "day": date.fromordinal(episode.opened_day).isoformat(),
        }
    return template.text.say(lang, **common, **shown)


def amount(value: float) -> str:
    """Return a figure as people read it: three significant digits at least, no needless decimals."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
