"""``meterwatch rejects list|show|replay``."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ingest import segments
from ingest.journal import INBOX
from meterwatch.app.parts import JOURNAL_FOLDER
from meterwatch.cli.arguments import number
from meterwatch.cli.main import common, example, limit
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import session
from meterwatch.core.clock import real_now
from meterwatch.core.errors import Refusal
from meterwatch.core.instants import from_us, to_us
from meterwatch.core.model.packets import REASON_TEXT, Packet, Reason
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.ledger.ingest import SqlIngest, StoredReject

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "received_at": Phrase("received", "接收时间"),
    "reason_text": Phrase("why", "原因"),
    "detail": Phrase("found", "内容"),
    "topic": Phrase("topic", "主题"),
    "record": Phrase("record", "记录"),
    "bytes": Phrase("bytes", "字节"),
    "replayed_at": Phrase("replayed", "重放时间"),
}
_EMPTY = Phrase("no rejects wait", "没有待处理的拒收报文")
_NONE = Phrase("there is no reject {number}", "没有拒收记录 {number}")
_NOTHING = Phrase(
    "nothing to replay: name rejects by number, or use --reason or --all", "没有可重放的记录：请指定编号、--reason 或 --all"
)
_HANDED_IN = Phrase(
    "{packets} messages of {rejects} rejects are handed in again; the running service reads them within a second",
    "已重新提交 {rejects} 条拒收记录的 {packets} 个报文；运行中的服务会立即处理",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    listing_text = Phrase("list them, newest first", "列出，最新的在前").say(lang)
    showing_text = Phrase("show one with its message", "查看其中一条及其报文").say(lang)
    replaying_text = Phrase("hand their messages in again after mending", "修正后重放其报文").say(lang)
    verbs = parser.add_subparsers(metavar="list|show|replay", required=True)
    listing = verbs.add_parser("list", help=listing_text, description=listing_text)
    showing = verbs.add_parser("show", help=showing_text, description=showing_text)
    replaying = verbs.add_parser("replay", help=replaying_text, description=replaying_text)
    for verb, run in ((listing, list_rejects), (showing, show), (replaying, replay)):
        common(verb, lang)
        verb.set_defaults(run=run)
    replayed = Phrase("replayed ones too (default: those that wait)", "包括已重放的（默认：待处理的）").say(lang)
    listing.add_argument("--all", action="store_true", help=replayed)
    limit(listing, lang)
    showing.add_argument("number", type=number(lang), metavar="REJECT", help=Phrase("its number", "编号").say(lang))
    which = Phrase("numbers of those to hand in again", "要重放的编号").say(lang)
    replaying.add_argument("numbers", type=number(lang), nargs="*", metavar="REJECT", help=which)
    replaying.add_argument("--all", action="store_true", help=Phrase("all that wait", "所有待处理的").say(lang))
    reason = Phrase("those refused for this reason (default: any)", "仅限因此原因被拒收的（默认：不限）").say(lang)
    for verb in (listing, replaying):
        verb.add_argument("--reason", choices=[one.value for one in Reason], help=reason)
    example(parser, "meterwatch rejects list")
    example(listing, "meterwatch rejects list --reason unknown_meter")
    example(showing, "meterwatch rejects show 12")
    example(replaying, "meterwatch rejects replay --reason unknown_meter")


def list_rejects(args: Namespace, out: Output) -> int:
    """List rejects, newest first."""
    with session(args) as opened:
        reason = Reason(args.reason) if args.reason else None
        found = opened.books.ledger.ingest.rejects(reason=reason, limit=args.limit, replayed=args.all)
        out.table(_COLUMNS, [_row(stored, opened.zone, out) for stored in found], _EMPTY)
    return 0


def show(args: Namespace, out: Output) -> int:
    """Show one reject with the message it came in."""
    with session(args) as opened:
        stored = opened.books.ledger.ingest.reject(args.number)
        if stored is None:
            raise Refusal(_NONE, number=args.number)
        row = _row(stored, opened.zone, out) | {"payload": stored.reject.packet.payload.decode(errors="replace")}
        if out.as_json:
            out.data(row)
            return 0
        for key, title in _COLUMNS.items():
            if row[key] not in (None, ""):
                out.line(f"{title.say(out.lang)}: {row[key]}")
        out.line(f"\n{row['payload']}")
    return 0


def replay(args: Namespace, out: Output) -> int:
    """Hand rejected messages in again, each whole and once: they go through the journal like any other."""
    with session(args) as opened:
        ledger, inbox = opened.books.ledger.ingest, opened.settings.data_dir / JOURNAL_FOLDER / INBOX
        packets = rejects = 0
        for page in _chosen(args, ledger):
            hand_in(inbox, f"{to_us(real_now())}-{page[0]}", ledger.packets(page))
            rejects += ledger.mark_replayed(page, opened.books.clock.now(), opened.viewer.name)
            packets += len(page)
    if not packets:
        raise Refusal(_NOTHING)
    if out.as_json:
        out.data({"rejects": rejects, "packets": packets})
    out.say(_HANDED_IN, packets=packets, rejects=rejects)
    return 0


def hand_in(inbox: Path, name: str, packets: Iterable[Packet]) -> None:
    """Lay packets into the journal's inbox as one whole file."""
    inbox.mkdir(parents=True, exist_ok=True)
    segments.write_file(inbox / f"{name}.seg", 0, packets)


def _chosen(args: Namespace, ledger: SqlIngest) -> Iterable[Sequence[int]]:
    """Return the numbers of the packets that were asked for, in pages."""
    if args.numbers:
        found = ledger.packets_of(args.numbers)
        missing = [number for number in args.numbers if number not in found]
        if missing:
            raise Refusal(_NONE, number=missing[0])
        return [sorted({*found.values()})]
    if not (args.reason or args.all):
        return []
    return ledger.waiting(Reason(args.reason) if args.reason else None)


def _row(stored: StoredReject, zone: str, out: Output) -> dict[str, Any]:
    reject = stored.reject
    received = from_us(reject.packet.received_at)
    return {
        "id": stored.id,
        "reason": reject.reason.value,
        "reason_text": REASON_TEXT[reject.reason].say(out.lang),
        "detail": reject.detail,
        "topic": reject.packet.topic,
        "record": reject.record,
        "bytes": len(reject.packet.payload),
        "position": str(reject.position),
        "received_at": received if out.as_json else local(received, zone),
        "replayed_at": stored.replayed_at if out.as_json else local(stored.replayed_at, zone),
    }
