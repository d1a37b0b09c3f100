"""``meterwatch influx init``."""

import os
from argparse import ArgumentParser, Namespace

from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import settings_of
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.influx_setup import Onboarding, prepare

_NO_SECTION = Phrase("the settings have no [influxdb] section", "设置中没有 [influxdb] 段")
_SHORTEST = 8  # InfluxDB takes no shorter password
_NO_PASSWORD = Phrase(
    "put a password of at least {length} characters into METERWATCH_INFLUX_PASSWORD",
    "请在 METERWATCH_INFLUX_PASSWORD 中设置至少 {length} 个字符的密码",
)
_READY = Phrase(
    'InfluxDB is ready; set readings.store = "influxdb" to use it',
    'InfluxDB 已就绪；设置 readings.store = "influxdb" 即可使用',
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    verbs = parser.add_subparsers(metavar="init", required=True)
    text = Phrase("make buckets, retention and the InfluxQL mapping", "创建存储桶、保留期与 InfluxQL 映射")
    init = verbs.add_parser("init", help=text.say(lang), description=text.say(lang))
    common(init, lang)
    onboard = Phrase(
        "set up a new server first, under this user and the password of METERWATCH_INFLUX_PASSWORD (default: do not)",
        "先以该用户及 METERWATCH_INFLUX_PASSWORD 中的密码初始化新服务器（默认：不初始化）",
    )
    init.add_argument("--onboard", metavar="USER", help=onboard.say(lang))
    for level in (parser, init):
        example(level, "METERWATCH_INFLUX_PASSWORD=... meterwatch influx init --onboard admin")
    init.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Make InfluxDB ready, by the token of METERWATCH_INFLUX_ADMIN_TOKEN if it is given; done twice it changes nothing."""
    options = settings_of(args).influxdb
    if options is None:
        raise Refusal(_NO_SECTION)
    password = os.environ.get("METERWATCH_INFLUX_PASSWORD", "")
    if args.onboard and len(password) < _SHORTEST:
        raise Refusal(_NO_PASSWORD, length=_SHORTEST)
    onboard = Onboarding(args.onboard, password) if args.onboard else None
    steps = prepare(options, admin_token=os.environ.get("METERWATCH_INFLUX_ADMIN_TOKEN") or None, onboard=onboard)
    if out.as_json:
        out.data([{"changed": step.changed, "step": step.say(out.lang)} for step in steps])
    for step in steps:
        out.say(Phrase("{step}", "{step}"), step=step.say(out.lang))
    out.say(_READY)
    return 0
