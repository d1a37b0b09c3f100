"""What the ledger remembers of meter days: watermarks, dirty days, facts, states; rejects and conflicts beside them."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from meterwatch.core.model.alerts import DirtyDay
from meterwatch.core.model.packets import Packet, Position, Reason, Reject
from meterwatch.core.ports import Commit, Conflict, Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from tests.support.ledger import (
    DAY,
    HOUR,
    NOW,
    SCHEME,
    audited,
    contents,
    fact,
    state,
)

LATER = NOW + HOUR
UNFIT: Any = object()  # nothing a database can store


class TestWatermarks:
    def test_a_scheme_is_opened_once(self, ledger: Ledger) -> None:
        ledger.evaluation.open_scheme(SCHEME, DAY, NOW)
        ledger.evaluation.open_scheme(SCHEME, DAY + 5, LATER)
        assert ledger.evaluation.first_days() == {SCHEME: DAY}
        assert ledger.evaluation.begun_days() == ledger.ingest.begun_days() == {SCHEME: DAY - 1}
        assert ledger.evaluation.done_days() == {SCHEME: DAY - 1}

    def test_begun_moves_before_done_and_each_scheme_for_itself(self, ledger: Ledger) -> None:
        for scheme in (SCHEME, "Europe/Rome@0"):
            ledger.evaluation.open_scheme(scheme, DAY, NOW)
        ledger.evaluation.begin_day(SCHEME, DAY, NOW)
        assert ledger.ingest.begun_days() == {SCHEME: DAY, "Europe/Rome@0": DAY - 1}
        assert ledger.evaluation.done_days() == {SCHEME: DAY - 1, "Europe/Rome@0": DAY - 1}
        ledger.evaluation.commit(Commit(NOW, 1, done=(SCHEME, DAY)))
        assert ledger.evaluation.done_days() == {SCHEME: DAY, "Europe/Rome@0": DAY - 1}

    def test_none_ever_goes_back(self, ledger: Ledger) -> None:
        ledger.evaluation.open_scheme(SCHEME, DAY, NOW)
        ledger.evaluation.begin_day(SCHEME, DAY + 2, NOW)
        ledger.evaluation.begin_day(SCHEME, DAY, NOW)
        ledger.evaluation.commit(Commit(NOW, 1, done=(SCHEME, DAY + 2)))
        ledger.evaluation.commit(Commit(NOW, 1, done=(SCHEME, DAY)))
        assert (ledger.evaluation.begun_days(), ledger.evaluation.done_days()) == ({SCHEME: DAY + 2}, {SCHEME: DAY + 2})


class TestDirtyDays:
    def test_cleared_only_if_its_mark_is_the_one_that_was_read(self, ledger: Ledger) -> None:
        ledger.ingest.settle(Settlement(dirty=[DirtyDay(DAY, 1, 5), DirtyDay(DAY, 2, 5)]), NOW)
        read = ledger.evaluation.dirty_days(10)
        ledger.ingest.settle(Settlement(dirty=[DirtyDay(DAY, 2, 6)]), NOW)
        ledger.evaluation.commit(Commit(NOW, 1, cleared=read))
        assert ledger.evaluation.dirty_days(10) == [DirtyDay(DAY, 2, 6)]
        ledger.evaluation.commit(Commit(NOW, 1, cleared=[DirtyDay(DAY + 1, 2, 6), DirtyDay(DAY, 3, 6)]))
        assert ledger.evaluation.dirty_days(10) == [DirtyDay(DAY, 2, 6)]

    def test_oldest_first_and_no_more_than_asked_for(self, ledger: Ledger) -> None:
        dirty = [DirtyDay(day, point, 1) for day in (DAY, DAY - 2, DAY - 1) for point in (3, 1)]
        ledger.ingest.settle(Settlement(dirty=dirty), NOW)
        assert ledger.evaluation.dirty_days(3) == sorted(dirty)[:3]


class TestMemory:
    def test_facts_and_states_are_replaced_only_within_since_and_until(self, ledger: Ledger) -> None:
        days = range(DAY - 4, DAY + 1)
        subjects = ("C1/gas", "C2/gas", "C3/gas")
        first = [fact(subject, day) for subject in subjects for day in days]
        states = [state(subject, day) for subject in subjects for day in days]
        others = [dataclasses.replace(one, rule="other") for one in first]
        ledger.evaluation.commit(Commit(NOW, 1, facts=[*first, *others], states=states))
        since = {"C1/gas": DAY - 2, "C2/gas": DAY - 1}
        replaced = [fact("C1/gas", DAY - 1, use=1.0), fact("C3/gas", DAY, use=2.0)]
        again = Commit(LATER, 1, ["churn"], since, DAY - 1, facts=replaced, states=[state("C2/gas", DAY - 1, known=9)])
        ledger.evaluation.commit(again)
        known = {(f.subject, f.day): f.figures["use"] for f in ledger.evaluation.facts("churn", DAY - 9, DAY)}
        kept = {(f.subject, f.day): 12.25 for f in first}
        del kept["C1/gas", DAY - 2], kept["C2/gas", DAY - 1]
        assert known == kept | {("C1/gas", DAY - 1): 1.0, ("C3/gas", DAY): 2.0}
        assert ledger.evaluation.facts("other", DAY - 9, DAY) == others
        standing = {(day, one.subject): one.known for day in days for one in ledger.evaluation.states("churn", day)}
        wanted = {(day, subject): 7 for day in days for subject in subjects}
        del wanted[DAY - 2, "C1/gas"], wanted[DAY - 1, "C1/gas"]
        assert standing == wanted | {(DAY - 1, "C2/gas"): 9}

    def test_more_subjects_than_fit_one_statement(self, ledger: Ledger) -> None:
        subjects = [f"C{number:05d}/gas" for number in range(1300)]
        facts = [fact(subject) for subject in subjects]
        ledger.evaluation.commit(Commit(NOW, 1, facts=facts, states=[state(subject) for subject in subjects]))
        assert ledger.evaluation.facts("churn", DAY, DAY, reversed(subjects)) == facts
        assert len(ledger.evaluation.states("churn", DAY, subjects)) == 1300
        ledger.evaluation.commit(Commit(NOW, 1, ["churn"], dict.fromkeys(subjects, DAY), DAY))
        assert ledger.evaluation.facts("churn", DAY, DAY) == []

    def test_reading_is_limited_to_rule_days_and_subjects(self, ledger: Ledger) -> None:
        rows = [fact("C2/gas", DAY - 1), fact("C1/gas"), fact("C1/gas", DAY - 1), fact("C1/gas", DAY - 2)]
        ledger.evaluation.commit(Commit(NOW, 1, facts=[*rows, fact(rule="load")], states=[state(), state("C2/gas")]))
        assert ledger.evaluation.facts("churn", DAY - 1, DAY) == [rows[2], rows[1], rows[0]]
        assert ledger.evaluation.facts("churn", DAY - 1, DAY - 1, ["C2/gas", "C9/gas"]) == [rows[0]]
        assert ledger.evaluation.facts("churn", DAY, DAY, []) == []
        assert [one.subject for one in ledger.evaluation.states("churn", DAY, ["C2/gas"])] == ["C2/gas"]
        assert ledger.evaluation.states("load", DAY) == ledger.evaluation.states("churn", DAY - 1) == []

    def test_facts_are_kept_400_days_and_states_46(self, ledger: Ledger) -> None:
        ledger.evaluation.open_scheme(SCHEME, DAY - 500, NOW)
        facts = [fact(day=DAY - age) for age in (0, 400, 401)]
        states = [state(day=DAY - age) for age in (0, 46, 47)]
        ledger.evaluation.commit(Commit(NOW, 1, facts=facts, states=states))
        assert len(ledger.evaluation.facts("churn", DAY - 500, DAY)) == 3
        ledger.evaluation.commit(Commit(NOW, 1, done=(SCHEME, DAY)))
        assert [f.day for f in ledger.evaluation.facts("churn", DAY - 500, DAY)] == [DAY - 400, DAY]
        assert [len(ledger.evaluation.states("churn", DAY - age)) for age in (0, 46, 47)] == [1, 1, 0]

    def test_states_of_a_scheme_that_lags_are_kept_until_it_has_caught_up(self, ledger: Ledger) -> None:
        lagging = "Europe/Rome@0"
        for scheme, first in ((SCHEME, DAY - 100), (lagging, DAY - 99), ("Gone/Long@0", DAY - 500)):
            ledger.evaluation.open_scheme(scheme, first, NOW)
        ledger.evaluation.commit(Commit(NOW, 1, states=[state(day=DAY - 100), state(day=DAY - 147)]))
        ledger.evaluation.commit(Commit(NOW, 1, done=(SCHEME, DAY)))
        assert [len(ledger.evaluation.states("churn", DAY - age)) for age in (100, 147)] == [1, 0]
        ledger.evaluation.commit(Commit(NOW, 1, done=(lagging, DAY - 1)))
        assert ledger.evaluation.states("churn", DAY - 100) == []


REJECT = Reject(Position(3, 40), Reason.NOT_JSON, Packet("m/1", b"\x00{", received_at=1_672_531_200_000_001), None, "bad")
CONFLICT = Conflict("P1", 201, 1_672_531_200_000, 1.5, 10, 2.5, 20, Position(3, 80))


class TestSettle:
    def test_twice_changes_nothing(self, ledger: Ledger, database: Database) -> None:
        second = dataclasses.replace(REJECT, record=0, reason=Reason.BAD_TIME)
        settlement = Settlement([DirtyDay(DAY, 1, 5)], [REJECT, second], [CONFLICT])
        ledger.ingest.settle(settlement, NOW)
        before = contents(database)
        ledger.ingest.settle(settlement, LATER)
        assert contents(database) == before
        assert [stored.reject for stored in ledger.ingest.rejects()] == [
            dataclasses.replace(reject, packet=dataclasses.replace(reject.packet, qos=1)) for reject in (second, REJECT)
        ]
        assert ledger.ingest.conflicts() == [CONFLICT]

    def test_enters_all_or_nothing(self, ledger: Ledger, database: Database) -> None:
        broken = dataclasses.replace(CONFLICT, kept_value=UNFIT)
        with pytest.raises(StatementError):
            ledger.ingest.settle(Settlement([DirtyDay(DAY, 1, 5)], [REJECT], [broken]), NOW)
        assert contents(database) == {}

    def test_a_replayed_reject_is_marked_and_audited(self, ledger: Ledger, database: Database) -> None:
        packets = [dataclasses.replace(REJECT, position=Position(1, offset)) for offset in range(1300)]
        ledger.ingest.settle(Settlement(rejects=packets), NOW)
        assert ledger.ingest.reject_counts() == {"not_json": 1300}
        numbers = [stored.id for stored in ledger.ingest.rejects(limit=1300)]
        ledger.ingest.mark_replayed(numbers[:1299], LATER, "K1 (clerk)")
        (left,) = ledger.ingest.rejects()
        assert ledger.ingest.rejects(reason=Reason.EMPTY) == []
        assert ledger.ingest.rejects(reason=Reason.NOT_JSON) == [left]
        replayed = ledger.ingest.reject(numbers[0])
        assert replayed is not None
        assert (left.replayed_at, replayed.replayed_at) == (None, LATER)
        assert len(ledger.ingest.rejects(limit=5000, replayed=True)) == 1300
        assert ledger.ingest.reject_counts() == {"not_json": 1}
        assert audited(database)[0] == ("reject.replay", str(numbers[0]), {})
        assert len(audited(database)) == 1299
        assert ledger.ingest.reject(9999) is None
