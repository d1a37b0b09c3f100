"""Permissions: granted and revoked by those who oversee, each with an end, every step in the audit."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, insert, or_, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.permissions import Grant, Permission, Right
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.rows import note
from meterwatch.stores.tables import customers, people, permissions

LONGEST = timedelta(days=366)

_NOT_HIS = Phrase(
    "{viewer} may not grant or revoke permissions: a supervisor or the company manager may",
    "{viewer} 无权授予或撤销权限：可由督察或公司经理办理",
)
_HIMSELF = Phrase(
    "{viewer} may not grant or revoke a permission of his own: another supervisor, or the company manager, may",
    "{viewer} 不得为自己授予或撤销权限：请由其他督察或公司经理办理",
)
_NO_REASON = Phrase("a permission needs a reason: give --reason", "权限必须写明理由（--reason）")
_NO_END = Phrase(
    "a permission must end after {first} and at most {longest} days later; {last} is not such a day",
    "权限须在 {first} 之后、{longest} 天之内结束；{last} 不符合",
)
_TWO_SCOPES = Phrase("name a customer or a unit, not both", "客户与单位只能填写其一")
_WHOLE = Phrase(
    "the right to export extends to the whole archive: name no customer and no unit",
    "导出权限针对全部档案：请勿填写客户或单位",
)
_UNKNOWN = Phrase(
    "{code!r} is not in the registry, or not in office today: `meterwatch people` lists who is",
    "档案中没有 {code!r}，或此人今日不在职：可用 `meterwatch people` 查看",
)
_NO_CUSTOMER = Phrase("the registry holds no customer {code!r}", "档案中没有客户 {code!r}")
_NO_UNIT = Phrase("the registry holds no unit {code!r}", "档案中没有单位 {code!r}")
_NONE = Phrase("there is no permission {number}; `meterwatch people permissions` lists them", "没有权限 {number}")
_REVOKED = Phrase("permission {number} is revoked already", "权限 {number} 已撤销")


class SqlPermissions:
    """Who may see what beyond his role, and until when (RULES who-confidential)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grant(self, viewer: Viewer, grant: Grant, now: datetime) -> Permission:
        """Record a permission and return it; raises Refusal if it may not be given, has no end, or concerns nobody.

        Only a supervisor or the company manager grants, and not to himself; a refusal of those is in the audit too.
        """
        self._check_giver(viewer, grant.person, "grant", now)
        _check(grant)
        with self._database.write() as connection:
            _check_known(connection, grant)
            row = _row(grant) | {"granted_by": viewer.person, "account": viewer.account, "granted_at": now}
            number = connection.execute(insert(permissions).values(row).returning(permissions.c.number)).scalar_one()
            note(connection, now, viewer.name, [("permission.grant", grant.person, _detail(number, grant))])
        return Permission(number, grant, viewer.person or "", viewer.account, now)

    def revoke(self, viewer: Viewer, number: int, now: datetime) -> Permission:
        """Take a permission back and return it as it now stands; raises Refusal as ``grant`` does, or if there is none."""
        found = next((one for one in self.all() if one.number == number), None)
        if found is None:
            raise Refusal(_NONE, number=number)
        self._check_giver(viewer, found.grant.person, "revoke", now)
        mine = (permissions.c.number == number) & permissions.c.revoked_at.is_(None)
        with self._database.write() as connection:
            taken = update(permissions).where(mine).values(revoked_at=now, revoked_by=viewer.person)
            row = connection.execute(taken.returning(permissions)).mappings().one_or_none()
            if row is None:
                raise Refusal(_REVOKED, number=number)
            note(connection, now, viewer.name, [("permission.revoke", found.grant.person, {"permission": number})])
            return _load(row)

    def all(self, person: str | None = None) -> Sequence[Permission]:
        """Return every permission ever given, of ``person`` only if he is named, by number."""
        query = select(permissions).order_by(permissions.c.number)
        if person is not None:
            query = query.where(permissions.c.person == person)
        with self._database.read() as connection:
            return [_load(row) for row in connection.execute(query).mappings()]

    def _check_giver(self, viewer: Viewer, person: str, verb: str, now: datetime) -> None:
        """Raise Refusal, and note it, unless ``viewer`` may give a right to ``person`` or take one from him."""
        if viewer.oversees and not viewer.is_himself(person):
            return
        phrase = _HIMSELF if viewer.oversees else _NOT_HIS
        why = "himself" if viewer.oversees else "not a supervisor"
        if not self._database.read_only:
            with self._database.write() as connection:
                note(connection, now, viewer.name, [("permission.refuse", person, {"asked": verb, "why": why})])
        raise Refusal(phrase, viewer=viewer.name)


def valid_grants(connection: Connection, person: str, day: date) -> list[Grant]:
    """Return what is allowed to ``person`` on ``day``."""
    mine = (permissions.c.person == person) & permissions.c.revoked_at.is_(None)
    found = [_load(row).grant for row in connection.execute(select(permissions).where(mine)).mappings()]
    return [grant for grant in found if grant.holds_on(day)]


def _check(grant: Grant) -> None:
    if not grant.reason.strip():
        raise Refusal(_NO_REASON)
    if not grant.first_day < grant.last_day <= grant.first_day + LONGEST:
        raise Refusal(_NO_END, first=grant.first_day, last=grant.last_day, longest=LONGEST.days)
    if grant.customer and grant.unit:
        raise Refusal(_TWO_SCOPES)
    if grant.right is Right.EXPORT and (grant.customer or grant.unit):
        raise Refusal(_WHOLE)


def _check_known(connection: Connection, grant: Grant) -> None:
    """Raise Refusal unless the newest snapshot holds everybody the grant names, and the person is in office."""
    day = grant.first_day
    begun = or_(people.c.first_day.is_(None), people.c.first_day <= day)
    in_office = begun & or_(people.c.last_day.is_(None), people.c.last_day > day)
    if not _holds(connection, people, (people.c.person == grant.person) & in_office):
        raise Refusal(_UNKNOWN, code=grant.person)
    if grant.customer and not _holds(connection, customers, customers.c.customer == grant.customer):
        raise Refusal(_NO_CUSTOMER, code=grant.customer)
    in_unit = ((table, table.c.unit == grant.unit) for table in (people, customers))
    if grant.unit and not any(_holds(connection, table, condition) for table, condition in in_unit):
        raise Refusal(_NO_UNIT, code=grant.unit)


def _holds(connection: Connection, table: Table, condition: Any) -> bool:
    newest = table.c.last_snapshot.is_(None)
    return connection.execute(select(table.c.id).where(condition, newest).limit(1)).first() is not None


def _row(grant: Grant) -> dict[str, Any]:
    return {
        "person": grant.person,
        "right": grant.right,
        "customer": grant.customer or None,
        "unit": grant.unit or None,
        "first_day": grant.first_day,
        "last_day": grant.last_day,
        "reason": grant.reason.strip(),
    }


def _detail(number: int, grant: Grant) -> dict[str, Any]:
    scope = {name: code for name, code in (("customer", grant.customer), ("unit", grant.unit)) if code}
    return {"permission": number, "right": grant.right, "until": grant.last_day.isoformat()} | scope


def _load(row: RowMapping) -> Permission:
    grant = Grant(
        row["person"],
        Right(row["right"]),
        row["first_day"],
        row["last_day"],
        row["reason"],
        row["customer"] or "",
        row["unit"] or "",
    )
    given = row["granted_by"], row["account"], row["granted_at"]
    return Permission(row["number"], grant, *given, row["revoked_at"], row["revoked_by"] or "")
