"""Corrected readings judged again on real stores: alerts come and go as by late readings (RULES use-validate)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from detectors.daily import DailyOptions
from detectors.rules import RULES
from meterwatch.app.evaluation import LATE_DAYS, Evaluation, RuleSet
from meterwatch.core.calendar import DayScheme, WorkingCalendar
from meterwatch.core.instants import from_ms
from meterwatch.core.model.alerts import DirtyDay
from meterwatch.core.model.reading_types import BY_NAME
from meterwatch.core.model.readings import Quality, ReadingBatch
from meterwatch.core.ports import Settlement
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.readings_sqlite import SqliteReadings
from notifier.routing import RoutingOptions, Site
from tests.support.corrections import AUTHOR, anything, new
from tests.support.ledger import audited, fresh_database
from tests.support.readings import HOUR, REGISTER, meters
from tests.support.rules import DAY, Supply, registry

SHANGHAI = DayScheme("Asia/Shanghai", 0)
START, END = SHANGHAI.start(DAY), SHANGHAI.end(DAY)
SITE = Site("Asia/Shanghai", WorkingCalendar(), RoutingOptions())
RULE_SET = RuleSet(
    RULES, {rule.name: rule.options for rule in RULES}, DailyOptions(), lunar=True, close_after=timedelta(hours=2)
)
KNOWN = replace(registry([Supply("C1", "S1")], limits={"S1": 100.0}), meters=meters())
SOUND = 1000.0 + 240.0  # what the register shows at the end of DAY
WILD = 9000.0


class Office:
    """A register that counts 10 kWh an hour through DAY, and at the day's end shows what a test says."""

    def __init__(self, ledger: Ledger, store: SqliteReadings) -> None:
        self.ledger, self.store = ledger, store
        self._evaluation = Evaluation(store, ledger.evaluation, RULE_SET, SITE)
        store.know(KNOWN.codes)
        ledger.evaluation.open_scheme(SHANGHAI.name, DAY, from_ms(START))
        self.meter({START + hour * HOUR: 1000.0 + 10.0 * hour for hour in range(-2, 24)})

    def meter(self, values: dict[int, float]) -> None:
        count, kind = len(values), BY_NAME[REGISTER].code
        received = [time * 1000 for time in values]
        self.store.append(ReadingBatch.of([0] * count, [kind] * count, [*values], [*values.values()], [0] * count, received))

    def step(self, day: int = DAY) -> None:
        self._evaluation.step(self.closed(day), KNOWN)

    def closed(self, day: int = DAY) -> datetime:
        return from_ms(SHANGHAI.end(day)) + timedelta(hours=2)

    def correct(self, value: float, time: int = END, day: int = DAY) -> int:
        return self.ledger.corrections.enter([new(time, value, raw=WILD)], KNOWN, AUTHOR, self.closed(day)).numbers[0]

    def withdraw(self, number: int) -> None:
        self.ledger.corrections.withdraw(number, KNOWN, AUTHOR, self.closed(), anything)

    def totals(self, day: int = DAY) -> tuple[float, float, Quality]:
        found = self.store.read_totals(day, day)
        return round(float(found.use[0]), 6), round(float(found.peak[0]), 6), Quality(int(found.quality[0]))

    def loads(self) -> list[float]:
        return [fact.figures["peak"] for fact in self.ledger.evaluation.facts("load", DAY, DAY)]

    def standing(self) -> list[tuple[str, int]]:
        """Return rule and opening day of every alert that is not withdrawn."""
        found = self.ledger.evaluation.all_alerts(closed=True, limit=100)
        return [(one.episode.rule, one.episode.opened_day) for one in found if one.withdrawn_at is None]

    def raw(self) -> list[tuple[float, int]]:
        found = self.store.read(END - 1, END)
        return list(zip(found.value.tolist(), found.quality.tolist(), strict=True))

    def image(self) -> Any:
        facts = [self.ledger.evaluation.facts(rule.name, 0, 10**7) for rule in RULES]
        states = [self.ledger.evaluation.states(rule.name, DAY) for rule in RULES]
        return self.totals(), repr(facts), repr(states), self.standing(), self.raw()


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Callable[[str], Office]]:
    with ExitStack() as stack:

        def make(name: str) -> Office:
            folder = tmp_path / name
            folder.mkdir()
            store = stack.enter_context(closing(SqliteReadings(folder / "readings.db")))
            return Office(Ledger(stack.enter_context(fresh_database("sqlite", folder))), store)

        yield make


@pytest.fixture
def office(offices: Callable[[str], Office]) -> Office:
    return offices("one")


def test_a_wild_value_is_corrected_and_what_it_opened_is_withdrawn(office: Office) -> None:
    office.meter({END: WILD})
    office.step()
    assert office.standing() == [("load", DAY)]
    assert office.loads() == [WILD - 1230.0]
    office.correct(SOUND)
    office.step()
    assert office.standing() == []
    assert office.loads() == []
    assert office.totals() == (240.0, 10.0, Quality.CORRECTED)
    assert office.raw() == [(WILD, 0)]
    assert office.ledger.evaluation.dirty_days(9) == []
    actions = [action for action, _, _ in audited(office.ledger.database)]
    assert actions == ["alert.open", "reading.correct", "alert.withdraw"]


def test_a_correction_that_speaks_for_an_alert_opens_it_and_withdrawn_takes_it_back(office: Office) -> None:
    office.meter({END: SOUND})
    office.step()
    assert office.standing() == []
    number = office.correct(WILD)
    office.step()
    assert (office.standing(), office.loads()) == ([("load", DAY)], [WILD - 1230.0])
    office.withdraw(number)
    office.step()
    assert (office.standing(), office.loads()) == ([], [])
    assert office.totals() == (240.0, 10.0, Quality.GOOD)


def test_one_is_added_where_the_meter_said_nothing(office: Office) -> None:
    office.step()
    assert office.totals()[0] == 230.0
    office.correct(SOUND)
    office.step()
    assert office.totals() == (240.0, 10.0, Quality.CORRECTED)
    assert office.raw() == []


def before_the_day_closes(office: Office) -> None:
    office.meter({END: WILD})
    office.correct(SOUND)
    office.step()


def afterwards(office: Office) -> None:
    office.meter({END: WILD})
    office.step()
    office.correct(SOUND)
    office.step()


def wrongly_first(office: Office) -> None:
    office.correct(SOUND + 5000)
    office.meter({END: WILD})
    office.step()
    office.correct(SOUND)
    office.step()


def with_one_too_many(office: Office) -> None:
    office.meter({END: WILD})
    office.correct(SOUND)
    number = office.correct(SOUND + 5000)
    office.step()
    office.withdraw(number)
    office.step()


def before_the_reading_came(office: Office) -> None:
    office.step()
    office.correct(SOUND)
    office.step()
    office.meter({END: WILD})
    office.ledger.ingest.settle(Settlement(dirty=[DirtyDay(DAY, 0, END * 1000)]), office.closed())
    office.step()


@pytest.mark.parametrize("way", [afterwards, wrongly_first, with_one_too_many, before_the_reading_came])
def test_the_day_comes_to_the_same_whenever_it_is_corrected(
    offices: Callable[[str], Office], way: Callable[[Office], None]
) -> None:
    first, other = offices("first"), offices("other")
    before_the_day_closes(first)
    way(other)
    assert other.image() == first.image()
    assert first.standing() == []


def test_the_day_after_is_computed_anew_too(office: Office) -> None:
    """A register's value touches the steps on both its sides."""
    office.meter({END: WILD} | {END + hour * HOUR: WILD + 10.0 * hour for hour in range(1, 27)})
    office.step()
    office.step(DAY + 1)
    assert office.totals(DAY + 1)[0] == 240.0
    office.correct(WILD - 50)
    office.step(DAY + 1)
    assert office.totals(DAY)[0] == WILD - 50 - 1000
    assert office.totals(DAY + 1) == (290.0, 60.0, Quality.CORRECTED)


def test_of_a_day_too_old_to_be_judged_only_the_totals_are_redone(office: Office) -> None:
    office.meter({END: SOUND})
    last = DAY + LATE_DAYS
    office.step(last)
    office.correct(WILD, day=last)
    office.step(last)
    assert office.totals()[0] == WILD - 1000.0
    assert {rule for rule, _ in office.standing()} == {"silent"}, "nothing has come since"
    assert office.loads() == []
    assert office.ledger.evaluation.dirty_days(9) == []


def test_a_type_that_does_not_count_leaves_the_day_as_it_is(office: Office) -> None:
    office.meter({END: SOUND})
    office.ledger.corrections.enter([new(END, 5.0, kind="electricity.power")], KNOWN, AUTHOR, office.closed())
    office.step()
    assert office.totals() == (240.0, 10.0, Quality.GOOD)
