"""What contact records prove (RULES contact-visit, contact-callback, use-abnormal), and what their corrections take back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from meterwatch.core.model.contacts import ContactRecord, Met, standing
from meterwatch.core.model.duties import UNFINISHED, Act, Duty, DutyChange, DutyState, DutyStep, Evidence
from notifier.duties.closing import Desk, began_at
from notifier.duties.duty import DutyRule, OnCalendar
from notifier.duties.periods import named
from notifier.duties.plan import hand_over, moved
from notifier.duties.rules import BY_NAME, DUTIES
from notifier.site import Site

BY_CONTACT = frozenset(rule.name for rule in DUTIES if rule.by_contact)
"""The duty rules that contact records meet."""


def meeting(desk: Desk) -> Callable[[Sequence[ContactRecord], Sequence[Duty]], Sequence[Met]]:
    """Return what says which duties of a customer all his contact records meet, as whoever is at ``desk`` enters one."""

    def meet(records: Sequence[ContactRecord], duties: Sequence[Duty]) -> Sequence[Met]:
        return [found for duty in duties if (found := _met(records, duty, desk))]

    return meet


def met_by(records: Iterable[ContactRecord], duty: Duty, site: Site) -> list[ContactRecord]:
    """Return which of some records are evidence of a duty, by when they happened.

    They reached somebody, in a way the duty's rule counts, within the duty's time: from its beginning, and where it is of a
    period to that period's end. A contact of a later quarter does not make up for the one before.
    """
    rule = BY_NAME[duty.rule]
    counting = [r for r in records if rule.by_contact and r.reached and r.kind in rule.evidence]
    return sorted((r for r in counting if _in_time(r.happened_at, rule, duty, site)), key=lambda r: (r.happened_at, r.id))


def _in_time(happened_at: datetime, rule: DutyRule, duty: Duty, site: Site) -> bool:
    period = named(duty.period) if isinstance(rule.trigger, OnCalendar) else None
    before_end = period is None or site.day(happened_at) <= period.last
    return began_at(rule, duty, site) <= happened_at and before_end


def _met(records: Sequence[ContactRecord], duty: Duty, desk: Desk) -> Met:
    """Return what records make of a duty. Each standing record is evidence at most once, and only until there is enough."""
    stands = standing(records)
    counting = met_by({record.id: record for record in stands.values()}.values(), duty, desk.site)
    resting = [proof for proof in duty.evidence if proof.record is not None and not proof.taken_back_at]
    back = tuple(proof for proof in resting if not _holds(proof, stands, counting))
    kept = {stands[proof.record].id for proof in resting if proof.record is not None and proof not in back}
    after = replace(duty, evidence=tuple(proof for proof in duty.evidence if proof not in back))
    reopened = None
    if back and duty.state in (DutyState.MET, DutyState.LATE) and after.proven() is None:
        reopened = _reopened(replace(duty, evidence=after.evidence), stands, back, desk)
        after = reopened.after
    given: list[Evidence] = []
    for record in counting:
        if after.state in UNFINISHED and after.proven() is None and record.id not in kept:
            given.append(_evidence(record))
            after = replace(after, evidence=(*after.evidence, given[-1]))
    return Met(duty, back, reopened, tuple(given))


def _holds(proof: Evidence, stands: dict[int, ContactRecord], counting: Sequence[ContactRecord]) -> bool:
    """Return whether what stands for evidence's record now still says the same: a contact in that way, at that time."""
    record = stands[proof.record or 0]
    return record in counting and (record.kind, record.happened_at) == (proof.kind, proof.happened_at)


def _reopened(duty: Duty, stands: dict[int, ContactRecord], back: Sequence[Evidence], desk: Desk) -> DutyChange:
    """Return the change by which a settled duty is open again, with somebody who is there; if its deadline has passed, it
    is breached next.
    """
    why = ", ".join(str(stands[proof.record].id) for proof in back if proof.record is not None)
    rule = BY_NAME[duty.rule]
    after = moved(replace(duty, settled_at=None), rule, duty.due_at, desk.now)
    reopen = DutyStep(duty.id, Act.REOPEN, desk.now, desk.viewer.name, why=why)
    given = None if desk.roster.available(duty.person) else hand_over(desk.now, duty, rule, desk.roster)
    if given is None:
        return DutyChange(duty, after, (reopen,))
    return DutyChange(duty, replace(after, person=given.person), (reopen, given))


def _evidence(record: ContactRecord) -> Evidence:
    return Evidence(
        record.kind,
        record.person,
        record.account,
        cause="",
        proposal="",
        happened_at=record.happened_at,
        recorded_at=record.recorded_at,
        note=record.note,
        record=record.id,
    )
