"""Corrections and verdicts in the ledger: rows only ever added or withdrawn, audited, with the days they touch (RULES
use-validate)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from meterwatch.core.calendar import DayScheme
from meterwatch.core.errors import Refusal
from meterwatch.core.model.alerts import DirtyDay
from meterwatch.core.model.corrections import Author, Correction, MeterHealth, MeterVerdict, NewVerdict, Severity
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.ports import Commit, Settlement
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.corrections import Entered
from tests.support.corrections import AUTHOR, anything, held, new
from tests.support.ledger import HOUR, NOW, audited, contents
from tests.support.readings import FLOW
from tests.support.readings import HOUR as HOUR_MS
from tests.support.rules import DAY, Supply, registry

LATER = NOW + HOUR
SHANGHAI = DayScheme("Asia/Shanghai", 0)
NOON = SHANGHAI.start(DAY) + 12 * HOUR_MS
KNOWN = registry([Supply("C0", "S0"), Supply("C1", "S1"), Supply("C2", "R1")], zones={"R1": "Europe/Rome"})
EVER = (0, 2**42)


def begin(ledger: Ledger, day: int = DAY) -> None:
    for scheme in KNOWN.scheme_order:
        ledger.evaluation.open_scheme(scheme.name, day - 9, NOW)
        ledger.evaluation.begin_day(scheme.name, day, NOW)


class TestCorrections:
    def test_are_kept_with_raw_value_author_reason_and_time(self, ledger: Ledger, database: Database) -> None:
        given = [new(NOON, 10.5, raw=99.0), new(NOON, 3.0, kind=FLOW, raw=None)]
        assert ledger.corrections.enter(given, KNOWN, AUTHOR, NOW) == Entered((1, 2), 0)
        assert ledger.corrections.standing(*EVER, "S1") == [held(given[0]), held(given[1], 2)]
        detail = {"correction": 1, "reading_type": "electricity.register", "time": "2023-06-15T04:00:00+00:00"}
        assert audited(database)[0] == ("reading.correct", "S1", detail | {"raw_value": 99.0, "value": 10.5, "by": "K1"})
        assert [detail["raw_value"] for _, _, detail in audited(database)] == [99.0, None]

    @pytest.mark.parametrize(
        ("start", "end", "point", "found"),
        [(NOON - 1, NOON, "S1", 1), (NOON, NOON + 9, "S1", 0), (NOON - 9, NOON - 1, "S1", 0), (*EVER, "S0", 0)],
    )
    def test_are_found_by_point_and_time(self, ledger: Ledger, start: int, end: int, point: str, found: int) -> None:
        ledger.corrections.enter([new(NOON, 10.5)], KNOWN, AUTHOR, NOW)
        assert len(ledger.corrections.standing(start, end, point)) == found
        assert len(ledger.evaluation.corrections(start, end)) == (found or point == "S0")

    def test_the_newest_of_a_reading_that_is_not_withdrawn_stands(self, ledger: Ledger) -> None:
        values = (10.0, 11.0, 12.0)
        for value in values:
            ledger.corrections.enter([new(NOON, value), new(NOON + 1, value)], KNOWN, AUTHOR, NOW)
        left = []
        for number in (5, 1, 3):
            ledger.corrections.withdraw(number, KNOWN, Author("K2", "deputy"), LATER, anything)
            left.append([one.value for one in ledger.evaluation.corrections(NOON - 1, NOON)])
        assert left == [[11.0], [11.0], []]
        assert [one.value for one in ledger.evaluation.corrections(NOON, NOON + 1)] == [12.0]

    def test_withdrawing_is_kept_too(self, ledger: Ledger, database: Database) -> None:
        ledger.corrections.enter([new(NOON, 10.5)], KNOWN, AUTHOR, NOW)
        ledger.corrections.withdraw(1, KNOWN, Author("K2", "deputy"), LATER, anything)
        (row,) = contents(database)["corrections"]
        assert row[-3:] == (NOW, LATER, "K2")
        action, subject, detail = audited(database)[-1]
        assert (action, subject, detail["correction"], detail["by"]) == ("reading.uncorrect", "S1", 1, "K2")

    def test_is_withdrawn_once_and_by_whom_it_may_be(self, ledger: Ledger, database: Database) -> None:
        def nobody(found: Correction) -> None:
            raise Refusal(Phrase("not {point}", "不"), point=found.usage_point)

        begin(ledger)
        ledger.corrections.enter([new(NOON, 10.5)], KNOWN, AUTHOR, NOW)
        before = contents(database)
        for number, check, said in ((9, anything, "no correction 9"), (1, nobody, "not S1")):
            with pytest.raises(Refusal, match=said):
                ledger.corrections.withdraw(number, KNOWN, AUTHOR, LATER, check)
        assert contents(database) == before
        ledger.corrections.withdraw(1, KNOWN, AUTHOR, LATER, anything)
        with pytest.raises(Refusal, match="correction 1 is withdrawn already, by K1"):
            ledger.corrections.withdraw(1, KNOWN, AUTHOR, LATER, anything)


class TestDaysTheyTouch:
    @pytest.mark.parametrize(
        ("hours", "days"),
        [
            (12, [DAY]),
            (24, [DAY]),  # the end of a day belongs to it
            (1, [DAY - 1, DAY]),  # both edges are interpolated from it
            (2, [DAY - 1, DAY]),
            (2.01, [DAY]),
            (22.01, [DAY]),  # the day after has not begun
            (25, [DAY]),
            (26.01, []),
            (-1, [DAY - 1, DAY]),
        ],
    )
    def test_are_those_whose_evaluation_has_begun(self, ledger: Ledger, hours: float, days: list[int]) -> None:
        begin(ledger)
        given = [new(SHANGHAI.start(DAY) + round(hours * HOUR_MS), 10.5)]
        assert ledger.corrections.enter(given, KNOWN, AUTHOR, NOW).days == len(days)
        assert [(dirty.day, dirty.point) for dirty in ledger.evaluation.dirty_days(9)] == [(day, 1) for day in days]

    def test_are_of_the_points_own_zone(self, ledger: Ledger) -> None:
        begin(ledger)
        rome = DayScheme("Europe/Rome", 0)
        given = [new(time, 1.0, point="R1") for time in (rome.end(DAY) - HOUR_MS, rome.end(DAY - 3) - 12 * HOUR_MS)]
        ledger.corrections.enter(given, KNOWN, AUTHOR, NOW)
        assert [(dirty.day, dirty.point) for dirty in ledger.evaluation.dirty_days(9)] == [(DAY - 3, 2), (DAY, 2)]

    def test_stay_dirty_for_a_change_made_while_they_are_judged(self, ledger: Ledger) -> None:
        """In a demonstration the clock stands: the moment alone does not tell two changes apart."""
        begin(ledger)
        changes = [
            lambda: ledger.corrections.enter([new(NOON, 10.5)], KNOWN, AUTHOR, NOW),
            lambda: ledger.corrections.enter([new(NOON, 11.5)], KNOWN, AUTHOR, NOW),
            lambda: ledger.corrections.withdraw(2, KNOWN, AUTHOR, NOW, anything),
            lambda: ledger.corrections.withdraw(1, KNOWN, AUTHOR, NOW, anything),
        ]
        seen = set()
        for change in changes:
            read = ledger.evaluation.dirty_days(9)
            change()
            ledger.evaluation.commit(Commit(NOW, 1, cleared=read))
            (dirty,) = ledger.evaluation.dirty_days(9)
            seen.add(dirty.mark)
        assert len(seen) == len(changes)
        assert max(seen) < 0  # and never the number of a packet

    def test_of_a_late_reading_is_not_forgotten_over_them(self, ledger: Ledger) -> None:
        begin(ledger)
        ledger.ingest.settle(Settlement(dirty=[DirtyDay(DAY, 1, 7)]), NOW)
        read = ledger.evaluation.dirty_days(9)
        ledger.corrections.enter([new(NOON, 10.5)], KNOWN, AUTHOR, NOW)
        ledger.evaluation.commit(Commit(NOW, 1, cleared=read))
        assert len(ledger.evaluation.dirty_days(9)) == 1

    def test_none_is_entered_without_them(self, ledger: Ledger, database: Database) -> None:
        begin(ledger)
        before = contents(database)
        with pytest.raises(KeyError):
            ledger.corrections.enter([new(NOON, 1.0), replace(new(NOON, 2.0), reading_type=999)], KNOWN, AUTHOR, NOW)
        assert contents(database) == before


class TestVerdicts:
    FAULTY = NewVerdict("P1", "M2", MeterHealth.FAULTY, Severity.HIGH, "计数器不走")
    WORKS = NewVerdict("P1", "M2", MeterHealth.OK, Severity.NONE, "")

    def test_are_added_and_audited(self, ledger: Ledger, database: Database) -> None:
        assert [ledger.verdicts.enter(one, AUTHOR, NOW) for one in (self.FAULTY, self.WORKS)] == [1, 2]
        newest, oldest = ledger.verdicts.of_point("P1")
        assert oldest == MeterVerdict("P1", "M2", MeterHealth.FAULTY, Severity.HIGH, "计数器不走", 1, "K1", "clerk", NOW)
        assert (newest.id, newest.verdict, newest.severity) == (2, MeterHealth.OK, Severity.NONE)
        assert ledger.verdicts.of_point("P2") == []
        detail = {"number": 1, "meter": "M2", "verdict": "faulty", "severity": "high", "by": "K1"}
        assert audited(database)[0] == ("meter.verdict", "P1", detail)

    def test_open_their_work_orders_in_the_same_transaction(self, ledger: Ledger, database: Database) -> None:
        due = NOW + timedelta(days=3)
        order = NewDuty("meter-check", "P1", "1", due, provisional=False, person="K1", act_at=due)
        ledger.verdicts.enter(self.FAULTY, AUTHOR, NOW, [order])
        assert [(row[1], row[2]) for row in contents(database)["duties"]] == [("meter-check", "P1")]
        assert [action for action, _, _ in audited(database)] == ["meter.verdict", "task.open"]
        before = contents(database)
        broken = NewDuty("meter-check", "P1", "2", None, False, "K1", due)  # type: ignore[arg-type]
        with pytest.raises(Exception, match="NOT NULL"):
            ledger.verdicts.enter(self.FAULTY, AUTHOR, NOW, [broken])
        assert contents(database) == before
