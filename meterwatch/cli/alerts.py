"""``meterwatch alerts``."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import date
from typing import Any

from detectors.rules import RULES
from meterwatch.cli.arguments import number
from meterwatch.cli.main import common, example, limit
from meterwatch.cli.names import Concern, customer_names
from meterwatch.cli.output import Output, figure, local
from meterwatch.cli.session import Session, session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.alerts import CLOSED_WHY_TEXT, STAGE_TEXT, Alert
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import RATE_UNIT, USE_UNIT, Commodity
from meterwatch.core.model.registry import Registry
from notifier.suppress import SILENCE_TEXT, Silence

_RULES = {rule.name: rule for rule in RULES}
_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "rule": Phrase("rule", "规则"),
    "subject": Phrase("subject", "对象"),
    "name": Phrase("customer", "客户"),
    "opened_day": Phrase("opened", "触发日"),
    "stage": Phrase("stage", "阶段"),
    "baseline": Phrase("baseline", "基准"),
    "ratio": Phrase("ratio", "比值"),
    "closed_day": Phrase("closed", "结束日"),
    "closed_why": Phrase("why", "结束原因"),
    "suppressed": Phrase("silent because", "未通知原因"),
}
_EMPTY = Phrase("no open alerts", "没有未结束的告警")
_NONE = Phrase("there is no alert {number}", "没有告警 {number}")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    which = Phrase("show this alert in full (default: list them)", "查看该告警的全部内容（默认：列表）").say(lang)
    parser.add_argument("number", nargs="?", type=number(lang), metavar="ALERT", help=which)
    every = Phrase("closed and withdrawn ones too (default: open ones)", "包括已结束与已撤销的（默认：未结束的）").say(lang)
    parser.add_argument("--all", action="store_true", help=every)
    limit(parser, lang)
    example(parser, "meterwatch alerts --all --json")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """List alerts, or show one."""
    with session(args) as opened:
        ledger = opened.books.ledger.evaluation
        if args.number is None:
            found = ledger.all_alerts(closed=args.all, limit=args.limit)
            out.table(_COLUMNS, _rows(found, opened, out), _EMPTY)
            return 0
        chosen = ledger.alert(args.number)
        if chosen is None:
            raise Refusal(_NONE, number=args.number)
        (row,) = _rows([chosen], opened, out)
        _show(chosen, row, opened.books.registry.load(), opened.zone, out)
    return 0


def _rows(alerts: Sequence[Alert], opened: Session, out: Output) -> list[dict[str, Any]]:
    names = customer_names(opened, map(_concern, alerts))
    return [_row(alert, names.get(_concern(alert)), out) for alert in alerts]


def _concern(alert: Alert) -> Concern:
    return Concern(alert.episode.rule, alert.episode.subject, alert.episode.opened_day)


def _row(alert: Alert, name: str | None, out: Output) -> dict[str, Any]:
    episode = alert.episode
    figures = episode.figures
    row: dict[str, Any] = {
        "id": alert.id,
        "rule": episode.rule,
        "policy": episode.policy,
        "subject": episode.subject,
        "name": name,
        "opened_day": date.fromordinal(episode.opened_day).isoformat(),
        "start_day": date.fromordinal(episode.start_day).isoformat(),
        "stage": episode.stages[-1].name if episode.stages else "",
        "baseline": figures.get("baseline", figures.get("limit")),
        "ratio": figures.get("judged_ratio", figures.get("share")),
        "closed_day": date.fromordinal(episode.closed_day).isoformat() if episode.closed_day else None,
        "closed_why": episode.closed_why,
        "suppressed": alert.suppressed,
        "withdrawn": alert.withdrawn_at is not None,
        "registry": alert.registry,
    }
    if out.as_json:
        return row | {"figures": dict(figures), "opened_at": alert.opened_at}
    withdrawn = Phrase("withdrawn", "已撤销").say(out.lang)
    return row | {
        "rule": _RULES[episode.rule].title.say(out.lang),
        "stage": STAGE_TEXT[row["stage"]].say(out.lang) if row["stage"] else "",
        "closed_why": withdrawn if row["withdrawn"] else CLOSED_WHY_TEXT[episode.closed_why].say(out.lang),
        "suppressed": SILENCE_TEXT[Silence(alert.suppressed)].say(out.lang),
    }


def _show(alert: Alert, row: dict[str, Any], registry: Registry, zone: str, out: Output) -> None:
    """Print one alert with every figure it was opened on, its meaning and its unit."""
    if out.as_json:
        out.data(row)
        return
    episode = alert.episode
    out.line(f"{row['id']}  {row['rule']}  {episode.subject}  ({_RULES[episode.rule].source})")
    for key in ("name", "opened_day", "closed_day", "closed_why", "suppressed"):
        if row[key]:
            out.line(f"  {_COLUMNS[key].say(out.lang)}: {row[key]}")
    for stage in episode.stages:
        out.line(f"  {STAGE_TEXT[stage.name].say(out.lang)}: {date.fromordinal(stage.day)}")
    out.say(
        Phrase("  judged by registry snapshot {n} at {at}", "  依据档案快照 {n}，{at}"),
        n=alert.registry,
        at=local(alert.opened_at, zone),
    )
    units = _units(episode.subject, registry)
    for column in _RULES[episode.rule].columns:
        if column.name in episode.figures:
            value = figure(episode.figures[column.name])
            out.line(f"  {column.meaning.say(out.lang)}: {value} {units.get(column.unit, '')}".rstrip())


def _units(subject: str, registry: Registry) -> dict[str, str]:
    row = registry.row_of(subject)
    commodity = registry.commodity_of(row) if row is not None else Commodity(subject.rpartition("/")[2])
    return {"use": USE_UNIT[commodity], "rate": RATE_UNIT[commodity]}
