"""Decided and approved classifications: pending sheets, and the registry snapshots they become (RULES who-january)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select

from meterwatch.core.errors import Refusal
from meterwatch.core.model.classes import DUTY, ClassRow, ClassSheet
from meterwatch.core.model.duties import Evidence, EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores import tables
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import duties
from meterwatch.stores.ledger.duty_rows import close_duties
from meterwatch.stores.ledger.rows import note
from meterwatch.stores.registry import begin_snapshot, newest_snapshot, parts
from meterwatch.stores.registry_load import load_customers, valid

MAY_DECIDE = frozenset({Role.OFFICE_HEAD, Role.SUPPLY_ADMIN, Role.SUPERVISOR, Role.COMPANY_MANAGER})

_MAY_NOT_DECIDE = Phrase(
    "{viewer} may not decide who is large: an office head, a supply administrator, a supervisor or the company manager may",
    "{viewer} 无权认定大客户：仅所长、供电管理员、督察或公司经理可以认定",
)
_MAY_NOT_APPROVE = Phrase(
    "{viewer} may not approve a classification: only a supervisor may", "{viewer} 无权批准大客户认定：仅督察可以批准"
)
_NOTHING_PENDING = Phrase(
    "no decided sheet of {year} waits for approval; record one with --decide",
    "没有待批准的 {year} 年认定表；请先用 --decide 提交",
)
_SAME_PERSON = Phrase(
    "{person} decided this sheet; another supervisor must approve it", "该认定表由 {person} 提交；须由另一名督察批准"
)
_GONE = Phrase(
    "no longer in the registry: {customers}; write a new sheet and decide it",
    "档案中已没有：{customers}；请重新生成认定表后再认定",
)


class SqlClassifications:
    """Sheets that offices decided and supervisors approve."""

    def __init__(self, database: Database) -> None:
        """``database`` stays the caller's to close."""
        self._database = database

    def pending(self, year: int) -> ClassSheet | None:
        """Return the newest decided sheet of ``year`` unless it is approved: an older one counts no longer."""
        with self._database.read() as connection:
            row = connection.execute(_newest(year)).one_or_none()
        return _sheet(row) if row and row.approved_at is None else None

    def decide(self, year: int, rows: Sequence[ClassRow], viewer: Viewer, now: datetime) -> int:
        """Record what an office decided for ``year`` and return the sheet's number; it takes the place of a pending one.

        Raises Refusal unless the viewer may decide.
        """
        if viewer.person is None or not viewer.roles & MAY_DECIDE:
            raise Refusal(_MAY_NOT_DECIDE, viewer=viewer.name)
        values = {
            "year": year,
            "rows": [asdict(row) for row in rows],
            "decided_by": viewer.person,
            "decided_at": now,
            "account": viewer.account,
        }
        table = tables.classification_sheets
        with self._database.write() as connection:
            number = int(connection.execute(table.insert().values(values).returning(table.c.id)).scalar_one())
            detail = {"sheet": number, **_counts(rows)}
            note(connection, now, viewer.name, [("classification.decide", f"{year}", detail)])
        return number

    def approve(self, year: int, viewer: Viewer, now: datetime) -> int:
        """Make the pending sheet of ``year`` part of a new registry snapshot and return its number; the tasks that ask for
        it the year after are closed (RULES who-january).

        Raises Refusal unless the viewer is a supervisor and not the one who decided, if nothing is pending, or if one of
        its customers has left the registry.
        """
        if viewer.person is None or Role.SUPERVISOR not in viewer.roles:
            raise Refusal(_MAY_NOT_APPROVE, viewer=viewer.name)
        with self._database.write() as connection:
            found = connection.execute(_newest(year).with_for_update()).one_or_none()
            if found is None or found.approved_at is not None:
                raise Refusal(_NOTHING_PENDING, year=year)
            if found.decided_by == viewer.person:
                raise Refusal(_SAME_PERSON, person=viewer.person)
            sheet = _sheet(found)
            _require_known(connection, sheet.rows)
            number = begin_snapshot(connection, viewer.name, now)
            _replace_year(connection, number, sheet, viewer.person)
            table = tables.classification_sheets
            approved = {"approved_by": viewer.person, "approved_at": now, "snapshot": number}
            connection.execute(table.update().where(table.c.id == sheet.id).values(approved))
            detail = {"sheet": sheet.id, "snapshot": number, "decided_by": sheet.decided_by, **_counts(sheet.rows)}
            note(connection, now, viewer.name, [("classification.approve", f"{year}", detail)])
            task = (duties.c.rule == DUTY, duties.c.period == f"{year + 1}")
            said = f"classification sheet {sheet.id}"
            proof = Evidence(EvidenceKind.APPROVAL, viewer.person, viewer.account, "", "", now, now, note=said)
            close_duties(self._database, connection, task, proof)
        return number


def _newest(year: int) -> Select[Any]:
    table = tables.classification_sheets
    return select(table).where(table.c.year == year).order_by(table.c.id.desc()).limit(1)


def _sheet(row: Row[Any]) -> ClassSheet:
    rows = msgspec.convert(row.rows, tuple[ClassRow, ...])
    return ClassSheet(row.id, row.year, rows, row.decided_by, row.decided_at, row.account)


def _counts(rows: Sequence[ClassRow]) -> dict[str, int]:
    return {"customers": len(rows), "large": sum(bool(row.large) for row in rows)}


def _require_known(connection: Connection, rows: Iterable[ClassRow]) -> None:
    known = {customer.code for customer in load_customers(connection, newest_snapshot(connection))}
    if gone := sorted({row.customer for row in rows} - known):
        raise Refusal(_GONE, customers=", ".join(gone))


def _replace_year(connection: Connection, number: int, sheet: ClassSheet, approved_by: str) -> None:
    """Let the rows of the sheet's year that held so far end with snapshot ``number``, and its own begin."""
    table = tables.classifications
    held = valid(table, number), table.c.year == sheet.year
    connection.execute(table.update().where(*held).values(last_snapshot=number))
    who = {"year": sheet.year, "decided_by": sheet.decided_by, "approved_by": approved_by, "first_snapshot": number}
    for rows in parts(sheet.rows):
        connection.execute(table.insert(), [{**_stored(row), **who} for row in rows])


def _stored(row: ClassRow) -> dict[str, Any]:
    return {
        "customer": row.customer,
        "commodity": row.commodity,
        "monthly_mean": row.monthly_mean,
        "months": row.months,
        "provisional": row.provisional,
        "large": bool(row.large),
    }
