"""``meterwatch registry import | export | template | classify``."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from meterwatch.cli import classify
from meterwatch.cli.arguments import number
from meterwatch.cli.files import write_private
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import Session, session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.registry import ImportReport, RegistryRefused, RowChange
from meterwatch.stores.registry_files import FILES
from meterwatch.stores.registry_text import cell, csv_text, template_text

_COLUMNS = {
    "file": Phrase("file", "文件"),
    "encoding": Phrase("read as", "编码"),
    "added": Phrase("added", "新增"),
    "changed": Phrase("changed", "修改"),
    "removed": Phrase("removed", "删除"),
    "unchanged": Phrase("unchanged", "未变"),
}
_SHOWN_ROWS = 100
_EMPTY = Phrase("no registry files", "没有档案文件")
_IMPORTED = Phrase(
    "snapshot {n} is in use; a running service takes it over within a second", "第 {n} 版档案已生效；运行中的服务会立即采用"
)
_NO_CHANGE = Phrase("nothing changed; snapshot {n} stays in use", "档案无变化，仍使用第 {n} 版")
_WOULD = Phrase(
    "dry run: nothing was changed; without --dry-run this becomes snapshot {n}",
    "试运行：未作任何改动；去掉 --dry-run 即成为第 {n} 版",
)
_ADDED = Phrase("{file} + {key}", "{file} 新增 {key}")
_REMOVED = Phrase("{file} - {key}", "{file} 删除 {key}")
_CHANGED = Phrase("{file} {key}: {cells}", "{file} 修改 {key}：{cells}")
_HIDDEN = Phrase("(not shown)", "（不显示）")
_MORE = Phrase("and {count} more; --json shows all", "另有 {count} 处，--json 可查看全部")
_THERE = Phrase(
    "{path} is there already; name an empty or a new folder. Nothing was written",
    "{path} 已存在，请指定空目录或新目录；未写入任何文件",
)
_EXPORTED = Phrase(
    "snapshot {n} is in {directory}: names and phones included, readable by this account only, and on record",
    "第 {n} 版档案已导出到 {directory}：含姓名与电话，仅本账号可读，本次导出已留痕",
)
_TEMPLATE = Phrase(
    "{count} empty files are in {directory}; fill them in, then `meterwatch registry import {directory} --dry-run`",
    "已在 {directory} 生成 {count} 个空文件；填写后运行 `meterwatch registry import {directory} --dry-run`",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    verbs = parser.add_subparsers(metavar="import|export|template|classify", required=True)
    texts = {
        "import": Phrase("load the CSV files of a folder, all or nothing", "导入目录中的 CSV 文件，全部或都不导入"),
        "export": Phrase("write a snapshot as CSV files", "将某一版档案写成 CSV 文件"),
        "template": Phrase("write empty CSV files that say what to fill in", "生成带填写说明的空 CSV 文件"),
    }
    runs = {"import": import_files, "export": export_files, "template": write_templates}
    where = Phrase("the folder (docs/formats.md says what is in it)", "档案目录（内容见 docs/formats.md）").say(lang)
    found = {}
    for name, text in texts.items():
        verb = found[name] = verbs.add_parser(name, help=text.say(lang), description=text.say(lang))
        common(verb, lang, as_json=name == "import")
        verb.add_argument("directory", type=Path, metavar="DIR", help=where)
        verb.set_defaults(run=runs[name])
        example(verb, f"meterwatch registry {name} ./registry")
    yearly = Phrase("decide once a year who is large by his use", "每年按用量认定大客户").say(lang)
    classify.configure(verbs.add_parser("classify", help=yearly, description=yearly), lang)
    dry = Phrase("show what would change, and change nothing", "只显示差异，不作改动").say(lang)
    found["import"].add_argument("--dry-run", action="store_true", help=dry)
    which = Phrase("number of the snapshot (default: the newest)", "档案版次（默认：最新）").say(lang)
    found["export"].add_argument("--snapshot", type=number(lang), metavar="N", help=which)
    example(parser, "meterwatch registry import ./registry --dry-run")


def import_files(args: Namespace, out: Output) -> int:
    """Load a folder of CSV files as the next snapshot; every problem is named and nothing changed if there is any."""
    with session(args) as opened:
        try:
            report = _report(args, opened)
        except RegistryRefused as problem:
            if out.as_json:
                out.data({"problems": [found.say(out.lang) for found in problem.problems]})
            raise
    files = {name: {key: getattr(found, key) for key in _COLUMNS if key != "file"} for name, found in report.files.items()}
    if out.as_json:
        told: dict[str, Any] = {"snapshot": report.snapshot, "changed": report.changed, "files": files}
        out.data(told | ({"dry_run": True, "rows": list(map(_plain, report.rows))} if args.dry_run else {}))
        return 0
    for notice in report.notices:
        out.line(notice.say(out.lang))
    out.table(_COLUMNS, [{"file": name, **found} for name, found in files.items()], _EMPTY)
    for line in _lines(report.rows, out.lang):
        out.line(line)
    if not report.changed:
        out.say(_NO_CHANGE, n=report.snapshot)
    else:
        out.say(_WOULD if args.dry_run else _IMPORTED, n=report.snapshot)
    return 0


def _report(args: Namespace, opened: Session) -> ImportReport:
    registry = opened.books.registry
    if args.dry_run:
        return registry.compare_files(args.directory, default_zone=opened.zone)
    now = opened.books.clock.now()
    opened.books.archive.require_import(opened.viewer, opened.today(), now)
    return registry.import_files(args.directory, by=opened.viewer.name, now=now, default_zone=opened.zone)


def _plain(row: RowChange) -> dict[str, Any]:
    return {"file": row.file, "key": row.key, "before": _cells(row.before), "after": _cells(row.after)}


def _cells(values: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if hidden else cell(value) for name, (value, hidden) in values.items()}


def _lines(rows: tuple[RowChange, ...], lang: Lang) -> Iterator[str]:
    """Yield a line for each of the first rows that change."""
    for row in rows[:_SHOWN_ROWS]:
        key = ", ".join(part or "-" for part in row.key)
        if row.before and row.after:
            pairs = (f"{name} {_shown(row.before[name], lang)} -> {_shown(row.after[name], lang)}" for name in row.after)
            yield _CHANGED.say(lang, file=row.file, key=key, cells=", ".join(pairs))
        else:
            yield (_ADDED if row.after else _REMOVED).say(lang, file=row.file, key=key)
    if len(rows) > _SHOWN_ROWS:
        yield _MORE.say(lang, count=len(rows) - _SHOWN_ROWS)


def _shown(value: tuple[Any, bool], lang: Lang) -> str:
    held, hidden = value
    return _HIDDEN.say(lang) if hidden else cell(held) or "-"


def export_files(args: Namespace, out: Output) -> int:
    """Write a snapshot as the files it could be imported from."""
    _refuse_to_overwrite(args.directory)
    with session(args) as opened:
        books = opened.books
        chosen = books.registry.latest() if args.snapshot is None else args.snapshot
        rows = books.archive.copy(opened.viewer, books.clock.now(), chosen)
    _write(args.directory, {spec.file: csv_text(spec, rows[spec.name]) for spec in FILES})
    out.say(_EXPORTED, n=chosen, directory=args.directory)
    return 0


def write_templates(args: Namespace, out: Output) -> int:
    """Write empty files with a line for each column that says what it holds."""
    _refuse_to_overwrite(args.directory)
    _write(args.directory, {spec.file: template_text(spec, out.lang) for spec in FILES})
    out.say(_TEMPLATE, count=len(FILES), directory=args.directory)
    return 0


def _refuse_to_overwrite(directory: Path) -> None:
    for spec in FILES:
        if (directory / spec.file).exists():
            raise Refusal(_THERE, path=directory / spec.file)


def _write(directory: Path, files: Mapping[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in files.items():
        write_private(directory / name, text)
