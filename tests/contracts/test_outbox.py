"""The outbox: a message is in one pair of hands at a time, and every change of it is one row of history."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise, permutations

import pytest
from sqlalchemy import select

from meterwatch.core.clock import real_now
from meterwatch.core.model.messages import MESSAGE_STEPS, Lease, Message, MessageState, Receipt
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.tables import messages
from tests.support.ledger import HOUR, NOW, contents, episode, only_alert, opened, queue, withdrawn

NONE = timedelta(0)
MONTH = timedelta(days=31)
CHANNEL = "webhook"
S = MessageState


def lease(ledger: Ledger, owner: str = "A", *, now: datetime = NOW, held: timedelta = HOUR, limit: int = 100) -> list[Lease]:
    return list(ledger.outbox.lease(CHANNEL, owner, now, held, limit))


def receipt(reference: str, state: MessageState = S.DELIVERED, channel: str = CHANNEL) -> Receipt:
    return Receipt(channel, reference, state, NOW, NOW + HOUR, "{}")


def only(ledger: Ledger) -> Message:
    (found,) = ledger.outbox.messages()
    return found


def only_alert_key(ledger: Ledger) -> str:
    return "/".join(map(str, only_alert(ledger).episode.key))


def steps(message: Message) -> list[str]:
    return [state for _, state, _ in message.history]


def accepted(ledger: Ledger, reference: str = "") -> Message:
    """Queue a message, hand it over, and return it."""
    queue(ledger, "k1")
    (held,) = lease(ledger)
    assert ledger.outbox.record(held, S.ACCEPTED, NOW, "", reference)
    return only(ledger)


class TestLease:
    def test_takes_a_message_in_flight_before_anything_is_sent(self, ledger: Ledger) -> None:
        queue(ledger, "k1")
        (held,) = lease(ledger, "A")
        assert (held.message.state, held.message.attempts, held.in_doubt) == (S.IN_FLIGHT, 1, False)
        assert only(ledger).history == ((NOW, "queued", ""), (NOW, "in_flight", "A"))

    def test_is_one_owners(self, ledger: Ledger, database: Database) -> None:
        queue(ledger, *"abcde")
        with closing(Database(database.engine.url.render_as_string(hide_password=False))) as own:
            first, second = lease(ledger, "A", limit=3), lease(Ledger(own), "B", limit=3)
            assert lease(ledger) == lease(Ledger(own)) == []
        assert [held.message.key for held in first] == ["a", "b", "c"]
        assert [held.message.key for held in second] == ["d", "e"]
        assert len({held.token for held in (*first, *second)}) == 5

    def test_is_compare_and_set(self, ledger: Ledger, database: Database) -> None:
        """Two senders look at the same row, as a database may let them: one of them gets it."""
        queue(ledger, "k1", expires_at=NOW + 2 * MONTH)
        for held in (NONE, HOUR):  # first a queued message, then one whose lease ran out
            with database.write() as connection:
                row = connection.execute(select(messages)).mappings().one()
                taken = [ledger.outbox._take(connection, row, owner, NOW, real_now() + held) for owner in "AB"]
            assert [lease is not None for lease in taken] == [True, False]
        assert steps(only(ledger)) == ["queued", "in_flight", "in_flight"]

    def test_takes_each_message_once_however_many_take(self, ledger: Ledger, database: Database) -> None:
        queue(ledger, *map(str, range(200)))
        address = database.engine.url.render_as_string(hide_password=False)

        def take_all(owner: str) -> list[str]:
            with closing(Database(address)) as own:
                batches = iter(lambda: lease(Ledger(own), owner, limit=7), [])
                return [held.message.key for batch in batches for held in batch]

        with ThreadPoolExecutor(3) as pool:
            taken = list(pool.map(take_all, "ABC"))
        assert sorted(key for keys in taken for key in keys) == sorted(map(str, range(200)))

    def test_only_of_its_channel(self, ledger: Ledger) -> None:
        queue(ledger, "k1", channel="log")
        assert lease(ledger) == []
        assert len(ledger.outbox.lease("log", "A", NOW, HOUR, 1)) == 1

    def test_is_measured_in_real_time_only(self, ledger: Ledger, database: Database) -> None:
        queue(ledger, "k1", expires_at=NOW + 2 * MONTH)
        before = real_now()
        lease(ledger, held=HOUR)
        assert lease(ledger, "B", now=NOW + MONTH) == []
        assert lease(ledger, "B", now=NOW - MONTH) == []
        with database.read() as connection:
            until = connection.execute(select(messages.c.lease_until_real)).scalar_one()
        assert before + HOUR <= until <= real_now() + HOUR

    def test_that_has_run_out_is_taken_over_in_doubt(self, ledger: Ledger) -> None:
        queue(ledger, "k1")
        (lost,) = lease(ledger, "A", held=NONE)
        (held,) = lease(ledger, "B", now=NOW - MONTH)
        assert (held.in_doubt, held.message.attempts) == (True, 2)
        assert held.token != lost.token
        assert only(ledger).history[-1] == (NOW - MONTH, "in_flight", "B, in doubt")

    def test_that_was_lost_changes_nothing(self, ledger: Ledger, database: Database) -> None:
        queue(ledger, "k1")
        (lost,) = lease(ledger, "A", held=NONE)
        (held,) = lease(ledger, "B")
        before = contents(database)
        assert not ledger.outbox.record(lost, S.ACCEPTED, NOW, "late", "P1")
        assert not ledger.outbox.postpone(lost, NOW, NONE, "late")
        assert contents(database) == before
        assert ledger.outbox.record(held, S.ACCEPTED, NOW)
        assert not ledger.outbox.record(held, S.REFUSED, NOW)
        assert only(ledger).state is S.ACCEPTED


class TestResults:
    @pytest.mark.parametrize("state", [S.ACCEPTED, S.DELIVERED, S.UNDELIVERED, S.REFUSED])
    def test_are_recorded(self, ledger: Ledger, state: MessageState) -> None:
        queue(ledger, "k1")
        (held,) = lease(ledger)
        assert ledger.outbox.record(held, state, NOW + HOUR, "why", "P1")
        found = only(ledger)
        assert (found.state, found.reference, found.history[-1]) == (state, "P1", (NOW + HOUR, state, "why"))
        assert lease(ledger, "B") == []

    def test_postponed_is_tried_again_after_its_wait(self, ledger: Ledger) -> None:
        queue(ledger, "k1")
        for attempt in (1, 2):
            (held,) = lease(ledger)
            assert held.message.attempts == attempt
            assert ledger.outbox.postpone(held, NOW, NONE, "no answer")
        assert only(ledger).history[-1] == (NOW, "queued", "no answer")
        assert not lease(ledger)[0].in_doubt

    def test_the_wait_is_real_time(self, ledger: Ledger) -> None:
        queue(ledger, "k1", expires_at=NOW + 2 * MONTH)
        (held,) = lease(ledger)
        ledger.outbox.postpone(held, NOW, HOUR, "no answer")
        assert lease(ledger, now=NOW + MONTH) == []
        assert ledger.outbox.waiting() == {CHANNEL: (1, NOW)}

    def test_waiting_says_how_many_and_since_when(self, ledger: Ledger) -> None:
        queue(ledger, "k1", "k2", now=NOW)
        queue(ledger, "k3", now=NOW - HOUR)
        queue(ledger, "k4", channel="log", now=NOW)
        (held, *_) = lease(ledger, limit=1)
        assert ledger.outbox.waiting() == {CHANNEL: (3, NOW - HOUR), "log": (1, NOW)}
        ledger.outbox.record(held, S.ACCEPTED, NOW)
        assert ledger.outbox.waiting()[CHANNEL] == (2, NOW - HOUR)


class TestWhatIsNotSent:
    def test_an_expired_message(self, ledger: Ledger) -> None:
        queue(ledger, "k1", expires_at=NOW)
        queue(ledger, "k2", expires_at=NOW + timedelta(microseconds=1))
        assert [held.message.key for held in lease(ledger)] == ["k2"]
        assert [message.state for message in ledger.outbox.messages()] == [S.IN_FLIGHT, S.EXPIRED]
        assert steps(ledger.outbox.messages()[1]) == ["queued", "expired"]

    def test_one_that_expired_in_flight_or_waiting(self, ledger: Ledger) -> None:
        queue(ledger, "k1", "k2", expires_at=NOW + HOUR)
        first, _ = lease(ledger, held=NONE)
        ledger.outbox.postpone(first, NOW, HOUR, "no answer")
        assert lease(ledger, now=NOW + HOUR) == []
        assert [message.state for message in ledger.outbox.messages()] == [S.EXPIRED, S.EXPIRED]
        assert [message.history[-1] for message in ledger.outbox.messages()] == [
            (NOW + HOUR, "expired", "in doubt"),
            (NOW + HOUR, "expired", ""),
        ]

    def test_where_nobody_sends(self, ledger: Ledger) -> None:
        """Messages wait on a channel that nobody leases from any more: each ends when its meaning does, and no other."""
        ledger.evaluation.commit(opened(episode()))
        queue(ledger, "waits", "tried", "in hands", "elsewhere", expires_at=NOW + HOUR)
        queue(ledger, "later", expires_at=NOW + MONTH)
        with ledger.database.write() as connection:
            connection.execute(messages.update().where(messages.c.key == "elsewhere").values(channel="log"))
        taken = {held.message.key: held for held in lease(ledger, held=HOUR)}
        for key in ("waits", "later", only_alert_key(ledger)):
            ledger.outbox.postpone(taken[key], NOW, HOUR, "no answer")
        with ledger.database.write() as connection:
            connection.execute(messages.update().where(messages.c.key == "tried").values(lease_until_real=real_now()))
        ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        ledger.outbox.expire(CHANNEL, NOW + HOUR)
        assert {message.key: message.history[-1][1:] for message in ledger.outbox.messages()} == {
            only_alert_key(ledger): ("withdrawn", "alert withdrawn"),
            "waits": ("expired", ""),
            "tried": ("expired", "in doubt"),
            "in hands": ("in_flight", "A"),
            "elsewhere": ("queued", ""),
            "later": ("queued", "no answer"),
        }
        assert ledger.outbox.waiting() == {CHANNEL: (2, NOW), "log": (1, NOW)}

    def test_but_one_in_good_hands_may_still_arrive(self, ledger: Ledger) -> None:
        queue(ledger, "k1", expires_at=NOW + HOUR)
        (held,) = lease(ledger)
        assert lease(ledger, "B", now=NOW + MONTH) == []
        assert ledger.outbox.record(held, S.ACCEPTED, NOW + MONTH)

    def test_one_whose_alert_was_withdrawn_while_it_was_tried(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(episode()))
        (held,) = lease(ledger)
        ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        assert only(ledger).state is S.IN_FLIGHT
        ledger.outbox.postpone(held, NOW, HOUR, "no answer")
        assert lease(ledger) == []
        assert only(ledger).history[-1] == (NOW, "withdrawn", "alert withdrawn")

    def test_nor_one_left_in_doubt_by_its_sender(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(episode()))
        lease(ledger, held=NONE)
        ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        assert lease(ledger) == []
        assert only(ledger).history[-1] == (NOW, "expired", "alert withdrawn, in doubt")


class TestReceipts:
    @pytest.mark.parametrize("reference", ["N1", "P-77"])
    def test_settle_a_message_by_its_number_or_the_providers_id(self, ledger: Ledger, reference: str) -> None:
        assert accepted(ledger, "P-77").number == 1
        assert ledger.outbox.accept(receipt(reference))
        assert (only(ledger).state, only(ledger).reference) == (S.DELIVERED, "P-77")
        assert only(ledger).history[-1] == (NOW + HOUR, "delivered", "receipt")

    def test_twice_changes_nothing(self, ledger: Ledger, database: Database) -> None:
        accepted(ledger)
        assert ledger.outbox.accept(receipt("N1"))
        before = contents(database)
        assert not ledger.outbox.accept(receipt("N1"))
        assert contents(database) == before

    def test_before_the_channels_answer(self, ledger: Ledger) -> None:
        queue(ledger, "k1")
        (held,) = lease(ledger)
        assert ledger.outbox.accept(receipt("N1"))
        assert only(ledger).state is S.DELIVERED
        assert ledger.outbox.record(held, S.ACCEPTED, NOW, "", "P1")
        assert (only(ledger).state, only(ledger).reference) == (S.DELIVERED, "P1")
        assert steps(only(ledger)) == ["queued", "in_flight", "delivered"]

    def test_under_a_reference_nobody_knows_yet(self, ledger: Ledger, database: Database) -> None:
        queue(ledger, "k1")
        (held,) = lease(ledger)
        assert ledger.outbox.accept(receipt("P1"))
        assert ledger.outbox.accept(receipt("P1", S.UNDELIVERED))
        assert ledger.outbox.accept(receipt("P1", channel="log"))
        assert only(ledger).state is S.IN_FLIGHT
        ledger.outbox.record(held, S.ACCEPTED, NOW, "", "P1")
        assert steps(only(ledger)) == ["queued", "in_flight", "accepted", "delivered"]
        joined = {(row[1], row[3]): row[4] for row in contents(database)["receipts"]}
        assert joined == {(CHANNEL, "delivered"): 1, (CHANNEL, "undelivered"): 1, ("log", "delivered"): None}

    def test_after_the_channel_seemed_to_fail(self, ledger: Ledger) -> None:
        """The answer was lost, the message was not: its receipt comes once and must count when it is sent again."""
        queue(ledger, "k1")
        (held,) = lease(ledger)
        ledger.outbox.postpone(held, NOW, NONE, "no answer")
        assert ledger.outbox.accept(receipt("N1"))
        assert only(ledger).state is S.QUEUED
        (held,) = lease(ledger)
        ledger.outbox.record(held, S.ACCEPTED, NOW)
        assert steps(only(ledger))[-2:] == ["accepted", "delivered"]

    def test_a_sender_can_not_put_back_what_was_delivered(self, ledger: Ledger) -> None:
        queue(ledger, "k1")
        (held,) = lease(ledger)
        ledger.outbox.accept(receipt("N1"))
        assert not ledger.outbox.postpone(held, NOW, NONE, "no answer")
        assert lease(ledger, held=NONE) == lease(ledger) == []
        assert only(ledger).state is S.DELIVERED

    @pytest.mark.parametrize("order", list(permutations(["answer", S.UNDELIVERED, S.DELIVERED])))
    def test_delivered_stands_whatever_comes_when(self, ledger: Ledger, order: Sequence[str]) -> None:
        queue(ledger, "k1")
        (held,) = lease(ledger)
        for event in order:
            if event == "answer":
                ledger.outbox.record(held, S.ACCEPTED, NOW, "", "P1")
            else:
                ledger.outbox.accept(receipt("N1", S(event)))
                ledger.outbox.accept(receipt("P1", S(event)))
        found = only(ledger)
        assert found.state is S.DELIVERED
        walked = [S(state) for state in steps(found)]
        assert all(after in MESSAGE_STEPS[before] for before, after in pairwise(walked))

    @pytest.mark.parametrize("state", [S.REFUSED, S.EXPIRED, S.WITHDRAWN, S.QUEUED])
    def test_are_kept_where_they_change_nothing(self, ledger: Ledger, database: Database, state: MessageState) -> None:
        ledger.evaluation.commit(opened(episode()))
        if state is S.REFUSED:
            ledger.outbox.record(lease(ledger)[0], state, NOW)
        elif state is S.EXPIRED:
            lease(ledger, now=NOW + MONTH)
        elif state is S.WITHDRAWN:
            ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        assert ledger.outbox.accept(receipt("N1"))
        assert only(ledger).state is state
        assert [row[4] for row in contents(database)["receipts"]] == [1]

    @pytest.mark.parametrize("reference", ["N2", "N0", "N01", "N", "N²", "N1 ", "n1", "1", f"N{10**30}"])
    def test_of_something_else_settle_nothing(self, ledger: Ledger, reference: str) -> None:
        accepted(ledger, "P1")
        assert ledger.outbox.accept(receipt(reference))
        assert ledger.outbox.accept(receipt("N1", channel="log"))
        assert only(ledger).state is S.ACCEPTED

    def test_a_providers_id_that_looks_like_ours_is_the_providers(self, ledger: Ledger) -> None:
        queue(ledger, "k1", "k2")
        first, second = lease(ledger)
        ledger.outbox.record(first, S.ACCEPTED, NOW, "", "N7")
        ledger.outbox.record(second, S.ACCEPTED, NOW, "", "N1")
        ledger.outbox.accept(receipt("N1"))
        assert [(m.key, m.state) for m in ledger.outbox.messages()] == [("k2", S.DELIVERED), ("k1", S.ACCEPTED)]

    def test_under_an_id_the_provider_gave_twice_stay_with_their_message(self, ledger: Ledger, database: Database) -> None:
        queue(ledger, "k1", "k2")
        first, second = lease(ledger)
        ledger.outbox.record(first, S.ACCEPTED, NOW, "", "P1")
        ledger.outbox.accept(receipt("P1"))
        ledger.outbox.record(second, S.ACCEPTED, NOW, "", "P1")
        assert [row[4] for row in contents(database)["receipts"]] == [1]
        assert [(m.key, m.state) for m in ledger.outbox.messages()] == [("k2", S.ACCEPTED), ("k1", S.DELIVERED)]


class TestHistory:
    def test_has_one_row_per_change_and_newest_message_first(self, ledger: Ledger) -> None:
        queue(ledger, "k1", "k2")
        (first, _) = lease(ledger)
        ledger.outbox.postpone(first, NOW, NONE, "no answer")
        (first,) = lease(ledger, "B")
        ledger.outbox.record(first, S.ACCEPTED, NOW, "", "P1")
        ledger.outbox.accept(receipt("P1", S.UNDELIVERED))
        ledger.outbox.accept(receipt("P1"))
        ledger.outbox.accept(receipt("P1"))
        second, found = ledger.outbox.messages()
        assert steps(second) == ["queued", "in_flight"]
        sent = ["queued", "in_flight", "queued", "in_flight", "accepted", "undelivered", "delivered"]
        assert steps(found) == sent
        assert [detail for _, _, detail in found.history] == ["", "A", "no answer", "B", "", "receipt", "receipt"]

    def test_of_more_messages_than_fit_one_statement(self, ledger: Ledger) -> None:
        queue(ledger, *map(str, range(1300)))
        found = ledger.outbox.messages(limit=5000)
        assert [message.number for message in found] == list(range(1300, 0, -1))
        assert all(steps(message) == ["queued"] for message in found)
        assert [message.number for message in ledger.outbox.messages(limit=2)] == [1300, 1299]
        assert [message.number for message in ledger.outbox.messages(number=7)] == [7]
