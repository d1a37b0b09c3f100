"""``meterwatch report``: sheets of use, of important customers, of duties and of the archive."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from meterwatch.app.report_access import NAMELESS, sees_every_unit, units_for
from meterwatch.app.reports import (
    KINDS,
    Kind,
    Recent,
    Spans,
    Standing,
    Uses,
    before,
    important_rows,
    kind_of,
    listed,
    oversee_rows,
    use_rows,
    year_before,
)
from meterwatch.app.usage import Members, PeriodUse, alerts_of, members_of, period_use
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.report_sheets import Imprint, archive_sheet, important_sheet, oversee_sheet, use_sheet
from meterwatch.cli.session import Session, person_of, session
from meterwatch.cli.sheet import Sheet, deliver, require_new, sheet_arguments
from meterwatch.cli.stored import stored_readings
from meterwatch.cli.task_acts import desk_of
from meterwatch.core.errors import MeterwatchError, Refusal
from meterwatch.core.model.duties import DUTY_STATE_TEXT, Duty, Evidence, EvidenceKind
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Registry
from meterwatch.stores.ledger.figures import DutyCount
from meterwatch.stores.ledger.work import Wanted
from notifier.archive_figures import archive_figures
from notifier.duties import periods
from notifier.duties.closing import closing
from notifier.duties.periods import Period
from notifier.duties.rules import oversee, use_important_report
from notifier.duties.units import subject_of

_NO_PERIOD = Phrase("{text!r} is no period of this report, write {examples}", "{text!r} 不是该报表的周期，请写成 {examples}")
_NOT_YET = Phrase(
    "no day of {period} has ended yet; the last whole one is {last}", "{period} 尚无已结束的日期；上一个完整周期是 {last}"
)
_NO_READINGS = Phrase(
    "no readings in {period} ({first} to {last}) of {units}; name another with --period, e.g. {other}",
    "{period}（{first} 至 {last}）没有 {units} 的读数；可用 --period 指定其他周期，如 {other}",
)
_NO_CUSTOMERS = Phrase(
    "no important customers in {units}; designations.csv of the registry names them, --large adds those large by their use",
    "{units} 没有重要客户；重要客户见档案 designations.csv，--large 可加上大客户",
)
_NO_DUTIES = Phrase("no tasks were due in {period} or before it that year", "{period} 及当年此前没有到期任务")
_OUT_TOO = Phrase(
    "--file needs --out FILE: what is filed is the file, by its SHA-256; keep it",
    "--file 须同时给出 --out：以文件的 SHA-256 存证",
)
_ONE_UNIT = Phrase(
    "a sheet is filed unit by unit: give --unit, one of {units}", "报表按单位归档：请给出 --unit，可选 {units}"
)
_NO_TASK = Phrase(
    "no open task calls for this sheet of {unit}, {period}; `meterwatch tasks --rule {rule}` lists those that are open",
    "没有要求报送 {unit} {period} 该报表的待办任务；用 `meterwatch tasks --rule {rule}` 查看",
)
_FILED = Phrase(
    "filed as evidence of task {number} by {person}: {state}", "已由 {person} 作为任务 {number} 的证据归档：{state}"
)
_WAITS = Phrase(
    "filed after the deadline of task {number} by {person}: it counts when a second person confirms it "
    "(`meterwatch tasks confirm {number}`)",
    "已由 {person} 归档，但晚于任务 {number} 的期限：须第二人确认后生效（`meterwatch tasks confirm {number}`）",
)


class Sought(NamedTuple):
    """The task a sheet belongs to: its rule, the units the sheet is about, and its period."""

    rule: str
    units: Sequence[str]
    period: Period


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang, as_json=False)
    example(parser, "meterwatch report weekly --unit 一所 --period 2023-W09")
    sorts = parser.add_subparsers(metavar="weekly|monthly|important|oversee|archive", required=True)
    use = Phrase("use of units and important customers in a {length}", "单位与重要客户的{length}用量")
    week, month = (Phrase("week", "周"), Phrase("month", "月"))
    for name, length, kind, shown in (
        ("weekly", week, periods.week, "2023-W09"),
        ("monthly", month, periods.month, "2023-03"),
    ):
        text = use.say(lang, length=length.say(lang))
        own = _sort(sorts, name, text, _use, lang)
        _periodic(own, (kind,), shown, lang)
        example(own, f"meterwatch report {name} --period {shown} --format html --out {name}.html")
    text = Phrase("the important customers and what is open about them", "重要客户及其未结事项").say(lang)
    own = _sort(sorts, "important", text, _important, lang)
    more = Phrase("those large by their use too (default: important ones only)", "包括大客户（默认：仅重要客户）").say(lang)
    own.add_argument("--large", action="store_true", help=more)
    example(own, "meterwatch report important --large --format csv --out important.csv")
    text = Phrase("how the tasks due in a period stand, across units", "各单位某周期到期任务的完成情况").say(lang)
    own = _sort(sorts, "oversee", text, _oversee, lang)
    _periodic(own, KINDS, "2023-03, 2023-W09, 2023-Q1, 2023-H1, 2023", lang)
    example(own, "meterwatch report oversee --period 2023-Q1")
    text = Phrase("how complete the archive is", "档案完整率").say(lang)
    example(_sort(sorts, "archive", text, _archive, lang), "meterwatch report archive")


def _sort(
    sorts: "_SubParsersAction[ArgumentParser]", name: str, text: str, run: Callable[[Namespace, Output], int], lang: Lang
) -> ArgumentParser:
    own = sorts.add_parser(name, help=text, description=text, allow_abbrev=False)
    common(own, lang, as_json=False)
    unit = Phrase("one unit; - is that of customers without one (default: all you may see)", "单位（默认：有权查看的全部）")
    own.add_argument("--unit", metavar="UNIT", help=unit.say(lang))
    sheet_arguments(own, lang)
    own.set_defaults(run=run, report=name)
    return own


def _periodic(own: ArgumentParser, kinds: Sequence[Kind], shown: str, lang: Lang) -> None:
    which = Phrase("the period, e.g. {shown} (default: the last whole one)", "周期，如 {shown}（默认：上一个完整周期）")
    own.add_argument("--period", type=_period(kinds, shown, lang), metavar="PERIOD", help=which.say(lang, shown=shown))
    evidence = Phrase("file the sheet as evidence of the task that calls for it", "作为相应任务的证据归档").say(lang)
    own.add_argument("--file", action="store_true", help=evidence)


def _period(kinds: Sequence[Kind], shown: str, lang: Lang) -> Callable[[str], Period]:
    """Return what reads a period of one of some kinds."""

    def read(text: str) -> Period:
        found = periods.named(text)
        if found is None or not 1971 <= found.first.year <= 2199 or found not in [kind(found.first) for kind in kinds]:
            raise ArgumentTypeError(_NO_PERIOD.say(lang, text=text, examples=shown))
        return found

    return read


# --- use --------------------------------------------------------------------------------------------------------------


def _use(args: Namespace, out: Output) -> int:
    with session(args) as opened:
        units = _units(args, opened)
        today = opened.today()
        period = args.period or before((periods.week if args.report == "weekly" else periods.month)(today))
        _require_begun(period, today)
        registry = opened.books.snapshots.newest()
        uses = _uses(opened, registry, units, period)
        if not (uses.any_read or args.file):  # a sheet that was asked for is filed, whatever stands there
            days = {"period": period.name, "first": period.first, "last": period.last}
            raise Refusal(_NO_READINGS, **days, units=_named(units), other=before(period).name)
        day = min(period.last, today)
        rows = use_rows(registry, uses, _alerts(opened, registry, uses.members, day))
        names = _names(opened, (row.customer for row in rows if row.customer))
        sheet = use_sheet(rows, period, day.isoformat(), names, _imprint(opened, out, registry))
        _hand_out(sheet, args, out, opened, Sought(use_important_report.DUTY.name, units, period))
    return 0


def _uses(opened: Session, registry: Registry, units: Sequence[str], period: Period) -> Uses:
    members = members_of(registry, units)
    whole = before(period)
    last = min(period.last, opened.today() - timedelta(days=1))
    spans = (period.first, last), (whole.first, whole.last), year_before(period, lunar=opened.settings.site.lunar)
    return Uses(members, *(_read(opened, registry, members, first, last) for first, last in spans))


def _read(opened: Session, registry: Registry, members: Members, first: date, last: date) -> PeriodUse:
    store = stored_readings(opened, registry)
    days = range(first.toordinal(), last.toordinal() + 1)
    return period_use(registry, members, store.read_totals, days, opened.settings.daily)


def _important(args: Namespace, out: Output) -> int:
    with session(args) as opened:
        units = _units(args, opened)
        registry, roster = opened.books.snapshots.newest(), desk_of(opened).roster
        customers = listed(registry, units, large=args.large)
        if not customers:
            raise Refusal(_NO_CUSTOMERS, units=_named(units))
        members = members_of(registry, units)
        last = before(periods.week(roster.day)), before(periods.month(roster.day))
        recent = Recent(members, *(_read(opened, registry, members, one.first, one.last) for one in last))
        codes = [customer.code for customer in customers]
        standing = Standing(_alerts(opened, registry, members, roster.day), opened.books.ledger.figures.open_duties(codes))
        rows = important_rows(customers, roster, recent, standing)
        sheet = important_sheet(rows, last, _names(opened, codes), _imprint(opened, out, registry))
        deliver(sheet, args, out)
    return 0


# --- duties and the archive -------------------------------------------------------------------------------------------


def _oversee(args: Namespace, out: Output) -> int:
    with session(args) as opened:
        units = _units(args, opened)
        period = args.period or before(periods.month(opened.today()))
        _require_begun(period, opened.today())
        earlier, year = before(period), periods.year(period.last)
        spans = (period.first, period.last), (earlier.first, earlier.last), (year.first, period.last)
        only = None if args.unit is None and sees_every_unit(opened.viewer) else units
        rows = oversee_rows(Spans(*(_due(opened, only, first, last) for first, last in spans)))
        if not (rows or args.file):
            raise Refusal(_NO_DUTIES, period=period.name)
        imprint = _imprint(opened, out, opened.books.snapshots.newest())
        task = Sought(oversee.DUTY.name, units, period)
        _hand_out(oversee_sheet(rows, period, earlier, imprint), args, out, opened, task)
    return 0


def _due(opened: Session, units: Sequence[str] | None, first: date, last: date) -> Sequence[DutyCount]:
    start, end = (datetime.combine(day, time(0), ZoneInfo(opened.zone)) for day in (first, last + timedelta(days=1)))
    return opened.books.ledger.figures.duties_due(start, end, units)


def _archive(args: Namespace, out: Output) -> int:
    with session(args) as opened:
        units = _units(args, opened)
        roster = desk_of(opened).roster
        rows = [row for row in archive_figures(roster) if row.unit in units]
        deliver(archive_sheet(rows, _imprint(opened, out, roster.registry)), args, out)
    return 0


# --- what all of them do ----------------------------------------------------------------------------------------------


def _units(args: Namespace, opened: Session) -> Sequence[str]:
    require_new(args.out)
    return units_for(opened.books, opened.viewer, args.report, args.unit, opened.books.clock.now())


def _named(units: Sequence[str]) -> str:
    return ", ".join(unit or NAMELESS for unit in units)


def _require_begun(period: Period, today: date) -> None:
    if period.first >= today:
        raise Refusal(_NOT_YET, period=period.name, last=before(kind_of(period)(today)).name)


def _alerts(opened: Session, registry: Registry, members: Members, day: date) -> NDArray[np.int64]:
    found = opened.books.ledger.figures.open_alerts(day.toordinal())
    return alerts_of(registry, members, found, day.toordinal())


def _names(opened: Session, codes: Iterable[str]) -> dict[str, str]:
    """Return the names of customers where the viewer may see them and it can be noted that he did."""
    if opened.books.ledger.database.read_only:
        return {}
    names = opened.books.archive.customer_names(opened.viewer, codes, opened.books.clock.now())
    return {code: name for code, name in names.items() if name != code}


def _imprint(opened: Session, out: Output, registry: Registry) -> Imprint:
    now, digest = opened.books.clock.now(), opened.books.ledger.audit.latest_digest()
    return Imprint(out.lang, opened.zone, person_of(opened), now, registry.number, digest)


def _hand_out(sheet: Sheet, args: Namespace, out: Output, opened: Session, sought: Sought) -> None:
    """Print or write a sheet, and file it as evidence where that was asked for."""
    if not args.file:
        deliver(sheet, args, out)
        return
    if args.out is None:
        raise Refusal(_OUT_TOO)
    duty = _task(opened, sought)
    deliver(sheet, args, out)
    try:
        _file(duty, args.out, opened, out)
    except MeterwatchError:
        args.out.unlink()  # what was not filed must not lie about as if it were
        raise


def _task(opened: Session, sought: Sought) -> Duty:
    """Return the open task a sheet belongs to; raises Refusal if there is none, or the sheet is about several units."""
    if len(sought.units) != 1:
        raise Refusal(_ONE_UNIT, units=_named(sought.units))
    (unit,) = sought.units
    found = opened.books.ledger.work.tasks(Wanted(unit=unit, rule=sought.rule), None)
    mine = (subject_of(unit), sought.period.name)
    duty = next((duty for duty in found if (duty.subject, duty.period) == mine), None)
    if duty is None:
        raise Refusal(_NO_TASK, unit=unit or NAMELESS, period=sought.period.name, rule=sought.rule)
    return duty


def _file(duty: Duty, path: Path, opened: Session, out: Output) -> None:
    desk, person = desk_of(opened), person_of(opened)
    paper = sha256(path.read_bytes()).hexdigest()
    proof = Evidence(EvidenceKind.REPORT, person, opened.viewer.account, "", "", desk.now, desk.now, paper=paper)
    after = opened.books.ledger.work.done(duty.id, proof, closing(desk))
    said = _WAITS if after.waiting and not after.settled_at else _FILED
    out.say(said, number=duty.id, person=person, state=DUTY_STATE_TEXT[after.state].say(out.lang))
