"""The outbox under any order of events, against a model of it that fits on a page."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, precondition, rule

from meterwatch.core.model.messages import MESSAGE_STEPS, Lease, MessageState, Receipt
from meterwatch.stores.ledger import Ledger
from tests.support.ledger import HOUR, NOW, episode, fresh_database, message, opened, withdrawn
from tests.support.scratch import scratch

CHANNEL = "webhook"
S = MessageState
STEPS = {**MESSAGE_STEPS, S.WITHDRAWN: {S.QUEUED}}  # the alert came back: its message was never sent and is queued anew
SUBJECTS = st.sampled_from(["C1/gas", "C2/gas"])
LONG_OR_OVER = st.sampled_from([HOUR, timedelta(0)])  # of real time: nothing in a test waits for the one
REPORTED = st.sampled_from([S.DELIVERED, S.UNDELIVERED])


@dataclass
class Expected:
    """What should be known of one message."""

    expires_at: datetime
    history: list[MessageState] = field(default_factory=lambda: [S.QUEUED])
    token: str = ""
    held: bool = False  # by a lease that has not run out
    waits: bool = False
    alert_stands: bool = True
    named: bool = False  # the provider's id is known
    reports: list[tuple[int, MessageState]] = field(default_factory=list)  # by the order they came in

    @property
    def state(self) -> MessageState:
        return self.history[-1]

    def step(self, state: MessageState) -> None:
        if state in MESSAGE_STEPS[self.state]:
            self.history.append(state)
            self.held = False

    def drop(self, now: datetime) -> None:
        """What happens to it when anybody asks for messages to send."""
        if not self.sendable:
            return
        if not self.alert_stands:
            self.step(S.WITHDRAWN if self.state is S.QUEUED else S.EXPIRED)
        elif self.expires_at <= now:
            self.step(S.EXPIRED)
        self.token = "" if S.EXPIRED in self.history else self.token

    @property
    def sendable(self) -> bool:
        return self.state is S.QUEUED or (self.state is S.IN_FLIGHT and not self.held)


class OutboxMachine(RuleBasedStateMachine):
    leases: Bundle[Lease] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        folder = self.opened.enter_context(scratch())
        self.ledger = Ledger(self.opened.enter_context(fresh_database("sqlite", folder)))
        self.now = NOW
        self.numbers: dict[str, int] = {}
        self.expected: dict[int, Expected] = {}
        self.orphans: dict[int, list[tuple[int, MessageState]]] = {}
        self.known: set[tuple[str, MessageState]] = set()

    def teardown(self) -> None:
        self.opened.close()

    # --- the engine ----------------------------------------------------------------------------------------------

    @rule(subject=SUBJECTS, hours=st.sampled_from([1, 10_000, 10_000]))
    def open_alert(self, subject: str, hours: int) -> None:
        about = episode(subject)
        ends = self.now + hours * HOUR
        self.ledger.evaluation.commit(opened(about, now=self.now, messages=[message(about, expires_at=ends)], duties=[]))
        if subject not in self.numbers:
            self.numbers[subject] = len(self.numbers) + 1
            self.expected[self.numbers[subject]] = Expected(ends)
            return
        found = self.expected[self.numbers[subject]]
        found.alert_stands = True
        if found.state is S.WITHDRAWN:
            found.history.append(S.QUEUED)
            found.expires_at, found.waits = ends, False

    @precondition(lambda self: self.numbers)
    @rule(subject=SUBJECTS)
    def withdraw_alert(self, subject: str) -> None:
        found = [alert for alert in self.ledger.evaluation.alerts("churn", 0) if alert.episode.subject == subject]
        self.ledger.evaluation.commit(withdrawn(*found, now=self.now))
        if found:
            self.expected[self.numbers[subject]].alert_stands = False
            if self.expected[self.numbers[subject]].state is S.QUEUED:
                self.expected[self.numbers[subject]].step(S.WITHDRAWN)

    @rule(hours=st.sampled_from([1, 31 * 24]))
    def business_time_moves(self, hours: int) -> None:
        self.now += hours * HOUR

    # --- senders -------------------------------------------------------------------------------------------------

    @rule(target=leases, owner=st.sampled_from("AB"), held=LONG_OR_OVER, limit=st.integers(1, 2))
    def take(self, owner: str, held: timedelta, limit: int) -> MultipleResults[Lease]:
        for one in self.expected.values():
            one.drop(self.now)
        wanted = [n for n, one in self.expected.items() if one.sendable and not (one.waits and one.state is S.QUEUED)]
        taken = self.ledger.outbox.lease(CHANNEL, owner, self.now, held, limit)
        assert [lease.message.number for lease in taken] == sorted(wanted)[:limit]
        for lease in taken:
            one = self.expected[lease.message.number]
            assert not one.held, "in two hands at once"
            assert lease.in_doubt == (one.state is S.IN_FLIGHT)
            one.history.append(S.IN_FLIGHT)
            one.token, one.held, one.waits = lease.token, held > timedelta(0), False
        return multiple(*taken)

    @rule(lease=leases, state=st.sampled_from([S.ACCEPTED, S.DELIVERED, S.UNDELIVERED, S.REFUSED]), named=st.booleans())
    def record(self, lease: Lease, state: MessageState, named: bool) -> None:
        number = lease.message.number
        one = self.expected[number]
        mine = one.token == lease.token
        assert self.ledger.outbox.record(lease, state, self.now, "", f"P{number}" if named else "") == mine
        if mine:
            one.token, one.held = "", False
            one.step(state)
            one.named |= named
            one.reports += self.orphans.pop(number, []) if named else []
            for _, report in sorted(one.reports):
                one.step(report)

    @rule(lease=leases, wait=LONG_OR_OVER)
    def postpone(self, lease: Lease, wait: timedelta) -> None:
        one = self.expected[lease.message.number]
        mine = one.token == lease.token and one.state is S.IN_FLIGHT
        assert self.ledger.outbox.postpone(lease, self.now, wait, "no answer") == mine
        if mine:
            one.token, one.held, one.waits = "", False, wait > timedelta(0)
            one.history.append(S.QUEUED)

    # --- providers -----------------------------------------------------------------------------------------------

    @rule(number=st.integers(1, 2), state=REPORTED, own=st.booleans())
    def report(self, number: int, state: MessageState, own: bool) -> None:
        reference = f"N{number}" if own else f"P{number}"
        fresh = self.ledger.outbox.accept(Receipt(CHANNEL, reference, state, self.now, self.now))
        assert fresh == ((reference, state) not in self.known)
        if not fresh:
            return
        self.known.add((reference, state))
        one = self.expected.get(number)
        if one and (own or one.named):
            one.reports.append((len(self.known), state))
            one.step(state)
        elif not own:
            self.orphans.setdefault(number, []).append((len(self.known), state))

    # --- what always holds ---------------------------------------------------------------------------------------

    @invariant()
    def each_message_stands_where_it_should(self) -> None:
        found = {message.number: message.state for message in self.ledger.outbox.messages()}
        assert found == {number: one.state for number, one in self.expected.items()}

    @invariant()
    def history_has_one_row_per_change_and_every_change_is_allowed(self) -> None:
        for found in self.ledger.outbox.messages():
            walked = [S(state) for _, state, _ in found.history]
            assert walked == self.expected[found.number].history
            assert all(after in STEPS[before] or before == after == S.IN_FLIGHT for before, after in pairwise(walked))


OutboxMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOutbox = OutboxMachine.TestCase
