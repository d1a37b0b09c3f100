"""``meterwatch tasks`` and ``meterwatch tasks done``."""

from argparse import ArgumentParser, Namespace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from meterwatch.cli.arguments import moment, number
from meterwatch.cli.main import common, example, limit
from meterwatch.cli.names import Concern, customer_names
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.work import DUTY_STATE_TEXT, Duty, DutyState, Evidence, EvidenceKind
from notifier.duties import BY_NAME
from notifier.duties.closing import closing_by

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "state": Phrase("state", "状态"),
    "due_at": Phrase("due", "期限"),
    "person": Phrase("person", "负责人"),
    "subject": Phrase("subject", "对象"),
    "name": Phrase("customer", "客户"),
    "period": Phrase("since", "起始"),
    "title": Phrase("what to do", "任务"),
    "cause": Phrase("cause", "原因"),
    "proposal": Phrase("proposal", "措施"),
}
_EMPTY = Phrase("no open tasks", "没有待办任务")
_NEEDED = Phrase(
    "a task closes only with a cause and a proposal: give --cause and --proposal",
    "办结任务必须填写原因（--cause）与措施（--proposal）",
)
_DONE = Phrase(
    "task {number} is {state}; cause and proposal are recorded under {person}", "任务 {number}：{state}，已记录（{person}）"
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    every = Phrase("finished and void ones too (default: open ones)", "包括已办结与已作废的（默认：待办的）").say(lang)
    parser.add_argument("--all", action="store_true", help=every)
    limit(parser, lang)
    parser.set_defaults(run=list_tasks)
    text = Phrase("close a task with cause and proposal", "填写原因与措施，办结任务").say(lang)
    done = parser.add_subparsers(metavar="done").add_parser("done", help=text, description=text)
    _configure_done(done, lang)
    for level in (parser, done):
        example(level, 'meterwatch tasks done 3 --kind visit --cause "one furnace is down" --proposal "call again in May"')


def _configure_done(parser: ArgumentParser, lang: Lang) -> None:
    common(parser, lang)
    which = Phrase("number of the task", "任务编号").say(lang)
    parser.add_argument("number", type=number(lang), metavar="TASK", help=which)
    cause = Phrase("why the use changed (needed)", "用量变化的原因（必填）").say(lang)
    parser.add_argument("--cause", default="", metavar="TEXT", help=cause)
    proposal = Phrase("what is proposed (needed)", "拟采取的措施（必填）").say(lang)
    parser.add_argument("--proposal", default="", metavar="TEXT", help=proposal)
    kinds = [kind.value for kind in EvidenceKind]
    how = Phrase("how it was done (default: phone)", "核实方式（默认：phone）").say(lang)
    parser.add_argument("--kind", choices=kinds, default="phone", help=how)
    when = Phrase("when it was done, local time (default: now)", "核实时间，当地时间（默认：现在）").say(lang)
    parser.add_argument("--at", type=moment(lang), metavar="TIME", help=when)
    parser.set_defaults(run=close_task)


def list_tasks(args: Namespace, out: Output) -> int:
    """List tasks by due time."""
    with session(args) as opened:
        found = opened.books.ledger.work.tasks(finished=args.all, limit=args.limit)
        names = customer_names(opened, map(_concern, found))
        out.table(_COLUMNS, [_row(duty, names.get(_concern(duty)), opened.zone, out) for duty in found], _EMPTY)
    return 0


def _concern(duty: Duty) -> Concern:
    """Return what the alert that called for a duty is about; a duty's period is the day that alert was opened on."""
    return Concern(BY_NAME[duty.rule].alert_rule, duty.subject, date.fromisoformat(duty.period).toordinal())


def close_task(args: Namespace, out: Output) -> int:
    """Record what was found and close a task; refuses without cause and proposal."""
    if not (args.cause.strip() and args.proposal.strip()):
        raise Refusal(_NEEDED)
    with session(args) as opened:
        proof = _proof(args, opened)
        state = _done(opened, args.number, proof, out.lang)
        if out.as_json:
            out.data({"id": args.number, "state": state})
        out.say(_DONE, number=args.number, state=DUTY_STATE_TEXT[state].say(out.lang), person=proof.person)
    return 0


def _done(opened: Session, number: int, proof: Evidence, lang: Lang) -> DutyState:
    try:
        return opened.books.ledger.work.done(number, proof, closing_by(opened.viewer))
    except Refusal as problem:
        if "state" not in problem.figures:
            raise
        state = DUTY_STATE_TEXT[DutyState(str(problem.figures["state"]))].say(lang)
        raise Refusal(problem.phrase, **problem.figures | {"state": state}) from problem


def _proof(args: Namespace, opened: Session) -> Evidence:
    now = opened.books.clock.now()
    return Evidence(
        EvidenceKind(args.kind),
        person_of(opened),
        opened.viewer.account,
        args.cause.strip(),
        args.proposal.strip(),
        _local(args.at, opened.zone) if args.at else now,
        now,
    )


def _local(at: datetime, zone: str) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))


def _row(duty: Duty, name: str | None, zone: str, out: Output) -> dict[str, Any]:
    last = duty.evidence[-1] if duty.evidence else None
    row = {
        "id": duty.id,
        "rule": duty.rule,
        "state": duty.state.value,
        "due_at": duty.due_at,
        "provisional": duty.provisional,
        "person": duty.person,
        "subject": duty.subject,
        "name": name,
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
    shown = {"state": DUTY_STATE_TEXT[duty.state].say(out.lang), "due_at": local(duty.due_at, zone) + mark}
    return row | shown | {"person": duty.person or nobody}
