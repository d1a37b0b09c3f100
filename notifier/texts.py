"""What messages say. A template has a version; the body is frozen when the message is queued. Codes only, never names."""

from collections.abc import Callable, Mapping
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


Figures = Mapping[str, object]


def _churn(episode: Episode) -> Figures:
    figures = episode.figures
    return {
        "week": amount(figures["week_ratio"] * figures["baseline"]),
        "baseline": amount(figures["baseline"]),
        "percent": percent(figures["week_ratio"]),
    }


def _load(episode: Episode) -> Figures:
    figures = episode.figures
    return {"peak": amount(figures["peak"]), "limit": amount(figures["limit"]), "percent": percent(figures["share"])}


def _swing(episode: Episode) -> Figures:
    figures = episode.figures
    shown = {name: amount(figures.get(name)) for name in ("week_mean", "last_week_mean", "last_month_mean")}
    return shown | {name: percent(figures.get(name)) for name in ("last_week_ratio", "last_month_ratio")}


def _silent(episode: Episode) -> Figures:
    return {"days": amount(episode.figures["silent_days"])}


def _weekly_read(episode: Episode) -> Figures:
    return {name: amount(episode.figures.get(name)) for name in ("read_days", "register", "intervals")}


@dataclass(frozen=True, slots=True)
class Template:
    """A text with named figures, one for each rule that raises alerts.

    ``figures(episode)`` gives those that are its own. It means something for ``valid_h`` hours after what it speaks of.
    """

    name: str
    version: int
    text: Phrase
    figures: Callable[[Episode], Figures]
    valid_h: int = 48


CHURN = Template(
    "churn",
    1,
    Phrase(
        "Churn warning: customer {customer}, {commodity}: mean day {week} {use_unit} in the last 7 days against "
        "{baseline} {use_unit} before ({percent}%), since {since}. Please visit or phone, find the cause and propose "
        "measures by {due}.",
        "流失预警：客户{customer}{commodity}近7天日均{week}{use_unit}，此前日均{baseline}{use_unit}（{percent}%），"
        "自{since}起。请于{due}前上门或电话核实，查明原因并提出措施。",
    ),
    _churn,
)
LOAD = Template(
    "load",
    1,
    Phrase(
        "Load alert: usage point {subject} ran at {peak} {rate_unit} on {day}, {percent}% of its limit of {limit} "
        "{rate_unit}.",
        "负荷告警：用户点{subject}于{day}负荷达{peak}{rate_unit}，为限值{limit}{rate_unit}的{percent}%。",
    ),
    _load,
    valid_h=2,
)
SWING = Template(
    "swing",
    1,
    Phrase(
        "Weekly swing: customer {customer}, {commodity}, week to {day}: mean day {week_mean} {use_unit}, last week "
        "{last_week_mean} {use_unit} ({last_week_ratio}%), same period last month {last_month_mean} {use_unit} "
        "({last_month_ratio}%). Please investigate and write the fluctuation analysis.",
        "周用量波动：客户{customer}{commodity}截至{day}一周日均{week_mean}{use_unit}，上周日均{last_week_mean}{use_unit}"
        "（{last_week_ratio}%），上月同期日均{last_month_mean}{use_unit}（{last_month_ratio}%）。请调查原因并提交波动分析。",
    ),
    _swing,
)
SILENT = Template(
    "silent",
    1,
    Phrase(
        "Silent meter: of usage point {subject} nothing is known since {since} ({days} days). Please check the meter and "
        "its connection.",
        "表计失联：用户点{subject}自{since}起无数据（{days}天）。请检查表计及其通信。",
    ),
    _silent,
)
WEEKLY_READ = Template(
    "weekly_read",
    1,
    Phrase(
        "Weekly reading check: usage point {subject}, week to {day}: valid readings on {read_days} of 7 days; register "
        "{register} {use_unit}, sum of intervals {intervals} {use_unit}. Please read the meter and check it.",
        "周抄表核对：用户点{subject}截至{day}一周，7天中{read_days}天有有效读数；表底示数差{register}{use_unit}，"
        "分时用量合计{intervals}{use_unit}。请抄表并核对。",
    ),
    _weekly_read,
)
TEMPLATES = {template.name: template for template in (CHURN, LOAD, SWING, SILENT, WEEKLY_READ)}


def body(template: Template, lang: Lang, episode: Episode, commodity: Commodity, due: datetime | None, zone: str) -> str:
    """Return the text of ``template`` about an alert, in ``lang``; ``due`` is shown in ``zone``."""
    shown: Figures = {
        "subject": episode.subject,
        "customer": episode.subject.rpartition("/")[0],
        "commodity": COMMODITY_NAME[commodity].say(lang),
        "use_unit": UNIT_NAME[USE_UNIT[commodity]],
        "rate_unit": UNIT_NAME[RATE_UNIT[commodity]],
        "day": date.fromordinal(episode.opened_day).isoformat(),
        "since": date.fromordinal(episode.start_day).isoformat(),
        "due": due.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if due else "-",
        **template.figures(episode),
    }
    return template.text.say(lang, **shown)


def percent(share: float | None) -> str:
    """Return a share as a whole percentage, ``-`` where it is not known."""
    return "-" if share is None else str(round(share * 100))


def amount(value: float | None) -> str:
    """Return a figure as people read it: three significant digits at least, no needless decimals; ``-`` if not known."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
