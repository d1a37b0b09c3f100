"""``meterwatch messages``."""

from argparse import ArgumentParser, Namespace
from typing import Any

from meterwatch.cli.arguments import number
from meterwatch.cli.main import common, example, limit
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.messages import MESSAGE_STATE_TEXT, Message, MessageState
from meterwatch.core.model.phrase import Lang, Phrase

_COLUMNS = {
    "number": Phrase("notice", "通知号"),
    "state": Phrase("state", "状态"),
    "created_at": Phrase("queued", "生成时间"),
    "channel": Phrase("channel", "渠道"),
    "person": Phrase("to", "收件人"),
    "body": Phrase("text", "内容"),
}
_EMPTY = Phrase("no messages", "没有短信")
_NONE = Phrase("there is no message N{number}", "没有通知 N{number}")
_NO_NUMBER = Phrase("{text!r} is no notice number, write N7", "{text!r} 不是通知号，请写成 N7")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    which = Phrase("show this one with its history (default: list them)", "查看该通知及其经过（默认：列表）").say(lang)
    parser.add_argument("number", nargs="?", type=number(lang, _NO_NUMBER, "N"), metavar="NOTICE", help=which)
    limit(parser, lang)
    example(parser, "meterwatch messages N7")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """List messages, newest first, or show one with its history."""
    with session(args) as opened:
        found = opened.books.ledger.outbox.messages(limit=args.limit, number=args.number)
        if args.number is None:
            out.table(_COLUMNS, [_row(message, opened.zone, out) for message in found], _EMPTY)
        elif found:
            _show(found[0], opened.zone, out)
        else:
            raise Refusal(_NONE, number=args.number)
    return 0


def _show(message: Message, zone: str, out: Output) -> None:
    """Print one message and what became of it, step by step."""
    row = _row(message, zone, out)
    if out.as_json:
        out.data(row)
        return
    out.table(_COLUMNS, [row], _EMPTY)
    for at, state, detail in message.history:
        out.line(f"  {local(at, zone)}  {MESSAGE_STATE_TEXT[MessageState(state)].say(out.lang)}  {detail}".rstrip())


def _row(message: Message, zone: str, out: Output) -> dict[str, Any]:
    row = {
        "number": f"N{message.number}",
        "key": message.key,
        "state": message.state.value,
        "created_at": message.created_at,
        "expires_at": message.expires_at,
        "channel": message.channel,
        "person": message.person,
        "template": f"{message.template}/{message.template_version}",
        "body": message.body,
        "attempts": message.attempts,
        "reference": message.reference,
        "history": [{"at": at, "state": state, "detail": detail} for at, state, detail in message.history],
    }
    if out.as_json:
        return row
    return row | {"state": MESSAGE_STATE_TEXT[message.state].say(out.lang), "created_at": local(message.created_at, zone)}
