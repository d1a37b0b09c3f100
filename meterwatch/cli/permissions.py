"""``meterwatch people permit | permissions | revoke``."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from typing import Any

from meterwatch.cli.arguments import day, number
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import person_of, session
from meterwatch.core.model.permissions import RIGHT_TEXT, Grant, Permission, Right
from meterwatch.core.model.phrase import Lang, Phrase

_COLUMNS = {
    "number": Phrase("no.", "编号"),
    "person": Phrase("person", "人员"),
    "right": Phrase("right", "权限"),
    "customer": Phrase("customer", "客户"),
    "unit": Phrase("unit", "单位"),
    "first_day": Phrase("from", "起"),
    "last_day": Phrase("until", "止"),
    "granted_by": Phrase("granted by", "授予人"),
    "granted_at": Phrase("granted", "授予时间"),
    "reason": Phrase("reason", "理由"),
    "revoked_at": Phrase("revoked", "撤销时间"),
    "revoked_by": Phrase("revoked by", "撤销人"),
}
_EMPTY = Phrase("no permissions", "没有权限记录")
_GRANTED = Phrase(
    "permission {number}: {person} may see {right}, until {last} (that day no longer); granted by {by}",
    "权限 {number}：{person} 可查阅{right}，至 {last}（当日起失效）；授予人 {by}",
)
_REVOKED = Phrase("permission {number} of {person} is revoked", "{person} 的权限 {number} 已撤销")


def configure(verbs: "_SubParsersAction[ArgumentParser]", lang: Lang) -> None:
    """Add the verbs below ``people``."""
    _configure_permit(verbs, lang)
    text = Phrase("list permissions: yours, or everybody's for who may grant", "查看权限：本人的；有权授予者可看全部").say(
        lang
    )
    shown = verbs.add_parser("permissions", help=text, description=text)
    common(shown, lang)
    shown.set_defaults(run=list_permissions)
    example(shown, "meterwatch people permissions")
    text = Phrase("take a permission back", "撤销权限").say(lang)
    revoked = verbs.add_parser("revoke", help=text, description=text)
    common(revoked, lang)
    which = Phrase("number of the permission", "权限编号").say(lang)
    revoked.add_argument("number", type=number(lang), metavar="N", help=which)
    revoked.set_defaults(run=revoke)
    example(revoked, "meterwatch people revoke 3")


def _configure_permit(verbs: "_SubParsersAction[ArgumentParser]", lang: Lang) -> None:
    text = Phrase("let somebody see more for a time; supervisors and the company manager do", "限期授予查阅权限")
    parser = verbs.add_parser("permit", help=text.say(lang), description=text.say(lang))
    common(parser, lang)
    whom = Phrase("code of the person", "人员编号").say(lang)
    parser.add_argument("person", metavar="PERSON", help=whom)
    what = Phrase("what he may see (needed): {rights}", "可查阅的内容（必填）：{rights}")
    rights = "; ".join(f"{right} = {meaning.say(lang)}" for right, meaning in RIGHT_TEXT.items())
    names = [right.value for right in Right]
    parser.add_argument("--right", choices=names, required=True, help=what.say(lang, rights=rights))
    customer = Phrase("of this customer only (default: of all)", "仅限该客户（默认：全部）").say(lang)
    parser.add_argument("--customer", metavar="CODE", default="", help=customer)
    unit = Phrase("of this unit's customers and people only (default: of all)", "仅限该单位的客户与人员（默认：全部）").say(
        lang
    )
    parser.add_argument("--unit", metavar="CODE", default="", help=unit)
    end = Phrase("first day on which it no longer holds, within a year (needed)", "失效日，一年之内（必填）").say(lang)
    parser.add_argument("--until", type=day(lang), metavar="DAY", required=True, help=end)
    why = Phrase("why it is granted (needed)", "理由（必填）").say(lang)
    parser.add_argument("--reason", metavar="TEXT", required=True, help=why)
    parser.set_defaults(run=permit)
    example(parser, 'meterwatch people permit K2 --right names --unit U1 --until 2023-04-01 --reason "stands in for H-01"')


def permit(args: Namespace, out: Output) -> int:
    """Grant a permission that begins today."""
    with session(args) as opened:
        person_of(opened)
        scope = {"customer": args.customer, "unit": args.unit}
        grant = Grant(args.person, Right(args.right), opened.today(), args.until, args.reason, **scope)
        given = opened.books.ledger.permissions.grant(opened.viewer, grant, opened.books.clock.now())
        if out.as_json:
            out.data(_row(given))
        right = RIGHT_TEXT[grant.right].say(out.lang)
        out.say(_GRANTED, number=given.number, person=grant.person, right=right, last=grant.last_day, by=given.granted_by)
    return 0


def list_permissions(args: Namespace, out: Output) -> int:
    """List permissions by number, ended and revoked ones too."""
    with session(args) as opened:
        viewer = opened.viewer
        found = opened.books.ledger.permissions.all(None if viewer.oversees else viewer.person or "")
        rows = [_row(one) for one in found]
        if not out.as_json:
            moments = [{key: local(row[key], opened.zone) for key in ("granted_at", "revoked_at")} for row in rows]
            rows = [row | shown for row, shown in zip(rows, moments, strict=True)]
        out.table(_COLUMNS, rows, _EMPTY)
    return 0


def revoke(args: Namespace, out: Output) -> int:
    """Take a permission back."""
    with session(args) as opened:
        person_of(opened)
        taken = opened.books.ledger.permissions.revoke(opened.viewer, args.number, opened.books.clock.now())
        if out.as_json:
            out.data(_row(taken))
        out.say(_REVOKED, number=taken.number, person=taken.grant.person)
    return 0


def _row(one: Permission) -> dict[str, Any]:
    grant = one.grant
    return {
        "number": one.number,
        "person": grant.person,
        "right": grant.right.value,
        "customer": grant.customer or None,
        "unit": grant.unit or None,
        "first_day": grant.first_day.isoformat(),
        "last_day": grant.last_day.isoformat(),
        "reason": grant.reason,
        "granted_by": one.granted_by,
        "account": one.account,
        "granted_at": one.granted_at,
        "revoked_at": one.revoked_at,
        "revoked_by": one.revoked_by or None,
    }
