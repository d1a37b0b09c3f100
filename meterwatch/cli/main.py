"""The command line. Only the module of the command that was asked for is imported, so that help comes at once."""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path

from meterwatch import __version__
from meterwatch.cli.arguments import number, speak, word
from meterwatch.cli.output import Output, lang_of
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Lang, Phrase

COMMANDS: dict[str, Phrase] = {
    "init": Phrase("write an annotated meterwatch.toml", "生成带注释的 meterwatch.toml"),
    "check": Phrase("check the settings and decode a sample message", "检查设置并试解码样例报文"),
    "doctor": Phrase("check the machine, the disk, the clock and the broker", "检查环境、磁盘、时钟与消息服务器"),
    "registry": Phrase(
        "import and export customers, usage points, meters and people", "导入、导出客户、用户点、表计与人员档案"
    ),
    "people": Phrase(
        "list people; say who is away; grant, list and revoke permissions to see names and phones",
        "查看人员；登记离岗；授予、查看、撤销查阅权限",
    ),
    "run": Phrase("run the service", "运行服务"),
    "demo": Phrase("play the demonstration fleet", "运行演示"),
    "alerts": Phrase("list alerts, or show one", "查看告警"),
    "judge": Phrase("judge the days that crossed the warning line: act or exclude", "判断低于预警线的日期：处理或排除"),
    "exclude": Phrase("exclude regular or seasonal reductions, for a time", "限期排除规律性或季节性用量减少"),
    "tasks": Phrase("list tasks, or close one with cause and proposal", "查看任务，或填写原因与措施后办结"),
    "contact": Phrase("enter and list contacts with customers", "登记与查看客户联系记录"),
    "complaint": Phrase("enter, answer, settle and list complaints", "登记、答复、办结与查看投诉"),
    "timeline": Phrase("print all that is recorded about a customer, as proof", "打印客户时间线，作为履职证明"),
    "messages": Phrase(
        "list messages and what became of them; `messages preview` shows the templates",
        "查看短信及其状态；用 `messages preview` 预览模板",
    ),
    "readings": Phrase(
        "show readings or day totals of a usage point; `readings correct` and `readings health` judge them and the meter",
        "查看用户点的读数或日用量；用 `readings correct` 修正读数，`readings health` 判定表计",
    ),
    "report": Phrase(
        "weekly and monthly use, important customers, tasks across units, the archive",
        "用量周报与月报、重要客户、各单位任务完成情况、档案完整率",
    ),
    "rejects": Phrase("list, show and replay what could not become readings", "查看、重放未能入库的报文"),
    "audit": Phrase("show the audit, seal it, and verify its seal", "查看审计记录，封存并核对"),
    "influx": Phrase("prepare InfluxDB", "准备 InfluxDB"),
}
VERBS: dict[str, dict[str, Phrase]] = {
    "messages": {
        "preview": Phrase("show what messages say, how many SMS they take and what they cost", "预览短信模板、条数与费用")
    },
    "readings": {
        "correct": Phrase("correct readings; the raw values stay beside", "修正读数，原值并存"),
        "health": Phrase(
            "say whether a usage point's meter works, or list what was said", "判定用户点的表计是否正常，或查看判定"
        ),
    },
}
"""Verbs of commands that take a code in the same place: the word that follows tells which is meant."""
_DESCRIPTION = Phrase(
    "Watches a utility's meters and proves that every notice the rules demand was given in time.",
    "监测计量数据，并证明规章要求的每一次告知都按时完成。",
)
SETTINGS = "meterwatch.toml"

_NO_RIGHT = Phrase(
    "this account may not read or write there; give it the right, or name another place",
    "当前账号没有读写权限；请授权，或改用其他位置",
)
_NO_FOLDER = Phrase(
    "a file stands where a folder is needed; move it away, or name another folder",
    "此处需要目录，却已有同名文件；请移走该文件，或改用其他目录",
)
_NO_ROOM = Phrase("the disk is full; make room and call again", "磁盘已满；请清理后重试")
_OS_TROUBLE = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
}
_OTHER_TROUBLE = Phrase("{why}; mend that and call again", "{why}；请处理后重试")
_FAULT = Phrase(
    "this is a fault of meterwatch itself ({kind}); call it again with METERWATCH_DEBUG=1 and report what it prints",
    "meterwatch 自身出错（{kind}）；请设置 METERWATCH_DEBUG=1 后重新运行，并反馈其输出",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or not available, 2 called wrongly, 70 our fault."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    lang = lang_of(arguments, os.environ)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows a question mark
    try:
        args = parser_of(lang, *_command(arguments)).parse_args(arguments)
        code = int(args.run(args, Output(lang, as_json=args.json)) or 0)
        sys.stdout.flush()  # a reader that has gone, or a full disk, is noticed here, not when Python ends
        return code
    except KeyboardInterrupt:
        return 130
    except Exception as problem:  # the last resort: nobody but us can read a traceback
        return _failed(problem, Output(lang))


def _failed(problem: Exception, out: Output) -> int:
    """Say why a command came to nothing; return its exit code."""
    _let_go_of_output()
    if isinstance(problem, BrokenPipeError):
        return 1
    cause = problem.__cause__
    if isinstance(problem, OSError):
        out.error(_os_trouble(problem, out.lang))
    elif isinstance(problem, Unavailable) and isinstance(cause, OSError) and cause.filename is not None:
        out.error(_os_trouble(cause, out.lang))
    elif isinstance(problem, Refusal | Unavailable):
        out.error(problem.say(out.lang) if isinstance(problem, Refusal) else str(problem))
    else:
        if os.environ.get("METERWATCH_DEBUG") == "1":
            sys.excepthook(type(problem), problem, problem.__traceback__)
        out.error(_FAULT.say(out.lang, kind=type(problem).__name__))  # its text might hold a name or a phone number
        return 70
    return 1


def _os_trouble(problem: OSError, lang: Lang) -> str:
    """Return where the system would not do what was asked, why, and what to do about it."""
    place = "" if problem.filename is None else f"{problem.filename}: "
    return place + _OS_TROUBLE.get(problem.errno or 0, _OTHER_TROUBLE).say(lang, why=problem.strerror or problem)


def _let_go_of_output() -> None:
    """Drop what can't be printed, if anything: Python would fail over it once more when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(arguments: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the command that is asked for, the first word that names one and is no option's value, and its verb, if any."""
    valued = ("--settings", "--lang", "--as")
    words = [word for before, word in pairwise(("", *arguments)) if before not in valued and not word.startswith("-")]
    at = next((at for at, word in enumerate(words) if word in COMMANDS), None)
    if at is None:
        return None, None
    verb = next(iter(words[at + 1 :]), None)
    return words[at], verb if verb in VERBS.get(words[at], ()) else None


def parser_of(lang: Lang, command: str | None, verb: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, of which only ``command`` knows its own arguments, or those of a verb."""
    speak(lang)
    shown = f"{word('example:')} meterwatch tasks --lang {lang}"
    parser = argparse.ArgumentParser("meterwatch", description=_DESCRIPTION.say(lang), epilog=shown, allow_abbrev=False)
    version = Phrase("show the version and exit", "显示版本并退出").say(lang)
    parser.add_argument("--version", action="version", version=f"meterwatch {__version__}", help=version)
    common(parser, lang, as_json=False)
    parser.set_defaults(settings=Path(os.environ.get("METERWATCH_SETTINGS") or SETTINGS), json=False, as_person=None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        own = subparsers.add_parser(name, help=text.say(lang), description=text.say(lang), allow_abbrev=False)
        if name == command:
            _configure(own, lang, name, verb)
    return parser


def _configure(parser: argparse.ArgumentParser, lang: Lang, command: str, verb: str | None) -> None:
    """Let the module of a command, or that of its verb, add its arguments."""
    module = command
    if verb is not None:
        module = f"{command}_{verb}"
        common(parser, lang)
        example(parser, f"meterwatch {command} {verb} --help")
        text = VERBS[command][verb].say(lang)
        verbs = parser.add_subparsers(metavar=verb, required=True)
        parser = verbs.add_parser(verb, help=text, description=text, allow_abbrev=False)
    importlib.import_module(f"meterwatch.cli.{module}").configure(parser, lang)


def common(parser: argparse.ArgumentParser, lang: Lang, *, as_json: bool = True) -> None:
    """Add the options every command has. Every level of a command takes them, the innermost that is given counts."""
    where = Phrase(
        "the settings file (default: METERWATCH_SETTINGS, or ./meterwatch.toml)",
        "设置文件（默认：METERWATCH_SETTINGS 或 ./meterwatch.toml）",
    )
    unsaid = argparse.SUPPRESS  # or an inner level would overrule with its default what an outer one was given
    parser.add_argument("--settings", type=Path, default=unsaid, metavar="FILE", help=where.say(lang))
    whom = Phrase(
        "act as this person; only for accounts in viewers.may_act_as, and on record (default: the account's own person)",
        "代该人员操作；仅限 viewers.may_act_as 中的账号，并留痕（默认：账号对应的人员）",
    )
    parser.add_argument("--as", dest="as_person", default=unsaid, metavar="PERSON", help=whom.say(lang))
    language(parser, lang)
    if as_json:
        text = Phrase("print JSON (default: text)", "输出 JSON（默认：文本）").say(lang)
        parser.add_argument("--json", action="store_true", default=unsaid, help=text)


def language(parser: argparse.ArgumentParser, lang: Lang) -> None:
    """Add ``--lang``; what it says is known before anything is parsed (lang_of)."""
    which = Phrase("language (default: METERWATCH_LANG, or the locale)", "语言（默认：METERWATCH_LANG 或系统区域）")
    names = [one.value for one in Lang]
    parser.add_argument("--lang", choices=names, help=which.say(lang))


def limit(parser: argparse.ArgumentParser, lang: Lang) -> None:
    """Add ``--limit``."""
    text = Phrase("list at most this many (default: 100)", "最多条数（默认：100）").say(lang)
    parser.add_argument("--limit", type=number(lang), default=100, metavar="N", help=text)


def example(parser: argparse.ArgumentParser, text: str) -> None:
    """Show an example below the help."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{word('example:')}\n  {text}"


if __name__ == "__main__":
    sys.exit(main())
