"""The command line. Only the module of the command that was asked for is imported, so that help comes at once."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from meterwatch import __version__
from meterwatch.cli.output import Output, lang_of
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Lang, Phrase

COMMANDS: dict[str, Phrase] = {
    "init": Phrase("write an annotated meterwatch.toml", "生成带注释的 meterwatch.toml"),
    "check": Phrase("check the settings and decode a sample message", "检查设置并试解码样例报文"),
    "doctor": Phrase("check the machine, the disk, the clock and the broker", "检查环境、磁盘、时钟与消息服务器"),
    "registry": Phrase("import customers, usage points, meters and people", "导入客户、用户点、表计与人员档案"),
    "run": Phrase("run the service", "运行服务"),
    "demo": Phrase("play the demonstration fleet", "运行演示"),
    "alerts": Phrase("list alerts, or show one", "查看告警"),
    "tasks": Phrase("list tasks, or close one with cause and proposal", "查看任务，或填写原因与措施后办结"),
    "messages": Phrase("list messages and what became of them", "查看短信及其状态"),
    "readings": Phrase("show stored readings or day totals of a usage point", "查看用户点的读数或日用量"),
    "rejects": Phrase("list, show and replay what could not become readings", "查看、重放未能入库的报文"),
    "influx": Phrase("prepare InfluxDB", "准备 InfluxDB"),
}
_DESCRIPTION = Phrase(
    "Watches a utility's meters and proves that every notice the rules demand was given in time.",
    "监测计量数据，并证明规章要求的每一次告知都按时完成。",
)
_EXAMPLE = Phrase("example: meterwatch tasks --lang en", "示例：meterwatch tasks --lang zh-CN")
SETTINGS = "meterwatch.toml"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or not available, 2 called wrongly."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    lang = lang_of(arguments, os.environ)
    command = next((word for word in arguments if word in COMMANDS), None)
    args = _parser(lang, command).parse_args(arguments)
    out = Output(lang, as_json=getattr(args, "json", False))
    try:
        code = int(args.run(args, out) or 0)
        sys.stdout.flush()  # a reader that has gone is noticed here, not when Python ends
        return code
    except Refusal as problem:
        out.error(problem.say(lang))
    except Unavailable as problem:
        out.error(str(problem))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 1


def _parser(lang: Lang, command: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("meterwatch", description=_DESCRIPTION.say(lang), epilog=_EXAMPLE.say(lang))
    parser.add_argument("--version", action="version", version=f"meterwatch {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        own = subparsers.add_parser(name, help=text.say(lang), description=text.say(lang))
        if name == command:
            importlib.import_module(f"meterwatch.cli.{name}").configure(own, lang)
    return parser


def common(parser: argparse.ArgumentParser, lang: Lang, *, as_json: bool = True, again: bool = False) -> None:
    """Add the options every command has; ``again`` to a verb below one that has them: either place is good."""
    where = Phrase("the settings file (default: METERWATCH_SETTINGS or ./meterwatch.toml)", "设置文件").say(lang)
    which = Phrase("language of the output", "输出语言").say(lang)
    default = argparse.SUPPRESS if again else Path(os.environ.get("METERWATCH_SETTINGS", SETTINGS))
    unsaid = argparse.SUPPRESS if again else None
    parser.add_argument("--settings", type=Path, default=default, metavar="FILE", help=where)
    parser.add_argument("--lang", choices=list(Lang), default=unsaid, help=which)
    if as_json:
        text = Phrase("print JSON", "输出 JSON").say(lang)
        parser.add_argument("--json", action="store_true", default=unsaid or False, help=text)


def day(text: str) -> date:
    """Return the date an argument names, for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is no date, write 2026-01-31") from problem


def example(parser: argparse.ArgumentParser, text: str) -> None:
    """Show an example below the help."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"example:\n  {text}"


if __name__ == "__main__":
    sys.exit(main())
