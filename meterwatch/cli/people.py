"""``meterwatch people``: who works for the utility, as the viewer may see them; below it who is away,
and what they are permitted to see."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from meterwatch.cli import absences, permissions
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import session
from meterwatch.core.model.phrase import Lang, Phrase

_COLUMNS = {
    "code": Phrase("person", "人员"),
    "name": Phrase("name", "姓名"),
    "role": Phrase("role", "角色"),
    "unit": Phrase("unit", "单位"),
    "phone": Phrase("phone", "电话"),
    "email": Phrase("e-mail", "邮箱"),
}
_EMPTY = Phrase("the registry holds no people", "档案中没有人员")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    parser.set_defaults(run=list_people)
    example(parser, "meterwatch people --json")
    verbs = parser.add_subparsers(metavar="absent|back|absences|permit|permissions|revoke")
    absences.configure(verbs, lang)
    permissions.configure(verbs, lang)


def list_people(args: Namespace, out: Output) -> int:
    """List the people in the newest snapshot: names for people of the utility, phones for who has the right to them."""
    with session(args) as opened:
        records = opened.books.archive.people(opened.viewer, opened.books.clock.now())
        out.table(_COLUMNS, [asdict(record) for record in records], _EMPTY)
    return 0
