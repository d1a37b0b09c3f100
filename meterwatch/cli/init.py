"""``meterwatch init``."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from meterwatch.app.annotate import annotated
from meterwatch.cli.main import SETTINGS, example
from meterwatch.cli.output import Output
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase

_THERE = Phrase("{path} is there already; nothing was written", "{path} 已存在，未作改动")
_CANT = Phrase("{path} can't be written: {why}", "无法写入 {path}：{why}")
_WRITTEN = Phrase(
    "{path} is written; edit [mqtt] and [[codecs]], then run `meterwatch check`",
    "已生成 {path}；请编辑 [mqtt] 与 [[codecs]]，然后运行 `meterwatch check`",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    parser.add_argument("path", type=Path, nargs="?", default=Path(SETTINGS), metavar="FILE")
    parser.add_argument("--lang", choices=list(Lang), help=Phrase("language of the output", "输出语言").say(lang))
    example(parser, "meterwatch init /etc/meterwatch/meterwatch.toml")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Write an annotated settings file, never over an existing one."""
    try:
        with args.path.open("x", encoding="utf-8") as file:
            file.write(annotated())
    except FileExistsError as problem:
        raise Refusal(_THERE, path=args.path) from problem
    except OSError as problem:
        raise Refusal(_CANT, path=args.path, why=problem.strerror) from problem
    out.say(_WRITTEN, path=args.path)
    return 0
