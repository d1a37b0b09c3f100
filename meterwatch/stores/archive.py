"""Names and phones: every read takes a viewer, shows what he may see, and what it shows and refuses is in the audit."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer, mask_phone
from meterwatch.core.ports import ContactRecord, PersonRecord
from meterwatch.stores import tables
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import note
from meterwatch.stores.registry import parts, snapshot_of, stored_rows
from meterwatch.stores.registry_files import FILES
from meterwatch.stores.viewers import viewer_of

_ASKED = 50  # codes that an audit row names; it counts all

_NO_EXPORT = Phrase(
    "{viewer} may not export the archive: only a supervisor or the company manager may, or who has their permission",
    "{viewer} 无权导出档案：仅督察、公司经理或获其授权者可以导出",
)
_NOT_HIS = Phrase(
    "{viewer} may not do that: {customer} is no customer of his", "{viewer} 无权进行此操作：{customer} 不是其负责的客户"
)
_NO_IMPORT = Phrase(
    "{viewer} may not import the registry, which says who sees whom: a supervisor, the company manager or an operator may "
    "([viewers.accounts] in the settings says whom an account stands for)",
    "{viewer} 无权导入档案（档案决定谁可查阅谁）：仅督察、公司经理或运维人员可以导入"
    "（账号对应的人员见设置的 [viewers.accounts]）",
)
_MAY_IMPORT = (Role.SUPERVISOR, Role.COMPANY_MANAGER, Role.OPERATOR)
_NO_ADDRESS = Phrase("{viewer} may not read phone numbers", "{viewer} 无权读取电话号码")
_NOT_LISTED = Phrase(
    "the account {account!r} may not act as somebody else: add it to viewers.may_act_as in the settings",
    "账号 {account!r} 不得代他人操作：请在设置的 viewers.may_act_as 中添加该账号",
)
_NOT_IN_OFFICE = Phrase(
    "{person!r} is unknown to the registry or not in office today: name somebody else after --as",
    "档案中没有 {person!r} 或此人今日不在职：请在 --as 后改填其他人员",
)


class SqlArchive:
    """Names and phones (core.ports.Archive)."""

    def __init__(self, database: Database) -> None:
        """``database`` stays the caller's to close."""
        self._database = database

    # --- who asks ------------------------------------------------------------------------------------------------

    def viewer_for(self, account: str, person: str | None, day: date) -> Viewer:
        """Return the viewer ``account`` is on ``day`` if it stands for ``person``; see stores.viewers.viewer_of."""
        with self._database.read() as connection:
            return viewer_of(connection, account, person, day)

    def act_as(self, viewer: Viewer, person: str, day: date, now: datetime, *, listed: bool) -> Viewer:
        """Return the viewer that the account of ``viewer`` is while it acts as ``person``; that it does is in the audit.

        Raises Refusal, in the audit too, unless the account is ``listed`` and the person in office on ``day``.
        """
        acting = self.viewer_for(viewer.account, person, day)
        if not listed:
            self._refuse(viewer, "viewer.refuse", person, "account not listed", now)
            raise Refusal(_NOT_LISTED, account=viewer.account)
        if acting.person is None:
            self._refuse(viewer, "viewer.refuse", person, "not in office", now)
            raise Refusal(_NOT_IN_OFFICE, person=person)
        acting = acting.acting_for(viewer.person)
        with self._database.write() as connection:
            note(connection, now, acting.name, [("viewer.act", person, {})])
        return acting

    # --- what is shown -------------------------------------------------------------------------------------------

    def people(self, viewer: Viewer, now: datetime) -> Sequence[PersonRecord]:
        """Return the people in the newest snapshot, sorted by code: names for people of the utility, phones and e-mail
        for who has the right to them; else the code for the name, the phone masked and no e-mail.
        """
        table = tables.people
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.last_snapshot.is_(None))).all()
        records = sorted((_person(row, viewer) for row in rows), key=lambda record: record.code)
        named = viewer.service or viewer.person is not None
        masked = sum(not viewer.may_phone_colleague(record.code) for record in records)
        why = _why(viewer, "no right to phones")
        hidden = {"count": masked, "hidden": ["phones"] if named else ["names", "phones"], "why": why} if masked else {}
        self._record(viewer, "people", len(records) if named else len(records) - masked, hidden, now)
        return records

    def customer_names(self, viewer: Viewer, codes: Iterable[str], now: datetime) -> Mapping[str, str]:
        """Return the name of each customer; the code for one the viewer may not see or the registry does not hold.

        An account that can't write the ledger sees codes only: nothing is shown that can't be written down.
        """
        asked = sorted(set(codes))
        seen = [code for code in asked if viewer.may_see(code)]
        names = {} if self._database.read_only else self._names(seen)
        unseen = sorted(set(asked) - set(seen))
        why = _why(viewer, "not his customers")
        hidden = {"count": len(unseen), "asked": unseen[:_ASKED], "why": why} if unseen else {}
        self._record(viewer, "customers", len(names), hidden, now)
        return {code: names.get(code, code) for code in asked}

    def contacts(self, viewer: Viewer, customer: str, now: datetime) -> Sequence[ContactRecord]:
        """Return the contacts of a customer in the newest snapshot, past ones too, sorted by code.

        Names as of ``customer_names``, the code instead for one who may not see them; phones in full for who answers for
        the customer (he must call) and for who has the right to them, else masked.
        """
        table = tables.contacts
        mine = (table.c.customer == customer) & table.c.last_snapshot.is_(None)
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(mine)).all()
        rights = {"names": viewer.may_see(customer), "phones": viewer.may_phone(customer)}
        records = sorted((_contact(row, **rights) for row in rows), key=lambda record: record.code)
        lacking = [name for name, given in rights.items() if not given]
        why = _why(viewer, "no right to phones" if rights["names"] else "not his customer")
        hidden = {"count": len(records), "hidden": lacking, "why": why} if lacking else {}
        self._record(viewer, f"contacts/{customer}", len(records) if any(rights.values()) else 0, hidden, now)
        return records

    def address(self, viewer: Viewer, person: str, now: datetime) -> str:
        """Return the phone number of ``person``, empty if none is known; raises Refusal unless the viewer is a service."""
        if not viewer.service:
            self._refuse(viewer, "archive.refuse", f"address/{person}", _why(viewer, "not a service"), now)
            raise Refusal(_NO_ADDRESS, viewer=viewer.name)
        table = tables.people
        with self._database.read() as connection:
            found = select(table.c.phone).where(table.c.person == person, table.c.last_snapshot.is_(None))
            phone = connection.scalar(found) or ""
        self._record(viewer, f"address/{person}", int(bool(phone)), {}, now)
        return phone

    def copy(self, viewer: Viewer, now: datetime, number: int | None = None) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        """Return every row of a snapshot (the newest by default), names and phones included, by the name of its file.

        Both the copy and a refusal are audited. Raises Refusal if the viewer may not export, or there is no such snapshot.
        """
        if not viewer.may_export:
            self._refuse(viewer, "archive.refuse", "export", _why(viewer, "no right to export"), now)
            raise Refusal(_NO_EXPORT, viewer=viewer.name)
        with self._database.read() as connection:
            chosen = snapshot_of(connection, number)
            found = {spec.name: stored_rows(connection, spec, chosen) for spec in FILES}
        with self._database.write() as connection:
            counts = {name: len(rows) for name, rows in found.items()}
            note(connection, now, viewer.name, [("archive.export", f"{chosen}", counts)])
        return {name: list(rows) for name, rows in found.items()}

    def require_import(self, viewer: Viewer, day: date, now: datetime) -> None:
        """Raise Refusal, and note it, unless the viewer may replace the registry (RULES who-confidential: it says who sees
        whom), or nobody in it may: the first one is anybody's.
        """
        if viewer.may_import:
            return
        table = tables.people
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.last_snapshot.is_(None), table.c.role.in_(_MAY_IMPORT)))
            there = any(_in_office(row, day) for row in rows)
        if there:
            self._refuse(viewer, "registry.refuse", "import", _why(viewer, "no right to import"), now)
            raise Refusal(_NO_IMPORT, viewer=viewer.name)

    def require_own(self, viewer: Viewer, codes: Iterable[str], act: str, now: datetime) -> None:
        """Raise Refusal, and note it, unless the viewer answers for every one of some customers; ``act`` says what for."""
        foreign = sorted({code for code in codes if not viewer.answers_for(code)})
        if foreign:
            self._refuse(viewer, f"{act}.refuse", foreign[0], _why(viewer, "not his customer"), now)
            raise Refusal(_NOT_HIS, viewer=viewer.name, customer=foreign[0])

    def _names(self, codes: Sequence[str]) -> dict[str, str]:
        table = tables.customers
        with self._database.read() as connection:
            return {
                code: name
                for part in parts(codes)
                for code, name in connection.execute(
                    select(table.c.customer, table.c.name).where(table.c.customer.in_(part), table.c.last_snapshot.is_(None))
                )
            }

    # --- what is written down ------------------------------------------------------------------------------------

    def _record(self, viewer: Viewer, subject: str, shown: int, hidden: dict[str, Any], now: datetime) -> None:
        """Note a read before anything is handed out: how many names or phones it shows, and what it does not and why.

        Where the ledger can't be written, a read that shows nothing goes by.
        """
        rows = [("archive.read", subject, {"count": shown})] if shown else []
        rows += [("archive.refuse", subject, hidden)] if hidden else []
        if rows and (shown or not self._database.read_only):
            with self._database.write() as connection:
                note(connection, now, viewer.name, rows)

    def _refuse(self, viewer: Viewer, action: str, subject: str, why: str, now: datetime) -> None:
        """Note what is refused as a whole, where the ledger can be written."""
        if not self._database.read_only:
            with self._database.write() as connection:
                note(connection, now, viewer.name, [(action, subject, {"why": why})])


def _in_office(row: Row[Any], day: date) -> bool:
    return (row.first_day is None or row.first_day <= day) and (row.last_day is None or day < row.last_day)


def _why(viewer: Viewer, otherwise: str) -> str:
    """Return the reason of a refusal as audit rows give it."""
    return otherwise if viewer.person is not None else "nobody in office"


def _person(row: Row[Any], viewer: Viewer) -> PersonRecord:
    phone, full = row.phone or "", viewer.may_phone_colleague(row.person)
    return PersonRecord(
        code=row.person,
        name=row.name if viewer.service or viewer.person is not None else row.person,
        phone=phone if full else mask_phone(phone),
        email=(row.email or "") if full else "",
        role=row.role,
        unit=row.unit or "",
    )


def _contact(row: Row[Any], *, names: bool, phones: bool) -> ContactRecord:
    phone = row.phone or ""
    return ContactRecord(
        code=row.contact,
        customer=row.customer,
        name=row.name if names else row.contact,
        phone=phone if phones else mask_phone(phone),
        role=row.role,
        first_day=row.first_day or date.min,
        last_day=row.last_day or date.max,
    )
