"""Names and phones: every read takes a viewer, shows what he may see, and is audited where a name or phone is shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Assignment, Customer, Registry, Role
from meterwatch.core.model.viewer import Viewer, mask_phone
from meterwatch.core.ports import PersonRecord
from meterwatch.stores import tables
from meterwatch.stores.database import Database
from meterwatch.stores.registry import newest_snapshot, parts, snapshot_of, stored_rows
from meterwatch.stores.registry_files import FILES
from meterwatch.stores.registry_load import load_assignments, load_customers, load_designations, load_large, load_people

OWN_ROLES = (Role.MANAGER, Role.DEPUTY)

_NO_EXPORT = Phrase(
    "{viewer} may not export the archive: only a supervisor or the company manager may",
    "{viewer} 无权导出档案：仅督察或公司经理可以导出",
)
_NO_ADDRESS = Phrase("{viewer} may not read phone numbers", "{viewer} 无权读取电话号码")


class SqlArchive:
    """Names and phones (core.ports.Archive)."""

    def __init__(self, database: Database) -> None:
        """``database`` stays the caller's to close."""
        self._database = database

    def viewer_for(self, account: str, person: str | None, day: date) -> Viewer:
        """Return the viewer ``account`` is on ``day``: the person it is mapped to, with his role and his own customers.

        His own are those the registry makes him manager or deputy of on that day. An account without a person, or with one
        who is unknown or not in office, may see no names.
        """
        with self._database.read() as connection:
            office = _office(connection)
        found = office.people.get(person) if person else None
        if found is None or not found.works_on(day):
            return Viewer(account)
        return Viewer.for_person(account, found.code, found.role, own_customers(office, found.code, day))

    def people(self, viewer: Viewer, now: datetime) -> Sequence[PersonRecord]:
        """Return the people in the newest snapshot, sorted by code: names for people of the utility, phones and e-mail
        for services; else the code for the name, the phone masked and no e-mail.
        """
        table = tables.people
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.last_snapshot.is_(None))).all()
        records = sorted((_shown(row, viewer) for row in rows), key=lambda record: record.code)
        self._audit(viewer, "people", len(records) if _may_see_colleagues(viewer) else 0, now)
        return records

    def customer_names(self, viewer: Viewer, codes: Iterable[str], now: datetime) -> Mapping[str, str]:
        """Return the name of each customer; the code for one the viewer may not see or the registry does not hold.

        An account that can't write the ledger sees codes only: nothing is shown that can't be written down.
        """
        asked = sorted(set(codes))
        names = {} if self._database.read_only else self._names([code for code in asked if viewer.may_see(code)])
        self._audit(viewer, "customers", len(names), now)
        return {code: names.get(code, code) for code in asked}

    def address(self, viewer: Viewer, person: str) -> str:
        """Return the phone number of ``person``, empty if none is known; raises Refusal unless the viewer is a service."""
        if not viewer.may_see_phones:
            raise Refusal(_NO_ADDRESS, viewer=viewer.name)
        table = tables.people
        with self._database.read() as connection:
            found = select(table.c.phone).where(table.c.person == person, table.c.last_snapshot.is_(None))
            return connection.scalar(found) or ""

    def copy(self, viewer: Viewer, now: datetime, number: int | None = None) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        """Return every row of a snapshot (the newest by default), names and phones included, by the name of its file.

        Both the copy and a refusal are audited. Raises Refusal if the viewer may not export, or there is no such snapshot.
        """
        if not viewer.may_export:
            self._note(viewer, "archive.refuse", "export", {}, now)
            raise Refusal(_NO_EXPORT, viewer=viewer.name)
        with self._database.read() as connection:
            chosen = snapshot_of(connection, number)
            found = {spec.name: stored_rows(connection, spec, chosen) for spec in FILES}
        self._note(viewer, "archive.export", f"{chosen}", {name: len(rows) for name, rows in found.items()}, now)
        return {name: list(rows) for name, rows in found.items()}

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

    def _audit(self, viewer: Viewer, subject: str, count: int, now: datetime) -> None:
        """Note a read that shows ``count`` names or phones, before they are handed out."""
        if count:
            self._note(viewer, "archive.read", subject, {"count": count}, now)

    def _note(self, viewer: Viewer, action: str, subject: str, detail: Mapping[str, int], now: datetime) -> None:
        row = {"at": now, "actor": viewer.name, "action": action, "subject": subject, "detail": dict(detail)}
        with self._database.write() as connection:
            connection.execute(tables.audit.insert().values(row))


def own_customers(office: Registry, person: str, day: date) -> frozenset[str]:
    """Return the codes of the customers ``person`` is manager or deputy of on ``day``; the most specific assignment wins."""
    mine = [a for a in office.assignments if a.person == person and a.role in OWN_ROLES]
    named = {a.customer for a in mine}
    candidates = [c for c in office.customers if (c.code in named or "" in named) and _fits_any(mine, office, c, day)]
    codes = {customer.code for customer in candidates}
    near = replace(office, assignments=tuple(a for a in office.assignments if not a.customer or a.customer in codes))
    return frozenset(customer.code for customer in candidates if _is_own(near, customer, person, day))


def _fits_any(assignments: Iterable[Assignment], office: Registry, customer: Customer, day: date) -> bool:
    importance = office.importance_of(customer.code)
    return any(assignment.covers(customer, importance, day) for assignment in assignments)


def _is_own(office: Registry, customer: Customer, person: str, day: date) -> bool:
    found = (office.responsible(customer, role, day) for role in OWN_ROLES)
    return any(responsible is not None and responsible.code == person for responsible in found)


def _office(connection: Connection) -> Registry:
    """Return the newest snapshot without its points: people, customers, and who is responsible for whom."""
    number = newest_snapshot(connection)
    return replace(
        Registry.empty(),
        number=number,
        customers=load_customers(connection, number),
        people=load_people(connection, number),
        assignments=load_assignments(connection, number),
        designations=load_designations(connection, number),
        large=load_large(connection, number),
    )


def _may_see_colleagues(viewer: Viewer) -> bool:
    return viewer.service or viewer.person is not None


def _shown(row: Row[Any], viewer: Viewer) -> PersonRecord:
    phone, email = row.phone or "", row.email or ""
    return PersonRecord(
        code=row.person,
        name=row.name if _may_see_colleagues(viewer) else row.person,
        phone=phone if viewer.may_see_phones else mask_phone(phone),
        email=email if viewer.may_see_phones else "",
        role=row.role,
        unit=row.unit or "",
    )
