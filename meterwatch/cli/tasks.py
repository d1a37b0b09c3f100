"""``meterwatch tasks`` and ``meterwatch tasks done``."""

from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.work import Duty, DutyState, Evidence, EvidenceKind
from notifier.duties import BY_NAME

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "state": Phrase("state", "状态"),
    "due_at": Phrase("due", "期限"),
    "person": Phrase("person", "负责人"),
    "subject": Phrase("subject", "对象"),
    "period": Phrase("since", "起始"),
    "title": Phrase("what to do", "任务"),
    "cause": Phrase("cause", "原因"),
    "proposal": Phrase("proposal", "措施"),
}
_STATE = {
    DutyState.OPEN: Phrase("open", "待办"),
    DutyState.MET: Phrase("met", "按期完成"),
    DutyState.LATE: Phrase("late", "逾期完成"),
    DutyState.BREACHED: Phrase("breached", "已逾期"),
    DutyState.VOID: Phrase("void", "已作废"),
}
_EMPTY = Phrase("no open tasks", "没有待办任务")
_NEEDED = Phrase(
    "a task closes only with a cause and a proposal: give --cause and --proposal",
    "办结任务必须填写原因（--cause）与措施（--proposal）",
)
_DONE = Phrase(
    "task {number} is {state}; cause and proposal are recorded under {person}", "任务 {number}：{state}，已记录（{person}）"
)
_BAD_TIME = Phrase("{text!r} is no time, write 2026-01-31T14:30", "{text!r} 不是时间，请写成 2026-01-31T14:30")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    parser.add_argument("--all", action="store_true", help=Phrase("finished and void ones too", "包括已办结的").say(lang))
    parser.add_argument("--limit", type=int, default=100, help=Phrase("at most this many", "最多条数").say(lang))
    parser.set_defaults(run=list_tasks)
    done = parser.add_subparsers(metavar="done").add_parser("done", help=Phrase("close a task", "办结任务").say(lang))
    common(done, lang, again=True)
    done.add_argument("number", type=int)
    done.add_argument("--cause", default="", help=Phrase("why the use changed", "用量变化的原因").say(lang))
    done.add_argument("--proposal", default="", help=Phrase("what is proposed", "拟采取的措施").say(lang))
    kinds = list(EvidenceKind)
    done.add_argument("--kind", choices=kinds, default=EvidenceKind.PHONE, help=Phrase("how it was done", "方式").say(lang))
    done.add_argument("--at", default="", help=Phrase("when it was done, local time (default: now)", "时间").say(lang))
    text = 'meterwatch tasks done 3 --kind visit --cause "one furnace is down" --proposal "back in use in May; call again"'
    example(done, text)
    example(parser, text)
    done.set_defaults(run=close_task)


def list_tasks(args: Namespace, out: Output) -> int:
    """List tasks by due time."""
    with session(args) as opened:
        found = opened.books.ledger.work.tasks(finished=args.all, limit=args.limit)
        out.table(_COLUMNS, [_row(duty, opened.zone, out) for duty in found], _EMPTY)
    return 0


def close_task(args: Namespace, out: Output) -> int:
    """Record what was found and close a task; refuses without cause and proposal."""
    if not (args.cause.strip() and args.proposal.strip()):
        raise Refusal(_NEEDED)
    with session(args) as opened:
        proof = _proof(args, opened)
        state = opened.books.ledger.work.done(args.number, proof)
        if out.as_json:
            out.data({"id": args.number, "state": state})
        out.say(_DONE, number=args.number, state=_STATE[state].say(out.lang), person=proof.person)
    return 0


def _proof(args: Namespace, opened: Session) -> Evidence:
    now = opened.books.clock.now()
    return Evidence(
        EvidenceKind(args.kind),
        person_of(opened.viewer),
        opened.viewer.account,
        args.cause.strip(),
        args.proposal.strip(),
        _moment(args.at, opened.zone) if args.at else now,
        now,
    )


def _moment(text: str, zone: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:
        raise Refusal(_BAD_TIME, text=text) from problem
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _row(duty: Duty, zone: str, out: Output) -> dict[str, Any]:
    last = duty.evidence[-1] if duty.evidence else None
    row = {
        "id": duty.id,
        "rule": duty.rule,
        "state": duty.state.value,
        "due_at": duty.due_at,
        "provisional": duty.provisional,
        "person": duty.person,
        "subject": duty.subject,
        "period": duty.period,
        "alert": duty.alert_id,
        "title": BY_NAME[duty.rule].title.say(out.lang),
        "cause": last.cause if last else "",
        "proposal": last.proposal if last else "",
        "by": last.person if last else "",
        "recorded_at": last.recorded_at if last else None,
    }
    if out.as_json:
        return row
    mark = "?" if duty.provisional else ""
    nobody = Phrase("(nobody)", "（无人负责）").say(out.lang)
    shown = {"state": _STATE[duty.state].say(out.lang), "due_at": local(duty.due_at, zone) + mark}
    return row | shown | {"person": duty.person or nobody}
