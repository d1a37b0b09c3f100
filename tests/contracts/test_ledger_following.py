"""What people do to duties in the ledger: evidence, its confirmation, what follows from it, later deadlines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from meterwatch.core.errors import Refusal
from meterwatch.core.model.alerts import AlertChanges, Stage
from meterwatch.core.model.contacts import NewContactRecord
from meterwatch.core.model.duties import Absence, Act, Duty, DutyChange, DutyState, DutyStep, EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.ports import Commit
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from notifier.duties.acting import ask, extend
from notifier.duties.closing import closing, confirming
from notifier.duties.contacts import BY_CONTACT, meeting
from notifier.roster import Roster
from tests.support.desk import SITE, climbed
from tests.support.duties import OFFICE, desk, enter, every, given, new
from tests.support.ledger import DAY, HOUR, NOW, anybody, audited, contents, duty, episode, only_alert, opened, withdrawn


class TestFollowing:
    """RULES churn-potential: confirm, plan, file; what is sent back is planned and filed anew."""

    @pytest.fixture
    def confirm(self, ledger: Ledger) -> Duty:
        return enter(ledger, new("churn-confirm", "C1/gas", "2023-02-28"))[0]

    def close(self, ledger: Ledger, rule: str, code: str, kind: str, at: Any, outcome: str = "") -> Duty:
        (task,) = [one for one in ledger.work.tasks() if one.rule == rule]
        proven = given(code, at, kind, outcome=outcome, paper="ab" * 32 if kind == "paper" else "")
        return ledger.work.done(task.id, proven, closing(desk(code, at)))

    def test_a_plan_sent_back_goes_round_again(self, ledger: Ledger, database: Database, confirm: Duty) -> None:
        hours = iter(range(1, 9))
        walk = [
            ("churn-confirm", "K1", "phone", "potential"),
            ("churn-plan", "K1", "paper", ""),
            ("churn-filing", "S1", "approval", "returned"),
            ("churn-plan", "K1", "text", ""),
            ("churn-filing", "S1", "approval", "approved"),
        ]
        for rule, code, kind, outcome in walk:
            assert self.close(ledger, rule, code, kind, NOW + next(hours) * HOUR, outcome).state is DutyState.MET
        assert [(one.rule, one.period, one.person, one.called_by) for one in every(ledger)] == [
            ("churn-confirm", "2023-02-28", "K1", ""),
            ("churn-plan", "2023-02-28", "K1", "K1"),
            ("churn-filing", "2023-02-28", "S1", "K1"),
            ("churn-plan", "2023-02-28+", "K1", "S1"),
            ("churn-filing", "2023-02-28+", "S1", "K1"),
        ]
        assert {one.due_at for one in every(ledger)} == {confirm.due_at}, "five working days in all"
        assert [row[0] for row in audited(database)] == ["task.open", *["task.done", "task.open"] * 4, "task.done"]

    @pytest.mark.parametrize(("outcome", "rules"), [("special", []), ("ended", ["churn-ended"])])
    def test_another_outcome_calls_for_something_else(
        self, ledger: Ledger, confirm: Duty, outcome: str, rules: list[str]
    ) -> None:
        self.close(ledger, "churn-confirm", "K1", "visit", NOW + HOUR, outcome)
        assert [one.rule for one in every(ledger)[1:]] == rules
        assert confirm.customer == "C1"

    def test_late_evidence_calls_for_nothing_until_it_is_confirmed(self, ledger: Ledger, confirm: Duty) -> None:
        late = NOW + 40 * HOUR
        assert self.close(ledger, "churn-confirm", "K1", "phone", late, "potential").state is DutyState.OPEN
        assert len(every(ledger)) == 1
        assert ledger.work.confirm(confirm.id, "S1", "acc-S1", late, confirming(desk("S1", late))).state is DutyState.LATE
        plan = every(ledger)[1]
        assert (plan.rule, plan.due_at, plan.called_by) == ("churn-plan", confirm.due_at, "K1")
        (change,) = climbed(ledger, late, OFFICE)
        assert (change.before.id, change.after.state) == (plan.id, DutyState.BREACHED), "its time had passed already"
        proven = given("K1", late + HOUR, "text")
        assert ledger.work.done(plan.id, proven, closing(desk("K1", late + HOUR))).waiting == (proven,)

    def test_an_alert_taken_back_takes_what_followed_with_it(self, ledger: Ledger) -> None:
        task = replace(duty(episode()), rule="churn-confirm")
        ledger.evaluation.commit(opened(episode(), duties=[task]))
        self.close(ledger, "churn-confirm", "K1", "phone", NOW + HOUR, "potential")
        ledger.evaluation.commit(withdrawn(only_alert(ledger), now=NOW + 2 * HOUR))
        done, plan = every(ledger)
        assert (done.state, plan.rule, plan.state, plan.act_at) == (DutyState.MET, "churn-plan", DutyState.VOID, None)


class TestEvidence:
    def test_so_many_times_and_not_before(self, ledger: Ledger) -> None:
        (calls,) = enter(ledger, new("contact-callback", period="2023", needed=4))
        states = [
            ledger.work.done(calls.id, given("K1", NOW + hours * HOUR, "sms"), closing(desk("K1", NOW + hours * HOUR)))
            for hours in (1, 2, 3, 4)
        ]
        assert [(one.state, len(one.counting)) for one in states] == [
            *((DutyState.OPEN, count) for count in (1, 2, 3)), (DutyState.MET, 4),
        ]  # fmt: skip

    def test_the_last_one_needed_decides_whether_it_was_in_time(self, ledger: Ledger) -> None:
        (calls,) = enter(ledger, new("contact-callback", period="2023", needed=2))
        ledger.work.done(calls.id, given("K1", NOW + HOUR), anybody)
        climbed(ledger, NOW + 40 * HOUR, OFFICE)
        for late in (given("K1", NOW + 40 * HOUR), given("K2", NOW + 41 * HOUR, happened_at=NOW + 5 * HOUR)):
            ledger.work.done(calls.id, late, anybody)
        after = ledger.work.confirm(calls.id, "S1", "acc-S1", NOW + 42 * HOUR, anybody)
        assert (after.state, len(after.counting)) == (DutyState.MET, 3), "the second of them happened in time"

    def test_each_confirms_what_the_other_recorded(self, ledger: Ledger, database: Database) -> None:
        """Two people recorded something late: neither has to wait for a third, and neither vouches for himself."""
        (visit,) = enter(ledger, new())
        climbed(ledger, NOW + 40 * HOUR, OFFICE)
        own = {code: given(code, NOW + (40 + n) * HOUR) for n, code in enumerate(("K1", "K2"))}
        for code, said in own.items():
            ledger.work.done(visit.id, said, closing(desk(code, said.recorded_at)))
        after = ledger.work.confirm(visit.id, "K2", "acc-K2", NOW + 43 * HOUR, confirming(desk("K2")))
        assert (after.state, after.waiting) == (DutyState.LATE, (own["K2"],))
        assert [proof.person for proof in after.counting] == ["K1"]
        detail = {"duty": visit.id, "kind": "phone", "state": "late", "by": "K1"}
        assert audited(database)[-1] == ("task.done", "C1", detail), "what settled it is what was confirmed"
        assert every(ledger) == [after]

    def test_one_who_may_confirm_nothing_changes_nothing(self, ledger: Ledger, database: Database) -> None:
        (visit,) = enter(ledger, new())
        with pytest.raises(Refusal, match="nothing of task 1 waits for confirmation"):
            ledger.work.confirm(visit.id, "S1", "acc-S1", NOW, anybody)
        ledger.work.done(visit.id, given("K1", NOW + 40 * HOUR), closing(desk("K1", NOW + 40 * HOUR)))
        before = contents(database)
        with pytest.raises(Refusal, match=r"K1 .* recorded that evidence of task 1 himself"):
            ledger.work.confirm(visit.id, "K1", "acc-K1", NOW + 41 * HOUR, confirming(desk("K1")))
        assert contents(database) == before

    def test_what_waits_for_confirmation_does_not_keep_it_from_being_met_in_the_end(self, ledger: Ledger) -> None:
        (visit,) = enter(ledger, new())
        late = given("K1", NOW + 40 * HOUR, happened_at=NOW + HOUR)
        assert ledger.work.done(visit.id, late, anybody).state is DutyState.OPEN
        (change,) = climbed(ledger, NOW + 40 * HOUR, OFFICE)
        assert change.after.state is DutyState.BREACHED
        assert ledger.work.confirm(visit.id, "K2", "acc-K2", NOW + 50 * HOUR, anybody).state is DutyState.MET


class TestActing:
    def test_a_later_deadline_is_asked_for_granted_and_kept(self, ledger: Ledger, database: Database) -> None:
        (visit,) = enter(ledger, new())
        due = NOW + 99 * HOUR
        assert ledger.work.change(visit.id, ask(desk("K1"), due, "abroad")) == visit
        after = ledger.work.change(visit.id, extend(desk("K2"), granted=True))
        assert (after.due_at, every(ledger)) == (due, [after])
        acts = [(step.act, step.person, step.due_at) for step in ledger.work.task(visit.id)[1]]
        assert acts == [(Act.ASK, "K1", due), (Act.EXTEND, "K2", due)]
        assert [row[0] for row in audited(database)][1:] == ["task.ask", "task.extend"]

    def test_what_is_refused_leaves_nothing(self, ledger: Ledger, database: Database) -> None:
        (visit,) = enter(ledger, new())
        before = contents(database)

        def no(_duty: Duty, _steps: Sequence[DutyStep]) -> DutyChange:
            raise Refusal(Phrase("no", "不"))

        with pytest.raises(Refusal, match="no"):
            ledger.work.change(visit.id, no)
        with pytest.raises(Refusal, match="no task 7"):
            ledger.work.change(7, no)
        stale = replace(visit, person="K9")
        with pytest.raises(Refusal, match="somebody else changed task 1"):
            ledger.work.change(visit.id, lambda *_: DutyChange(stale, stale, ()))
        assert contents(database) == before

    def test_a_stage_taken_back_voids_its_task_under_its_own_name(self, ledger: Ledger, database: Database) -> None:
        both = (Stage("warn", DAY), Stage("potential", DAY))
        tasks = [duty(episode()), replace(duty(episode()), rule="churn-confirm")]
        ledger.evaluation.commit(opened(episode(stages=both), duties=tasks))
        alert = only_alert(ledger)
        back = AlertChanges(changed=((alert, episode()),))
        ledger.evaluation.commit(Commit(NOW + HOUR, registry=1, changes=back, voided=[(alert.id, "churn-confirm")]))
        warn, confirm = every(ledger)
        assert (warn.state, confirm.state, confirm.settled_at) == (DutyState.OPEN, DutyState.VOID, NOW + HOUR)
        assert ("task.void", "C1/gas", {"duty": confirm.id}) in audited(database)
        assert ledger.work.task(confirm.id)[1] == [DutyStep(confirm.id, Act.VOID, NOW + HOUR, "engine")]


def test_what_is_open_again_is_with_somebody_who_is_there(ledger: Ledger) -> None:
    """People are seen to once a day; a record corrected later that day must not give a task back to who is away."""
    (visit,) = enter(ledger, new())
    at_desk = desk("S1")

    def speak(*, reached: bool, corrects: int | None = None, away: Sequence[Absence] = ()) -> Duty:
        here = replace(at_desk, roster=Roster(OFFICE, away, SITE.day(NOW)))
        said = NewContactRecord("C1", EvidenceKind.PHONE, "", reached, "x", "S1", "acc-S1", NOW, NOW, corrects)
        ledger.records.add_contact(said, BY_CONTACT, meeting(here))
        return every(ledger)[0]

    assert speak(reached=True).state is DutyState.MET
    leaves = Absence("K1", date(2023, 3, 1), date(2023, 3, 2), "K2")
    again = speak(reached=False, corrects=1, away=[leaves])
    assert (again.state, again.person, again.due_at) == (DutyState.OPEN, "K2", visit.due_at)
    steps = [(step.act, step.person, step.why) for step in ledger.work.task(again.id)[1]]
    assert steps == [(Act.REOPEN, "", "2"), (Act.HAND_OVER, "K2", "K1")]
    assert speak(reached=True, corrects=2).state is DutyState.MET
    assert speak(reached=False, corrects=3).person == "K2", "he is there: it stays with him"
