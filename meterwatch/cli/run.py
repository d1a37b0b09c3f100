"""``meterwatch run``."""

import logging
import signal
import sys
from argparse import ArgumentParser, Namespace

from meterwatch.app.service import ROLES, Service
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import settings_of
from meterwatch.core.model.phrase import Lang, Phrase

_UP = Phrase(
    "meterwatch is up: {roles}; health and metrics at http://{address}/readyz and /metrics; Ctrl-C stops it",
    "meterwatch 已启动：{roles}；健康与指标：http://{address}/readyz、/metrics；按 Ctrl-C 停止",
)
_STOPPED = Phrase("meterwatch has stopped; the next start goes on from here", "meterwatch 已停止；下次启动将从此处继续")
_CRASHED = Phrase("meterwatch stopped because of a fault in itself: {crash}", "meterwatch 因自身故障停止：{crash}")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang, as_json=False)
    which = Phrase("run only this role in this process (default: all three)", "本进程只运行该角色（默认：全部）")
    parser.add_argument("--role", choices=ROLES, help=which.say(lang))
    levels = ("debug", "info", "warning", "error")
    least = Phrase("log nothing below this (default: info)", "最低日志级别（默认：info）")
    parser.add_argument("--log-level", choices=levels, default="info", help=least.say(lang))
    example(parser, "meterwatch run --settings /etc/meterwatch.toml")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Run the service until SIGTERM or Ctrl-C; 0 after a clean stop, 70 after a fault of its own."""
    start_logging(args.log_level)
    roles = (args.role,) if args.role else ROLES
    service = Service(settings_of(args), roles)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: service.over.set())
    try:
        address = service.start()
        out.say(_UP, roles=", ".join(roles), address=address)
        sys.stdout.flush()
        crash = service.run()
    finally:
        service.stop()
    if crash:
        out.error(_CRASHED.say(out.lang, crash=crash))
        return 70
    out.say(_STOPPED)
    return 0


def start_logging(level: str) -> None:
    """Log to standard error, one line an event; the scheduler only when something is wrong."""
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=level.upper(), format=form, stream=sys.stderr)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
