"""A world in which everything came out as scripted: made from the script of a small fleet, without a play."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest

from ingest.outcomes import Balance
from meterwatch.core.model.alerts import Alert, Episode, FactRow, Stage
from meterwatch.core.model.duties import Duty, DutyState, Evidence, EvidenceKind
from meterwatch.core.model.judgements import Judgement, Verdict
from meterwatch.core.model.messages import Message, MessageState
from meterwatch.core.model.readings import DayTotals, Quality
from meterwatch.demo import script as scripted
from meterwatch.demo.office_story import RECOVERY, ROUTINE, TOLD
from meterwatch.demo.script import Script
from meterwatch.demo.world import FIRST_DAY, LAST_DAY, World
from tests.support.month import small_fleet

WARNED = date(2023, 2, 17).toordinal()
SILENT = date(2023, 2, 28).toordinal()
OFFLINE = scripted.OFFLINE.date().toordinal()
NOON = scripted.at(2, 18, 12)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width the table is laid out for, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def own_signals() -> Iterator[None]:
    """The command sets a handler in this process: put it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def script() -> Script:
    return Script.make(small_fleet())


@pytest.fixture(scope="session")
def world(script: Script) -> World:
    loads = [_load(2 + number, start) for number, (start, _) in enumerate(scripted.OVERLOADS)]
    alerts = [_churn(), *loads, _silent(4, scripted.SILENT, SILENT)]
    withdrawn = [_silent(5, point.code, OFFLINE + 1) for point in script.fleet.gateways[scripted.LATE_GATEWAY]]
    closed = range(scripted.FESTIVAL_FROM.date().toordinal(), scripted.FESTIVAL_TO.date().toordinal())
    return World(
        script=replace(script, sent_twice=240),
        points=[point.code for point in script.fleet.points],
        day_totals=_totals(script),
        alerts=alerts,
        churn_facts=[FactRow("churn", "C-0171/electricity", day, ("literal",), {}) for day in closed],
        tasks=_tasks(),
        messages=[*(_message(alert) for alert in (*alerts, *withdrawn)), *_told()],
        judgements=[_judgement(number, day) for number, day in enumerate(closed, 1)],
        rejects={reason.value: count for reason, count in scripted.POISON_REASONS.items()},
        balance=Balance(1009, 1004, 5, 0, 90_245, 90_000, 240, 1, 4),
        stored=90_000,
    )


def _tasks() -> list[Duty]:
    """The warning, the recovery plan, and what calendar and meters call for."""
    proof = (Evidence(EvidenceKind.PHONE, "D-01", "demo", "cause", "proposal", NOON, NOON),)
    plain = Duty(1, "churn-warn", "C-0007/gas", "2023-02-17", NOON, NOON, False, "D-01", DutyState.MET, alert_id=1)
    urgent = [replace(plain, rule=rule, person=person, evidence=proof) for rule, person in RECOVERY]
    other = replace(plain, subject="C-0001", alert_id=None)
    return urgent + [
        replace(other, rule=rule, state=state) for (rule, state), count in ROUTINE.items() for _ in range(count)
    ]


def _told() -> list[Message]:
    """What people are told about tasks, and in the morning."""
    plain = Message(90, "", "spool", "", "zh-CN", "", 1, "body", MessageState.ACCEPTED, NOON, NOON)
    digests = {(f"M-0{number}", "digest"): 61 for number in (1, 2, 4, 5)}
    return [
        replace(plain, key=f"{template}/{person}/{number}", person=person, template=template)
        for (person, template), count in (TOLD | digests).items()
        for number in range(count)
    ]


def _judgement(number: int, day: int) -> Judgement:
    return Judgement(number, "churn", "C-0171/electricity", day, Verdict.EXCLUDE, "festival", "M-02", "demo", NOON)


def _churn() -> Alert:
    stages = (Stage("warn", WARNED), Stage("potential", WARNED + 23))
    episode = Episode("churn", "guarded", "C-0007/gas", WARNED, WARNED - 6, stages=stages)
    return Alert(1, replace(episode, closed_day=WARNED + 38, closed_why="rebased"), NOON, 1)


def _load(number: int, start: datetime) -> Alert:
    day = start.date().toordinal()
    return Alert(number, Episode("load", "literal", "EP-0003", day, day, closed_day=day, closed_why="day over"), start, 1)


def _silent(number: int, point: str, opened: int) -> Alert:
    return Alert(number, Episode("silent", "literal", point, opened, opened - 1), NOON, 1)


def _message(alert: Alert) -> Message:
    key = f"{alert.episode.rule}/{alert.episode.policy}/{alert.episode.subject}/{alert.episode.opened_day}"
    return Message(alert.id, key, "spool", "M-03", "en", "t", 1, alert.episode.subject, MessageState.ACCEPTED, NOON, NOON)


def _totals(script: Script) -> DayTotals:
    rows = [(day, point.index, *_total(script, point.index, day)) for day in _days() for point in script.fleet.points]
    return DayTotals.of(*zip(*rows, strict=True))


def _days() -> Sequence[int]:
    return range(FIRST_DAY, LAST_DAY + 1)


def _total(script: Script, index: int, day: int) -> tuple[float, float, float, int]:
    point = script.fleet.points[index]
    marks = {
        (scripted.ROLLED, scripted.ROLLS_AT.date().toordinal()): Quality.ROLLOVER,
        (scripted.EXCHANGED, scripted.EXCHANGED_AT.date().toordinal()): Quality.EXCHANGE,
    }
    silent = point.code == scripted.SILENT and day >= scripted.SILENT_FROM.date().toordinal()
    return script.truth.day_use(point, day), 0.1 if silent else 1.0, float("nan"), marks.get((point.code, day), Quality.GOOD)
