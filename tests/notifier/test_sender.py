"""Sending: each message once, in order, with every outcome written down."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select

from meterwatch.core.clock import real_now
from meterwatch.core.errors import Refusal, TransportError, Unavailable
from meterwatch.core.model.messages import Guarantee, MessageState
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.viewer import Viewer
from meterwatch.core.ports import Outgoing, PersonRecord, Sent
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.tables import messages
from notifier.outbox import OutboxOptions, Sender
from tests.support.ledger import HOUR, NOW, fresh_database, queue

S = MessageState


@dataclass
class Addresses:
    """An archive that knows phones only, and lets services see them."""

    broken: Exception | None = None

    def address(self, viewer: Viewer, person: str, now: object) -> str:  # noqa: ARG002
        if self.broken:
            raise self.broken
        assert viewer.service
        return f"phone of {person}"

    def people(self, viewer: Viewer, now: object) -> list[PersonRecord]:
        raise AssertionError(f"{viewer} asked for people at {now}")

    def customer_names(self, viewer: Viewer, codes: object, now: object) -> dict[str, str]:
        raise AssertionError(f"{viewer} asked for {codes} at {now}")


@dataclass
class Wire:
    """A channel that does what it is told and remembers what it was given."""

    name: ClassVar[str] = "webhook"
    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    answer: Callable[[Outgoing], Sent] = lambda outgoing: Sent(S.ACCEPTED, f"P{outgoing.message.number}")
    sent: list[Outgoing] = field(default_factory=list)

    def send(self, outgoing: Outgoing) -> Sent:
        self.sent.append(outgoing)
        return self.answer(outgoing)


class Shout(Wire):
    guarantee: ClassVar[Guarantee] = Guarantee.BEST_EFFORT


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with fresh_database("sqlite", tmp_path) as database:
        yield Ledger(database)


def sender(ledger: Ledger, wire: Wire, archive: Addresses | None = None, **options: float) -> Sender:
    return Sender(ledger.outbox, archive or Addresses(), wire, "A", OutboxOptions(**options))  # type: ignore[arg-type]


def failing(problem: Exception) -> Wire:
    def answer(_: Outgoing) -> Sent:
        raise problem

    return Wire(answer)


def state_of(ledger: Ledger, number: int = 1) -> tuple[str, str]:
    (message,) = ledger.outbox.messages(number=number)
    return message.state, message.history[-1][2]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"meterwatch_{name}_total", labels) or 0.0


def test_everything_due_is_sent_in_order(ledger: Ledger) -> None:
    queue(ledger, *map(str, range(45)))
    wire, before = Wire(), counted("messages", channel="webhook", state="accepted")
    assert sender(ledger, wire).step(NOW) == 45
    assert [out.message.number for out in wire.sent] == list(range(1, 46))
    assert {out.address for out in wire.sent} == {"phone of K1"}
    assert {(m.state, m.reference) for m in ledger.outbox.messages()} == {("accepted", f"P{n}") for n in range(1, 46)}
    assert counted("messages", channel="webhook", state="accepted") - before == 45
    assert sender(ledger, wire).step(NOW) == 0


def test_a_message_is_in_flight_before_the_wire_sees_it(ledger: Ledger) -> None:
    seen: list[str] = []

    def answer(outgoing: Outgoing) -> Sent:
        seen.append(ledger.outbox.messages(number=outgoing.message.number)[0].state)
        return Sent(S.ACCEPTED)

    queue(ledger, "k1")
    sender(ledger, Wire(answer)).step(NOW)
    assert seen == ["in_flight"]


def test_after_a_crash_it_is_sent_again_under_the_same_number(ledger: Ledger) -> None:
    queue(ledger, "k1")
    ledger.outbox.lease("webhook", "dead", NOW, timedelta(0), 1)
    wire = Wire()
    sender(ledger, wire).step(NOW)
    assert [out.reference for out in wire.sent] == ["N1"]
    assert state_of(ledger) == ("accepted", "")


def test_after_a_crash_best_effort_does_not_repeat_it(ledger: Ledger) -> None:
    queue(ledger, "k1", "k2")
    ledger.outbox.lease("webhook", "dead", NOW, timedelta(0), 1)
    wire = Shout()
    sender(ledger, wire).step(NOW)
    assert [out.reference for out in wire.sent] == ["N2"]
    assert state_of(ledger) == ("accepted", "in doubt, not repeated")


@pytest.mark.parametrize(("attempt", "wait"), [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (50, 900), (5000, 900)])
def test_a_failed_attempt_is_tried_again_after_twice_the_wait(ledger: Ledger, attempt: int, wait: int) -> None:
    queue(ledger, "k1")
    with ledger.database.write() as connection:
        connection.execute(messages.update().values(attempts=attempt - 1))
    retries, before = counted("message_retries", channel="webhook"), real_now()
    assert sender(ledger, failing(TransportError("no answer", permanent=False))).step(NOW) == 1
    with ledger.database.read() as connection:
        due = connection.execute(select(messages.c.retry_at_real)).scalar_one()
    assert before + timedelta(seconds=wait) <= due <= real_now() + timedelta(seconds=wait)
    assert state_of(ledger) == ("queued", "no answer")
    assert counted("message_retries", channel="webhook") - retries == 1


def test_one_that_fails_does_not_hold_up_the_others(ledger: Ledger) -> None:
    def answer(outgoing: Outgoing) -> Sent:
        if outgoing.message.number == 2:
            raise TransportError("no answer", permanent=False)
        return Sent(S.ACCEPTED)

    queue(ledger, "k1", "k2", "k3")
    sender(ledger, Wire(answer)).step(NOW)
    assert [state_of(ledger, number)[0] for number in (1, 2, 3)] == ["accepted", "queued", "accepted"]


def test_what_will_never_be_taken_is_refused(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    queue(ledger, "k1")
    sender(ledger, failing(TransportError("answered 400", permanent=True))).step(NOW)
    assert state_of(ledger) == ("refused", "answered 400")
    assert caplog.messages == ["message N1 refused by webhook: answered 400"]


def test_a_refused_address_refuses_the_message(ledger: Ledger) -> None:
    queue(ledger, "k1")
    wire = Wire()
    sender(ledger, wire, Addresses(Refusal(Phrase("not yours", "无权")))).step(NOW)
    assert state_of(ledger) == ("refused", "not yours")
    assert wire.sent == []


@pytest.mark.parametrize("problem", [Unavailable("ledger: gone"), RuntimeError("a fault of ours")])
def test_what_stops_the_sender_leaves_the_message_in_flight(ledger: Ledger, problem: Exception) -> None:
    queue(ledger, "k1")
    with pytest.raises(type(problem)):
        sender(ledger, failing(problem)).step(NOW)
    assert state_of(ledger)[0] == "in_flight"


def test_a_long_step_gives_the_rest_back(ledger: Ledger) -> None:
    queue(ledger, *"abcd")
    wire = Wire()
    slow = sender(ledger, wire, step_s=1e-9, batch=3)
    assert slow.step(NOW) == 1
    assert [state_of(ledger, number) for number in (1, 2, 3, 4)] == [
        ("accepted", ""),
        ("queued", "given back"),
        ("queued", "given back"),
        ("queued", ""),
    ]
    assert [slow.step(NOW) for _ in range(4)] == [1, 1, 1, 0]
    assert [out.reference for out in wire.sent] == ["N1", "N2", "N3", "N4"]


def test_an_expired_message_never_reaches_the_wire(ledger: Ledger) -> None:
    queue(ledger, "k1", expires_at=NOW + HOUR)
    wire = Wire()
    assert sender(ledger, wire).step(NOW + HOUR) == 0
    assert wire.sent == []
    assert state_of(ledger) == ("expired", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": 0},
        {"retry_min_s": 0},
        {"retry_min_s": 10, "retry_max_s": 9},
        {"step_s": 0},
        {"step_s": 31, "lease_s": 200},
        {"lease_s": 79},
    ],
    ids=str,
)
def test_options_that_can_not_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OutboxOptions(**wrong)  # type: ignore[arg-type]
