"""``meterwatch contact``: who spoke with a customer, when and by what way (RULES contact-record)."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from meterwatch.cli.arguments import moment, number
from meterwatch.cli.customers import customer_of
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, person_of, session
from meterwatch.cli.task_acts import desk_of
from meterwatch.core.errors import Refusal
from meterwatch.core.model.contacts import CONTACT_KINDS, ContactRecord, NewContactRecord, standing
from meterwatch.core.model.duties import DUTY_STATE_TEXT, EVIDENCE_TEXT, Duty, EvidenceKind
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Registry
from notifier.duties.contacts import BY_CONTACT, meeting
from notifier.duties.rules import BY_NAME

_COLUMNS = {
    "id": Phrase("no.", "编号"),
    "happened_at": Phrase("happened", "发生时间"),
    "recorded_at": Phrase("recorded", "录入时间"),
    "kind": Phrase("how", "方式"),
    "reached": Phrase("reached", "是否联系到"),
    "contact": Phrase("contact", "联系人"),
    "person": Phrase("by", "经办人"),
    "corrects": Phrase("corrects", "更正"),
    "corrected_by": Phrase("corrected by", "被更正"),
    "note": Phrase("note", "内容"),
}
_EMPTY = Phrase("no contact records", "没有联系记录")
_YES, _NO = Phrase("yes", "是"), Phrase("no", "否")
_ADDED = Phrase("contact record {number} is entered under {person}", "联系记录 {number} 已登记（{person}）")
_MET = Phrase("  task {number} ({title}): {state}", "  任务 {number}（{title}）：{state}")
_COUNT = Phrase(" {count}/{needed}", " {count}/{needed}")
_WAITS = Phrase(
    ", recorded after its deadline: counts when a second person confirms it (`meterwatch tasks confirm {number}`)",
    "，逾期录入：须第二人确认后生效（`meterwatch tasks confirm {number}`）",
)
_FUTURE = Phrase("a contact can't be dated in the future: {at}; it is now {now}", "联系时间不能在未来：{at}（现在 {now}）")
_LACKING = Phrase("a contact record needs --kind and --note", "联系记录必须填写 --kind 与 --note")
_NO_CONTACT = Phrase(
    "customer {customer} names no contact {contact!r}{known}; leave --contact out for somebody else",
    "客户 {customer} 没有联系人 {contact!r}{known}；其他人员请勿填写 --contact",
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    example(parser, "meterwatch contact list C-0007")
    acts = parser.add_subparsers(metavar="add|list", required=True)
    text = Phrase("enter a contact with a customer, or correct one", "登记或更正与客户的联系").say(lang)
    add = acts.add_parser("add", help=text, description=text)
    common(add, lang)
    _customer(add, lang)
    options: dict[str, tuple[Phrase, dict[str, Any]]] = {
        "kind": (Phrase("how (default: as RECORD says)", "方式（默认：同被更正记录）"), {"choices": CONTACT_KINDS}),
        "note": (Phrase("what was said (default: as RECORD says)", "联系内容（默认：同被更正记录）"), {"metavar": "TEXT"}),
        "reached": (
            Phrase(
                "whether somebody was reached (default: yes, or as RECORD says)", "是否联系到（默认：yes，或同被更正记录）"
            ),
            {"choices": ["yes", "no"]},
        ),
        "contact": (
            Phrase(
                "code of the customer's contact (default: somebody else, or as RECORD says)",
                "联系人编号（默认：其他人员，或同被更正记录）",
            ),
            {"metavar": "CONTACT"},
        ),
        "at": (
            Phrase("when, local time (default: now, or as RECORD says)", "时间，当地时间（默认：现在，或同被更正记录）"),
            {"metavar": "TIME", "type": moment(lang)},
        ),
        "corrects": (
            Phrase("number of the record this one stands in place of (default: none)", "被更正的记录编号（默认：无）"),
            {"metavar": "RECORD", "type": number(lang)},
        ),
    }
    for name, (meaning, more) in options.items():
        add.add_argument(f"--{name}", help=meaning.say(lang), **more)
    example(add, 'meterwatch contact add C-0007 --kind phone --contact N1 --note "asked for the plan of April"')
    add.set_defaults(run=add_record)
    text = Phrase("list the contacts with a customer", "查看与客户的联系记录").say(lang)
    listing = acts.add_parser("list", help=text, description=text)
    common(listing, lang)
    _customer(listing, lang)
    example(listing, "meterwatch contact list C-0007")
    listing.set_defaults(run=list_records)


def _customer(parser: ArgumentParser, lang: Lang) -> None:
    parser.add_argument("customer", metavar="CUSTOMER", help=Phrase("code of the customer", "客户编号").say(lang))


def add_record(args: Namespace, out: Output) -> int:
    """Enter a contact record; it is evidence of every open task it meets."""
    with session(args) as opened:
        person_of(opened)
        customer = customer_of(opened, args.customer, "contact")
        desk, ledger = desk_of(opened), opened.books.ledger.records
        new = _record(args, opened, desk.now)
        _require_contact(new, desk.roster.registry)
        found, duties = ledger.add_contact(new, BY_CONTACT, meeting(desk))
        if out.as_json:
            told = [{"id": d.id, "rule": d.rule, "state": d.state, "waiting": len(d.waiting)} for d in duties]
            out.data({"id": found, "customer": customer.code, "tasks": told})
        out.say(_ADDED, number=found, person=new.person)
        for duty in duties:
            out.say(_MET, number=duty.id, title=BY_NAME[duty.rule].title.say(out.lang), state=_state(duty, out.lang))
    return 0


def _state(duty: Duty, lang: Lang) -> str:
    count = _COUNT.say(lang, count=len(duty.counting), needed=duty.needed) if duty.needed > 1 else ""
    waits = _WAITS.say(lang, number=duty.id) if duty.waiting else ""
    return DUTY_STATE_TEXT[duty.state].say(lang) + count + waits


def _record(args: Namespace, opened: Session, now: datetime) -> NewContactRecord:
    """Return the record to be entered; what a correction does not name is as the corrected record says."""
    note = (args.note or "").strip()
    old = _corrected(args, opened)
    if old is None and not (args.kind and note):
        raise Refusal(_LACKING)
    happened_at = _aware(args.at, opened.zone) if args.at else old.happened_at if old else now
    if happened_at > now:
        raise Refusal(_FUTURE, at=local(happened_at, opened.zone), now=local(now, opened.zone))
    return NewContactRecord(
        args.customer,
        EvidenceKind(args.kind) if args.kind or old is None else old.kind,
        (args.contact or "") if args.contact is not None or old is None else old.contact,
        args.reached != "no" if args.reached or old is None else old.reached,
        note or (old.note if old else ""),
        person_of(opened),
        opened.viewer.account,
        happened_at,
        now,
        args.corrects,
    )


def _corrected(args: Namespace, opened: Session) -> ContactRecord | None:
    """Return the record that is to be corrected; raises Refusal if the customer has no such record."""
    if args.corrects is None:
        return None
    return opened.books.ledger.records.contact(args.customer, args.corrects)


def _aware(at: datetime, zone: str) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))


def _require_contact(new: NewContactRecord, registry: Registry) -> None:
    known = sorted({contact.code for contact in registry.contacts if contact.customer == new.customer})
    if new.contact and new.contact not in known:
        listed = f" ({', '.join(known)})" if known else ""
        raise Refusal(_NO_CONTACT, customer=new.customer, contact=new.contact, known=listed)


def list_records(args: Namespace, out: Output) -> int:
    """List the contact records of a customer, corrected ones too."""
    with session(args) as opened:
        customer = customer_of(opened, args.customer, "contact")
        ledger = opened.books.ledger.records
        found = ledger.contacts(customer.code)
        ledger.note_look("contact.read", customer.code, opened.viewer.name, opened.books.clock.now(), len(found))
        out.table(_COLUMNS, _rows(found, opened.zone, out), _EMPTY)
    return 0


def _rows(records: Sequence[ContactRecord], zone: str, out: Output) -> list[dict[str, Any]]:
    last = standing(records)
    return [_row(record, last[record.id], zone, out) for record in records]


def _row(record: ContactRecord, last: ContactRecord, zone: str, out: Output) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in ContactRecord.__dataclass_fields__}
    row |= {"kind": record.kind.value, "corrected_by": last.id if last.id != record.id else None}
    if out.as_json:
        return row
    kind, reached = EVIDENCE_TEXT[record.kind].say(out.lang), (_YES if record.reached else _NO).say(out.lang)
    times = {name: local(getattr(record, name), zone) for name in ("happened_at", "recorded_at")}
    return row | times | {"kind": kind, "reached": reached}
