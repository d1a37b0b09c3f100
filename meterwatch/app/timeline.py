"""The timeline of a customer: warning, contact, plan, as they happened and as they were recorded (RULES proof).

It holds codes only. Each line has a SHA-256 of its content, and the lines are chained, so that two copies that bear the
same last digest say the same.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from meterwatch.core.model.alerts import Alert
from meterwatch.core.model.contacts import standing
from meterwatch.core.model.duties import Duty, DutyStep, Evidence
from meterwatch.core.model.exclusions import Exclusion
from meterwatch.core.model.history import History
from meterwatch.core.model.messages import Message
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Registry


class What(StrEnum):
    """What a line of the timeline tells of; at the same moment in this order."""

    ALERT = "alert"
    STAGE = "stage"
    WITHDRAWAL = "withdrawal"
    MESSAGE = "message"
    COMPLAINT = "complaint"
    TASK = "task"
    CONTACT = "contact"
    EVIDENCE = "evidence"
    STEP = "step"
    EXCLUSION = "exclusion"
    DECISION = "decision"
    JUDGEMENT = "judgement"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: ``number`` is that of the alert, task, contact record, complaint, message or exclusion it belongs to.

    ``said`` is its content by name, in codes; what is empty is left out.
    """

    what: What
    number: int
    happened_at: datetime
    recorded_at: datetime
    person: str
    said: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The SHA-256 of the line's canonical content (docs/formats.md §13), in hexadecimal."""
        held = {"what": self.what, "number": self.number, "person": self.person, "said": self.said}
        return _digest(held | {"happened_at": self.happened_at, "recorded_at": self.recorded_at})


def subjects(customer: str, registry: Registry) -> list[str]:
    """Return what alerts about a customer may have as their subject: his use, and the usage points he is or was at."""
    index = next((i for i, one in enumerate(registry.customers) if one.code == customer), -1)
    rows = np.unique(registry.agreements.point[registry.agreements.customer == index]).tolist()
    return [f"{customer}/{commodity}" for commodity in Commodity] + [registry.codes[row] for row in rows]


def timeline(customer: str, history: History, registry: Registry) -> list[Line]:
    """Return every line about a customer by when it happened; of alerts and judgements about a usage point only those of
    days he was supplied there.
    """

    def own(subject: str, day: int) -> bool:
        row = registry.row_of(subject)
        found = None if row is None else registry.customer_of(row, day)
        return subject.rpartition("/")[0] == customer if row is None else found is not None and found.code == customer

    alerts = [alert for alert in history.alerts if own(alert.episode.subject, alert.episode.opened_day)]
    numbers = {alert.id for alert in alerts}
    duties = [duty for duty in history.duties if duty.customer == customer or duty.alert_id in numbers]
    lines = [line for alert in alerts for line in _alert(alert, history)]
    lines += [line for duty in duties for line in _task(duty, history.steps.get(duty.id, ()))]
    lines += [*_contacts(history), *_complaints(history), *_judgements(history, own)]
    lines += [_message(m, alert) for m, alert in history.messages if alert in numbers]
    lines += [line for exclusion in history.exclusions for line in _exclusion(exclusion)]
    order = {what: place for place, what in enumerate(What)}
    return sorted(lines, key=lambda line: (line.happened_at, line.recorded_at, order[line.what], line.number))


def between(lines: Iterable[Line], first: date | None, last: date | None, zone: str) -> list[Line]:
    """Return the lines that happened on local days ``first`` <= day <= ``last``; None = no bound."""
    days = ((line, line.happened_at.astimezone(ZoneInfo(zone)).date()) for line in lines)
    return [line for line, day in days if (first or date.min) <= day <= (last or date.max)]


def chain(customer: str, lines: Iterable[Line]) -> str:
    """Return the digest that stands for all lines in their order: each step is the SHA-256 of the one before and the
    line's own, in hexadecimal, beginning with that of the customer's code.
    """
    last = _digest(customer)
    for line in lines:
        last = sha256(f"{last}{line.digest}".encode()).hexdigest()
    return last


def _alert(alert: Alert, history: History) -> Iterator[Line]:
    episode = alert.episode
    said = {
        "rule": episode.rule,
        "policy": episode.policy,
        "subject": episode.subject,
        "opened_day": date.fromordinal(episode.opened_day),
        "figures": dict(sorted(episode.figures.items())),
        "closed_day": date.fromordinal(episode.closed_day) if episode.closed_day else None,
        "closed_why": episode.closed_why,
        "suppressed": alert.suppressed,
    }
    yield _line(What.ALERT, alert.id, alert.opened_at, said)
    for name, day in episode.stages:
        said = {"rule": episode.rule, "subject": episode.subject, "stage": name, "day": date.fromordinal(day)}
        yield _line(What.STAGE, alert.id, history.reached.get((alert.id, name), alert.opened_at), said)
    if alert.withdrawn_at:
        yield _line(What.WITHDRAWAL, alert.id, alert.withdrawn_at, {"subject": episode.subject})


def _task(duty: Duty, steps: Sequence[DutyStep]) -> Iterator[Line]:
    names = ("rule", "subject", "period", "due_at", "provisional", "needed", "state", "settled_at", "called_by")
    said = {name: getattr(duty, name) for name in names} | {"alert": duty.alert_id}
    yield _line(What.TASK, duty.id, duty.opened_at, said, duty.person)
    for step in steps:
        told = {"act": step.act, "to": step.person, "why": step.why, "due_at": step.due_at}
        yield _line(What.STEP, duty.id, step.at, told, step.actor)
    for proof in duty.evidence:
        yield _evidence(duty, proof)


def _evidence(duty: Duty, proof: Evidence) -> Line:
    names = ("cause", "proposal", "note", "outcome", "paper", "record", "confirmed_by", "confirmed_at", "taken_back_at")
    said = {"rule": duty.rule, "kind": proof.kind, **{name: getattr(proof, name) for name in names}}
    said |= {"account": proof.account, "waits": proof in duty.waiting}
    return _line(What.EVIDENCE, duty.id, proof.happened_at, said, proof.person, proof.recorded_at)


def _contacts(history: History) -> Iterator[Line]:
    last = standing(history.contacts)
    for record in history.contacts:
        names = ("kind", "contact", "note", "corrects", "account")
        said: dict[str, Any] = {name: getattr(record, name) for name in names}
        said |= {"reached": "yes" if record.reached else "no"}
        said |= {"corrected_by": last[record.id].id if last[record.id] is not record else None}
        yield _line(What.CONTACT, record.id, record.happened_at, said, record.person, record.recorded_at)


def _complaints(history: History) -> Iterator[Line]:
    for one in history.complaints:
        said = {"grade": one.grade, "text": one.text, "account": one.account}
        yield _line(What.COMPLAINT, one.id, one.received_at, said, one.person, one.recorded_at)


def _judgements(history: History, own: Callable[[str, int], bool]) -> Iterator[Line]:
    for one in history.judgements:
        if own(one.subject, one.day):
            said = {"rule": one.rule, "subject": one.subject, "day": date.fromordinal(one.day), "verdict": one.verdict}
            yield _line(What.JUDGEMENT, one.day, one.at, said | {"reason": one.reason, "account": one.account}, one.person)


def _message(message: Message, alert: int) -> Line:
    history = [{"at": at, "state": state, "detail": detail} for at, state, detail in message.history]
    said = {"alert": alert, "channel": message.channel, "body": message.body, "state": message.state, "history": history}
    return _line(What.MESSAGE, message.number, message.created_at, said, message.person)


def _exclusion(one: Exclusion) -> Iterator[Line]:
    names = ("rule", "subject", "stage", "first_day", "last_day", "yearly", "expires", "reason", "account")
    said = {name: getattr(one, name) for name in names}
    yield _line(What.EXCLUSION, one.id, one.recorded_at, said, one.person)
    if one.decided_at:
        yield _line(What.DECISION, one.id, one.decided_at, {"subject": one.subject, "state": one.state}, one.decided_by)


def _line(
    what: What, number: int, happened: datetime, said: Mapping[str, Any], person: str = "", recorded: datetime | None = None
) -> Line:
    told = {name: value for name, value in said.items() if value not in (None, "", False)}
    return Line(what, number, happened, recorded or happened, person, told)


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_canonical)
    return sha256(text.encode()).hexdigest()


def _canonical(value: date | datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value.isoformat()
