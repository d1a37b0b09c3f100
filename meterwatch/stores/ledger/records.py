"""What is recorded about customers: contacts with them, and their complaints. Rows are never changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from meterwatch.core.errors import Refusal
from meterwatch.core.model.complaints import Complaint, ComplaintGrade, NewComplaint
from meterwatch.core.model.contacts import ContactRecord, Met, NewContactRecord
from meterwatch.core.model.duties import Duty, DutyState, EvidenceKind, NewDuty
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.database import Database
from meterwatch.stores.duty_tables import complaints, contact_records, duties, evidence
from meterwatch.stores.ledger.duty_rows import (
    change_duty,
    enter_duty,
    enter_evidence,
    load_duty,
    load_evidence,
    opened_note,
    weigh,
)
from meterwatch.stores.ledger.rows import note

_NO_RECORD = Phrase(
    "there is no contact record {number} of customer {customer}; `meterwatch contact list {customer}` lists them",
    "客户 {customer} 没有联系记录 {number}；用 `meterwatch contact list {customer}` 查看",
)
_CORRECTED = Phrase(
    "contact record {number} was corrected by {by} already: correct that one",
    "联系记录 {number} 已由记录 {by} 更正：请更正后者",
)
_NO_COMPLAINT = Phrase(
    "there is no complaint {number}; `meterwatch complaint list --all` lists them",
    "没有投诉 {number}；用 `meterwatch complaint list --all` 查看",
)

Meet = Callable[[Sequence[ContactRecord], Sequence[Duty]], Sequence[Met]]
"""Returns what all records of a customer make of his duties (notifier.duties.contacts)."""
CalledFor = Callable[[Complaint], Sequence[NewDuty]]
"""Returns the duties a complaint calls for (notifier.duties.complaints)."""


class SqlRecords:
    """Contact records and complaints, each with what it does to duties in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- contacts ------------------------------------------------------------------------------------------------

    def add_contact(self, new: NewContactRecord, rules: Iterable[str], meet: Meet) -> tuple[int, Sequence[Duty]]:
        """Enter a contact record; return its number and the duties of ``rules`` it changed, as they stand then.

        Raises Refusal if it corrects a record the customer does not have, or one that was corrected already.
        """
        with self._database.write() as connection:
            if new.corrects is not None:
                _require_standing(connection, new.customer, new.corrects)
            statement = insert(contact_records).values(asdict(new)).returning(contact_records.c.id)
            number: int = connection.execute(statement).scalar_one()
            detail = {"record": number, "kind": new.kind, "reached": new.reached, "by": new.person}
            detail |= {"corrects": new.corrects} if new.corrects else {}
            note(connection, new.recorded_at, new.account, [("contact.add", new.customer, detail)])
            mine = (duties.c.customer == new.customer, duties.c.rule.in_(list(rules)))
            connection.execute(select(duties.c.id).where(*mine).with_for_update())  # nobody else changes them meanwhile
            held = _duties(connection, *mine)
            met = meet(load_contacts(connection, new.customer), held)
            return number, [self._enter(connection, one, new.recorded_at, new.account) for one in met]

    def _enter(self, connection: Connection, met: Met, now: datetime, account: str) -> Duty:
        duty = met.duty
        for proof in met.taken_back:
            mine = (evidence.c.duty == duty.id, evidence.c.record == proof.record)
            connection.execute(update(evidence).where(*mine).values(taken_back_at=now))
            detail = {"duty": duty.id, "record": proof.record}
            note(connection, now, account, [("task.take-back", duty.subject, detail)])
        if met.reopened:
            change_duty(connection, met.reopened)
            duty = met.reopened.after
        for proof in met.given:
            enter_evidence(connection, duty.id, proof)
            duty = weigh(self._database, connection, _duty(connection, duty.id), proof, now, account)
        return _duty(connection, duty.id)

    def contacts(self, customer: str) -> Sequence[ContactRecord]:
        """Return the contact records of a customer, corrected ones too, in the order they were entered."""
        with self._database.read() as connection:
            return load_contacts(connection, customer)

    def contact(self, customer: str, number: int) -> ContactRecord:
        """Return a contact record; raises Refusal if the customer has no such one."""
        found = next((record for record in self.contacts(customer) if record.id == number), None)
        if found is None:
            raise Refusal(_NO_RECORD, number=number, customer=customer)
        return found

    # --- complaints ----------------------------------------------------------------------------------------------

    def add_complaint(self, new: NewComplaint, called_for: CalledFor) -> tuple[int, Sequence[NewDuty]]:
        """Enter a complaint and the duties it calls for, which are open from its receipt; return its number and them."""
        with self._database.write() as connection:
            statement = insert(complaints).values(asdict(new)).returning(complaints.c.id)
            complaint = Complaint(**asdict(new), id=connection.execute(statement).scalar_one())
            detail = {"complaint": complaint.id, "grade": new.grade, "by": new.person}
            audit = [("complaint.add", new.customer, detail)]
            called = called_for(complaint)
            for duty in called:
                number = enter_duty(self._database, connection, duty, new.received_at, None)
                audit += [opened_note(number, duty)] if number is not None else []
            note(connection, new.recorded_at, new.account, audit)
            return complaint.id, called

    def complaint(self, number: int) -> Complaint:
        """Return a complaint; raises Refusal if there is no such one."""
        with self._database.read() as connection:
            row = connection.execute(select(complaints).where(complaints.c.id == number)).mappings().one_or_none()
        if row is None:
            raise Refusal(_NO_COMPLAINT, number=number)
        return _complaint(row)

    def complaints(self, rules: Iterable[str]) -> Sequence[tuple[Complaint, Sequence[Duty]]]:
        """Return every complaint with its duties, those of ``rules``, the oldest first."""
        with self._database.read() as connection:
            found = [_complaint(row) for row in connection.execute(select(complaints).order_by(complaints.c.id)).mappings()]
            own: dict[str, list[Duty]] = {}
            for duty in _duties(connection, duties.c.rule.in_(list(rules))):
                own.setdefault(duty.period, []).append(duty)
        return [(complaint, own.get(complaint.period, ())) for complaint in found]

    # --- looks ---------------------------------------------------------------------------------------------------

    def note_look(self, action: str, customer: str, actor: str, now: datetime, count: int | None = None) -> None:
        """Write down that somebody looked at what is recorded about a customer, or may not (``count`` None)."""
        detail = {} if count is None else {"count": count}
        with self._database.write() as connection:
            note(connection, now, actor, [(action, customer, detail)])


def load_contacts(connection: Connection, customer: str) -> list[ContactRecord]:
    """Return the contact records of a customer in the order they were entered."""
    query = select(contact_records).where(contact_records.c.customer == customer).order_by(contact_records.c.id)
    return [ContactRecord(**dict(row) | {"kind": EvidenceKind(row["kind"])}) for row in connection.execute(query).mappings()]


def load_complaints(connection: Connection, customer: str) -> list[Complaint]:
    """Return the complaints of a customer in the order they were entered."""
    query = select(complaints).where(complaints.c.customer == customer).order_by(complaints.c.id)
    return [_complaint(row) for row in connection.execute(query).mappings()]


def _complaint(row: Any) -> Complaint:
    return Complaint(**dict(row) | {"grade": ComplaintGrade(row["grade"])})


def _require_standing(connection: Connection, customer: str, number: int) -> None:
    """Hold a record that is to be corrected until the transaction ends; raise Refusal if it can't be."""
    table = contact_records.c
    own = connection.execute(select(table.customer).where(table.id == number).with_for_update()).scalar()
    if own != customer:
        raise Refusal(_NO_RECORD, number=number, customer=customer)
    by = connection.execute(select(table.id).where(table.corrects == number)).scalar()
    if by is not None:
        raise Refusal(_CORRECTED, number=number, by=by)


def _duty(connection: Connection, number: int) -> Duty:
    (found,) = _duties(connection, duties.c.id == number)
    return found


def _duties(connection: Connection, *clauses: Any) -> list[Duty]:
    """Return duties that stand, with their evidence."""
    query = select(duties).where(*clauses, duties.c.state != DutyState.VOID).order_by(duties.c.id)
    rows = connection.execute(query).mappings().all()
    proofs = load_evidence(connection, [row["id"] for row in rows])
    return [load_duty(row, evidence=proofs.get(row["id"], ())) for row in rows]
