"""``meterwatch judge``: the daily judgement list (RULES churn-warn, churn-exclude)."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from meterwatch.app.judgement_list import DAYS, Span, crossings, customer_of, of_reason, rulings
from meterwatch.cli.arguments import day
from meterwatch.cli.main import common, example
from meterwatch.cli.names import names_of
from meterwatch.cli.output import Output
from meterwatch.cli.session import Session, person_of, session
from meterwatch.cli.task_acts import desk_of
from meterwatch.core.errors import Refusal
from meterwatch.core.model.judgements import VERDICT_TEXT, Crossing, Verdict
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import USE_UNIT, Commodity
from notifier.judging import CHURN, REASON_TEXT, Prefilled, Reason

_COLUMNS = {
    "day": Phrase("day", "日期"),
    "subject": Phrase("customer", "客户"),
    "name": Phrase("name", "名称"),
    "use": Phrase("use", "当日用量"),
    "month_mean": Phrase("mean of the month before", "前一月日均"),
    "unit": Phrase("unit", "单位"),
    "percent": Phrase("%", "%"),
    "reasons": Phrase("what may explain it", "可能的原因"),
}
_EMPTY = Phrase(
    "nothing to judge from {first} to {last}; meter days up to {closed} are closed",
    "{first} 至 {last} 没有待判断的记录；已结算至 {closed}",
)
_NO_DAYS = Phrase("nothing to judge: no meter day has closed yet", "没有待判断的记录：尚无已结算的计量日")
_JUDGED = Phrase("{count} judged ({verdict}), recorded under {person}", "已判断 {count} 条（{verdict}），记录人 {person}")
_TASK = Phrase("  {subject} {day}: task {task}", "  {subject} {day}：任务 {task}")
_UNDONE = Phrase("the judgement of {subject} of {day} is taken back", "已撤回对 {subject} {day} 的判断")
_WHICH = Phrase(
    "name what is judged: SUBJECT DAY pairs such as `C-0007/gas 2023-02-01`, or --all",
    "请指明要判断的记录：成对给出“对象 日期”，如 `C-0007/gas 2023-02-01`，或用 --all",
)
_NONE = Phrase(
    "nothing on the list fits: `meterwatch judge` shows it", "列表中没有符合条件的记录：用 `meterwatch judge` 查看"
)
_NO_DAY = Phrase("{text!r} is no date, write 2026-01-31", "{text!r} 不是日期，请写成 2026-01-31")
_SUBJECT = Phrase("customer and commodity, as the list shows them", "客户与能源种类，如列表所示")
_NO_REASON = Phrase("an exclusion needs --reason: why it is no drop", "排除须填写 --reason：为何不属于用量下降")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    _span(parser, lang)
    parser.set_defaults(run=list_crossings)
    example(parser, "meterwatch judge --where weekend")
    acts = parser.add_subparsers(metavar="act|exclude|undo")
    act = _verdict(
        acts, "act", Phrase("the customer is visited or phoned: a task", "上门或电话核实：下达任务"), Verdict.ACT, lang
    )
    example(act, "meterwatch judge act C-0007/gas 2023-02-01")
    text = Phrase("it is no drop: that day is excluded", "不属于用量下降：排除该日")
    exclude = _verdict(acts, "exclude", text, Verdict.EXCLUDE, lang)
    example(exclude, 'meterwatch judge exclude --all --where weekend --reason "no shift on weekends"')
    text = Phrase("take a judgement back", "撤回判断")
    undone = acts.add_parser("undo", help=text.say(lang), description=text.say(lang))
    common(undone, lang)
    undone.add_argument("subject", metavar="SUBJECT", help=_SUBJECT.say(lang))
    undone.add_argument("day", type=day(lang), metavar="DAY", help=Phrase("the meter day", "计量日").say(lang))
    undone.set_defaults(run=undo)
    example(undone, "meterwatch judge undo C-0007/gas 2023-02-01")


def _span(parser: ArgumentParser, lang: Lang) -> None:
    """Add what picks rows of the list."""
    first = Phrase("first meter day (default: the last 7 days)", "起始计量日（默认：最近7天）").say(lang)
    parser.add_argument("--from", dest="first", type=day(lang), metavar="DAY", help=first)
    last = Phrase("last meter day (default: yesterday)", "截止计量日（默认：昨天）").say(lang)
    parser.add_argument("--to", dest="last", type=day(lang), metavar="DAY", help=last)
    which = Phrase("only what this may explain: {reasons} (default: all)", "仅限可能由此解释的：{reasons}（默认：全部）")
    reasons = ", ".join(f"{reason} = {text.say(lang)}" for reason, text in REASON_TEXT.items())
    names = [reason.value for reason in Reason]
    parser.add_argument("--where", choices=names, help=which.say(lang, reasons=reasons))


def _verdict(
    acts: "_SubParsersAction[ArgumentParser]", name: str, text: Phrase, verdict: Verdict, lang: Lang
) -> ArgumentParser:
    parser = acts.add_parser(name, help=text.say(lang), description=text.say(lang))
    common(parser, lang)
    pairs = Phrase(
        "what is judged, e.g. C-0007/gas 2023-02-01 (needed) unless --all",
        "要判断的记录，如 C-0007/gas 2023-02-01（除 --all 外必填）",
    )
    parser.add_argument("pairs", nargs="*", metavar="SUBJECT DAY", help=pairs.say(lang))
    every = Phrase("all that the list shows (default: what is named)", "列表中的全部（默认：指明的记录）").say(lang)
    parser.add_argument("--all", action="store_true", help=every)
    _span(parser, lang)
    why = {
        Verdict.ACT: Phrase("what is known already (default: none)", "已知情况（默认：无）"),
        Verdict.EXCLUDE: Phrase("why it is no drop (needed)", "为何不属于用量下降（必填）"),
    }
    parser.add_argument("--reason", default="", metavar="TEXT", help=why[verdict].say(lang))
    parser.set_defaults(run=judge, verdict=verdict)
    return parser


def list_crossings(args: Namespace, out: Output) -> int:
    """List what waits for a judgement, by day and customer."""
    with session(args) as opened:
        span = _days(args, opened)
        found = _found(args, opened, span)
        names = names_of(opened, (customer_of(one.fact.subject) for one in found))
        out.table(_COLUMNS, [_row(one, names, out) for one in found], _empty(opened, span, out.lang))
    return 0


def _days(args: Namespace, opened: Session) -> Span:
    last = args.last or opened.today() - timedelta(days=1)
    return Span(args.first or last - timedelta(days=DAYS - 1), last)


def _found(args: Namespace, opened: Session, span: Span) -> list[Prefilled]:
    found = crossings(opened.books, opened.settings, opened.viewer, span)
    return of_reason(found, Reason(args.where) if args.where else None)


def _empty(opened: Session, span: Span, lang: Lang) -> Phrase:
    done = opened.books.ledger.evaluation.done_days().values()
    if not done:
        return _NO_DAYS
    text = _EMPTY.say(lang, first=span.first, last=span.last, closed=date.fromordinal(min(done)))
    return Phrase(text, text)


def _row(one: Prefilled, names: Mapping[str, str], out: Output) -> dict[str, Any]:
    figures, subject = one.fact.figures, one.fact.subject
    customer, _, commodity = subject.rpartition("/")
    row = {
        "day": date.fromordinal(one.fact.day).isoformat(),
        "subject": subject,
        "name": names.get(customer),
        "use": figures["use"],
        "month_mean": figures["month_mean"],
        "unit": USE_UNIT[Commodity(commodity)],
        "day_ratio": figures["day_ratio"],
        "last_year_ratio": figures.get("last_year_ratio"),
        "reasons": [reason.value for reason in one.reasons],
        "alert": one.alert,
        "exclusion": one.exclusion,
    }
    if out.as_json:
        return row
    shown = ", ".join(REASON_TEXT[reason].say(out.lang) for reason in one.reasons)
    return row | {"percent": round(figures["day_ratio"] * 100), "reasons": shown}


def judge(args: Namespace, out: Output) -> int:
    """Enter verdicts on crossings, all or none."""
    with session(args) as opened:
        person = person_of(opened)
        if args.verdict is Verdict.EXCLUDE and not args.reason.strip():
            raise Refusal(_NO_REASON)
        chosen = _chosen(args, opened, out.lang)
        desk, books = desk_of(opened), opened.books
        books.archive.require_own(opened.viewer, {customer_of(one.subject) for one in chosen}, "judge", desk.now)
        verdicts = rulings(desk, chosen, args.verdict, args.reason.strip(), person)
        judged = books.ledger.judgements.judge(verdicts, desk.now)
        rows = [
            {"subject": one.judgement.subject, "day": date.fromordinal(one.judgement.day).isoformat(), "task": one.task}
            for one in judged
        ]
        if out.as_json:
            out.data(rows)
        out.say(_JUDGED, count=len(rows), verdict=VERDICT_TEXT[args.verdict].say(out.lang), person=person)
        for row in rows:
            if row["task"] is not None:
                out.say(_TASK, **row)
    return 0


def _chosen(args: Namespace, opened: Session, lang: Lang) -> Sequence[Crossing]:
    """Return the crossings named, or all that the list shows."""
    if bool(args.pairs) == args.all or len(args.pairs) % 2:
        raise Refusal(_WHICH)
    if not args.all:
        return [
            Crossing(subject, _ordinal(text, lang)) for subject, text in zip(args.pairs[::2], args.pairs[1::2], strict=True)
        ]
    found = _found(args, opened, _days(args, opened))
    if not found:
        raise Refusal(_NONE)
    return [Crossing(one.fact.subject, one.fact.day) for one in found]


def _ordinal(text: str, lang: Lang) -> int:
    try:
        return day(lang)(text).toordinal()
    except ArgumentTypeError as problem:
        raise Refusal(_NO_DAY, text=text) from problem


def undo(args: Namespace, out: Output) -> int:
    """Take back a judgement; a task it opened becomes void."""
    with session(args) as opened:
        person = person_of(opened)
        now, account = opened.books.clock.now(), opened.viewer.account
        opened.books.archive.require_own(opened.viewer, [customer_of(args.subject)], "judge", now)
        crossing = Crossing(args.subject, args.day.toordinal())
        taken = opened.books.ledger.judgements.undo(CHURN, crossing, person, account, now)
        if out.as_json:
            out.data({"id": taken.id, "subject": taken.subject, "day": args.day.isoformat(), "task": taken.duty})
        out.say(_UNDONE, subject=taken.subject, day=args.day)
    return 0
