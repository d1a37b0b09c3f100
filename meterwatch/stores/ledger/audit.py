"""The audit: rows that are only ever added, sealed hour by hour in a chain of keyed digests (docs/formats.md section 9)."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, text

from meterwatch.core.errors import Refusal
from meterwatch.core.model.audit import FAULT_TEXT, AuditRow, Digest, Fault, Finding, Head, Verification
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.viewer import Viewer
from meterwatch.stores.database import Database
from meterwatch.stores.ledger.audit_key import AuditKey, Sealer
from meterwatch.stores.ledger.rows import note
from meterwatch.stores.tables import audit, audit_digests

_HOUR = timedelta(hours=1)

_PRINTED = re.compile(r"([1-9][0-9]{0,8})-([0-9a-f]{16,64})")

_BREAK = Phrase(
    "the audit is not sealed on: {english}. Find out what happened (`meterwatch audit verify`); then a supervisor goes on "
    "with `meterwatch audit seal --resume REASON`",
    "审计暂停封存：{chinese}。请先查明原因（`meterwatch audit verify`），再由督察执行 "
    "`meterwatch audit seal --resume 理由` 继续",
)
_NO_DIGEST = Phrase(
    "{text!r} is no printed digest: copy it as it stands on the sheet, e.g. 17-3f9ac2d1e4b07788",
    "{text!r} 不是打印的摘要：请按纸面抄写，例如 17-3f9ac2d1e4b07788",
)
_NOT_HIS = Phrase(
    "{viewer} may not resume a broken seal: a supervisor or the company manager may",
    "{viewer} 无权恢复封存：可由督察或公司经理办理",
)


class SqlAudit:
    """The audit's rows and their seal. The key is handed in: it is no part of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- looking -------------------------------------------------------------------------------------------------

    def rows(self, *, limit: int = 100, subject: str = "", actor: str = "") -> Sequence[AuditRow]:
        """Return audit rows, newest first: about ``subject`` (and what is below it: C1 finds C1/gas), by whom ``actor``
        is part of.
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if subject:
            below = audit.c.subject.startswith(f"{subject}/", autoescape=True)
            query = query.where(or_(audit.c.subject == subject, below))
        if actor:
            query = query.where(audit.c.actor.contains(actor, autoescape=True))
        with self._database.read() as connection:
            return [AuditRow(*row) for row in connection.execute(query)]

    def newest(self) -> Digest | None:
        """Return the newest digest, None before the first."""
        with self._database.read() as connection:
            return _newest(connection)

    def latest_digest(self) -> str:
        """Return the newest digest in the short form that sheets and reports print, empty before the first."""
        newest = self.newest()
        return newest.short if newest else ""

    def holds(self, printed: str) -> bool:
        """Return whether the chain holds a digest that somebody printed, with 16 or more of its characters.

        Raises Refusal if that is none.
        """
        found = _PRINTED.fullmatch(printed.strip().lower())
        if found is None:
            raise Refusal(_NO_DIGEST, text=printed)
        with self._database.read() as connection:
            digest = _digest(connection, int(found[1]))
        return digest is not None and digest.digest.startswith(found[2])

    # --- sealing -------------------------------------------------------------------------------------------------

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the present hour's rows are to be sealed, None if there are none."""
        with self._database.read() as connection:
            first = _first_unsealed(connection)
        return _hour(now) + _HOUR if first is not None and _hour(first) == _hour(now) else None

    def seal_due(self, now: datetime, key: AuditKey) -> Digest | None:
        """Seal what is not sealed yet if its first row is not of the present hour; see ``seal``.

        What counts is whether the hours are the same: a clock that was set back does not keep rows unsealed.
        """
        with self._database.read() as connection:
            first = _first_unsealed(connection)
        return None if first is None or _hour(first) == _hour(now) else self.seal(key)

    def seal(self, key: AuditKey) -> Digest | None:
        """Seal every row that is not sealed yet, whatever its hour; return the new digest, None if there was no such row.

        Raises Refusal if the key can't be had, or the chain is not the one that is remembered beside the key.
        """
        return self._seal(key)

    def resume(self, viewer: Viewer, reason: str, now: datetime, key: AuditKey) -> Digest | None:
        """Seal on although the chain is not the one that is remembered, after the break was looked into.

        Who did it, why, and what was remembered stand in the audit. Raises Refusal unless the viewer oversees.
        """
        if not viewer.oversees:
            raise Refusal(_NOT_HIS, viewer=viewer.name)
        held = key.head()
        detail = {"reason": reason, "remembered": held.number, "digest": held.digest}
        return self._seal(key, (now, viewer.name, detail))

    def _seal(self, key: AuditKey, resumed: tuple[datetime, str, dict[str, Any]] | None = None) -> Digest | None:
        with key.alone():
            with self._database.write() as connection:
                self._shut_out_others(connection)
                newest = _newest(connection)
                if resumed:
                    at, actor, detail = resumed
                    note(connection, at, actor, [("audit.resume", f"{newest.number if newest else 0}", detail)])
                elif fault := _head_fault(connection, key.head(), newest):
                    phrase = FAULT_TEXT[fault]
                    raise Refusal(_BREAK, english=phrase.say(Lang.EN), chinese=phrase.say(Lang.ZH))
                sealed = _link(connection, key.load(make=newest is None), newest)
            if sealed:
                key.remember(sealed)  # after the commit: a crash in between leaves it one behind, which is tolerated
        return sealed

    def _shut_out_others(self, connection: Connection) -> None:
        """Wait for those who write audit rows, and let nobody write or seal until this transaction is over.

        Otherwise a row with a lower number could be committed after those above it were sealed. SQLite has one writer only.
        """
        if not self._database.is_sqlite:
            connection.execute(text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))

    # --- verifying -----------------------------------------------------------------------------------------------

    def verify(self, key: AuditKey) -> Verification:
        """Walk over the whole chain and return what stands and the first thing that is wrong.

        Raises Refusal if the key can't be had.
        """
        head = key.head()  # before the chain is read: what is sealed meanwhile must not look like a cut
        with self._database.read() as connection:
            count = connection.execute(select(func.count()).select_from(audit_digests)).scalar_one()
            sealer = key.load(make=False) if count else None
            newest, finding = None, None
            if sealer:
                newest, finding = _walk(connection, sealer)
            fault = _head_fault(connection, head, newest) if finding is None else None
            if fault:
                finding = _at_the_end(fault, head, newest)
            last = newest.last_id if newest else 0
            sealed = connection.execute(select(func.count()).where(audit.c.id <= last)).scalar_one()
            unsealed = connection.execute(select(func.count()).where(audit.c.id > last)).scalar_one()
        return Verification(count, sealed, unsealed, newest, finding)


def _walk(connection: Connection, sealer: Sealer) -> tuple[Digest | None, Finding | None]:
    """Return the last digest and the first thing wrong with one."""
    before: Digest | None = None
    finding: Finding | None = None
    try:
        for row in connection.execute(select(audit_digests).order_by(audit_digests.c.number)):
            digest = Digest(*row)
            fault = _fault(connection, sealer, before, digest) if finding is None else None
            if fault:
                finding = Finding(fault, digest.number, _after(before) + 1, digest.last_id)
            before = digest
    except (ValueError, TypeError):  # what stands in the table is no digest at all
        return before, finding or Finding(Fault.BROKEN, before.number + 1 if before else 1, _after(before) + 1, 0)
    return before, finding


def _fault(connection: Connection, sealer: Sealer, before: Digest | None, digest: Digest) -> Fault | None:
    """Return what is wrong with a digest or the rows below it."""
    follows = digest.number == (before.number + 1 if before else 1) and digest.previous == (before.digest if before else "")
    if not follows or digest.last_id <= _after(before):
        return Fault.BROKEN
    if digest.key != sealer.name:
        return Fault.KEY
    found = _count(connection, before, digest.last_id)
    if found != digest.rows:
        newest_id = connection.execute(select(func.max(audit.c.id))).scalar() or 0
        fewer = Fault.CUT if newest_id < digest.last_id else Fault.MISSING
        return fewer if found < digest.rows else Fault.ADDED
    try:
        same = _mac(connection, sealer, digest) == digest.digest
    except (ValueError, TypeError):  # what stands there is no moment, or no JSON
        same = False
    return None if same else Fault.CHANGED


def _head_fault(connection: Connection, head: Head, newest: Digest | None) -> Fault | None:
    """Return what is wrong between the chain and what is remembered of it; one behind, as a crash leaves it, is right."""
    number = newest.number if newest else 0
    if head.number > number:
        return Fault.CUT
    if head.number < number - 1:
        return Fault.HEAD
    remembered = _digest(connection, head.number) if head.number > 0 else None
    return Fault.BROKEN if remembered and remembered.digest != head.digest else None


def _at_the_end(fault: Fault, head: Head, newest: Digest | None) -> Finding:
    """Return a finding about what follows the last digest."""
    return Finding(fault, max(head.number, 0) or (newest.number if newest else 0), _after(newest) + 1, 0)


def _link(connection: Connection, sealer: Sealer, newest: Digest | None) -> Digest | None:
    """Add the digest over every row after ``newest`` to the chain and return it; None if there is no such row."""
    ids = select(func.min(audit.c.id), func.max(audit.c.id), func.count()).where(audit.c.id > _after(newest))
    first_id, last_id, count = connection.execute(ids).one()
    first_at = _first_unsealed(connection)
    if first_at is None:
        return None
    number, previous = (newest.number + 1, newest.digest) if newest else (1, "")
    draft = Digest(number, _hour(first_at), first_id, last_id, count, previous, sealer.name, "")
    digest = _mac(connection, sealer, draft)
    row = {name: getattr(draft, name) for name in draft.__slots__} | {"digest": digest}
    connection.execute(insert(audit_digests).values(row))
    return Digest(**row)


def _mac(connection: Connection, sealer: Sealer, link: Digest) -> str:
    """Return the digest of a link: over the previous one, its hour and range, and each of its rows."""
    below = select(audit).where(audit.c.id.between(link.first_id, link.last_id)).order_by(audit.c.id)
    rows = connection.execute(below)
    return sealer.seal(_lines(link, rows))


def _lines(link: Digest, rows: Any) -> Iterator[bytes]:
    yield _canonical([link.previous, link.hour.isoformat(), link.first_id, link.last_id])
    for row in rows:
        yield _row_line(row)


def _row_line(row: Row[Any]) -> bytes:
    return _canonical([row.id, row.at.isoformat(timespec="microseconds"), row.actor, row.action, row.subject, row.detail])


def _canonical(value: list[Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _newest(connection: Connection) -> Digest | None:
    row = connection.execute(select(audit_digests).order_by(audit_digests.c.number.desc()).limit(1)).one_or_none()
    return Digest(*row) if row else None


def _digest(connection: Connection, number: int) -> Digest | None:
    row = connection.execute(select(audit_digests).where(audit_digests.c.number == number)).one_or_none()
    return Digest(*row) if row else None


def _first_unsealed(connection: Connection) -> datetime | None:
    """Return when the first row that is not sealed yet was written."""
    sealed = select(func.coalesce(func.max(audit_digests.c.last_id), 0)).scalar_subquery()
    return connection.execute(select(audit.c.at).where(audit.c.id > sealed).order_by(audit.c.id).limit(1)).scalar()


def _count(connection: Connection, before: Digest | None, last: int) -> int:
    """Return how many rows stand between the digest before and ``last``; below the first whatever number they have."""
    query = select(func.count()).where(audit.c.id <= last)
    return connection.execute(query.where(audit.c.id > before.last_id) if before else query).scalar_one()


def _after(digest: Digest | None) -> int:
    return digest.last_id if digest else 0


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
