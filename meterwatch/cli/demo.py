"""``meterwatch demo``."""

import shutil
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from meterwatch.cli.main import example, language
from meterwatch.cli.output import Output
from meterwatch.cli.run import start_logging
from meterwatch.cli.session import account_name
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.demo.fleet import DAYS, HISTORY_DAYS, Fleet, Kind
from meterwatch.demo.play import END, Player, Publisher, Stage, make_script, set_stage
from meterwatch.demo.script import Script
from meterwatch.demo.stories import STORIES
from meterwatch.demo.story import Finding, Story
from meterwatch.demo.tell import Teller, day_number
from meterwatch.demo.world import World

PACE_S = 1.5
_WIDTH, _BETWEEN = 120, 10  # of a table, and what its verdict and the gaps take of it
_DIFFERS = "≠ "

_INTRO = Phrase(
    "200 gas and power points, 15 months of history, then 90 days through MQTT. Everything lies in {folder}.",
    "200 个燃气与电力用户点，15 个月历史数据，随后通过 MQTT 演示 90 天。所有数据位于 {folder}。",
)
_HISTORY = Phrase("loading history", "载入历史数据")
_PLAYING = Phrase("playing", "演示中")
_COLUMNS = {
    "scripted": Phrase("scripted", "剧本"),
    "found": Phrase("found", "结果"),
    "verdict": Phrase("", ""),
}
_VERDICTS = {True: Phrase("ok", "一致"), False: Phrase("MISSED", "不符")}
_ALL_WELL = Phrase("every story came out as scripted", "所有情节均与剧本一致")
_NOT_WELL = Phrase("{count} of {all} stories did not come out as scripted", "{all} 个情节中有 {count} 个与剧本不符")
_STAY = Phrase(
    "\nThe play is over; meterwatch stays up until Ctrl-C. In another terminal:\n"
    "  export METERWATCH_SETTINGS={folder}/meterwatch.toml\n"
    "  meterwatch alerts --all      meterwatch tasks --all      meterwatch messages\n"
    "  meterwatch rejects list      meterwatch readings GP-0013 --days --from 2023-01-18 --to 2023-01-22\n"
    "  curl http://{address}/metrics",
    "\n演示结束；meterwatch 将持续运行，按 Ctrl-C 退出。可在另一终端执行：\n"
    "  export METERWATCH_SETTINGS={folder}/meterwatch.toml\n"
    "  meterwatch alerts --all      meterwatch tasks --all      meterwatch messages\n"
    "  meterwatch rejects list      meterwatch readings GP-0013 --days --from 2023-01-18 --to 2023-01-22\n"
    "  curl http://{address}/metrics",
)
_BYE = Phrase("stopped", "已停止")
_NO_VERDICT = Phrase("interrupted before the play was over: nothing was proved", "演示中断：尚未得出结论")
_CRASHED = Phrase("meterwatch stopped because of a fault in itself: {crash}", "meterwatch 因自身故障停止：{crash}")
_INTERRUPTED = 130


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    once = Phrase(
        "play at full speed, print found beside scripted, and end: 0 as scripted, 1 if they differ, 130 interrupted",
        "全速演示一次并核对结果：一致返回 0，不符返回 1，中断返回 130",
    )
    parser.add_argument("--once", action="store_true", help=once.say(lang))
    where = Phrase(
        "its folder, emptied at every start (default: ./meterwatch-demo)",
        "演示目录，每次启动时清空（默认：./meterwatch-demo）",
    )
    parser.add_argument("--dir", type=Path, metavar="FOLDER", default=Path("meterwatch-demo"), help=where.say(lang))
    pace = Phrase("seconds a day takes at least (default: {pace})", "每天至少秒数（默认：{pace}）")
    parser.add_argument("--pace", type=float, metavar="S", default=PACE_S, help=pace.say(lang, pace=PACE_S))
    language(parser, lang)
    example(parser, "meterwatch demo --once")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Play the demonstration; see ``demonstrate``."""
    start_logging("error")
    return demonstrate(Play(make_script(), once=args.once, pace_s=args.pace), args.dir.resolve(), out)


@dataclass(frozen=True)
class Play:
    """What is played, and how: ``once`` at full speed to the verdict, or at ``pace_s`` seconds a day and then on."""

    script: Script
    once: bool
    pace_s: float = PACE_S
    history_days: Sequence[int] = range(HISTORY_DAYS)
    end: datetime = END


def demonstrate(play: Play, folder: Path, out: Output) -> int:
    """Play in ``folder``; return 0, or 130 if it was interrupted before the verdict.

    With ``once`` it is 1 if a scripted story was missed or anything unscripted was found; without it the service stays up
    until it is interrupted, and 70 stands for a fault in itself.
    """
    out.say(_INTRO, folder=folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wrong: int | None = None
    crash = ""
    try:
        with set_stage(folder, play.script, account_name()) as stage:
            wrong = report(_perform(play, stage, out), out)
            crash = "" if play.once else _stay(stage, out)
    except KeyboardInterrupt:
        out.say(_NO_VERDICT if wrong is None else _BYE)
    if crash:
        out.error(_CRASHED.say(out.lang, crash=crash))
        return 70
    if wrong is None:
        return _INTERRUPTED
    return 1 if play.once and wrong else 0


def _perform(play: Play, stage: Stage, out: Output) -> World:
    with closing(Publisher(stage.broker_port)) as publisher, _progress(play, out) as (history, playing, progress):
        teller = Teller(stage.service.books, out.lang, progress.console.print)

        def watch(moment: datetime) -> None:
            progress.update(playing, completed=min(day_number(moment), DAYS))
            teller(moment)

        player = Player(stage, play.script, publisher, watch, end=play.end, lang=out.lang)
        player.load_history(play.history_days, lambda count: progress.advance(history, count))
        player.play(0.0 if play.once else play.pace_s)
    return player.world()


def _stay(stage: Stage, out: Output) -> str:
    """Run the service until it is interrupted; return what crashed."""
    out.say(_STAY, folder=stage.folder, address=stage.address)
    sys.stdout.flush()
    return stage.service.run()


@contextmanager
def _progress(play: Play, out: Output) -> Iterator[tuple[TaskID, TaskID, Progress]]:
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    packets = len(play.history_days) * _messages_a_day(play.script.fleet)
    with Progress(*columns, console=console) as progress:
        history = progress.add_task(_HISTORY.say(out.lang), total=packets)
        playing = progress.add_task(_PLAYING.say(out.lang), total=DAYS)
        yield history, playing, progress


def _messages_a_day(fleet: Fleet) -> int:
    return sum(len(points) if points[0].kind is Kind.FLOW else 1 for points in fleet.gateways.values())


def report(world: World, out: Output) -> int:
    """Print what was found beside what was scripted; return how many stories differ."""
    told = [(story, list(story.check(world))) for story in STORIES]
    wrong = sum(not all(finding.right for finding in found) for _, found in told)
    out.table(_COLUMNS, [_row(story, found, out.lang) for story, found in told], _ALL_WELL)
    if wrong:
        out.say(_NOT_WELL, count=wrong, all=len(told))
    else:
        out.say(_ALL_WELL)
    return wrong


def _row(story: Story, found: Sequence[Finding], lang: Lang) -> dict[str, str]:
    said = [f"{'' if finding.right else _DIFFERS}{finding.say(lang)}" for finding in found]
    return {
        "scripted": _cell([story.title.say(lang), story.expected.say(lang)]),
        "found": _cell(said),
        "verdict": _VERDICTS[all(finding.right for finding in found)].say(lang),
    }


def _cell(texts: Sequence[str]) -> str:
    """Return texts one below the other and a blank line, folded to half a screen, or half of 120 columns without one."""
    width = (min(shutil.get_terminal_size((_WIDTH, 1)).columns, _WIDTH) - _BETWEEN) // 2
    lines = Text("\n".join(texts)).wrap(Console(), width)
    return "\n".join([*(line.plain.rstrip() for line in lines), ""])
