"""Messages about several alerts, messages held back, and how many people were sent lately."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from meterwatch.core.model.alerts import Alert
from meterwatch.core.model.messages import MessageState, NewMessage
from meterwatch.stores.ledger import Ledger
from tests.support.ledger import HOUR, NOW, episode, message, opened, queue, withdrawn

ONE, TWO = episode("C1/gas"), episode("C2/gas")
CHANNEL = "webhook"
S = MessageState
DAY = timedelta(hours=24)


def group(key: str = "group", **changes: Any) -> NewMessage:
    return message(key=key, alerts=(ONE.key, TWO.key), template="churn/alerts", **changes)


@pytest.fixture
def alerts(ledger: Ledger) -> list[Alert]:
    """Return the alerts about C1 and C2, told of in one message."""
    ledger.evaluation.commit(opened(ONE, TWO, messages=[group()]))
    return sorted(ledger.evaluation.all_alerts(closed=True, limit=9), key=lambda alert: alert.episode.subject)


def states(ledger: Ledger) -> dict[str, str]:
    return {one.key: one.state for one in ledger.outbox.messages()}


def sent(ledger: Ledger) -> Sequence[str]:
    return [lease.message.key for lease in ledger.outbox.lease(CHANNEL, "A", NOW, HOUR, 9)]


class TestWithdrawal:
    """Late data may withdraw a message that was not sent: as soon as none of its alerts stands, and no sooner."""

    def test_of_some_of_its_alerts_leaves_a_message_as_it_was_written(self, ledger: Ledger, alerts: list[Alert]) -> None:
        ledger.evaluation.commit(withdrawn(alerts[0]))
        assert states(ledger) == {"group": S.QUEUED}
        assert sent(ledger) == ["group"]

    def test_of_all_of_its_alerts_withdraws_it(self, ledger: Ledger, alerts: list[Alert]) -> None:
        ledger.evaluation.commit(withdrawn(alerts[0]))
        ledger.evaluation.commit(withdrawn(alerts[1]))
        assert states(ledger) == {"group": S.WITHDRAWN}
        assert sent(ledger) == []

    def test_of_all_in_one_commit_too(self, ledger: Ledger, alerts: list[Alert]) -> None:
        ledger.evaluation.commit(withdrawn(*alerts))
        assert states(ledger) == {"group": S.WITHDRAWN}

    @pytest.mark.parametrize(("count", "after"), [(1, S.QUEUED), (2, S.WITHDRAWN)])
    def test_while_it_was_being_tried(self, ledger: Ledger, alerts: list[Alert], count: int, after: S) -> None:
        (lease,) = ledger.outbox.lease(CHANNEL, "A", NOW, HOUR, 1)
        ledger.evaluation.commit(withdrawn(*alerts[:count]))
        ledger.outbox.postpone(lease, NOW, HOUR, "no answer")
        assert sent(ledger) == []
        assert states(ledger) == {"group": after}

    def test_of_what_is_about_no_alert_never_happens(self, ledger: Ledger, alerts: list[Alert]) -> None:
        queue(ledger, "note")
        ledger.evaluation.commit(withdrawn(*alerts))
        assert sent(ledger) == ["note"]


class TestToldOnce:
    def test_who_was_told_of_an_alert_in_a_group_is_not_told_alone(self, ledger: Ledger, alerts: list[Alert]) -> None:
        sent(ledger)
        ledger.evaluation.commit(withdrawn(alerts[0]))
        ledger.evaluation.commit(opened(ONE))
        assert states(ledger) == {"group": S.IN_FLIGHT}

    def test_but_one_alert_that_is_news_is_reason_enough(self, ledger: Ledger, alerts: list[Alert]) -> None:
        three = episode("C3/gas")
        ledger.evaluation.commit(withdrawn(alerts[0]))
        again = message(key="again", alerts=(ONE.key, three.key))
        ledger.evaluation.commit(opened(ONE, three, messages=[again]))
        assert states(ledger) == {"group": S.QUEUED, "again": S.QUEUED}

    def test_another_person_or_channel_is_told_all_the_same(self, ledger: Ledger) -> None:
        mine = [group("a"), group("b", person="K2"), group("c", channel="log"), group("d")]
        ledger.evaluation.commit(opened(ONE, TWO, messages=mine))
        assert set(states(ledger)) == {"a", "b", "c"}

    def test_what_was_withdrawn_unsent_is_queued_anew(self, ledger: Ledger, alerts: list[Alert]) -> None:
        ledger.evaluation.commit(withdrawn(*alerts))
        ledger.evaluation.commit(opened(ONE, TWO, messages=[group()]))
        assert states(ledger) == {"group": S.QUEUED}
        assert sent(ledger) == ["group"]


class TestHeldBack:
    def test_is_kept_with_its_reason_and_never_sent(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(ONE, messages=[message(ONE, held="rate")], suppressed={ONE.key: "rate"}))
        (found,) = ledger.outbox.messages()
        assert (found.state, found.history) == (S.HELD, ((NOW, "held", "rate"),))
        assert sent(ledger) == []
        assert ledger.outbox.waiting() == {}
        (alert,) = ledger.evaluation.all_alerts(closed=False, limit=9)
        assert alert.suppressed == "rate"

    def test_is_counted_by_person_until_the_next_morning(self, ledger: Ledger) -> None:
        for hours, person in ((0, "K1"), (1, "K1"), (2, "K2"), (3, "K1")):
            queue(ledger, f"k{hours}", now=NOW + hours * HOUR, person=person, held="rate", expires_at=NOW + 9 * DAY)
        queue(ledger, "sent", person="K1")
        assert ledger.planner.held_back(NOW, NOW + 3 * HOUR) == {"K1": 2, "K2": 1}

    def test_is_queued_when_it_is_owed_anew(self, ledger: Ledger) -> None:
        queue(ledger, "k1", held="quiet")
        queue(ledger, "k1")
        assert states(ledger) == {"k1": S.QUEUED}


class TestSentLately:
    @pytest.mark.parametrize(
        ("ago", "found"),
        [
            (timedelta(0), (1, 1)),
            (HOUR - timedelta(microseconds=1), (1, 1)),
            (HOUR, (0, 1)),
            (DAY - timedelta(microseconds=1), (0, 1)),
            (DAY, None),
        ],
    )
    def test_counts_the_last_hour_and_the_last_day(
        self, ledger: Ledger, ago: timedelta, found: tuple[int, int] | None
    ) -> None:
        queue(ledger, "k1", now=NOW - ago)
        assert ledger.evaluation.sent_lately(NOW) == ({("K1", "churn"): found} if found else {})
        assert ledger.planner.sent_lately(NOW) == ledger.evaluation.sent_lately(NOW)

    def test_counts_by_person_and_kind_what_went_out(self, ledger: Ledger, alerts: list[Alert]) -> None:
        queue(ledger, "a", now=NOW - 2 * HOUR)
        queue(ledger, "b", person="K2")
        queue(ledger, "c", template="load")
        queue(ledger, "d", held="rate")
        assert ledger.evaluation.sent_lately(NOW) == {
            ("K1", "churn"): (1, 2),
            ("K2", "churn"): (1, 1),
            ("K1", "load"): (1, 1),
        }
        ledger.evaluation.commit(withdrawn(*alerts))
        assert ledger.evaluation.sent_lately(NOW)["K1", "churn"] == (0, 1)


def test_a_message_that_waits_for_the_end_of_quiet_hours_is_named(ledger: Ledger) -> None:
    assert ledger.outbox.next_held(NOW) is None
    queue(ledger, "a", not_before=NOW + 2 * HOUR)
    queue(ledger, "b", not_before=NOW + HOUR)
    assert sent(ledger) == []
    assert ledger.outbox.next_held(NOW) == NOW + HOUR
    assert ledger.outbox.next_held(NOW + HOUR) == NOW + 2 * HOUR
    assert [one.message.key for one in ledger.outbox.lease(CHANNEL, "A", NOW + HOUR, HOUR, 9)] == ["b"]
    assert ledger.outbox.next_held(NOW + 2 * HOUR) is None
