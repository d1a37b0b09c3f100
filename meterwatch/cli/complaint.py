"""``meterwatch complaint``: the register of complaints, with their clocks (RULES complaint)."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from meterwatch.cli.arguments import moment, number
from meterwatch.cli.customers import customer_of, may_work_on
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.cli.task_acts import desk_of, say_done
from meterwatch.core.errors import Refusal
from meterwatch.core.model.complaints import GRADE_TEXT, Complaint, ComplaintGrade, NewComplaint
from meterwatch.core.model.duties import DUTY_STATE_TEXT, UNFINISHED, Duty, Evidence, EvidenceKind
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.ledger.work import Wanted
from notifier.duties.closing import closing
from notifier.duties.complaints import ANSWER, DONE, called_for
from notifier.duties.rules import BY_NAME

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "customer": Phrase("customer", "客户"),
    "grade": Phrase("grade", "等级"),
    "received_at": Phrase("received", "受理时间"),
    "answer": Phrase("answer", "答复"),
    "done": Phrase("settlement", "办结"),
    "text": Phrase("text", "内容"),
}
_EMPTY = Phrase("no open complaints", "没有未办结的投诉")
_ADDED = Phrase(
    "complaint {number} is entered: answer it by {answer} (task {answer_task}), settle it by {done} (task {done_task})",
    "投诉 {number} 已登记：须于 {answer} 前答复（任务 {answer_task}），{done} 前办结（任务 {done_task}）",
)
_FUTURE = Phrase(
    "a complaint can't be received in the future: {at}; it is now {now}", "受理时间不能在未来：{at}（现在 {now}）"
)
_NO_TEXT = Phrase("a complaint needs --text: what the customer says", "必须填写 --text：投诉内容")
_KINDS = BY_NAME[ANSWER].evidence


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    example(parser, "meterwatch complaint list")
    acts = parser.add_subparsers(metavar="add|answer|close|list", required=True)
    text = Phrase("enter a complaint", "登记投诉").say(lang)
    add = acts.add_parser("add", help=text, description=text)
    common(add, lang)
    add.add_argument("customer", metavar="CUSTOMER", help=Phrase("code of the customer", "客户编号").say(lang))
    which = Phrase(
        "which clocks it runs under, see [complaints] in the settings (needed)",
        "等级，决定办理期限，见设置的 [complaints]（必填）",
    )
    add.add_argument("--grade", choices=[grade.value for grade in ComplaintGrade], required=True, help=which.say(lang))
    add.add_argument(
        "--text", required=True, metavar="TEXT", help=Phrase("what the customer says (needed)", "投诉内容（必填）").say(lang)
    )
    when = Phrase("when it was received, local time (default: now)", "受理时间，当地时间（默认：现在）").say(lang)
    add.add_argument("--received", type=moment(lang), metavar="TIME", help=when)
    example(add, 'meterwatch complaint add C-0007 --grade gas --text "the meter hums at night"')
    add.set_defaults(run=add_complaint)
    _given(
        acts.add_parser, "answer", Phrase("give the evidence that a complaint was answered", "登记投诉的答复"), ANSWER, lang
    )
    _given(acts.add_parser, "close", Phrase("give the evidence that a complaint is settled", "登记投诉的办结"), DONE, lang)
    text = Phrase("list open complaints and their clocks", "查看未办结的投诉及其期限").say(lang)
    listing = acts.add_parser("list", help=text, description=text)
    common(listing, lang)
    every = Phrase("settled ones too (default: open ones)", "包括已办结的（默认：未办结的）").say(lang)
    listing.add_argument("--all", action="store_true", help=every)
    example(listing, "meterwatch complaint list --all")
    listing.set_defaults(run=list_complaints)


def _given(add_parser: Callable[..., ArgumentParser], name: str, text: Phrase, rule: str, lang: Lang) -> None:
    parser = add_parser(name, help=text.say(lang), description=text.say(lang))
    common(parser, lang)
    which = Phrase("number of the complaint", "投诉编号").say(lang)
    parser.add_argument("number", type=number(lang), metavar="COMPLAINT", help=which)
    how = Phrase("how (default: phone)", "方式（默认：phone）").say(lang)
    parser.add_argument("--kind", choices=[kind.value for kind in _KINDS], default="phone", help=how)
    what = Phrase("what was said or done (needed)", "答复或处理内容（必填）").say(lang)
    parser.add_argument("--note", required=True, metavar="TEXT", help=what)
    when = Phrase("when, local time (default: now)", "时间，当地时间（默认：现在）").say(lang)
    parser.add_argument("--at", type=moment(lang), metavar="TIME", help=when)
    example(parser, f'meterwatch complaint {name} 3 --kind phone --note "the meter was changed"')
    parser.set_defaults(run=prove, rule=rule)


def _may_enter(viewer: Viewer, customer: str) -> bool:
    """Return whether a viewer may enter a complaint: the call centre hears those of every customer."""
    return may_work_on(viewer, customer) or Role.CALL_CENTRE in viewer.roles


def add_complaint(args: Namespace, out: Output) -> int:
    """Enter a complaint and open what it calls for."""
    with session(args) as opened:
        person_of(opened)
        customer = customer_of(opened, args.customer, "complaint", _may_enter)
        desk = desk_of(opened)
        new = _complaint(args, opened, desk.now)
        found, duties = opened.books.ledger.records.add_complaint(new, called_for(desk, customer))
        due = {duty.rule: duty.due_at for duty in duties}
        numbers = {duty.rule: duty.id for duty in _duties(opened, customer.code, f"complaint {found}")}
        if out.as_json:
            out.data({"id": found, "answer_by": due[ANSWER], "done_by": due[DONE], "tasks": numbers})
        times = {"answer": local(due[ANSWER], opened.zone), "done": local(due[DONE], opened.zone)}
        out.say(_ADDED, number=found, answer_task=numbers[ANSWER], done_task=numbers[DONE], **times)
    return 0


def _complaint(args: Namespace, opened: Session, now: datetime) -> NewComplaint:
    received = _aware(args.received, opened.zone) if args.received else now
    if received > now:
        raise Refusal(_FUTURE, at=local(received, opened.zone), now=local(now, opened.zone))
    text = args.text.strip()
    if not text:
        raise Refusal(_NO_TEXT)
    return NewComplaint(
        args.customer, ComplaintGrade(args.grade), text, person_of(opened), opened.viewer.account, received, now
    )


def _aware(at: datetime, zone: str) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))


def _duties(opened: Session, customer: str, period: str) -> list[Duty]:
    wanted = (Wanted(finished=True, customer=customer, rule=rule) for rule in (ANSWER, DONE))
    work = opened.books.ledger.work
    return [duty for one in wanted for duty in work.tasks(one, None) if duty.period == period]


def prove(args: Namespace, out: Output) -> int:
    """Give the evidence that a complaint was answered or is settled, as ``tasks done`` does of its task."""
    with session(args) as opened:
        person = person_of(opened)
        complaint = opened.books.ledger.records.complaint(args.number)
        (task,) = (d for d in _duties(opened, complaint.customer, complaint.period) if d.rule == args.rule)
        desk = desk_of(opened)
        at = _aware(args.at, opened.zone) if args.at else desk.now
        kind, account = EvidenceKind(args.kind), opened.viewer.account
        proof = Evidence(kind, person, account, "", "", at, desk.now, note=args.note.strip())
        say_done(opened.books.ledger.work, task.id, proof, closing(desk), out)
    return 0


def list_complaints(args: Namespace, out: Output) -> int:
    """List the complaints of customers whoever asks may see, with how their tasks stand."""
    with session(args) as opened:
        ledger, now = opened.books.ledger.records, opened.books.clock.now()
        every = ledger.complaints((ANSWER, DONE))
        found = [(one, duties) for one, duties in every if may_work_on(opened.viewer, one.customer)]
        shown = [pair for pair in found if args.all or any(duty.state in UNFINISHED for duty in pair[1])]
        for code in sorted({complaint.customer for complaint, _ in shown}):
            count = sum(complaint.customer == code for complaint, _ in shown)
            ledger.note_look("complaint.read", code, opened.viewer.name, now, count)
        out.table(_COLUMNS, [_row(complaint, duties, opened.zone, out) for complaint, duties in shown], _EMPTY)
    return 0


def _row(complaint: Complaint, duties: Sequence[Duty], zone: str, out: Output) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(complaint, name) for name in Complaint.__dataclass_fields__}
    by_rule = {duty.rule: duty for duty in duties}
    if out.as_json:
        told = {rule: {"id": d.id, "state": d.state, "due_at": d.due_at} for rule, d in by_rule.items()}
        return row | {"answer": told.get(ANSWER), "done": told.get(DONE)}
    stands = {
        name: f"{DUTY_STATE_TEXT[by_rule[rule].state].say(out.lang)} {local(by_rule[rule].due_at, zone)}"
        for name, rule in (("answer", ANSWER), ("done", DONE))
        if rule in by_rule
    }
    shown = {"grade": GRADE_TEXT[complaint.grade].say(out.lang), "received_at": local(complaint.received_at, zone)}
    return row | {"answer": "", "done": ""} | stands | shown
