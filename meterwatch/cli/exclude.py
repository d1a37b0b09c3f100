"""``meterwatch exclude``: reductions that are regular or seasonal, by a person's judgement (RULES churn-exclude)."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

from meterwatch.app.judgement_list import customer_of
from meterwatch.cli.arguments import day, number
from meterwatch.cli.customers import known_customer
from meterwatch.cli.main import common, example
from meterwatch.cli.names import names_of
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.cli.task_acts import desk_of
from meterwatch.core.errors import Refusal
from meterwatch.core.model.exclusions import EXCLUSION_STATE_TEXT, Exclusion, ExclusionState, NewExclusion
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import Commodity
from notifier.excluding import (
    STAGE_OF,
    approval,
    may_end,
    needs_second,
    require_decider,
    require_expiry,
    require_window,
)
from notifier.judging import CHURN

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "state": Phrase("state", "状态"),
    "subject": Phrase("customer", "客户"),
    "name": Phrase("name", "名称"),
    "stage": Phrase("stage", "阶段"),
    "first_day": Phrase("from", "起"),
    "last_day": Phrase("to", "止"),
    "yearly": Phrase("each year until", "每年重复至"),
    "person": Phrase("by", "申请人"),
    "decided_by": Phrase("decided by", "审批人"),
    "reason": Phrase("why", "理由"),
}
_STAGES = {"warn": Phrase("warning", "预警"), "potential": Phrase("potential churn", "潜在流失")}
_EMPTY = Phrase("no exclusions in force or asked for", "没有生效或待审批的排除")
_IN_FORCE = Phrase(
    "exclusion {number} of {subject} is in force until {last}", "排除记录 {number}（{subject}）已生效，至 {last}"
)
_ASKED = Phrase(
    "exclusion {number} of {subject} waits for a second person: `meterwatch exclude approve {number}`",
    "排除记录 {number}（{subject}）待第二人审批：`meterwatch exclude approve {number}`",
)
_DECIDED = Phrase("exclusion {number} of {subject}: {state}", "排除记录 {number}（{subject}）：{state}")
_ENDING = Phrase(", ending", "，即将到期")
_EXPIRED = Phrase("expired", "已到期")
_NO_SUBJECT = Phrase(
    "{subject!r} is no customer with a commodity: write e.g. {example}",
    "{subject!r} 不是“客户/能源种类”：请写成如 {example}",
)
_NO_REASON = Phrase("an exclusion needs --reason", "必须填写 --reason")
_MAY_NOT_END = Phrase(
    "{viewer} may not end exclusion {number}: who asked for it may, or who may decide on it",
    "{viewer} 无权终止排除记录 {number}：可由申请人或有权审批者终止",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    example(parser, "meterwatch exclude list")
    acts = parser.add_subparsers(metavar="add|approve|refuse|end|list", required=True)
    _configure_add(acts, lang)
    _decision(acts, "approve", Phrase("approve what was asked for, as a second person", "由第二人批准"), approve, lang)
    _decision(acts, "refuse", Phrase("refuse what was asked for, as a second person", "由第二人驳回"), refuse, lang)
    _decision(acts, "end", Phrase("end an exclusion before its time", "提前终止排除"), end, lang)
    text = Phrase("list exclusions in force and asked for", "查看生效与待审批的排除").say(lang)
    listing = acts.add_parser("list", help=text, description=text)
    common(listing, lang)
    every = Phrase("refused, ended and expired ones too (default: no)", "包括未批准、已终止与已到期的（默认：否）").say(lang)
    listing.add_argument("--all", action="store_true", help=every)
    listing.set_defaults(run=list_exclusions)
    example(listing, "meterwatch exclude list --all")


def _configure_add(acts: "_SubParsersAction[ArgumentParser]", lang: Lang) -> None:
    text = Phrase("exclude days of a customer from the churn rule", "将客户的若干天排除于流失规则之外").say(lang)
    parser = acts.add_parser("add", help=text, description=text)
    common(parser, lang)
    whom = Phrase("customer and commodity, e.g. C-0007/gas", "客户与能源种类，如 C-0007/gas").say(lang)
    parser.add_argument("subject", metavar="SUBJECT", help=whom)
    first = Phrase("first day (needed)", "起始日（必填）").say(lang)
    parser.add_argument("--from", dest="first", type=day(lang), required=True, metavar="DAY", help=first)
    last = Phrase("last day (needed)", "截止日（必填）").say(lang)
    parser.add_argument("--to", dest="last", type=day(lang), required=True, metavar="DAY", help=last)
    each = Phrase("the same days of each year (default: once)", "每年的相同日期（默认：仅一次）").say(lang)
    parser.add_argument("--yearly", action="store_true", help=each)
    until = Phrase(
        "last day of a yearly one (default: none, needed with --yearly)",
        "每年重复的最后一天（默认：无；与 --yearly 同时必填）",
    ).say(lang)
    parser.add_argument("--until", type=day(lang), metavar="DAY", help=until)
    why = Phrase("why it is regular or seasonal (needed)", "为何属于规律性或季节性减少（必填）").say(lang)
    parser.add_argument("--reason", required=True, metavar="TEXT", help=why)
    which = Phrase("only this stage: {stages} (default: every stage)", "仅该阶段：{stages}（默认：全部阶段）")
    stages = ", ".join(f"{name} = {text.say(lang)}" for name, text in _STAGES.items())
    parser.add_argument("--stage", choices=[*_STAGES], default="", help=which.say(lang, stages=stages))
    parser.set_defaults(run=add)
    example(parser, 'meterwatch exclude add C-0007/gas --from 2023-05-01 --to 2023-05-20 --reason "yearly overhaul"')


def _decision(
    acts: "_SubParsersAction[ArgumentParser]", name: str, text: Phrase, run: Callable[[Namespace, Output], int], lang: Lang
) -> None:
    parser = acts.add_parser(name, help=text.say(lang), description=text.say(lang))
    common(parser, lang)
    which = Phrase("number of the exclusion", "排除记录编号").say(lang)
    parser.add_argument("number", type=number(lang), metavar="EXCLUSION", help=which)
    parser.set_defaults(run=run)
    example(parser, f"meterwatch exclude {name} 3")


def add(args: Namespace, out: Output) -> int:
    """Enter an exclusion: in force at once, or asked for where a second person has to agree."""
    with session(args) as opened:
        desk = desk_of(opened)
        asked = _asked(args, opened)
        customer = known_customer(desk.roster.registry, asked.customer)
        opened.books.archive.require_own(opened.viewer, [customer.code], "exclude", desk.now)
        second = needs_second(customer)
        made = opened.books.ledger.exclusions.add(
            asked, desk.now, STAGE_OF, (lambda found: approval(desk, asked, customer, found)) if second else None
        )
        if out.as_json:
            out.data(_plain(made))
        last = made.expires - timedelta(days=1)
        out.say(_ASKED if second else _IN_FORCE, number=made.id, subject=made.subject, last=last)
    return 0


def _asked(args: Namespace, opened: Session) -> NewExclusion:
    """Return the exclusion that is asked for; raises Refusal where it would never end, or says too little."""
    _require_subject(opened, args.subject)
    if not args.reason.strip():
        raise Refusal(_NO_REASON)
    require_expiry(args.until, yearly=args.yearly)
    require_window(args.first, args.last, args.until, opened.today(), opened.settings.judging)
    after = args.last + timedelta(days=1)
    expires = args.until + timedelta(days=1) if args.until else after
    person, account = person_of(opened), opened.viewer.account
    return NewExclusion(
        CHURN, args.subject, args.stage, args.first, after, args.yearly, expires, args.reason.strip(), person, account
    )


def _require_subject(opened: Session, subject: str) -> None:
    code, _, commodity = subject.rpartition("/")
    if not code or commodity not in set(Commodity):
        known_customer(opened.books.snapshots.newest(), code or subject)
        raise Refusal(_NO_SUBJECT, subject=subject, example=f"{code or subject}/{Commodity.GAS}")


def approve(args: Namespace, out: Output) -> int:
    """Approve an exclusion."""
    return _decide(args, out, ExclusionState.APPROVED)


def refuse(args: Namespace, out: Output) -> int:
    """Refuse an exclusion."""
    return _decide(args, out, ExclusionState.REFUSED)


def _decide(args: Namespace, out: Output, state: ExclusionState) -> int:
    with session(args) as opened:
        desk, ledger = desk_of(opened), opened.books.ledger.exclusions
        require_decider(desk, ledger.exclusion(args.number))
        by, account = person_of(opened), opened.viewer.account
        _say(ledger.decide(args.number, state, by, account, desk.now, STAGE_OF), out)
    return 0


def end(args: Namespace, out: Output) -> int:
    """End an exclusion before its time."""
    with session(args) as opened:
        desk, ledger = desk_of(opened), opened.books.ledger.exclusions
        if not may_end(desk, ledger.exclusion(args.number)):
            raise Refusal(_MAY_NOT_END, viewer=opened.viewer.name, number=args.number)
        _say(ledger.end(args.number, person_of(opened), opened.viewer.account, desk.now), out)
    return 0


def _say(made: Exclusion, out: Output) -> None:
    if out.as_json:
        out.data(_plain(made))
    out.say(_DECIDED, number=made.id, subject=made.subject, state=EXCLUSION_STATE_TEXT[made.state].say(out.lang))


def list_exclusions(args: Namespace, out: Output) -> int:
    """List the exclusions of customers whoever asks may see, newest first."""
    with session(args) as opened:
        today = opened.today()
        every = [one for one in opened.books.ledger.exclusions.every() if opened.viewer.may_see(one.customer)]
        found = [one for one in every if args.all or one.state is ExclusionState.ASKED or one.stands_on(today)]
        names = names_of(opened, (customer_of(one.subject) for one in found))
        rows = [_row(one, names.get(one.customer), today, opened, out) for one in found]
        out.table(_COLUMNS, rows, _EMPTY)
    return 0


def _row(one: Exclusion, name: str | None, today: date, opened: Session, out: Output) -> dict[str, Any]:
    row = _plain(one) | {"name": name}
    if out.as_json:
        return row
    last = one.last_day - timedelta(days=1)
    until = one.expires - timedelta(days=1)
    stage = _STAGES[one.stage].say(out.lang) if one.stage else ""
    decided = f"{one.decided_by} {local(one.decided_at, opened.zone)}".strip()
    shown = {"last_day": last, "yearly": until if one.yearly else "", "stage": stage, "decided_by": decided}
    return row | shown | {"state": _state(one, today, opened.settings.judging.ending_days, out.lang)}


def _state(one: Exclusion, today: date, ending_days: int, lang: Lang) -> str:
    text = EXCLUSION_STATE_TEXT[one.state].say(lang)
    if one.state is not ExclusionState.APPROVED:
        return text
    if not one.stands_on(today):
        return _EXPIRED.say(lang)
    return text + _ENDING.say(lang) if one.expires <= today + timedelta(days=ending_days) else text


def _plain(one: Exclusion) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}
