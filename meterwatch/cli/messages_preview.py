"""``meterwatch messages preview``: every template with a sample, how many SMS it takes and what they cost."""

from argparse import ArgumentParser, Namespace
from typing import Any

from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import settings_of
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from notifier.segments import segments
from notifier.site import RoutingOptions
from notifier.templates import TEMPLATES
from notifier.templates.template import Template

_COLUMNS = {
    "template": Phrase("template", "模板"),
    "encoding": Phrase("encoding", "编码"),
    "segments": Phrase("SMS", "短信条数"),
    "cost": Phrase("cost", "费用"),
    "text": Phrase("text", "内容"),
}
_EMPTY = Phrase("no templates", "没有模板")
_UNKNOWN = Phrase("there is no template {name!r}; choose one of: {names}", "没有模板 {name!r}；可选：{names}")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    which = Phrase("only this one (default: all)", "仅该模板（默认：全部）").say(lang)
    parser.add_argument("template", nargs="?", metavar="TEMPLATE", help=which)
    parser.set_defaults(run=preview)
    example(parser, "meterwatch messages preview churn --lang zh-CN")


def preview(args: Namespace, out: Output) -> int:
    """Show templates with their samples, in the language of the command."""
    options = settings_of(args).routing
    found = [one for one in TEMPLATES if args.template in (None, one.name)]
    if not found:
        raise Refusal(_UNKNOWN, name=args.template, names=", ".join(one.name for one in TEMPLATES))
    out.table(_COLUMNS, [_row(one, options, out) for one in found], _EMPTY)
    return 0


def _row(one: Template, options: RoutingOptions, out: Output) -> dict[str, Any]:
    text = one.preview(out.lang)
    sms = segments(text)
    cost = len(sms.parts) * options.sms_price if options.sms_price else None
    row: dict[str, Any] = {"template": f"{one.name}/{one.version}", "encoding": sms.encoding.value, "units": sms.units}
    row |= {"segments": len(sms.parts), "cost": cost, "currency": options.sms_currency, "text": text}
    if out.as_json:
        return row
    return row | {"cost": "-" if cost is None else f"{cost:.2f} {options.sms_currency}"}
