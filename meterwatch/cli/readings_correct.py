"""``meterwatch readings correct``."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from meterwatch.app.corrections import MOST, Asked, CorrectionsRefused, Examiner
from meterwatch.cli.arguments import moment, number, value
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import Session, person_of, session
from meterwatch.cli.stored import stored_readings
from meterwatch.core.errors import Refusal
from meterwatch.core.model.corrections import Author, NewCorrection
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.ledger.corrections import Entered

_PLACES = ("point", "type", "time", "value")
_WHICH = Phrase(
    "name one reading (POINT TYPE TIME VALUE --reason TEXT), or --file FILE, or --withdraw N, and only one of these",
    "请指定一条读数（用户点 类型 时间 数值 --reason 原因）、--file 文件、--withdraw 编号三者之一",
)
_CORRECTED = Phrase(
    "corrected under no. {numbers}; the raw values stay beside. Judged days the running service redoes: {days}",
    "已修正，编号 {numbers}；原值保留。运行中的服务将重算的计量日数：{days}",
)
_WITHDRAWN = Phrase(
    "correction {numbers} is withdrawn. Judged days the running service redoes: {days}",
    "修正 {numbers} 已撤销。运行中的服务将重算的计量日数：{days}",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the verb's arguments."""
    common(parser, lang)
    point = Phrase(
        "code of a usage point (needed) unless --file or --withdraw", "用户点编号（必填），除非用 --file 或 --withdraw"
    )
    parser.add_argument("point", nargs="?", metavar="POINT", help=point.say(lang))
    kind = Phrase("its reading type, e.g. gas.register (needed)", "读数类型，如 gas.register（必填）").say(lang)
    parser.add_argument("type", nargs="?", metavar="TYPE", help=kind)
    time = Phrase("its time, local there unless an offset is written (needed)", "读数时间，未写时区即当地时间（必填）").say(
        lang
    )
    parser.add_argument("time", nargs="?", type=moment(lang), metavar="TIME", help=time)
    counts = Phrase("what it counts as, in the type's unit (needed)", "修正值，单位同类型（必填）").say(lang)
    parser.add_argument("value", nargs="?", type=value(lang, MOST), metavar="VALUE", help=counts)
    reason = Phrase("why it is corrected (needed)", "修正原因（必填）").say(lang)
    parser.add_argument("--reason", default="", metavar="TEXT", help=reason)
    add = Phrase("let a reading be added where there is none", "允许补录没有的读数").say(lang)
    parser.add_argument("--add", action="store_true", help=add)
    file = Phrase(
        "CSV file with usage_point, reading_type, time, value, reason; all or nothing (default: one reading)",
        "CSV 文件，含 usage_point、reading_type、time、value、reason，全部或都不登记（默认：单条读数）",
    )
    parser.add_argument("--file", type=Path, metavar="FILE", help=file.say(lang))
    which = Phrase("withdraw the correction of this number (default: none)", "撤销该编号的修正（默认：无）").say(lang)
    parser.add_argument("--withdraw", type=number(lang), metavar="N", help=which)
    example(parser, 'meterwatch readings correct GP-0007 gas.register 2023-01-31T08:00 48211.4 --reason "digit misread"')
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Enter corrections, or withdraw one; refuses as a whole what can't all be entered."""
    _require_one_way(args)
    with session(args) as opened:
        author = Author(person_of(opened), opened.viewer.account)
        registry, now = opened.books.registry.load(), opened.books.clock.now()
        examiner = Examiner(registry, opened.viewer, now, args.add)
        ledger = opened.books.ledger.corrections
        if args.withdraw:
            entered = ledger.withdraw(args.withdraw, registry, author, now, examiner.require_right_to)
        else:
            entered = ledger.enter(_asked(args, opened, examiner, out), registry, author, now)
    _tell(_WITHDRAWN if args.withdraw else _CORRECTED, entered, out)
    return 0


def _require_one_way(args: Namespace) -> None:
    """Raise Refusal unless exactly one reading, a file or a number is given."""
    given = [getattr(args, name) is not None for name in _PLACES]
    others = [args.file is not None, args.withdraw is not None]
    if sum((any(given), *others)) != 1 or (any(given) and not all(given)):
        raise Refusal(_WHICH)


def _asked(args: Namespace, opened: Session, examiner: Examiner, out: Output) -> list[NewCorrection]:
    """Return what is to be entered; raises Refusal if any of it can't be."""
    store = stored_readings(opened, examiner.registry)
    if args.file is None:
        return [examiner.correction(Asked(args.point, args.type, args.time, args.value, args.reason), store)]
    try:
        return examiner.file(args.file.name, args.file.read_bytes(), store)
    except CorrectionsRefused as refused:
        if out.as_json:
            out.data({"problems": [problem.say(out.lang) for problem in refused.problems]})
        raise


def _tell(phrase: Phrase, entered: Entered, out: Output) -> None:
    if out.as_json:
        out.data({"corrections": entered.numbers, "days": entered.days})
    out.say(phrase, numbers=", ".join(map(str, entered.numbers)), days=entered.days)
