"""``meterwatch init``."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from meterwatch.app.annotate import annotated
from meterwatch.cli.main import example, language
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
    text = Phrase(
        "the file to write (default: METERWATCH_SETTINGS, or ./meterwatch.toml)",
        "要写入的文件（默认：METERWATCH_SETTINGS 或 ./meterwatch.toml）",
    )
    parser.add_argument("path", type=Path, nargs="?", metavar="FILE", help=text.say(lang))
    language(parser, lang)
    example(parser, "meterwatch init /etc/meterwatch/meterwatch.toml")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Write an annotated settings file, never over an existing one."""
    path = args.path or args.settings
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(annotated())
    except FileExistsError as problem:
        raise Refusal(_THERE, path=path) from problem
    except OSError as problem:
        raise Refusal(_CANT, path=path, why=problem.strerror) from problem
    out.say(_WRITTEN, path=path)
    return 0
