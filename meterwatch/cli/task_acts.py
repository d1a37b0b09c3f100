"""What people do to a task: close it, confirm evidence, take it, hand it over, ask for a later deadline."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from meterwatch.app.parts import site
from meterwatch.cli.arguments import moment, number
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import DUTY_STATE_TEXT, Duty, DutyState, Evidence, EvidenceKind
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.ledger.work import Decide, Settle, SqlWork
from notifier.duties import acting
from notifier.duties.closing import Desk, closing, confirming
from notifier.roster import Roster

_DONE = Phrase("task {number} is {state}; recorded under {person}", "任务 {number}：{state}，已记录（{person}）")
_NOT_YET = Phrase(
    "recorded under {person}: {count} of {needed} for task {number}",
    "已记录（{person}）：任务 {number} 已有 {count}/{needed}",
)
_WAITS = Phrase(
    "recorded under {person}, after the deadline of task {number}: it counts when a second person confirms it "
    "(`meterwatch tasks confirm {number}`)",
    "已记录（{person}），但晚于任务 {number} 的期限：须第二人确认后生效（`meterwatch tasks confirm {number}`）",
)
_GIVEN = Phrase("task {number} is with {person}", "任务 {number} 现由 {person} 负责")
_ASKED = Phrase(
    "a later deadline of task {number} is asked for; it stands at {due} until a second person agrees "
    "(`meterwatch tasks extend {number} --approve`)",
    "已为任务 {number} 申请延期；第二人批准前期限仍为 {due}（`meterwatch tasks extend {number} --approve`）",
)
_EXTENDED = Phrase("task {number} is due {due}", "任务 {number} 的期限为 {due}")
_HOW_TO_ASK = Phrase("give --until and --why, or --approve, or --deny", "请给出 --until 与 --why，或 --approve，或 --deny")


def configure(acts: "_SubParsersAction[ArgumentParser]", lang: Lang) -> None:
    """Add what can be done to a task."""
    _configure_done(acts, lang)
    confirm = _act(acts, "confirm", Phrase("confirm evidence recorded late", "确认逾期录入的证据"), _confirm, lang)
    example(confirm, "meterwatch tasks confirm 3")
    take = _act(acts, "take", Phrase("take a task", "接单"), _take, lang)
    example(take, "meterwatch tasks take 3")
    hand = _act(acts, "hand-over", Phrase("give a task to somebody else", "移交任务"), _hand_over, lang)
    hand.add_argument("person", metavar="PERSON", help=Phrase("code of the person", "人员编号").say(lang))
    example(hand, "meterwatch tasks hand-over 3 M-02")
    text = Phrase("ask for a later deadline, or decide on it", "申请延期或审批延期")
    extend = _act(acts, "extend", text, _extend, lang)
    until = Phrase("the deadline asked for, local time (needed)", "申请的期限，当地时间（必填）").say(lang)
    extend.add_argument("--until", type=moment(lang), metavar="TIME", help=until)
    extend.add_argument("--why", default="", metavar="TEXT", help=Phrase("why (needed)", "理由（必填）").say(lang))
    decide = extend.add_mutually_exclusive_group()
    approve = Phrase("approve what was asked for, as a second person", "由第二人批准").say(lang)
    decide.add_argument("--approve", action="store_true", help=approve)
    deny = Phrase("deny what was asked for, as a second person", "由第二人驳回").say(lang)
    decide.add_argument("--deny", action="store_true", help=deny)
    example(extend, 'meterwatch tasks extend 3 --until 2023-03-10T17:30 --why "the customer is abroad"')


def _act(
    acts: "_SubParsersAction[ArgumentParser]", name: str, text: Phrase, run: Callable[[Namespace, Output], int], lang: Lang
) -> ArgumentParser:
    parser = acts.add_parser(name, help=text.say(lang), description=text.say(lang))
    common(parser, lang)
    which = Phrase("number of the task", "任务编号").say(lang)
    parser.add_argument("number", type=number(lang), metavar="TASK", help=which)
    parser.set_defaults(run=run)
    return parser


def _configure_done(acts: "_SubParsersAction[ArgumentParser]", lang: Lang) -> None:
    done = _act(acts, "done", Phrase("give the evidence that closes a task", "提交证据，办结任务"), _done, lang)
    texts = {
        "cause": Phrase("why it came to this (default: none)", "原因（默认：无）"),
        "proposal": Phrase("what is proposed (default: none)", "拟采取的措施（默认：无）"),
        "note": Phrase("what was found, said or planned (default: none)", "情况说明、分析或方案（默认：无）"),
        "outcome": Phrase("the outcome, one of those the task names (default: none)", "结论，任务所列选项之一（默认：无）"),
    }
    for name, text in texts.items():
        done.add_argument(f"--{name}", default="", metavar="TEXT", help=text.say(lang))
    paper = Phrase("a document, kept by its SHA-256 (default: none)", "文件，以其 SHA-256 存证（默认：无）").say(lang)
    done.add_argument("--paper", type=Path, metavar="FILE", help=paper)
    how = Phrase("how it was done (default: phone)", "办理方式（默认：phone）").say(lang)
    kinds = [kind.value for kind in EvidenceKind if kind is not EvidenceKind.REGISTRY]
    done.add_argument("--kind", choices=kinds, default="phone", help=how)
    when = Phrase("when it was done, local time (default: now)", "办理时间，当地时间（默认：现在）").say(lang)
    done.add_argument("--at", type=moment(lang), metavar="TIME", help=when)
    example(done, 'meterwatch tasks done 3 --kind visit --cause "one furnace is down" --proposal "call again in May"')


def desk_of(opened: Session) -> Desk:
    """Return whoever is asking, at work; raises Refusal if the account stands for nobody."""
    person_of(opened)
    roster = Roster(opened.books.snapshots.newest(), opened.books.ledger.orders.absences(), opened.today())
    return Desk(opened.viewer, roster, site(opened.settings), opened.books.clock.now())


def _done(args: Namespace, out: Output) -> int:
    with session(args) as opened:
        desk = desk_of(opened)
        proof = Evidence(
            EvidenceKind(args.kind),
            person_of(opened),
            opened.viewer.account,
            args.cause.strip(),
            args.proposal.strip(),
            _local(args.at, opened.zone) if args.at else desk.now,
            desk.now,
            args.note.strip(),
            args.outcome.strip(),
            sha256(args.paper.read_bytes()).hexdigest() if args.paper else "",
        )
        say_done(opened.books.ledger.work, args.number, proof, closing(desk), out)
    return 0


def say_done(work: SqlWork, number: int, proof: Evidence, settle: Settle, out: Output) -> None:
    """Enter evidence of a task and say how the task stands then; raises Refusal where it does not count."""
    duty = _saying(out.lang, lambda: work.done(number, proof, settle))
    _say_state(duty, proof.person, out)


def _say_state(duty: Duty, person: str, out: Output) -> None:
    if out.as_json:
        out.data({"id": duty.id, "state": duty.state, "waiting": len(duty.waiting), "counting": len(duty.counting)})
    figures = {"number": duty.id, "person": person, "count": len(duty.counting), "needed": duty.needed}
    if duty.settled_at:
        out.say(_DONE, state=DUTY_STATE_TEXT[duty.state].say(out.lang), **figures)
    else:
        out.say(_WAITS if duty.waiting else _NOT_YET, **figures)


def _confirm(args: Namespace, out: Output) -> int:
    with session(args) as opened:
        desk = desk_of(opened)
        work = opened.books.ledger.work
        by, account = person_of(opened), opened.viewer.account
        duty = _saying(out.lang, lambda: work.confirm(args.number, by, account, desk.now, confirming(desk)))
        _say_state(duty, by, out)
    return 0


def _take(args: Namespace, out: Output) -> int:
    return _change(args, out, acting.take, _GIVEN)


def _hand_over(args: Namespace, out: Output) -> int:
    return _change(args, out, lambda desk: acting.hand_over(desk, args.person), _GIVEN)


def _extend(args: Namespace, out: Output) -> int:
    if args.approve or args.deny:
        return _change(args, out, lambda desk: acting.extend(desk, granted=args.approve), _EXTENDED)
    if not (args.until and args.why.strip()):
        raise Refusal(_HOW_TO_ASK)
    return _change(args, out, lambda desk: acting.ask(desk, _local(args.until, desk.site.zone), args.why.strip()), _ASKED)


def _change(args: Namespace, out: Output, decide: Callable[[Desk], Decide], said: Phrase) -> int:
    with session(args) as opened:
        change = decide(desk_of(opened))
        duty = _saying(out.lang, lambda: opened.books.ledger.work.change(args.number, change))
        due = local(duty.due_at, opened.zone)
        if out.as_json:
            out.data({"id": duty.id, "state": duty.state, "person": duty.person, "due_at": duty.due_at})
        out.say(said, number=duty.id, person=duty.person, due=due)
    return 0


def _saying(lang: Lang, act: Callable[[], Duty]) -> Duty:
    """Return what ``act`` does; a refusal names the state of the task in the caller's language."""
    try:
        return act()
    except Refusal as problem:
        if "state" not in problem.figures:
            raise
        state = DUTY_STATE_TEXT[DutyState(str(problem.figures["state"]))].say(lang)
        raise Refusal(problem.phrase, **problem.figures | {"state": state}) from problem


def _local(at: datetime, zone: str) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
