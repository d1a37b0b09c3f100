"""``meterwatch timeline``: all that is recorded about a customer, line by line and chained (RULES proof)."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from detectors.rules import RULES
from meterwatch.app.timeline import Line, What, between, chain, subjects, timeline
from meterwatch.cli.arguments import day
from meterwatch.cli.customers import customer_of
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, figure, local
from meterwatch.cli.session import Session, session
from meterwatch.cli.sheet import Sheet, deliver, require_new, sheet_arguments
from meterwatch.core.model.alerts import CLOSED_WHY_TEXT, STAGE_TEXT
from meterwatch.core.model.complaints import GRADE_TEXT
from meterwatch.core.model.duties import ACT_TEXT, DUTY_STATE_TEXT, EVIDENCE_TEXT
from meterwatch.core.model.exclusions import EXCLUSION_STATE_TEXT
from meterwatch.core.model.messages import MESSAGE_STATE_TEXT
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import ROLE_TEXT
from notifier.duties.rules import DUTIES
from notifier.suppress import SILENCE_TEXT

_COLUMNS = (
    Phrase("no.", "序号"),
    Phrase("happened", "发生时间"),
    Phrase("recorded", "录入时间"),
    Phrase("what", "事项"),
    Phrase("by", "经办人"),
    Phrase("content", "内容"),
    Phrase("SHA-256", "SHA-256"),
)
_TITLE = Phrase("Timeline of customer {name}", "客户 {name} 时间线")
_FROM = Phrase("from {first} to {last}, times in {zone}", "期间：{first} 至 {last}，时区 {zone}")
_CHAIN = Phrase("{count} lines, chained: {digest}", "共 {count} 条，链式校验值：{digest}")
_PRINTED = Phrase("printed {at} by {viewer}", "{at} 由 {viewer} 生成")
_AUDIT = Phrase("audit digest: {digest}", "审计摘要：{digest}")
_YES = Phrase("yes", "是")
WHAT_TEXT: dict[What, Phrase] = {
    What.ALERT: Phrase("alert", "告警"),
    What.STAGE: Phrase("stage of alert", "告警阶段"),
    What.WITHDRAWAL: Phrase("withdrawal of alert", "告警撤销"),
    What.MESSAGE: Phrase("message N", "通知 N"),
    What.COMPLAINT: Phrase("complaint", "投诉"),
    What.TASK: Phrase("task", "任务"),
    What.CONTACT: Phrase("contact record", "联系记录"),
    What.EVIDENCE: Phrase("evidence of task", "任务证据"),
    What.STEP: Phrase("step of task", "任务经过"),
    What.EXCLUSION: Phrase("exclusion", "排除申请"),
    What.DECISION: Phrase("decision on exclusion", "排除审批"),
    What.JUDGEMENT: Phrase("judgement", "每日判断"),
}
LABELS: dict[str, Phrase] = {
    "account": Phrase("account", "账号"),
    "act": Phrase("act", "操作"),
    "alert": Phrase("alert", "告警"),
    "body": Phrase("text", "内容"),
    "called_by": Phrase("called for by", "提出人"),
    "cause": Phrase("cause", "原因"),
    "channel": Phrase("channel", "渠道"),
    "closed_day": Phrase("closed", "结束日"),
    "closed_why": Phrase("why", "结束原因"),
    "confirmed_at": Phrase("confirmed", "确认时间"),
    "confirmed_by": Phrase("confirmed by", "确认人"),
    "contact": Phrase("contact", "联系人"),
    "corrected_by": Phrase("corrected by record", "已由记录更正"),
    "corrects": Phrase("corrects record", "更正记录"),
    "day": Phrase("meter day", "计量日"),
    "due_at": Phrase("due", "期限"),
    "expires": Phrase("expires", "失效日"),
    "figures": Phrase("figures", "数据"),
    "first_day": Phrase("from", "起始日"),
    "grade": Phrase("grade", "等级"),
    "history": Phrase("history", "经过"),
    "kind": Phrase("how", "方式"),
    "last_day": Phrase("before", "截止日（不含）"),
    "needed": Phrase("times needed", "需要次数"),
    "note": Phrase("note", "说明"),
    "opened_day": Phrase("opened", "触发日"),
    "outcome": Phrase("outcome", "结论"),
    "paper": Phrase("paper sha256", "文件 sha256"),
    "period": Phrase("period", "周期"),
    "policy": Phrase("policy", "策略"),
    "proposal": Phrase("proposal", "措施"),
    "provisional": Phrase("deadline provisional", "期限待节假日公布"),
    "reached": Phrase("reached", "是否联系到"),
    "reason": Phrase("reason", "理由"),
    "record": Phrase("contact record", "联系记录"),
    "rule": Phrase("rule", "规则"),
    "settled_at": Phrase("settled", "办结时间"),
    "stage": Phrase("stage", "阶段"),
    "state": Phrase("state", "状态"),
    "subject": Phrase("subject", "对象"),
    "suppressed": Phrase("silent because", "未通知原因"),
    "taken_back_at": Phrase("taken back", "撤回时间"),
    "text": Phrase("text", "内容"),
    "to": Phrase("to", "对象人员"),
    "verdict": Phrase("verdict", "判断"),
    "waits": Phrase("waits for confirmation", "待第二人确认"),
    "why": Phrase("why", "理由"),
    "yearly": Phrase("each year", "每年"),
}
_RULE_TEXT = {duty.name: duty.title for duty in DUTIES} | {rule.name: rule.title for rule in RULES}
_OUTCOME_TEXT = {name: text for duty in DUTIES for name, text in duty.outcomes.items()}
_CODES: dict[str, Mapping[Any, Phrase]] = {
    "act": ACT_TEXT,
    "closed_why": CLOSED_WHY_TEXT,
    "grade": GRADE_TEXT,
    "kind": EVIDENCE_TEXT,
    "outcome": _OUTCOME_TEXT,
    "rule": _RULE_TEXT,
    "stage": STAGE_TEXT,
    "state": {**DUTY_STATE_TEXT, **MESSAGE_STATE_TEXT, **EXCLUSION_STATE_TEXT},
    "suppressed": SILENCE_TEXT,
    "why": ROLE_TEXT,
    "reached": {"yes": _YES, "no": Phrase("no", "否")},
}


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang, as_json=False)
    parser.add_argument("customer", metavar="CUSTOMER", help=Phrase("code of the customer", "客户编号").say(lang))
    bounds = {
        "from": Phrase("first day (default: the beginning)", "起始日（默认：最早）"),
        "to": Phrase("last day (default: today)", "截止日（默认：今日）"),
    }
    for name, text in bounds.items():
        parser.add_argument(f"--{name}", dest=f"{name}_day", type=day(lang), metavar="DAY", help=text.say(lang))
    sheet_arguments(parser, lang)
    example(parser, "meterwatch timeline C-0007 --from 2023-01-01 --format html --out c-0007.html")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Print the timeline of a customer; every look, and every refusal of one, is written down."""
    require_new(args.out)
    with session(args) as opened:
        code = customer_of(opened, args.customer, "timeline").code
        books, now = opened.books, opened.books.clock.now()
        registry = books.snapshots.newest()
        history = books.ledger.history.of(code, subjects(code, registry))
        lines = between(timeline(code, history, registry), args.from_day, args.to_day, opened.zone)
        books.ledger.records.note_look("timeline.read", code, opened.viewer.name, now, len(lines))
        name = books.archive.customer_names(opened.viewer, [code], now)[code]
        bounds = (args.from_day, args.to_day or opened.today())
        digest = books.ledger.audit.latest_digest()
        deliver(timeline_sheet(code, name, lines, bounds, opened, out.lang, digest), args, out)
    return 0


def timeline_sheet(
    code: str,
    name: str,
    lines: Sequence[Line],
    bounds: tuple[date | None, date],
    opened: Session,
    lang: Lang,
    audit_digest: str = "",
) -> Sheet:
    """Return the sheet of a timeline; ``audit_digest`` ties it to the sealed audit, empty for none."""
    zone, now = opened.zone, opened.books.clock.now()
    rows = [_row(place, line, zone, lang) for place, line in enumerate(lines, 1)]
    foot = [
        _FROM.say(lang, first=bounds[0] or "-", last=bounds[1], zone=zone),
        _CHAIN.say(lang, count=len(lines), digest=chain(code, lines)),
        _PRINTED.say(lang, at=local(now, zone), viewer=opened.viewer.name),
    ]
    foot += [_AUDIT.say(lang, digest=audit_digest)] if audit_digest else []
    title = _TITLE.say(lang, name=code if name == code else f"{code} {name}")
    return Sheet(title, [column.say(lang) for column in _COLUMNS], rows, foot, lang)


def _row(place: int, line: Line, zone: str, lang: Lang) -> list[str]:
    what = WHAT_TEXT[line.what].say(lang)
    number = "" if line.what is What.JUDGEMENT else f"{'' if what.endswith('N') else ' '}{line.number}"
    content = "; ".join(f"{LABELS[name].say(lang)}: {text}" for name, text in _told(line, zone, lang))
    happened, recorded = local(line.happened_at, zone), local(line.recorded_at, zone)
    return [str(place), happened, recorded, f"{what}{number}", line.person, content, line.digest]


def _told(line: Line, zone: str, lang: Lang) -> Iterator[tuple[str, str]]:
    """Yield what a line says, in words."""
    for name, value in line.said.items():
        if name == "figures":
            yield name, ", ".join(f"{key} {figure(number)}" for key, number in value.items())
        elif name == "history":
            yield name, ", ".join(_settled(step, zone, lang) for step in value)
        else:
            yield name, _word(name, value, zone, lang)


def _word(name: str, value: Any, zone: str, lang: Lang) -> str:
    if isinstance(value, datetime):
        return local(value, zone)
    if value is True:
        return _YES.say(lang)
    known = _CODES.get(name, {})
    return known[value].say(lang) if value in known else str(value)


def _settled(step: Mapping[str, Any], zone: str, lang: Lang) -> str:
    return f"{local(step['at'], zone)} {_word('state', step['state'], zone, lang)} {step['detail']}".rstrip()
