"""``meterwatch tasks``: what is to be done by whom until when, and what became of it."""

from argparse import ArgumentParser, Namespace
from typing import Any

from meterwatch.cli import task_acts
from meterwatch.cli.arguments import number
from meterwatch.cli.main import common, example, limit
from meterwatch.cli.names import names_of
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import person_of, session
from meterwatch.core.model.duties import ACT_TEXT, DUTY_STATE_TEXT, EVIDENCE_TEXT, Act, Duty, DutyStep, Evidence
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import ROLE_TEXT, Role
from meterwatch.stores.ledger.work import Wanted
from notifier.duties.rules import BY_NAME

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "state": Phrase("state", "状态"),
    "due_at": Phrase("due", "期限"),
    "person": Phrase("person", "负责人"),
    "subject": Phrase("subject", "对象"),
    "name": Phrase("customer", "客户"),
    "period": Phrase("period", "周期"),
    "title": Phrase("what to do", "任务"),
    "cause": Phrase("cause", "原因"),
    "proposal": Phrase("proposal", "措施"),
}
_EMPTY = Phrase("no open tasks", "没有待办任务")
_NOBODY = Phrase("(nobody)", "（无人负责）")
_WAITS = Phrase(
    "recorded after the deadline: counts when a second person confirms it (`meterwatch tasks confirm {number}`)",
    "逾期录入：须第二人确认后方可生效（`meterwatch tasks confirm {number}`）",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    every = Phrase("finished and void ones too (default: open ones)", "包括已办结与已作废的（默认：待办的）").say(lang)
    parser.add_argument("--all", action="store_true", help=every)
    mine = Phrase("those I am responsible for (default: everybody's)", "仅本人负责的（默认：全部）").say(lang)
    parser.add_argument("--mine", action="store_true", help=mine)
    filters = {
        "person": Phrase("those of a person (default: everybody's)", "某人负责的（默认：全部）"),
        "customer": Phrase("those about a customer (default: all)", "某客户的（默认：全部）"),
        "unit": Phrase("those of a unit (default: all)", "某单位的（默认：全部）"),
        "rule": Phrase("those of a duty rule, e.g. churn-warn (default: all)", "某类任务，如 churn-warn（默认：全部）"),
    }
    for name, which in filters.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=which.say(lang))
    limit(parser, lang)
    parser.set_defaults(run=list_tasks)
    example(parser, "meterwatch tasks --mine")
    acts = parser.add_subparsers(metavar="ACT")
    text = Phrase("show one task with its steps and its evidence", "查看任务、经过与证据").say(lang)
    show = acts.add_parser("show", help=text, description=text)
    common(show, lang)
    show.add_argument("number", type=number(lang), metavar="TASK", help=Phrase("number of the task", "任务编号").say(lang))
    show.set_defaults(run=show_task)
    example(show, "meterwatch tasks show 3")
    task_acts.configure(acts, lang)


def list_tasks(args: Namespace, out: Output) -> int:
    """List tasks by due time."""
    with session(args) as opened:
        person = person_of(opened) if args.mine else args.person or ""
        wanted = Wanted(args.all, person, args.customer or "", args.unit, args.rule or "")
        found = opened.books.ledger.work.tasks(wanted, args.limit)
        names = names_of(opened, (duty.customer for duty in found))
        out.table(_COLUMNS, [_row(duty, names.get(duty.customer), opened.zone, out) for duty in found], _EMPTY)
    return 0


def show_task(args: Namespace, out: Output) -> int:
    """Show one task with everything that was done about it."""
    with session(args) as opened:
        duty, steps = opened.books.ledger.work.task(args.number)
        row = _row(duty, names_of(opened, [duty.customer]).get(duty.customer), opened.zone, out)
        if out.as_json:
            out.data(row | {"steps": [_step_row(step) for step in steps], "evidence": list(map(_proof_row, duty.evidence))})
            return 0
        rule = BY_NAME[duty.rule]
        out.line(f"{duty.id}  {rule.title.say(out.lang)}  ({rule.source})")
        for key in ("state", "due_at", "person", "subject", "name", "period"):
            if row[key]:
                out.line(f"  {_COLUMNS[key].say(out.lang)}: {row[key]}")
        for step in steps:
            out.line(f"  {local(step.at, opened.zone)}  {_told(step, opened.zone, out.lang)}")
        for proof in duty.evidence:
            _show_proof(duty, proof, opened.zone, out)
    return 0


def _told(step: DutyStep, zone: str, lang: Lang) -> str:
    """Return a step in words."""
    why = step.why
    if step.act is Act.ESCALATE and why in set(Role):
        why = ROLE_TEXT[Role(why)].say(lang)
    due = local(step.due_at, zone) if step.due_at else ""
    detail = " ".join(part for part in (step.person, due, f"({why})" if why else "") if part)
    return f"{ACT_TEXT[step.act].say(lang)} {detail}".rstrip()


def _show_proof(duty: Duty, proof: Evidence, zone: str, out: Output) -> None:
    times = Phrase("happened {happened}, recorded {recorded}", "发生于 {happened}，录入于 {recorded}").say(
        out.lang, happened=local(proof.happened_at, zone), recorded=local(proof.recorded_at, zone)
    )
    out.line(f"  {EVIDENCE_TEXT[proof.kind].say(out.lang)}  {proof.person}  {times}")
    for text in (proof.cause, proof.proposal, proof.note, proof.outcome, proof.paper and f"sha256 {proof.paper}"):
        if text:
            out.line(f"    {text}")
    if proof in duty.waiting:
        out.say(Phrase("    {text}", "    {text}"), text=_WAITS.say(out.lang, number=duty.id))
    elif proof.confirmed_by:
        confirmed = Phrase("    confirmed by {person} {at}", "    {person} 于 {at} 确认")
        out.say(confirmed, person=proof.confirmed_by, at=local(proof.confirmed_at, zone))


def _step_row(step: DutyStep) -> dict[str, Any]:
    return {
        "at": step.at,
        "act": step.act.value,
        "actor": step.actor,
        "person": step.person,
        "why": step.why,
        "due_at": step.due_at,
    }


def _proof_row(proof: Evidence) -> dict[str, Any]:
    return {name: getattr(proof, name) for name in proof.__dataclass_fields__}


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
        "customer": duty.customer,
        "unit": duty.unit,
        "name": name,
        "period": duty.period,
        "alert": duty.alert_id,
        "title": BY_NAME[duty.rule].title.say(out.lang),
        "needed": duty.needed,
        "counting": len(duty.counting),
        "waiting": len(duty.waiting),
        "cause": last.cause if last else "",
        "proposal": last.proposal if last else "",
        "by": last.person if last else "",
        "recorded_at": last.recorded_at if last else None,
    }
    if out.as_json:
        return row
    mark = "?" if duty.provisional else ""
    state = DUTY_STATE_TEXT[duty.state].say(out.lang)
    waits = Phrase(" (to confirm)", "（待确认）").say(out.lang) if duty.waiting else ""
    count = f" {len(duty.counting)}/{duty.needed}" if duty.needed > 1 else ""
    shown = {"state": state + count + waits, "due_at": local(duty.due_at, zone) + mark}
    return row | shown | {"person": duty.person or _NOBODY.say(out.lang)}
