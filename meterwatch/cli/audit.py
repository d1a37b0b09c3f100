"""``meterwatch audit list | verify | seal``."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from meterwatch.app.books import audit_key
from meterwatch.cli.main import common, example, limit
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.core.model.audit import FAULT_TEXT, Digest, Verification
from meterwatch.core.model.phrase import Lang, Phrase

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "at": Phrase("time", "时间"),
    "actor": Phrase("by", "操作者"),
    "action": Phrase("action", "操作"),
    "subject": Phrase("subject", "对象"),
    "detail": Phrase("detail", "明细"),
}
_EMPTY = Phrase("no such row in the audit", "没有符合的审计记录")
_WHOLE = Phrase(
    "the audit is whole: {sealed} rows are sealed by {digests} digests, the newest is {newest}; {unsealed} rows wait to be",
    "审计完整：{digests} 个摘要封存 {sealed} 条记录，最新摘要 {newest}；另有 {unsealed} 条尚未封存",
)
_BROKEN = Phrase(
    "the audit is NOT whole: {what}; digest {number}, rows {first} to {last} ({sealed} rows sealed by {digests} digests, "
    "{unsealed} not sealed yet)",
    "审计不完整：{what}；摘要 {number}，记录 {first} 至 {last}（{digests} 个摘要封存 {sealed} 条，{unsealed} 条未封存）",
)
_HELD = Phrase("{printed} is in the chain", "{printed} 在链中")
_NOT_HELD = Phrase(
    "{printed} is NOT in the chain: what was sealed then was rewritten or cut off since",
    "{printed} 不在链中：当时封存的内容此后被重写或截断",
)
_SEALED = Phrase("{rows} rows are sealed; the digest to print is {newest}", "已封存 {rows} 条记录；可打印的摘要：{newest}")
_NOTHING = Phrase("nothing is left to seal; the newest digest is {newest}", "没有待封存的记录；最新摘要：{newest}")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    example(parser, "meterwatch audit verify --against 17-3f9ac2d1e4b07788")
    verbs = parser.add_subparsers(metavar="list|verify|seal", required=True)
    texts = {
        "list": Phrase("show audit rows, newest first", "查看审计记录，最新的在前"),
        "verify": Phrase("walk over the whole seal; 1 if anything is wrong", "核对全部封存；有问题返回 1"),
        "seal": Phrase("seal now what is not sealed yet", "立即封存尚未封存的记录"),
    }
    runs = {"list": list_rows, "verify": verify, "seal": seal}
    examples = {"list": "list --actor K3", "verify": "verify --against 17-3f9ac2d1e4b07788", "seal": "seal"}
    found = {}
    for name, text in texts.items():
        verb = found[name] = verbs.add_parser(name, help=text.say(lang), description=text.say(lang))
        common(verb, lang)
        verb.set_defaults(run=runs[name])
        example(verb, f"meterwatch audit {examples[name]}")
    limit(found["list"], lang)
    about = Phrase("about this only, C1 finds C1/gas too (default: everything)", "仅该对象，C1 也含 C1/gas（默认：全部）")
    found["list"].add_argument("--subject", default="", metavar="CODE", help=about.say(lang))
    who = Phrase("by this person or account only (default: by all)", "仅该人员或账号（默认：全部）").say(lang)
    found["list"].add_argument("--actor", default="", metavar="NAME", help=who)
    printed = Phrase("also look for a digest printed earlier (default: none)", "同时查找此前打印的摘要（默认：无）").say(
        lang
    )
    found["verify"].add_argument("--against", metavar="DIGEST", help=printed)
    resume = Phrase(
        "go on after a break that was looked into; the reason is on record (default: refuse)",
        "断链查明后继续封存，理由留痕（默认：拒绝）",
    )
    found["seal"].add_argument("--resume", metavar="REASON", help=resume.say(lang))


def list_rows(args: Namespace, out: Output) -> int:
    """List audit rows."""
    with session(args) as opened:
        found = opened.books.ledger.audit.rows(limit=args.limit, subject=args.subject, actor=args.actor)
        rows: list[dict[str, Any]] = [{name: getattr(row, name) for name in _COLUMNS} for row in found]
        if not out.as_json:
            for row in rows:
                row["at"] = local(row["at"], opened.zone)
                row["detail"] = json.dumps(row["detail"], ensure_ascii=False) if row["detail"] else ""
        out.table(_COLUMNS, rows, _EMPTY)
    return 0


def verify(args: Namespace, out: Output) -> int:
    """Say whether the sealed audit is whole, and whether a digest printed earlier is still part of it; 1 if not."""
    with session(args) as opened:
        held = opened.books.ledger.audit.holds(args.against) if args.against else None
        found = opened.books.ledger.audit.verify(audit_key(opened.settings))
    if out.as_json:
        out.data(_told(found) | {"against": held})
    _say(found, out)
    if held is not None:
        out.say(_HELD if held else _NOT_HELD, printed=args.against)
    return 0 if found.finding is None and held is not False else 1


def _say(found: Verification, out: Output) -> None:
    counts = {"sealed": found.sealed, "digests": found.digests, "unsealed": found.unsealed}
    wrong = found.finding
    if wrong is None:
        out.say(_WHOLE, newest=_short(found.newest), **counts)
    else:
        what = FAULT_TEXT[wrong.fault].say(out.lang)
        out.say(_BROKEN, what=what, number=wrong.number, first=wrong.first_id, last=wrong.last_id or "…", **counts)


def _told(found: Verification) -> dict[str, Any]:
    wrong = found.finding
    return {
        "whole": wrong is None,
        "fault": wrong.fault.value if wrong else None,
        "digest": wrong.number if wrong else None,
        "first_id": wrong.first_id if wrong else None,
        "last_id": (wrong.last_id or None) if wrong else None,
        "digests": found.digests,
        "sealed": found.sealed,
        "unsealed": found.unsealed,
        "newest": found.newest.short if found.newest else None,
    }


def seal(args: Namespace, out: Output) -> int:
    """Seal what is not sealed yet and print the newest digest."""
    with session(args) as opened:
        sealed = _sealed(args, opened)
        newest = opened.books.ledger.audit.newest()
    if out.as_json:
        out.data({"rows": sealed.rows if sealed else 0, "newest": newest.short if newest else None})
    out.say(_SEALED if sealed else _NOTHING, rows=sealed.rows if sealed else 0, newest=_short(newest))
    return 0


def _sealed(args: Namespace, opened: Session) -> Digest | None:
    audit, key = opened.books.ledger.audit, audit_key(opened.settings)
    if args.resume is None:
        return audit.seal(key)
    person_of(opened)
    return audit.resume(opened.viewer, args.resume, opened.books.clock.now(), key)


def _short(digest: Digest | None) -> str:
    return digest.short if digest else "-"
