"""``meterwatch registry classify``: the yearly sheet of large customers, what the office decides, and its approval."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from meterwatch.app.classification import Classification
from meterwatch.cli.arguments import number
from meterwatch.cli.files import write_private
from meterwatch.cli.main import common, example, limit
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.classes import ClassRow, ClassSheet
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.class_sheets import SheetRefused, read_decided, sheet_text
from meterwatch.stores.classification import SqlClassifications

_COLUMNS = {
    "customer": Phrase("customer", "客户"),
    "commodity": Phrase("commodity", "品种"),
    "customer_class": Phrase("class", "类别"),
    "monthly_mean": Phrase("monthly mean", "月均用量"),
    "months": Phrase("months", "月数"),
    "provisional": Phrase("provisional", "暂定"),
    "old_large": Phrase("large so far", "原大客户"),
    "proposed": Phrase("reaches threshold", "达到标准"),
    "large": Phrase("decided", "已认定"),
}
_YES, _NO = Phrase("yes", "是"), Phrase("no", "否")
_EMPTY = Phrase(
    "nobody to classify: no customer was supplied in {year} and still is, of a commodity that has a threshold ([classes])",
    "没有可认定的客户：{year} 年内供应且仍在供应、且品种设有标准（[classes]）的客户为零",
)
_NOT_OVER = Phrase(
    "the year {year} is not over; name an earlier one with --year", "{year} 年尚未结束；请用 --year 指定更早的年份"
)
_SUMMARY = Phrase(
    "{year}: {customers} customers, {rise} become large, {fall} no longer, {provisional} provisional",
    "{year} 年：共 {customers} 户，新增大客户 {rise} 户，不再是 {fall} 户，暂定 {provisional} 户",
)
_MORE = Phrase(
    "{count} more rows; --limit, --csv or --json shows them", "另有 {count} 行；可用 --limit、--csv 或 --json 查看"
)
_PENDING = Phrase(
    "decided by {person} on {at}; a supervisor who is somebody else approves it with --approve",
    "由 {person} 于 {at} 认定；由另一名督察用 --approve 批准",
)
_WRITTEN = Phrase(
    "the sheet is in {path}; fill in its column large, then `meterwatch registry classify --year {year} --decide {path}`",
    "认定表已写入 {path}；填写 large 列后运行 `meterwatch registry classify --year {year} --decide {path}`",
)
_DECIDED = Phrase(
    "sheet {sheet} is recorded: {large} of {customers} customers are large; a supervisor approves it with --approve",
    "认定表 {sheet} 已记录：{customers} 户中大客户 {large} 户；由督察用 --approve 批准",
)
_APPROVED = Phrase(
    "snapshot {n} is in use, {large} customers are large by their use in {year}; a running service takes it over at once",
    "第 {n} 版档案已生效：按 {year} 年用量，大客户共 {large} 户；运行中的服务会立即采用",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    which = Phrase("calendar year of the use (default: the last one)", "用量所属年份（默认：上一年）").say(lang)
    parser.add_argument("--year", type=number(lang), metavar="YEAR", help=which)
    limit(parser, lang)
    verbs = parser.add_mutually_exclusive_group()
    write = Phrase(
        "write the sheet as a CSV file to decide in (default: show it)", "将认定表写成 CSV 文件，供填写（默认：显示）"
    ).say(lang)
    verbs.add_argument("--csv", type=Path, metavar="FILE", help=write)
    decide = Phrase("record what this file decides (default: show the sheet)", "提交填写好的认定表（默认：显示）").say(lang)
    verbs.add_argument("--decide", type=Path, metavar="FILE", help=decide)
    approve = Phrase("approve the decided sheet (supervisors)", "批准已提交的认定表（督察）").say(lang)
    verbs.add_argument("--approve", action="store_true", help=approve)
    parser.set_defaults(run=run)
    example(parser, "meterwatch registry classify --year 2022 --csv sheet.csv")


def run(args: Namespace, out: Output) -> int:
    """Show, write, decide or approve the sheet of a year."""
    with session(args) as opened:
        year = _year(args, opened)
        if args.approve:
            _approve(opened, year, out)
        elif args.decide:
            _decide(opened, year, args.decide, out)
        elif args.csv:
            write_private(args.csv, sheet_text(_rows(opened, year), year))
            out.say(_WRITTEN, path=args.csv, year=year)
        else:
            _show(opened, year, args.limit, out)
    return 0


def _year(args: Namespace, opened: Session) -> int:
    this_year = opened.today().year
    year = int(args.year or this_year - 1)
    if year >= this_year:
        raise Refusal(_NOT_OVER, year=year)
    return year


def _rows(opened: Session, year: int) -> list[ClassRow]:
    from meterwatch.cli.stored import stored_readings  # noqa: PLC0415 - an import must not wait for reading stores

    registry, settings = opened.books.registry.load(), opened.settings
    read = stored_readings(opened, registry).read_totals
    return Classification(registry, read, settings.daily, settings.classes).rows(year)


def _classifications(opened: Session) -> SqlClassifications:
    return SqlClassifications(opened.books.ledger.database)


def _show(opened: Session, year: int, most: int, out: Output) -> None:
    pending = _classifications(opened).pending(year)
    rows = sorted(_with_decisions(_rows(opened, year), pending), key=_interest)
    if out.as_json:
        out.data({"year": year, "pending": _plain(pending), "rows": [asdict(row) for row in rows]})
        return
    out.table(_COLUMNS, [_cells(row, out.lang) for row in rows[:most]], Phrase(*(text.format(year=year) for text in _EMPTY)))
    if len(rows) > most:
        out.say(_MORE, count=len(rows) - most)
    rise, fall = (sum((row.old_large, row.proposed) == pair for row in rows) for pair in ((False, True), (True, False)))
    provisional = sum(row.provisional for row in rows)
    out.say(_SUMMARY, year=year, customers=len(rows), rise=rise, fall=fall, provisional=provisional)
    if pending:
        out.say(_PENDING, person=pending.decided_by, at=local(pending.decided_at, opened.zone))


def _with_decisions(rows: Iterable[ClassRow], pending: ClassSheet | None) -> list[ClassRow]:
    decided = {row.key: row.large for row in pending.rows} if pending else {}
    return [replace(row, large=decided.get(row.key)) for row in rows]


def _interest(row: ClassRow) -> tuple[bool, bool, bool, tuple[str, str]]:
    """Sort what changes before what is provisional, that before what is large, and the rest by code."""
    return row.old_large == row.proposed, not row.provisional, not row.proposed, row.key


def _cells(row: ClassRow, lang: Lang) -> dict[str, Any]:
    words = {True: _YES.say(lang), False: _NO.say(lang), None: None}
    return {name: words[value] if isinstance(value, bool | None) else value for name, value in asdict(row).items()}


def _plain(pending: ClassSheet | None) -> dict[str, Any] | None:
    if pending is None:
        return None
    return {"id": pending.id, "decided_by": pending.decided_by, "decided_at": pending.decided_at}


def _decide(opened: Session, year: int, path: Path, out: Output) -> None:
    try:
        rows = read_decided(path, year, _rows(opened, year))
    except SheetRefused as problem:
        if out.as_json:
            out.data({"problems": [found.say(out.lang) for found in problem.problems]})
        raise
    sheet = _classifications(opened).decide(year, rows, opened.viewer, opened.books.clock.now())
    if out.as_json:
        out.data({"year": year, "sheet": sheet, "customers": len(rows), "large": _large(rows)})
    out.say(_DECIDED, sheet=sheet, customers=len(rows), large=_large(rows))


def _approve(opened: Session, year: int, out: Output) -> None:
    books = opened.books
    snapshot = _classifications(opened).approve(year, opened.viewer, books.clock.now())
    large = len(books.registry.load(snapshot).large)
    if out.as_json:
        out.data({"year": year, "snapshot": snapshot, "large": large})
    out.say(_APPROVED, n=snapshot, year=year, large=large)


def _large(rows: Sequence[ClassRow]) -> int:
    return sum(bool(row.large) for row in rows)
