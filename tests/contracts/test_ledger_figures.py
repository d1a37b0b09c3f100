"""Figures of alerts and duties as the ledger counts them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from meterwatch.core.model.duties import DutyState
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.figures import DutyCount
from tests.support.desk import climbed
from tests.support.ledger import DAY, HOUR, NOW, anybody, audited, changed, duty, episode, opened, proof, withdrawn

TICK = timedelta(microseconds=1)


def enter(ledger: Ledger, subject: str, **changes: Any) -> int:
    number = ledger.work.open(replace(duty(episode(subject)), alert=None, **changes), NOW, "test")
    assert number is not None
    return number


def test_counts_duties_by_rule_unit_person_and_state(ledger: Ledger) -> None:
    done = [enter(ledger, f"C{n}/gas", unit="U1") for n in range(3)]
    enter(ledger, "C4/gas", unit="U1", person="K2")
    enter(ledger, "C5/gas", unit="U2")
    enter(ledger, "C6/gas", unit="U2", rule="use-monitor", due_at=NOW, act_at=NOW + TICK)
    for number in done[:2]:
        ledger.work.done(number, proof(), anybody)
    climbed(ledger, NOW + HOUR)
    found = ledger.figures.duties_due(NOW - TICK, NOW + 31 * HOUR)
    assert found == [
        DutyCount("churn-warn", "U1", "K1", DutyState.MET, 2),
        DutyCount("churn-warn", "U1", "K1", DutyState.OPEN, 1),
        DutyCount("churn-warn", "U1", "K2", DutyState.OPEN, 1),
        DutyCount("churn-warn", "U2", "K1", DutyState.OPEN, 1),
        DutyCount("use-monitor", "U2", "K1", DutyState.BREACHED, 1),
    ]
    assert ledger.figures.duties_due(NOW - TICK, NOW + 31 * HOUR, ["U1"]) == [one for one in found if one.unit == "U1"]
    assert ledger.figures.duties_due(NOW - TICK, NOW + 31 * HOUR, ["U1", "U2"]) == found
    assert ledger.figures.duties_due(NOW - TICK, NOW + 31 * HOUR, []) == []


def test_what_is_due_at_midnight_belongs_to_the_day_that_ends(ledger: Ledger) -> None:
    enter(ledger, "C1/gas", due_at=NOW)
    for since, until, count in ((NOW - HOUR, NOW, 1), (NOW, NOW + HOUR, 0), (NOW - HOUR, NOW - TICK, 0)):
        assert sum(one.duties for one in ledger.figures.duties_due(since, until)) == count


def test_counts_alerts_that_stood_open_at_the_end_of_a_day(ledger: Ledger) -> None:
    ledger.evaluation.commit(opened(episode(), episode("C2/gas", DAY - 5), episode("C2/gas", DAY - 40), episode("C3/gas")))
    first, second = ledger.evaluation.alerts("churn", 0, ["C2/gas"])
    early = min((first, second), key=lambda alert: alert.episode.opened_day)
    ledger.evaluation.commit(changed(early, replace(early.episode, closed_day=DAY - 1, closed_why="recovered")))
    ledger.evaluation.commit(withdrawn(*ledger.evaluation.alerts("churn", 0, ["C3/gas"])))
    assert ledger.figures.open_alerts(DAY) == {"C1/gas": 1, "C2/gas": 1}
    assert ledger.figures.open_alerts(DAY - 1) == {"C2/gas": 1}
    assert ledger.figures.open_alerts(DAY - 2) == {"C2/gas": 2}
    assert ledger.figures.open_alerts(DAY - 6) == {"C2/gas": 1}
    assert ledger.figures.open_alerts(DAY - 41) == {}


def test_counts_unfinished_duties_of_customers_however_many(ledger: Ledger) -> None:
    done = enter(ledger, "C1/gas", customer="C1")
    enter(ledger, "C1/water", customer="C1", due_at=NOW, act_at=NOW + TICK)
    enter(ledger, "C2/gas", customer="C2")
    enter(ledger, "C3/gas", customer="C3")
    climbed(ledger, NOW + HOUR)
    many = [f"X{n}" for n in range(2000)]
    assert ledger.figures.open_duties(["C1", *many, "C2"]) == {"C1": 2, "C2": 1}
    ledger.work.done(done, proof(NOW + HOUR), anybody)
    assert ledger.figures.open_duties(["C1"]) == {"C1": 1}
    assert ledger.figures.open_duties([]) == {}


def test_notes_who_was_refused(ledger: Ledger, database: Database) -> None:
    ledger.figures.note_refusal("K1 (clerk)", "weekly", "U2", NOW)
    assert audited(database) == [("report.refuse", "weekly", {"unit": "U2"})]
