"""Live rules: each new reading is judged once it is stored, whatever the order, and again after what went wrong."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from detectors.rules import RULES
from meterwatch.app.live import Live
from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.errors import Unavailable
from meterwatch.core.instants import from_ms
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.core.model.registry import Assignment, Person, Registry, Role
from meterwatch.core.ports import Commit, EvaluationLedger
from meterwatch.stores.ledger import Ledger
from notifier.routing import RoutingOptions, Site
from tests.support.ledger import fresh_database
from tests.support.readings import HOUR, POWER, REGISTER, batch, meters, series
from tests.support.rules import DAY, Supply, registry

SITE = Site("Asia/Shanghai", WorkingCalendar(), RoutingOptions())


class StandingClock:
    """Business time as the test sets it."""

    def __init__(self) -> None:
        self.at = from_ms(0)

    def now(self) -> datetime:
        return self.at


class Room:
    """Two points with a limit of 100 kW, their manager, a ledger, and the live judgement."""

    def __init__(self, ledger: Ledger) -> None:
        held = registry([Supply("C1", "P1"), Supply("C2", "P2")], limits={"P1": 100.0, "P2": 100.0})
        self.registry = Registry(
            *(getattr(held, name) for name in ("number", "codes", "time_zones", "points")),
            meters(),
            (),
            held.customers,
            held.agreements,
            {"K1": Person("K1", Role.MANAGER)},
            (Assignment("K1", Role.MANAGER),),
        )
        self.scheme = self.registry.scheme_order[0]
        self.start = self.scheme.start(DAY)
        self.ledger = ledger
        self.clock = StandingClock()
        self.clock.at = from_ms(self.start + 12 * HOUR)
        self.live = self.fresh()

    def fresh(self, ledger: EvaluationLedger | None = None) -> Live:
        found = ledger or self.ledger.evaluation
        return Live(found, RULES, {rule.name: rule.options for rule in RULES}, SITE, self.clock)

    def readings(self, values: dict[float, float], kind: str = REGISTER, point: int = 0) -> ReadingBatch:
        """Return readings of one series by hours after the start of DAY."""
        return batch(series(kind, values, start=self.start, point=point))

    def judge(self, values: dict[float, float], kind: str = REGISTER, point: int = 0) -> None:
        self.live.judge(self.readings(values, kind, point), self.registry)

    def alerts(self) -> list[tuple[str, int, str]]:
        """Return subject, peak rate and silence of every alert."""
        found = self.ledger.evaluation.all_alerts(closed=True, limit=100)
        return sorted((one.episode.subject, round(one.episode.figures["peak"]), one.suppressed) for one in found)

    def messages(self) -> int:
        return len(self.ledger.outbox.messages())


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with fresh_database("sqlite", tmp_path) as database:
        yield Room(Ledger(database))


def test_a_step_over_the_limit_is_told_at_once(room: Room) -> None:
    room.judge({11.0: 1000.0, 11.25: 1020.0})
    assert room.alerts() == []
    room.judge({11.5: 1050.0})
    assert room.alerts() == [("P1", 120, "")]
    assert room.messages() == 1


def test_the_same_batch_again_changes_nothing(room: Room) -> None:
    for _ in range(2):
        room.judge({11.0: 1000.0, 11.25: 1030.0})
    assert room.alerts() == [("P1", 120, "")]
    assert room.messages() == 1


class Hiccup:
    """A ledger whose first commit does not go through."""

    def __init__(self, ledger: EvaluationLedger) -> None:
        self._ledger, self._left = ledger, 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def commit(self, commit: Commit) -> None:
        if self._left:
            self._left = 0
            raise Unavailable("ledger: database is locked")
        self._ledger.commit(commit)


def test_what_the_ledger_did_not_take_is_judged_again(room: Room) -> None:
    room.live = room.fresh(Hiccup(room.ledger.evaluation))  # type: ignore[arg-type]
    room.judge({11.0: 1000.0})
    with pytest.raises(Unavailable):
        room.judge({11.25: 1030.0})
    assert room.alerts() == []
    room.judge({11.25: 1030.0})
    assert room.alerts() == [("P1", 120, "")]


def test_after_a_restart_what_was_judged_is_a_neighbour(room: Room) -> None:
    room.live.prime(room.readings({11.0: 1000.0}))
    room.judge({11.25: 1030.0})
    assert room.alerts() == [("P1", 120, "")]


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 2, 0)])
def test_readings_that_overtook_each_other_are_judged(room: Room, order: tuple[int, ...]) -> None:
    sent = [(10.5, 1000.0), (11.0, 1080.0), (11.5, 1081.0)]  # 160 kW, then 2: over the whole hour 81
    for index in order:
        room.judge(dict([sent[index]]))
    assert room.alerts() == [("P1", 160, "")]


@pytest.mark.parametrize("zeros", [1, 2, 3, 6])
def test_a_register_that_falls_to_zero_and_comes_back_is_no_load(room: Room, zeros: int) -> None:
    values = [50_000.0, 50_001.0, *[0.0] * zeros, 50_003.0, 50_004.0]
    for index, value in enumerate(values):
        room.judge({9.0 + index / 4: value})
    assert room.alerts() == []


def test_a_register_that_begins_anew_goes_on_being_judged(room: Room) -> None:
    for index, value in enumerate([50_000.0, 50_001.0, 0.0, 1.0, 2.0, 40.0]):
        room.judge({9.0 + index / 4: value})
    assert room.alerts() == [("P1", 152, "")]


def test_each_point_is_as_late_as_its_own_reading(room: Room) -> None:
    late = series(POWER, {1.0: 50.0, 1.25: 130.0}, start=room.start)
    fresh = series(POWER, {11.5: 50.0, 11.75: 60.0}, start=room.start, point=1)
    room.live.judge(batch([*late, *fresh]), room.registry)
    assert room.alerts() == [("P1", 130, "stale")]
    assert room.messages() == 0


def test_a_rate_of_more_than_a_number_is_no_load(room: Room) -> None:
    room.judge({11.0: 0.0, 11.25: 1e305})
    assert room.alerts() == []


def test_a_day_whose_evaluation_has_begun_is_left_to_it(room: Room) -> None:
    room.ledger.evaluation.open_scheme(room.scheme.name, DAY, room.clock.at)
    room.ledger.evaluation.begin_day(room.scheme.name, DAY, room.clock.at)
    room.judge({11.0: 1000.0, 11.25: 1030.0})
    assert room.alerts() == []
    room.judge({23.75: 1970.0, 1.0: 0.0})
    room.judge({24.25: 2030.0, 24.5: 2031.0})  # the first step of the next day needs a reading of this one
    assert room.alerts() == [("P1", 120, "")]
