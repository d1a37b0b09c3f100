"""Tasks and their evidence, the clock row, and the database all of it stands in."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import StatementError

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.work import Duty, DutyState, Evidence, EvidenceKind
from meterwatch.stores.database import VERSION, Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.tables import metadata
from tests.support.ledger import (
    HOUR,
    NOW,
    anybody,
    audited,
    contents,
    duty,
    episode,
    opened,
    proof,
)

LATER = NOW + HOUR


class TestTasks:
    @pytest.fixture
    def number(self, ledger: Ledger) -> int:
        ledger.evaluation.commit(opened(episode()))
        return ledger.work.tasks()[0].id

    @pytest.mark.parametrize(
        ("after", "state"),
        [(timedelta(0), DutyState.MET), (31 * HOUR, DutyState.MET), (31 * HOUR + timedelta(microseconds=1), DutyState.LATE)],
        ids=["at once", "at the deadline", "past it"],
    )
    def test_closes_with_evidence(
        self, ledger: Ledger, database: Database, number: int, after: timedelta, state: DutyState
    ) -> None:
        ledger.work.breach(NOW + after)
        given = proof(NOW + after, happened_at=NOW, person="K2")
        assert ledger.work.done(number, given, anybody) is state
        (task,) = ledger.work.tasks(finished=True)
        assert (task.state, task.settled_at, task.evidence) == (state, NOW + after, (given,))
        assert ledger.work.tasks() == []
        detail = {"duty": number, "kind": EvidenceKind.PHONE, "state": state, "by": "K2"}
        assert audited(database)[-1] == ("task.done", "C1/gas", detail)
        assert ledger.work.counts() == {state: 1}

    def test_refuses_evidence_from_the_future(self, ledger: Ledger, database: Database, number: int) -> None:
        before = contents(database)
        with pytest.raises(Refusal, match="future") as refused:
            ledger.work.done(number, proof(happened_at=NOW + timedelta(seconds=1)), anybody)
        assert (
            refused.value.say(Lang.ZH) == "证据时间不能在未来：2023-03-01T02:00:01+00:00（现在 2023-03-01T02:00:00+00:00）"
        )
        with pytest.raises(Refusal, match="future"):
            ledger.work.done(number, proof(happened_at=NOW + timedelta(microseconds=1)), anybody)
        assert contents(database) == before

    def test_refuses_what_happened_before_it_was_opened(self, ledger: Ledger, database: Database, number: int) -> None:
        before = contents(database)
        shanghai = timezone(8 * HOUR)
        for early in (datetime(1970, 1, 1, tzinfo=UTC), NOW - timedelta(microseconds=1)):
            with pytest.raises(Refusal, match=f"no evidence for task {number}: it was opened at 2023-03-01T10:00:00"):
                ledger.work.done(number, proof(LATER, happened_at=early.astimezone(shanghai)), anybody)
        with pytest.raises(Refusal) as refused:
            ledger.work.done(number, proof(LATER, happened_at=NOW - HOUR), anybody)
        assert refused.value.say(Lang.ZH) == (
            f"2023-03-01T01:00:00+00:00 发生的事不能作为任务 {number} 的证据：该任务于 2023-03-01T02:00:00+00:00 下达"
        )
        assert contents(database) == before
        assert ledger.work.done(number, proof(LATER, happened_at=NOW), anybody) is DutyState.MET

    def test_asks_whether_the_evidence_counts_before_anything_is_entered(
        self, ledger: Ledger, database: Database, number: int
    ) -> None:
        before, asked = contents(database), []

        def nobody(task: Duty, given: Evidence) -> None:
            asked.append((task.id, task.rule, task.subject, task.person, given))
            raise Refusal(Phrase("not by you", "你不行"))

        with pytest.raises(Refusal, match="not by you"):
            ledger.work.done(number, proof(), nobody)
        assert asked == [(number, "churn-warn", "C1/gas", "K1", proof())]
        assert contents(database) == before

    def test_refuses_a_task_that_is_closed_or_not_there(self, ledger: Ledger, database: Database, number: int) -> None:
        ledger.work.done(number, proof(), anybody)
        before = contents(database)
        with pytest.raises(Refusal, match="closed already") as closed:
            ledger.work.done(number, proof(), anybody)
        assert closed.value.say(Lang.ZH) == f"任务 {number} 已结束（met）"
        with pytest.raises(Refusal, match="no task 99"):
            ledger.work.done(99, proof(), anybody)
        assert contents(database) == before

    def test_is_breached_when_its_deadline_passes(self, ledger: Ledger, database: Database, number: int) -> None:
        due = NOW + 31 * HOUR
        overdue = ledger.work.next_due(NOW)
        assert overdue is not None
        assert overdue > due
        assert ledger.work.next_due(due) == overdue
        assert [ledger.work.breach(moment) for moment in (due, overdue, overdue)] == [0, 1, 0]
        assert ledger.work.next_due(overdue) is None
        assert [task.state for task in ledger.work.tasks()] == [DutyState.BREACHED]
        assert audited(database)[-1] == ("task.breach", "C1/gas", {"duty": number})
        assert ledger.work.next_due(due) is None

    def test_are_listed_by_deadline(self, ledger: Ledger) -> None:
        order = [("C3/gas", 5), ("C1/gas", 3), ("C2/gas", 4)]
        for subject, hours in order:
            ledger.evaluation.commit(
                opened(episode(subject), duties=[duty(episode(subject), due_at=NOW + hours * HOUR, person="")])
            )
        assert [(task.subject, task.person) for task in ledger.work.tasks()] == [
            ("C1/gas", ""),
            ("C2/gas", ""),
            ("C3/gas", ""),
        ]
        assert [task.subject for task in ledger.work.tasks(limit=1)] == ["C1/gas"]
        assert ledger.work.tasks()[0].figures == episode().figures


class TestClockRow:
    def test_nobody_has_moved_it(self, ledger: Ledger) -> None:
        assert ledger.clock.moved_to() is None

    def test_never_goes_back(self, ledger: Ledger) -> None:
        ledger.clock.move(NOW)
        ledger.clock.move(NOW)
        with pytest.raises(ValueError, match="never goes back"):
            ledger.clock.move(NOW - timedelta(microseconds=1))
        assert ledger.clock.moved_to() == NOW
        ledger.clock.move(LATER)
        assert ledger.clock.moved_to() == LATER

    def test_each_role_notes_how_far_it_has_stepped(self, ledger: Ledger) -> None:
        ledger.clock.stepped(["engine"], NOW)
        ledger.clock.stepped(["notify"], NOW)
        ledger.clock.stepped(["engine"], LATER)
        assert ledger.clock.steps() == {"engine": LATER, "notify": NOW}


class TestDatabase:
    def test_the_migrations_make_the_tables(self, database: Database) -> None:
        with database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    def test_one_of_the_first_version_is_brought_up_and_keeps_what_it_holds(self, database: Database) -> None:
        with database.write() as connection:
            for table in ("contacts", "corrections", "designations", "meter_verdicts", "point_zones", "zones"):
                connection.execute(text(f"DROP TABLE {table}"))
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
            connection.execute(text("INSERT INTO steps VALUES ('engine', '2023-01-01T00:00:00.000000Z')"))
        with closing(Database(database.engine.url.render_as_string(hide_password=False))) as opened:
            with opened.read() as connection:
                assert connection.scalar(text("SELECT version_num FROM alembic_version")) == VERSION
                assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            assert set(Ledger(opened).clock.steps()) == {"engine"}

    def test_a_newer_one_is_refused(self, database: Database) -> None:
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(Refusal, match=rf"version 9999.*knows {VERSION}"):
            Database(database.engine.url.render_as_string(hide_password=False))

    @pytest.mark.parametrize("spoil", [Path.mkdir, lambda path: path.write_bytes(b"not a database at all" * 100)])
    def test_what_is_no_database_is_unavailable(self, tmp_path: Path, spoil: Callable[[Path], object]) -> None:
        path = tmp_path / "spoilt.db"
        spoil(path)
        with pytest.raises(Unavailable, match="ledger"):
            Database.file(path)

    def test_moments_need_a_zone_and_keep_their_instant(self, ledger: Ledger) -> None:
        with pytest.raises(StatementError, match="without a zone"):
            ledger.clock.move(NOW.replace(tzinfo=None))
        east = datetime.fromisoformat("2023-03-01T10:00:00.000001+08:00")
        ledger.clock.move(east)
        assert ledger.clock.moved_to() == datetime(2023, 3, 1, 2, microsecond=1, tzinfo=UTC)

    def test_a_second_one_sees_what_the_first_committed(self, ledger: Ledger, database: Database) -> None:
        with closing(Database(database.engine.url.render_as_string(hide_password=False))) as second:
            ledger.evaluation.commit(opened(episode()))
            assert contents(second) == contents(database)
