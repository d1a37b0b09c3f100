"""The ledger: one transaction holds an alert and all it owes; nothing is lost, doubled or changed unseen."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from meterwatch.core.model.alerts import DirtyDay, Stage
from meterwatch.core.model.duties import DutyState
from meterwatch.core.model.messages import MessageState
from meterwatch.core.ports import Commit, Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.work import Wanted
from tests.support.desk import climbed
from tests.support.ledger import (
    DAY,
    HOUR,
    NOW,
    SCHEME,
    anybody,
    audited,
    changed,
    contents,
    duty,
    episode,
    fact,
    load_episode,
    message,
    only_alert,
    opened,
    proof,
    state,
    withdrawn,
)

LATER = NOW + HOUR
UNFIT: Any = object()  # nothing a database can store


def everything(**changes: Any) -> Commit:
    """A commit that uses every part of the transaction."""
    plain: dict[str, Any] = {
        "rules": ["churn"],
        "since": {"C1/gas": DAY},
        "until": DAY,
        "facts": [fact()],
        "states": [state()],
        "suppressed": {episode().key: ""},
        "cleared": [DirtyDay(DAY, 1, 5)],
        "done": (SCHEME, DAY),
    }
    return opened(episode(), **plain | changes)


def messages_by_state(ledger: Ledger) -> list[MessageState]:
    return [one.state for one in ledger.outbox.messages()]


class TestCommit:
    def test_enters_everything(self, ledger: Ledger) -> None:
        ledger.evaluation.open_scheme(SCHEME, DAY, NOW)
        ledger.ingest.settle(Settlement(dirty=[DirtyDay(DAY, 1, 5)]), NOW)
        ledger.evaluation.commit(everything())
        alert = only_alert(ledger)
        assert (alert.episode, alert.opened_at, alert.registry, alert.suppressed) == (episode(), NOW, 1, "")
        assert ledger.evaluation.facts("churn", DAY, DAY) == [fact()]
        assert ledger.evaluation.states("churn", DAY) == [episode()]
        assert ledger.evaluation.done_days() == {SCHEME: DAY}
        assert ledger.evaluation.dirty_days(10) == []
        (task,) = ledger.work.tasks()
        assert (task.rule, task.subject, task.person, task.state) == ("churn-warn", "C1/gas", "K1", DutyState.OPEN)
        assert (task.opened_at, task.due_at, task.alert_id) == (NOW, NOW + 31 * HOUR, alert.id)
        (sent,) = ledger.outbox.messages()
        assert (sent.key, sent.state, sent.created_at, sent.attempts) == (message(episode()).key, "queued", NOW, 0)
        assert sent.history == ((NOW, "queued", ""),)

    @pytest.mark.parametrize(
        "broken",
        [
            {"facts": [fact(), dataclasses.replace(fact(day=DAY - 1), figures={"use": UNFIT})]},
            {"states": [state(), state(day=DAY - 1, figures={"use": UNFIT})]},
            {"suppressed": {episode().key: UNFIT}},
            {"duties": [duty(episode()), duty(episode(), due_at=NOW.replace(tzinfo=None))]},
            {"messages": [message(episode()), message(key="other", expires_at=NOW.replace(tzinfo=None))]},
            {"messages": [message(episode("C9/gas"))]},
            {"cleared": [DirtyDay(DAY, 1, 5), DirtyDay(DAY, 2, UNFIT)]},
            {"done": (UNFIT, DAY)},
        ],
        ids=["facts", "states", "alert", "duty", "message", "foreign message", "cleared", "done"],
    )
    def test_fails_whole_wherever_it_fails(self, ledger: Ledger, database: Database, broken: dict[str, Any]) -> None:
        ledger.evaluation.open_scheme(SCHEME, DAY - 1, NOW)
        ledger.ingest.settle(Settlement(dirty=[DirtyDay(DAY, 1, 5)]), NOW)
        ledger.evaluation.commit(opened(episode("C2/gas"), facts=[fact("C1/gas", use=1.0)], done=(SCHEME, DAY - 1)))
        before = contents(database)
        with pytest.raises((StatementError, KeyError)):
            ledger.evaluation.commit(everything(**broken))
        assert contents(database) == before
        ledger.evaluation.commit(everything())
        assert contents(database) != before

    def test_twice_changes_nothing_but_the_audit(self, ledger: Ledger, database: Database) -> None:
        ledger.evaluation.open_scheme(SCHEME, DAY, NOW)
        ledger.evaluation.commit(everything())
        before = contents(database)
        ledger.evaluation.commit(everything())
        assert {name: rows for name, rows in contents(database).items() if name != "audit"} == {
            name: rows for name, rows in before.items() if name != "audit"
        }

    def test_an_alert_is_one_per_rule_policy_subject_and_day(self, ledger: Ledger) -> None:
        first = episode()
        variants = [
            first,
            episode("C2/gas"),
            episode(opened_day=DAY + 1),
            dataclasses.replace(first, policy="literal"),
            dataclasses.replace(first, rule="swing"),
        ]
        for one in (*variants, *variants):
            ledger.evaluation.commit(opened(one, duties=[], messages=[]))
        assert len(ledger.evaluation.all_alerts(closed=True, limit=100)) == len(variants)

    def test_a_task_is_one_per_rule_subject_and_period(self, ledger: Ledger) -> None:
        variants = [
            duty(episode()),
            dataclasses.replace(duty(episode()), rule="other"),
            dataclasses.replace(duty(episode()), subject="C2/gas"),
            dataclasses.replace(duty(episode()), period="2023-03-01"),
        ]
        for _ in range(2):
            ledger.evaluation.commit(opened(episode(), duties=variants))
        again = dataclasses.replace(duty(episode()), person="K9", due_at=NOW)
        ledger.evaluation.commit(opened(episode(), duties=[again], now=LATER))
        tasks = ledger.work.tasks(Wanted(finished=True))
        assert len(tasks) == len(variants)
        assert {(task.person, task.opened_at) for task in tasks} == {("K1", NOW)}

    def test_a_message_is_one_per_key_and_its_body_stays(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(episode()))
        ledger.evaluation.commit(opened(episode(), messages=[message(episode(), body="other")], now=LATER))
        (one,) = ledger.outbox.messages()
        assert (one.body, one.created_at) == ("用气减少", NOW)


class TestAlerts:
    def test_those_open_on_or_after_a_day(self, ledger: Ledger) -> None:
        closed = episode("C2/gas", DAY - 20, closed_day=DAY - 5, closed_why="recovered")
        gone = episode("C3/gas")
        ledger.evaluation.commit(opened(episode(), closed, gone))
        ledger.evaluation.commit(withdrawn(*[a for a in ledger.evaluation.alerts("churn", DAY) if a.episode == gone]))

        def found(since: int, subjects: list[str] | None = None) -> list[str]:
            return [alert.episode.subject for alert in ledger.evaluation.alerts("churn", since, subjects)]

        assert found(DAY - 5) == ["C1/gas", "C2/gas"]
        assert found(DAY - 4) == ["C1/gas"]
        assert found(DAY - 9, ["C2/gas", "C3/gas"]) == ["C2/gas"]
        assert ledger.evaluation.alerts("load", DAY - 9) == []
        assert ledger.evaluation.open_counts() == {"churn": 1}
        assert [a.episode.subject for a in ledger.evaluation.all_alerts(closed=False, limit=9)] == ["C1/gas"]
        everyone = ledger.evaluation.all_alerts(closed=True, limit=9)
        assert [a.episode.subject for a in everyone] == ["C3/gas", "C1/gas", "C2/gas"]
        assert everyone == [ledger.evaluation.alert(a.id) for a in everyone]
        assert ledger.evaluation.alert(99) is None

    def test_what_changes_is_audited_and_its_stages_are_rows(self, ledger: Ledger, database: Database) -> None:
        first = episode()
        ledger.evaluation.commit(opened(first))
        staged = dataclasses.replace(first, stages=(*first.stages, Stage("potential", DAY + 24)))
        ended = dataclasses.replace(staged, closed_day=DAY + 30, closed_why="recovered")
        reopened = dataclasses.replace(first, figures={**first.figures, "week_ratio": 0.4})
        counted = dataclasses.replace(reopened, known=8)
        steps = [staged, ended, reopened, counted]
        for number, after in enumerate(steps):
            ledger.evaluation.commit(changed(only_alert(ledger), after, NOW + number * HOUR))
            assert only_alert(ledger).episode == after
        assert only_alert(ledger).opened_at == NOW
        about = {"alert": only_alert(ledger).id}
        assert audited(database) == [
            ("alert.open", "C1/gas", about | {"rule": "churn"}),
            ("task.open", "C1/gas", {"duty": ledger.work.tasks()[0].id, "rule": "churn-warn", "person": "K1"}),
            ("alert.stage", "C1/gas", about | {"what": "potential", "day": DAY + 24}),
            ("alert.close", "C1/gas", about | {"what": "recovered", "day": DAY + 30}),
            ("alert.unstage", "C1/gas", about | {"what": "potential", "day": DAY + 24}),
            ("alert.reopen", "C1/gas", about | {"what": "", "day": DAY}),
            ("alert.correct", "C1/gas", about | {"what": "figures", "day": DAY}),
        ]
        assert contents(database)["stages"] == [(about["alert"], "warn", DAY, NOW)]

    def test_stages_keep_the_moment_they_were_reached(self, ledger: Ledger, database: Database) -> None:
        first = episode()
        ledger.evaluation.commit(opened(first))
        staged = dataclasses.replace(first, stages=(*first.stages, Stage("potential", DAY + 24)))
        ledger.evaluation.commit(changed(only_alert(ledger), staged, LATER))
        moved = dataclasses.replace(first, stages=(*first.stages, Stage("potential", DAY + 25)))
        ledger.evaluation.commit(changed(only_alert(ledger), moved, LATER + HOUR))
        number = only_alert(ledger).id
        rows = contents(database)["stages"]
        assert sorted(rows) == [(number, "potential", DAY + 25, LATER + HOUR), (number, "warn", DAY, NOW)]

    def test_a_live_judgement_that_comes_late_opens_nothing(self, ledger: Ledger, database: Database) -> None:
        day_over = load_episode(closed_day=DAY, closed_why="day over")
        ledger.evaluation.commit(opened(day_over, duties=[], messages=[], suppressed={day_over.key: "stale"}))
        before = contents(database)
        ledger.evaluation.commit(opened(load_episode(), duties=[duty(day_over)], messages=[message(day_over)]))
        assert contents(database) == before

    def test_the_day_closes_what_a_live_judgement_opened(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(load_episode(), duties=[]))
        day_over = load_episode(closed_day=DAY, closed_why="day over")
        ledger.evaluation.commit(opened(day_over, duties=[]))
        assert only_alert(ledger).episode == day_over
        assert len(ledger.outbox.messages()) == 1


class TestAnotherOpeningDay:
    def test_keeps_number_task_and_message(self, ledger: Ledger, database: Database) -> None:
        ledger.evaluation.commit(opened(episode()))
        before = only_alert(ledger)
        ledger.evaluation.commit(changed(before, episode(opened_day=DAY - 1), LATER))
        after = only_alert(ledger)
        assert (after.id, after.episode.opened_day, after.opened_at) == (before.id, DAY - 1, NOW)
        assert len(ledger.work.tasks()) == 1
        assert len(ledger.outbox.messages()) == 1
        assert audited(database)[-1] == (
            "alert.correct",
            "C1/gas",
            {"alert": before.id, "what": "opened", "day": DAY - 1},
        )

    def test_may_be_that_of_one_withdrawn_before(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(episode()))
        ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        ledger.evaluation.commit(opened(episode(opened_day=DAY + 2), now=LATER))
        standing = ledger.evaluation.alerts("churn", DAY)
        ledger.evaluation.commit(changed(standing[0], episode()))
        assert [(one.id, one.episode.opened_day) for one in ledger.evaluation.alerts("churn", DAY)] == [(2, DAY)]
        ledger.evaluation.commit(opened(episode(known=9)))  # what stands is opened no second time, what was withdrawn stays
        found = {one.id: one.withdrawn_at is None for one in ledger.evaluation.all_alerts(closed=True, limit=10)}
        assert found == {1: False, 2: True}


class TestWithdrawal:
    def test_voids_what_is_unfinished_and_unsent(self, ledger: Ledger, database: Database) -> None:
        ledger.evaluation.commit(opened(episode(), episode("C2/gas")))
        first = next(a for a in ledger.evaluation.alerts("churn", DAY) if a.episode.subject == "C1/gas")
        ledger.evaluation.commit(withdrawn(first, now=LATER))
        assert [(a.episode.subject, a.withdrawn_at) for a in ledger.evaluation.all_alerts(closed=True, limit=9)] == [
            ("C2/gas", None),
            ("C1/gas", LATER),
        ]
        tasks = {task.subject: (task.state, task.settled_at) for task in ledger.work.tasks(Wanted(finished=True))}
        assert tasks == {"C1/gas": (DutyState.VOID, LATER), "C2/gas": (DutyState.OPEN, None)}
        assert [task.subject for task in ledger.work.tasks()] == ["C2/gas"]
        assert messages_by_state(ledger) == [MessageState.QUEUED, MessageState.WITHDRAWN]
        assert ledger.outbox.messages()[1].history == ((NOW, "queued", ""), (LATER, "withdrawn", "alert withdrawn"))
        void = next(task.id for task in ledger.work.tasks(Wanted(finished=True)) if task.subject == "C1/gas")
        assert audited(database)[-2:] == [
            ("alert.withdraw", "C1/gas", {"alert": first.id}),
            ("task.void", "C1/gas", {"duty": void}),
        ]

    def test_leaves_what_is_done_and_what_is_sent(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(episode()))
        (lease,) = ledger.outbox.lease("webhook", "A", NOW, HOUR, 10)
        ledger.outbox.record(lease, MessageState.ACCEPTED, NOW)
        ledger.work.done(ledger.work.tasks()[0].id, proof(), anybody)
        ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        assert [task.state for task in ledger.work.tasks(Wanted(finished=True))] == [DutyState.MET]
        assert messages_by_state(ledger) == [MessageState.ACCEPTED]

    def test_voids_a_breached_task_too(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(episode()))
        climbed(ledger, NOW + 100 * HOUR)
        ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        assert [task.state for task in ledger.work.tasks(Wanted(finished=True))] == [DutyState.VOID]

    def test_still_later_data_brings_all_of_it_back(self, ledger: Ledger, database: Database) -> None:
        ledger.evaluation.commit(opened(episode()))
        before = only_alert(ledger)
        ledger.evaluation.commit(withdrawn(before, now=LATER))
        again = episode(figures={"baseline": 26.0})
        due, ends, back = NOW + 60 * HOUR, NOW + 70 * HOUR, LATER + HOUR
        owed: dict[str, Any] = {
            "duties": [duty(again, due_at=due)],
            "messages": [message(again, body="new figures", expires_at=ends)],
        }
        ledger.evaluation.commit(opened(again, now=back, **owed))
        alert = only_alert(ledger)
        assert (alert.id, alert.episode, alert.opened_at, alert.withdrawn_at) == (before.id, again, back, None)
        (task,) = ledger.work.tasks()
        assert (task.state, task.due_at, task.opened_at, task.settled_at) == (DutyState.OPEN, due, back, None)
        (one,) = ledger.outbox.messages()
        assert (one.state, one.body, one.expires_at, one.created_at) == ("queued", "new figures", ends, back)
        assert [state for _, state, _ in one.history] == ["queued", "withdrawn", "queued"]
        assert [lease.message.number for lease in ledger.outbox.lease("webhook", "A", back, HOUR, 9)] == [one.number]
        assert [row[0] for row in audited(database)] == [
            *("alert.open", "task.open", "alert.withdraw", "task.void", "alert.open", "task.open")
        ]

    def test_what_was_done_or_sent_before_is_not_owed_again(self, ledger: Ledger) -> None:
        ledger.evaluation.commit(opened(episode()))
        (lease,) = ledger.outbox.lease("webhook", "A", NOW, HOUR, 10)
        ledger.outbox.record(lease, MessageState.ACCEPTED, NOW)
        ledger.work.done(ledger.work.tasks()[0].id, proof(), anybody)
        ledger.evaluation.commit(withdrawn(only_alert(ledger)))
        ledger.evaluation.commit(opened(episode(), now=LATER))
        assert only_alert(ledger).withdrawn_at is None
        assert [task.state for task in ledger.work.tasks(Wanted(finished=True))] == [DutyState.MET]
        assert messages_by_state(ledger) == [MessageState.ACCEPTED]
