"""What commands open: settings, the ledger's books, and who is asking."""

import os
import pwd
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meterwatch.app.books import Books, open_books
from meterwatch.app.settings import Settings
from meterwatch.app.settings_file import SettingsError, load
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.viewer import Viewer

_BAD_SETTINGS = Phrase("the settings can't be used:\n{english}", "设置有误：\n{chinese}")
_UNMAPPED = Phrase(
    'the account {account!r} stands for no person: add `"{account}" = "PERSON"` to [viewers.accounts] in the settings',
    '账号 {account!r} 没有对应人员：请在设置的 [viewers.accounts] 中添加 `"{account}" = "人员编号"`',
)
_NOT_IN_OFFICE = Phrase(
    "the account {account!r} stands for {person!r} ([viewers.accounts] in the settings), who is unknown to the registry or "
    "not in office today: mend people.csv and import it, or name somebody else",
    "账号 {account!r} 对应人员 {person!r}（设置的 [viewers.accounts]），但档案中没有此人或此人今日不在职："
    "请更正 people.csv 并重新导入，或改填其他人员",
)


class Session(NamedTuple):
    """An open ledger and who is asking."""

    settings: Settings
    books: Books
    viewer: Viewer
    opened: ExitStack

    @property
    def zone(self) -> str:
        """The site's time zone."""
        return self.settings.site.time_zone

    def today(self) -> date:
        """Return the site's present business day."""
        return self.books.clock.now().astimezone(ZoneInfo(self.zone)).date()


def settings_of(args: Namespace) -> Settings:
    """Return the settings the command was given; raises Refusal naming every problem."""
    try:
        return load(args.settings)
    except SettingsError as problem:
        raise Refusal(_BAD_SETTINGS, english=problem.say(Lang.EN), chinese=problem.say(Lang.ZH)) from problem


@contextmanager
def session(args: Namespace) -> Iterator[Session]:
    """Open the ledger for a command; raises Refusal, in the audit too, if the account may not act as whom ``--as`` names."""
    settings = settings_of(args)
    with ExitStack() as opened:
        books = open_books(settings, opened)
        account = account_name()
        day = books.clock.now().astimezone(ZoneInfo(settings.site.time_zone)).date()
        viewer = books.archive.viewer_for(account, settings.viewers.accounts.get(account), day)
        if person := getattr(args, "as_person", None):
            listed = account in settings.viewers.may_act_as
            viewer = books.archive.act_as(viewer, person, day, books.clock.now(), listed=listed)
        yield Session(settings, books, viewer, opened)


def account_name() -> str:
    """Return the name of the account this process runs under, as the operating system knows it, or its number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container that was started under any number
        return str(os.getuid())


def person_of(opened: Session) -> str:
    """Return the person who is asking; raises Refusal if the account stands for nobody in office."""
    viewer = opened.viewer
    if viewer.person is not None:
        return viewer.person
    mapped = opened.settings.viewers.accounts.get(viewer.account)
    if mapped:
        raise Refusal(_NOT_IN_OFFICE, account=viewer.account, person=mapped)
    raise Refusal(_UNMAPPED, account=viewer.account)
