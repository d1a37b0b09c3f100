"""``meterwatch people absent | back | absences``: who is away, and who stands in."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from datetime import timedelta
from typing import Any

from meterwatch.cli.arguments import day, number
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import session
from meterwatch.cli.task_acts import desk_of
from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Absence
from meterwatch.core.model.phrase import Lang, Phrase
from notifier.absences import person_of, require_absence, require_right

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "person": Phrase("person", "人员"),
    "first_day": Phrase("from", "起"),
    "last_day": Phrase("to", "止"),
    "stand_in": Phrase("stand-in", "代理人"),
}
_EMPTY = Phrase("nobody is away, nor will be", "没有离岗或计划离岗的人员")
_AWAY = Phrase(
    "absence {number}: {person} is away from {first} to {last}; his tasks go to {stand_in}",
    "离岗记录 {number}：{person} 自 {first} 至 {last} 离岗；其任务转交 {stand_in}",
)
_NEXT = Phrase("whoever is next in charge", "下一级负责人")
_BACK = Phrase("absence {number} is taken back: {person} is there", "离岗记录 {number} 已撤回：{person} 在岗")
_NO_ABSENCE = Phrase("there is no absence {number} that could be ended", "没有可终止的离岗记录 {number}")


def configure(verbs: "_SubParsersAction[ArgumentParser]", lang: Lang) -> None:
    """Add the verbs below ``people``."""
    text = Phrase("say that somebody is away, and who stands in", "登记离岗与代理人").say(lang)
    parser = verbs.add_parser("absent", help=text, description=text)
    common(parser, lang)
    parser.add_argument("person", metavar="PERSON", help=Phrase("code of the person", "人员编号").say(lang))
    first = Phrase("first day away (needed)", "离岗首日（必填）").say(lang)
    parser.add_argument("--from", dest="first", type=day(lang), required=True, metavar="DAY", help=first)
    last = Phrase("last day away (needed)", "离岗末日（必填）").say(lang)
    parser.add_argument("--to", dest="last", type=day(lang), required=True, metavar="DAY", help=last)
    who = Phrase("who stands in (default: whoever is next in charge)", "代理人编号（默认：下一级负责人）").say(lang)
    parser.add_argument("--stand-in", default="", metavar="PERSON", help=who)
    parser.set_defaults(run=absent)
    example(parser, "meterwatch people absent M-03 --from 2023-02-15 --to 2023-02-28 --stand-in D-01")
    text = Phrase("take an absence back", "撤回离岗登记").say(lang)
    parser = verbs.add_parser("back", help=text, description=text)
    common(parser, lang)
    which = Phrase("number of the absence", "离岗记录编号").say(lang)
    parser.add_argument("number", type=number(lang), metavar="N", help=which)
    parser.set_defaults(run=back)
    example(parser, "meterwatch people back 3")
    text = Phrase("list who is away, or will be", "查看离岗与计划离岗的人员").say(lang)
    parser = verbs.add_parser("absences", help=text, description=text)
    common(parser, lang)
    parser.set_defaults(run=list_absences)
    example(parser, "meterwatch people absences")


def absent(args: Namespace, out: Output) -> int:
    """Enter an absence; the planner passes his tasks on when it begins."""
    with session(args) as opened:
        desk, orders = desk_of(opened), opened.books.ledger.orders
        require_right(desk, person_of(desk, args.person))
        wanted = Absence(args.person, args.first, args.last + timedelta(days=1), args.stand_in)
        require_absence(desk, wanted, list(orders.absences()))
        found = orders.add_absence(wanted, str(desk.viewer.person), desk.viewer.account, desk.now)
        if out.as_json:
            out.data(_row(wanted) | {"id": found})
        stand_in = args.stand_in or _NEXT.say(out.lang)
        out.say(_AWAY, number=found, person=args.person, first=args.first, last=args.last, stand_in=stand_in)
    return 0


def back(args: Namespace, out: Output) -> int:
    """Take an absence back; tasks that were passed on stay where they are."""
    with session(args) as opened:
        desk, orders = desk_of(opened), opened.books.ledger.orders
        one = next((one for one in orders.absences() if one.id == args.number), None)
        if one is None:
            raise Refusal(_NO_ABSENCE, number=args.number)
        require_right(desk, person_of(desk, one.person))
        orders.end_absence(args.number, str(desk.viewer.person), desk.viewer.account, desk.now)
        if out.as_json:
            out.data(_row(one))
        out.say(_BACK, number=one.id, person=one.person)
    return 0


def list_absences(args: Namespace, out: Output) -> int:
    """List the absences that are not over, by their first day."""
    with session(args) as opened:
        today = opened.today()
        found = [one for one in opened.books.ledger.orders.absences() if one.last_day > today]
        out.table(_COLUMNS, [_row(one) for one in found], _EMPTY)
    return 0


def _row(one: Absence) -> dict[str, Any]:
    last = one.last_day - timedelta(days=1)
    days = {"first_day": one.first_day.isoformat(), "last_day": last.isoformat()}
    return {"id": one.id, "person": one.person} | days | {"stand_in": one.stand_in or None}
