"""``meterwatch rejects list|show|replay``."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest import segments
from ingest.journal import INBOX
from meterwatch.app.parts import JOURNAL_FOLDER
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, session
from meterwatch.core.clock import real_now
from meterwatch.core.errors import Refusal
from meterwatch.core.instants import from_us, to_us
from meterwatch.core.model.packets import REASON_TEXT, Reason
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.ledger.ingest import StoredReject

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
    verbs = parser.add_subparsers(metavar="list|show|replay", required=True)
    listing = verbs.add_parser("list", help=Phrase("list them, newest first", "列出").say(lang))
    showing = verbs.add_parser("show", help=Phrase("show one with its message", "查看报文").say(lang))
    replaying = verbs.add_parser("replay", help=Phrase("hand them in again after mending", "修正后重放").say(lang))
    for verb, run in ((listing, list_rejects), (showing, show), (replaying, replay)):
        common(verb, lang)
        verb.set_defaults(run=run)
    reasons = list(Reason)
    listing.add_argument("--reason", choices=reasons)
    listing.add_argument("--all", action="store_true", help=Phrase("replayed ones too", "包括已重放的").say(lang))
    listing.add_argument("--limit", type=int, default=100)
    showing.add_argument("number", type=int)
    replaying.add_argument("numbers", type=int, nargs="*")
    replaying.add_argument("--reason", choices=reasons)
    replaying.add_argument("--all", action="store_true")
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
    """Hand rejected messages in again: they go through the journal like any other."""
    with session(args) as opened:
        chosen = _chosen(args, opened)
        if not chosen:
            raise Refusal(_NOTHING)
        packets = {stored.reject.position: stored.reject.packet for stored in chosen}
        inbox = opened.settings.data_dir / JOURNAL_FOLDER / INBOX
        hand_in(inbox, list(packets.values()), real_now())
        numbers = [stored.id for stored in chosen]
        opened.books.ledger.ingest.mark_replayed(numbers, opened.books.clock.now(), opened.viewer.name)
        if out.as_json:
            out.data({"rejects": numbers, "packets": len(packets)})
        out.say(_HANDED_IN, packets=len(packets), rejects=len(chosen))
    return 0


def hand_in(inbox: Path, packets: Sequence[Any], now: datetime) -> Path:
    """Lay packets into the journal's inbox as one whole file; return it."""
    inbox.mkdir(parents=True, exist_ok=True)
    path = inbox / f"{to_us(now)}.seg"
    segments.write_file(path, 0, packets)
    return path


def _chosen(args: Namespace, opened: Session) -> list[StoredReject]:
    ledger = opened.books.ledger.ingest
    if args.numbers:
        found = [(number, ledger.reject(number)) for number in args.numbers]
        missing = [number for number, stored in found if stored is None]
        if missing:
            raise Refusal(_NONE, number=missing[0])
        return [stored for _, stored in found if stored is not None]
    if not (args.reason or args.all):
        return []
    return list(ledger.rejects(reason=Reason(args.reason) if args.reason else None, limit=10**9))


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
