"""``meterwatch registry import``."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import session
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.registry import RegistryRefused

_COLUMNS = {
    "file": Phrase("file", "文件"),
    "encoding": Phrase("read as", "编码"),
    "added": Phrase("added", "新增"),
    "changed": Phrase("changed", "修改"),
    "removed": Phrase("removed", "删除"),
    "unchanged": Phrase("unchanged", "未变"),
}
_EMPTY = Phrase("no registry files", "没有档案文件")
_IMPORTED = Phrase(
    "snapshot {n} is in use; a running service takes it over within a second", "第 {n} 版档案已生效；运行中的服务会立即采用"
)
_NO_CHANGE = Phrase("nothing changed; snapshot {n} stays in use", "档案无变化，仍使用第 {n} 版")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    verbs = parser.add_subparsers(metavar="import", required=True)
    text = Phrase("load the CSV files of a folder, all or nothing", "导入目录中的 CSV 文件，全部或都不导入").say(lang)
    importing = verbs.add_parser("import", help=text, description=text)
    common(importing, lang)
    where = Phrase("the folder (docs/formats.md says what is in it)", "档案目录（内容见 docs/formats.md）").say(lang)
    importing.add_argument("directory", type=Path, metavar="DIR", help=where)
    for level in (parser, importing):
        example(level, "meterwatch registry import ./registry")
    importing.set_defaults(run=import_files)


def import_files(args: Namespace, out: Output) -> int:
    """Load a folder of CSV files as the next snapshot; every problem is named and nothing changed if there is any."""
    with session(args) as opened:
        now = opened.books.clock.now()
        try:
            report = opened.books.registry.import_files(
                args.directory, by=opened.viewer.name, now=now, default_zone=opened.zone
            )
        except RegistryRefused as problem:
            if out.as_json:
                out.data({"problems": [found.say(out.lang) for found in problem.problems]})
            raise
        if out.as_json:
            files = {
                name: {key: getattr(found, key) for key in _COLUMNS if key != "file"} for name, found in report.files.items()
            }
            out.data({"snapshot": report.snapshot, "changed": report.changed, "files": files})
            return 0
        for notice in report.notices:
            out.line(notice.say(out.lang))
        rows = [
            {"file": name, **{key: getattr(f, key) for key in _COLUMNS if key != "file"}} for name, f in report.files.items()
        ]
        out.table(_COLUMNS, rows, _EMPTY)
        out.say(_IMPORTED if report.changed else _NO_CHANGE, n=report.snapshot)
    return 0
