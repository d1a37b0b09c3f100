"""Duties in the ledger: what planning enters, what evidence calls for, who is away, what is listed, what is kept."""

from contextlib import closing as closed
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import column, create_engine, insert, table
from sqlalchemy.exc import StatementError

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import Absence, Act, DutyChange, DutyPlan, DutyState, DutyStep, Evidence, EvidenceKind
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.work import Wanted
from tests.support.desk import climbed
from tests.support.duties import INSTANT, OFFICE, breached, enter, every, given, new
from tests.support.ledger import HOUR, NOW, anybody, audited, contents, message, proof


class TestPlanning:
    def test_a_plan_is_entered_whole(self, ledger: Ledger, database: Database) -> None:
        (visit,) = enter(ledger, new())
        told = message(key="breach/1", person="S1")
        plan = DutyPlan(
            (new("contact-callback", period="2023", needed=4),), (breached(visit),), (told,), {"oversee": "2023-02 #1"}
        )
        assert ledger.planner.apply(plan, NOW + 32 * HOUR) == [breached(visit)]
        first, second = every(ledger)
        assert (first.state, first.act_at, first.level) == (DutyState.BREACHED, None, 1)
        assert (second.rule, second.needed, second.state, second.opened_at) == (
            "contact-callback", 4, DutyState.OPEN, NOW + 32 * HOUR,
        )  # fmt: skip
        assert [one.key for one in ledger.outbox.messages()] == ["breach/1"]
        assert ledger.planner.planned() == {"oversee": "2023-02 #1"}
        assert [row[0] for row in audited(database)] == ["task.open", "task.open", "task.breach"]

    def test_what_can_not_be_entered_whole_is_not_entered(self, ledger: Ledger, database: Database) -> None:
        (visit,) = enter(ledger, new())
        before = contents(database)
        bad = message(key="bad", expires_at=NOW.replace(tzinfo=None))  # a moment without a zone
        plan = DutyPlan((new(subject="C2"),), (breached(visit),), (message(key="good"), bad), {"oversee": "x"})
        with pytest.raises(StatementError, match="without a zone"):
            ledger.planner.apply(plan, NOW)
        assert contents(database) == before

    def test_what_somebody_closed_meanwhile_stays_closed(self, ledger: Ledger, database: Database) -> None:
        first, second = enter(ledger, new(), new(subject="C2", customer="C2"))
        ledger.work.done(first.id, proof(NOW + HOUR), anybody)
        before = [row for row in audited(database) if row[2].get("duty") == first.id]
        made = ledger.planner.apply(DutyPlan(changed=(breached(first), breached(second))), NOW + 32 * HOUR)
        assert made == [breached(second)]
        assert [one.state for one in every(ledger)] == [DutyState.MET, DutyState.BREACHED]
        assert ledger.work.task(first.id)[1] == []
        assert [row for row in audited(database) if row[2].get("duty") == first.id] == before

    @pytest.mark.parametrize(
        "meanwhile",
        [{"person": "K2"}, {"level": 1}, {"state": DutyState.BREACHED}, {"due_at": NOW + 99 * HOUR}],
        ids=lambda changes: next(iter(changes)),
    )
    def test_what_somebody_changed_meanwhile_is_left_as_it_is(self, ledger: Ledger, meanwhile: dict[str, Any]) -> None:
        """A deadline that was moved at the last moment is not breached by a plan that still saw the old one."""
        (visit,) = enter(ledger, new())
        step = DutyStep(visit.id, Act.HAND_OVER, NOW, "K1", "K2")
        after = replace(visit, **meanwhile)
        assert ledger.planner.apply(DutyPlan(changed=(DutyChange(visit, after, (step,)),)), NOW)
        assert ledger.planner.apply(DutyPlan(changed=(breached(visit),)), NOW + 32 * HOUR) == []
        assert every(ledger) == [after]
        assert ledger.work.task(visit.id)[1] == [step]

    def test_a_duty_is_entered_once(self, ledger: Ledger, database: Database) -> None:
        enter(ledger, new())
        before = contents(database)
        enter(ledger, new(person="K2", due_at=NOW + 99 * HOUR), now=NOW + HOUR)
        assert contents(database) == before
        assert ledger.work.open(new(), NOW, "clerk") is None

    def test_what_is_void_stands_again_as_it_is_wanted_then(self, ledger: Ledger, database: Database) -> None:
        (visit,) = enter(ledger, new(level=2))
        ledger.planner.apply(DutyPlan(changed=(replace(breached(visit), after=replace(visit, chain=("D1",))),)), NOW)
        (visit,) = every(ledger)
        void = replace(visit, state=DutyState.VOID, settled_at=NOW, act_at=None)
        ledger.planner.apply(DutyPlan(changed=(DutyChange(visit, void, (DutyStep(1, Act.VOID, NOW, "planner"),)),)), NOW)
        assert every(ledger) == [void]
        wanted = new(person="K2", due_at=NOW + 99 * HOUR, act_at=NOW + 90 * HOUR)
        (again,) = enter(ledger, wanted, now=NOW + HOUR)
        assert (again.id, again.state, again.person, again.due_at, again.act_at) == (
            visit.id, DutyState.OPEN, "K2", NOW + 99 * HOUR, NOW + 90 * HOUR,
        )  # fmt: skip
        assert (again.level, again.chain, again.settled_at, again.opened_at) == (0, (), None, NOW + HOUR)
        assert [step.act for step in ledger.work.task(visit.id)[1]] == [Act.BREACH, Act.VOID], "what it went through stays"
        assert [row[0] for row in audited(database)] == ["task.open", "task.breach", "task.void", "task.open"]

    def test_what_the_registry_shows_is_evidence_of_its_own(self, ledger: Ledger, database: Database) -> None:
        (lacking,) = enter(ledger, new("who-manager", period="2023-03-01"))
        later = NOW + 40 * HOUR
        after = replace(lacking, state=DutyState.LATE, settled_at=later, act_at=None)
        step = DutyStep(lacking.id, Act.SETTLE, later, "planner", why="#8")
        ledger.planner.apply(DutyPlan(changed=(DutyChange(lacking, after, (step,)),)), later)
        found, steps = ledger.work.task(lacking.id)
        shown = Evidence(EvidenceKind.REGISTRY, "planner", "planner", "", "", later, later, note="#8")
        assert (found.evidence, found.counting, found.waiting) == ((shown,), (shown,), ())
        assert found.proven() is found.state is DutyState.LATE, "nobody has to confirm what the registry shows"
        assert (steps, audited(database)[-1]) == ([step], ("task.done", "C1", {"duty": 1, "why": "#8"}))

    def test_what_is_due_comes_in_its_order_and_no_more_than_asked(self, ledger: Ledger) -> None:
        ahead = {"C1": 3, "C2": 1, "C3": 2}
        enter(ledger, *(new(subject=code, act_at=NOW + hours * HOUR) for code, hours in ahead.items()))
        assert [one.subject for one in ledger.planner.due(NOW + 2 * HOUR, 10)] == ["C2", "C3"]
        assert [one.subject for one in ledger.planner.due(NOW + 9 * HOUR, 2)] == ["C2", "C3"]
        assert ledger.planner.due(NOW + HOUR - INSTANT, 10) == []
        assert ledger.planner.next_act() == NOW + HOUR

    def test_unfinished_ones_are_found_by_rule_and_by_person(self, ledger: Ledger) -> None:
        enter(ledger, new(), new("oversee", "unit U1", customer="", person=""), new(subject="C3", person="K2"))
        ledger.work.done(3, proof(), anybody)
        ledger.planner.apply(DutyPlan(changed=(breached(every(ledger)[0]),)), NOW + 32 * HOUR)
        found = ledger.planner.unfinished(["contact-visit", "oversee", "who-point"])
        assert {rule: [one.id for one in some] for rule, some in found.items()} == {
            "contact-visit": [1], "oversee": [2], "who-point": [],
        }  # fmt: skip
        assert sorted(ledger.planner.holders()) == ["", "K1"]
        assert [one.id for one in ledger.planner.held_by(["", "K2"])] == [2]


class TestAbsences:
    def test_are_kept_until_they_are_taken_back(self, ledger: Ledger, database: Database) -> None:
        away = Absence("K1", date(2023, 3, 1), date(2023, 3, 8), "K2")
        assert ledger.orders.absences_state() == "0-0"
        number = ledger.orders.add_absence(away, "S1", "chief", NOW)
        assert (list(ledger.orders.absences()), ledger.orders.absences_state()) == ([replace(away, id=number)], "1-0")
        assert list(ledger.evaluation.absences()) == [replace(away, id=number)], "whom alerts are sent to depends on it"
        ledger.orders.end_absence(number, "S1", "chief", NOW + HOUR)
        assert (list(ledger.orders.absences()), ledger.orders.absences_state()) == ([], "1-1")
        for gone in (number, 99):
            with pytest.raises(Refusal, match=f"no absence {gone}"):
                ledger.orders.end_absence(gone, "S1", "chief", NOW)
        assert audited(database) == [
            ("people.absent", "K1", {"absence": number, "stand_in": "K2", "by": "S1"}),
            ("people.back", "K1", {"absence": number, "by": "S1"}),
        ]

    def test_come_by_their_first_day(self, ledger: Ledger) -> None:
        for code, month in (("K1", 5), ("K2", 3), ("K3", 4)):
            ledger.orders.add_absence(Absence(code, date(2023, month, 1), date(2023, month, 2)), "S1", "chief", NOW)
        assert [away.person for away in ledger.orders.absences()] == ["K2", "K3", "K1"]


class TestWanted:
    @pytest.fixture(autouse=True)
    def tasks(self, ledger: Ledger) -> None:
        enter(
            ledger,
            new(due_at=NOW + 2 * HOUR, unit="U1"),
            new(subject="C2", customer="C2", person="K2", due_at=NOW + HOUR, unit="U2"),
            new("oversee", "unit U1", "2023-02", customer="", person="S1", due_at=NOW + 3 * HOUR, unit="U1"),
            new("oversee", "unit -", "2023-02", customer="", person="", due_at=NOW + 3 * HOUR),
            new("who-point", "C1/P1", "end 2023-02-01", due_at=NOW, unit="U1"),
        )
        ledger.work.done(5, proof(), anybody)

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, [2, 1, 3, 4]),  # by their deadlines
            ({"finished": True}, [5, 2, 1, 3, 4]),
            ({"person": "K1"}, [1]),
            ({"person": "K1", "finished": True}, [5, 1]),
            ({"customer": "C1"}, [1]),
            ({"unit": "U1"}, [1, 3]),
            ({"unit": ""}, [4]),  # customers without a unit are a unit too
            ({"unit": "U9"}, []),
            ({"rule": "oversee"}, [3, 4]),
            ({"since": NOW + 2 * HOUR}, [1, 3, 4]),
            ({"until": NOW + 2 * HOUR}, [2]),
            ({"since": NOW + HOUR, "until": NOW + 3 * HOUR, "unit": "U2", "rule": "contact-visit"}, [2]),
        ],
        ids=str,
    )
    def test_what_is_listed(self, ledger: Ledger, asked: dict[str, Any], found: list[int]) -> None:
        assert [one.id for one in ledger.work.tasks(Wanted(**asked))] == found

    def test_no_more_than_asked(self, ledger: Ledger) -> None:
        assert [one.id for one in ledger.work.tasks(limit=2)] == [2, 1]
        assert len(ledger.work.tasks(limit=None)) == 4

    def test_are_counted_by_state(self, ledger: Ledger) -> None:
        assert ledger.work.counts() == {DutyState.OPEN: 4, DutyState.MET: 1}


OLDER = [
    # rule, subject, person, state, settled, due
    ("churn-warn", "C1/gas", "K1", "open", None, "2023-03-02T09:30:00.000000Z"),
    ("churn-warn", "C2/electricity", "", "open", None, "2023-03-03T09:30:00.000000Z"),
    ("churn-warn", "C3/gas", "K1", "met", "2023-03-01T05:00:00.000000Z", "2023-03-02T09:30:00.000000Z"),
    ("churn-warn", "C4/gas", "K1", "breached", None, "2023-02-02T09:30:00.000000Z"),
    ("churn-warn", "C5/gas", "K1", "void", "2023-03-01T05:00:00.000000Z", "2023-03-02T09:30:00.000000Z"),
]


def test_duties_of_an_older_program_are_kept_and_go_on(tmp_path: Path) -> None:
    path, config = tmp_path / "older.db", Config()
    config.set_main_option("script_location", str(files("meterwatch.stores") / "migrations"))
    with create_engine(f"sqlite:///{path}").begin() as connection:
        config.attributes["connection"] = connection
        upgrade(config, "0002")
        names = ("rule", "subject", "person", "state", "settled_at", "due_at", "period", "opened_at", "provisional")
        rest = ("2023-02-28", "2023-03-01T02:00:00.000000Z", False)
        rows = [dict(zip(names, (*row, *rest), strict=True)) for row in OLDER]
        connection.execute(insert(table("duties", *map(column, names))), rows)
        said = {"duty": 3, "kind": "visit", "person": "K1", "account": "clerk", "cause": "why", "proposal": "what"}
        said |= {"happened_at": "2023-03-01T04:00:00.000000Z", "recorded_at": "2023-03-01T05:00:00.000000Z"}
        connection.execute(insert(table("evidence", *map(column, said))).values(said))
    with closed(Database.file(path)) as database:
        ledger = Ledger(database)
        found = every(ledger)
        assert [(one.subject, one.customer, one.person, one.state.value) for one in found] == [
            (subject, subject[:2], person, state) for _, subject, person, state, *_ in OLDER
        ]
        assert [one.id for one in found if one.act_at] == [1, 2]
        assert all(one.act_at in (None, one.due_at) for one in found)
        (proven,) = found[2].evidence
        assert (proven.kind, proven.note, proven.outcome, proven.confirmed_at) == (EvidenceKind.VISIT, "", "", None)
        assert found[2].proven() is DutyState.MET
        moment = found[1].due_at + INSTANT
        (first, second) = climbed(ledger, moment, OFFICE)
        assert (first.before.id, second.before.id) == (1, 2)
        assert {change.after.state for change in (first, second)} == {DutyState.BREACHED}
        assert climbed(ledger, moment, OFFICE) == []
        (fourth,) = [one for one in every(ledger) if one.id == 4]
        proof_late = given("K1", moment, cause="a", proposal="b")
        assert ledger.work.done(fourth.id, proof_late, anybody).waiting == (proof_late,)
