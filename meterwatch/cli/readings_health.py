"""``meterwatch readings health``."""

from argparse import ArgumentParser, Namespace
from typing import Any

import numpy as np

from meterwatch.app.corrections import Examiner, point_row
from meterwatch.app.parts import site
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.core.errors import Refusal
from meterwatch.core.instants import to_ms
from meterwatch.core.model.corrections import (
    HEALTH_TEXT,
    SEVERITY_TEXT,
    Author,
    MeterHealth,
    MeterVerdict,
    NewVerdict,
    Severity,
)
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Registry
from meterwatch.core.registers import meter_at
from notifier.duties.duty import Want
from notifier.duties.plan import new_duty
from notifier.duties.rules import BY_NAME
from notifier.roster import Roster

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "at": Phrase("at", "时间"),
    "meter": Phrase("meter", "表计"),
    "verdict": Phrase("verdict", "判定"),
    "severity": Phrase("severity", "严重程度"),
    "what_to_check": Phrase("what to check", "检查内容"),
    "person": Phrase("by", "判定人"),
}
_EMPTY = Phrase("nobody has judged a meter here; --verdict does", "尚无判定；可用 --verdict 登记")
_NO_METER = Phrase(
    "no meter stands at {point} now: mend meters.csv and import it",
    "{point} 目前没有表计：请更正 meters.csv 并重新导入",
)
_INCOMPLETE = Phrase(
    "a meter that is not ok needs --severity and --check: whoever goes there must know what to look at",
    "判定为可疑或故障时须填写 --severity 与 --check，以便到场人员知道检查什么",
)
_TOO_MUCH = Phrase(
    "--severity and --check belong to --verdict suspect or faulty",
    "--severity 与 --check 只用于 --verdict suspect 或 faulty",
)
_ENTERED = Phrase(
    "verdict {number}: meter {meter} of {point}: {verdict}", "判定 {number}：{point} 的表计 {meter}：{verdict}"
)


_WORK_ORDER = "use-validate"


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the verb's arguments."""
    common(parser, lang)
    parser.add_argument("point", metavar="POINT", help=Phrase("code of a usage point", "用户点编号").say(lang))
    verdict = Phrase("whether its meter works (default: list what was said)", "表计是否正常（默认：查看以往判定）").say(lang)
    parser.add_argument("--verdict", choices=[one.value for one in MeterHealth], help=verdict)
    severity = Phrase("how bad it is (needed) unless ok", "严重程度（必填），正常时不填").say(lang)
    parser.add_argument("--severity", choices=[one.value for one in Severity if one], help=severity)
    check = Phrase("what to check there (needed) unless ok", "检查内容（必填），正常时不填").say(lang)
    parser.add_argument("--check", default="", metavar="TEXT", help=check)
    example(parser, 'meterwatch readings health GP-0007 --verdict suspect --severity high --check "register stands still"')
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Enter a verdict on the meter of a usage point, or list those there are."""
    with session(args) as opened:
        registry = opened.books.registry.load()
        row = point_row(registry, args.point)
        if args.verdict is not None or args.severity or args.check:
            _judge(args, opened, registry, row, out)
        else:
            found = opened.books.ledger.verdicts.of_point(args.point)
            zone = registry.time_zones[registry.points.time_zone[row]]
            out.table(_COLUMNS, [_row(one, zone, out) for one in found], _EMPTY)
    return 0


def _judge(args: Namespace, opened: Session, registry: Registry, row: int, out: Output) -> None:
    author, now = Author(person_of(opened), opened.viewer.account), opened.books.clock.now()
    Examiner(registry, opened.viewer, now).require_right(row, now)
    verdict = _verdict(args, _meter(registry, row, to_ms(now)))
    orders = [] if verdict.verdict is MeterHealth.OK else [_work_order(opened, registry, row, author.person)]
    number = opened.books.ledger.verdicts.enter(verdict, author, now, orders)
    if out.as_json:
        out.data({"id": number, "meter": verdict.meter, "verdict": verdict.verdict})
    said = HEALTH_TEXT[verdict.verdict].say(out.lang)
    out.say(_ENTERED, number=number, meter=verdict.meter, point=args.point, verdict=said)


def _work_order(opened: Session, registry: Registry, row: int, person: str) -> NewDuty:
    """Return the task to examine a meter (RULES use-validate); a second verdict on the same day asks for no second one."""
    now, place = opened.books.clock.now(), site(opened.settings)
    customer = registry.customer_of(row, registry.scheme_of(row).day_of(now))
    roster = Roster(registry, opened.books.ledger.orders.absences(), place.day(now))
    want = Want(registry.codes[row], place.day(now).isoformat(), customer, called_by=person)
    return new_duty(now, BY_NAME[_WORK_ORDER], want, roster, place)


def _verdict(args: Namespace, meter: str) -> NewVerdict:
    """Return what was said; raises Refusal if it says too little or too much."""
    check, severity = args.check.strip(), Severity(args.severity or "")
    if args.verdict in (None, MeterHealth.OK) and (check or severity):
        raise Refusal(_TOO_MUCH)
    if args.verdict != MeterHealth.OK and not (check and severity):
        raise Refusal(_INCOMPLETE)
    return NewVerdict(args.point, meter, MeterHealth(args.verdict), severity, check)


def _meter(registry: Registry, row: int, time: int) -> str:
    """Return the code of the meter that stands at a row at ``time`` (UTC ms); raises Refusal if none does."""
    found = int(meter_at(np.array([row], np.int32), np.array([time], np.int64), registry.meters)[0])
    if found < 0:
        raise Refusal(_NO_METER, point=registry.codes[row])
    return registry.meter_codes[found]


def _row(found: MeterVerdict, zone: str, out: Output) -> dict[str, Any]:
    row = {
        "id": found.id,
        "at": found.at,
        "meter": found.meter,
        "verdict": found.verdict,
        "severity": found.severity,
        "what_to_check": found.what_to_check,
        "person": found.person,
    }
    if out.as_json:
        return row
    said = {"verdict": HEALTH_TEXT[found.verdict].say(out.lang), "severity": SEVERITY_TEXT[found.severity].say(out.lang)}
    return row | {"at": local(found.at, zone)} | said
