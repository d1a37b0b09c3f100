"""``meterwatch demo``."""

import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from meterwatch.cli.main import example
from meterwatch.cli.output import Output
from meterwatch.cli.run import start_logging
from meterwatch.cli.session import account_name
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.demo.fleet import DAYS, HISTORY_DAYS
from meterwatch.demo.play import Player, Publisher, make_script, set_stage
from meterwatch.demo.stories import STORIES, World
from meterwatch.demo.tell import Teller, day_number

PACE_S = 1.5

_INTRO = Phrase(
    "200 gas and power points, 15 months of history, then 90 days through MQTT. Everything lies in {folder}.",
    "200 个燃气与电力用户点，15 个月历史数据，随后通过 MQTT 演示 90 天。所有数据位于 {folder}。",
)
_HISTORY = Phrase("loading history", "载入历史数据")
_PLAYING = Phrase("playing", "演示中")
_COLUMNS = {
    "story": Phrase("scripted", "剧本"),
    "expected": Phrase("expected", "预期"),
    "found": Phrase("found", "结果"),
}
_AS_SCRIPTED = Phrase("as scripted", "与剧本一致")
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


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    once = Phrase("play at full speed, print found beside scripted, and end; 1 if they differ", "全速演示一次并核对结果")
    parser.add_argument("--once", action="store_true", help=once.say(lang))
    where = Phrase("its folder, emptied at every start (default: ./meterwatch-demo)", "演示目录，每次启动时清空")
    parser.add_argument("--dir", type=Path, default=Path("meterwatch-demo"), help=where.say(lang))
    parser.add_argument("--pace", type=float, default=PACE_S, help=Phrase("seconds a day", "每天秒数").say(lang))
    parser.add_argument("--lang", choices=list(Lang), help=Phrase("language of the output", "输出语言").say(lang))
    example(parser, "meterwatch demo --once")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Play the demonstration; with --once, 1 if a scripted story was missed or anything unscripted was found."""
    start_logging("error")
    folder = args.dir.resolve()
    out.say(_INTRO, folder=folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with set_stage(folder, make_script(), account_name()) as stage:
            publisher = Publisher(stage.broker_port)
            with _progress(out) as (history, playing, progress):
                teller = Teller(stage.service.books, out.lang, progress.console.print)

                def watch(moment: datetime) -> None:
                    progress.update(playing, completed=min(day_number(moment), DAYS))
                    teller(moment)

                player = Player(stage, make_script(), publisher, watch)
                player.load_history(range(HISTORY_DAYS), lambda count: progress.advance(history, count))
                player.play(0.0 if args.once else args.pace)
            publisher.close()
            wrong = report(player.world(), out)
            if not args.once:
                out.say(_STAY, folder=folder, address=stage.address)
                sys.stdout.flush()
                stage.service.run()
    except KeyboardInterrupt:
        out.say(_BYE)
        return 0
    return 1 if wrong else 0


@contextmanager
def _progress(out: Output) -> Iterator[tuple[TaskID, TaskID, Progress]]:
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    packets = HISTORY_DAYS * _messages_a_day()
    with Progress(*columns, console=console) as progress:
        history = progress.add_task(_HISTORY.say(out.lang), total=packets)
        playing = progress.add_task(_PLAYING.say(out.lang), total=DAYS)
        yield history, playing, progress


def _messages_a_day() -> int:
    fleet = make_script().fleet
    return sum(len(points) if points[0].kind == "flow" else 1 for points in fleet.gateways.values())


def report(world: World, out: Output) -> int:
    """Print what was found beside what was scripted; return how many stories differ."""
    rows = []
    for story in STORIES:
        found = "; ".join(story.check(world))
        shown = found or _AS_SCRIPTED.say(out.lang)
        rows.append(
            {"story": story.title.say(out.lang), "expected": story.expected.say(out.lang), "found": shown, "ok": not found}
        )
    out.table(_COLUMNS, rows, _ALL_WELL)
    wrong = sum(not row["ok"] for row in rows)
    if wrong:
        out.say(_NOT_WELL, count=wrong, all=len(rows))
    else:
        out.say(_ALL_WELL)
    return wrong
