"""What the ledger remembers of meter days: watermarks, dirty days, facts, states; rejects and conflicts beside them."""

import dataclasses
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from meterwatch.core.instants import to_us
from meterwatch.core.model.alerts import DirtyDay
from meterwatch.core.model.packets import Packet, Position, Reason, Reject
from meterwatch.core.ports import Commit, Conflict, Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.ingest import PAGE
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


PACKET = Packet("m/1", b"\x00{", properties=b'{"user":[]}', received_at=to_us(NOW))
REJECT = Reject(Position(3, 40), Reason.NOT_JSON, PACKET, None, "bad")
CONFLICT = Conflict("P1", 201, 1_672_531_200_000, 1.5, 10, 2.5, to_us(NOW), Position(3, 80))


def refused(offset: int, *records: int, reason: Reason = Reason.UNKNOWN_METER, received: datetime = NOW) -> list[Reject]:
    """Return the rejects of readings of one packet."""
    packet = dataclasses.replace(PACKET, payload=b"%d" % offset, received_at=to_us(received))
    return [Reject(Position(1, offset), reason, packet, record, f"M{record}") for record in records]


def packets(ledger: Ledger, reason: Reason | None = None) -> list[int]:
    """Return the packets that wait, by number; of pages without end the first hundred."""
    return [number for page in islice(ledger.ingest.waiting(reason), 100) for number in page]


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

    def test_a_packet_is_named_by_its_receive_time_and_its_place(self, ledger: Ledger) -> None:
        """The same microsecond may name a packet of each of two journals, and a new journal begins at the old places."""
        moved = dataclasses.replace(REJECT, position=Position(3, 41))
        later = dataclasses.replace(REJECT, packet=dataclasses.replace(PACKET, received_at=to_us(NOW) + 1))
        for reject in (REJECT, moved, later, REJECT):
            ledger.ingest.settle(Settlement(rejects=[reject]), NOW)
        assert [stored.reject.position for stored in ledger.ingest.rejects()] == [(3, 40), (3, 41), (3, 40)]
        assert [packet.received_at - to_us(NOW) for packet in ledger.ingest.packets(packets(ledger))] == [0, 0, 1]

    def test_rejects_and_conflicts_are_kept_400_days(self, ledger: Ledger, database: Database) -> None:
        late = NOW + timedelta(microseconds=1)
        rejects = [*refused(15, 0, 1, received=NOW - HOUR), *refused(16, 0, 1), *refused(17, 0, received=late)]
        conflicts = [CONFLICT, dataclasses.replace(CONFLICT, offered_received_at=to_us(late))]
        ledger.ingest.settle(Settlement((), rejects, conflicts), NOW)
        whole = contents(database)
        assert [len(whole[name]) for name in ("rejected_packets", "rejects", "conflicts")] == [3, 5, 2]
        ledger.ingest.settle(Settlement([DirtyDay(DAY, 1, 5)]), NOW + timedelta(days=400))
        assert [stored.reject.position.offset for stored in ledger.ingest.rejects()] == [17, 16, 16]
        assert len(ledger.ingest.conflicts()) == 2
        ledger.ingest.settle(Settlement([DirtyDay(DAY, 1, 6)]), late + timedelta(days=400))
        left = contents(database)
        assert [len(left[name]) for name in ("rejected_packets", "rejects", "conflicts")] == [1, 1, 1]
        later = NOW + timedelta(days=500)
        ledger.ingest.settle(Settlement(rejects=refused(19, 0, received=later)), later)
        assert [stored.id for stored in ledger.ingest.rejects()] == [6], "a number was given out again"
        assert ledger.ingest.conflicts() == []


class TestReplay:
    def test_a_replayed_packet_is_marked_and_each_of_its_rejects_audited(self, ledger: Ledger, database: Database) -> None:
        whole = [dataclasses.replace(REJECT, position=Position(1, offset)) for offset in range(1300)]
        ledger.ingest.settle(Settlement(rejects=[*whole, *refused(5000, 0, 7)]), NOW)
        assert ledger.ingest.reject_counts() == {"not_json": 1300, "unknown_meter": 2}
        found = packets(ledger)
        assert ledger.ingest.mark_replayed(found[1:], LATER, "K1 (clerk)") == 1301
        (left,) = ledger.ingest.rejects()
        assert left.reject.position == Position(1, 0)
        assert ledger.ingest.rejects(reason=Reason.UNKNOWN_METER) == []
        assert ledger.ingest.rejects(reason=Reason.NOT_JSON) == [left]
        replayed = ledger.ingest.reject(1302)
        assert replayed is not None
        assert (left.replayed_at, replayed.replayed_at, replayed.reject.record) == (None, LATER, 7)
        assert len(ledger.ingest.rejects(limit=5000, replayed=True)) == 1302
        assert ledger.ingest.reject_counts() == {"not_json": 1}
        assert audited(database) == [("reject.replay", str(number), {}) for number in range(2, 1303)]
        assert ledger.ingest.reject(9999) is None

    def test_what_waits_comes_in_pages_each_packet_once_in_the_order_of_receipt(self, ledger: Ledger) -> None:
        rejects = [reject for offset in range(2 * PAGE + 1) for reject in refused(offset, 0, 1)]
        ledger.ingest.settle(Settlement(rejects=rejects), NOW)
        pages = list(islice(ledger.ingest.waiting(), 100))
        assert [len(page) for page in pages] == [PAGE, PAGE, 1]
        offsets = [int(packet.payload) for page in pages for packet in ledger.ingest.packets(page)]
        assert offsets == list(range(2 * PAGE + 1))

    def test_what_is_refused_again_meanwhile_is_not_handed_in_again(self, ledger: Ledger) -> None:
        """The service reads the first page while the second is made: with nothing mended it would never end."""
        ledger.ingest.settle(Settlement(rejects=[r for n in range(PAGE + 1) for r in refused(n, 0)]), NOW)
        handed_in = 0
        for page in ledger.ingest.waiting():
            ledger.ingest.mark_replayed(page, LATER, "clerk")
            again = [reject for number in page for reject in refused(number, 0, received=LATER)]
            ledger.ingest.settle(Settlement(rejects=again), LATER)
            handed_in += len(page)
            assert handed_in <= PAGE + 1
        assert handed_in == ledger.ingest.reject_counts()["unknown_meter"] == PAGE + 1

    def test_by_reason_and_by_number(self, ledger: Ledger) -> None:
        odd = refused(17, 1, reason=Reason.BAD_TIME)
        ledger.ingest.settle(Settlement(rejects=[*refused(16, 0), *refused(17, 0), *odd, *refused(18, 0)]), NOW)
        assert packets(ledger, Reason.BAD_TIME) == [2]
        assert packets(ledger, Reason.UNKNOWN_METER) == [1, 2, 3]
        assert packets(ledger, Reason.EMPTY) == []
        assert ledger.ingest.packets_of([4, 3, 2, 99]) == {2: 2, 3: 2, 4: 3}
        assert [packet.payload for packet in ledger.ingest.packets([3, 99, 1])] == [b"18", b"16"]

    def test_nothing_waits_in_an_empty_ledger(self, ledger: Ledger) -> None:
        assert packets(ledger) == []
