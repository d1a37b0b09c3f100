"""Every reading store keeps the port's promises, sentence by sentence; InfluxDB on a real server."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterwatch.core.errors import Refusal
from meterwatch.core.model.readings import AppendStatus, DayTotals, ReadingBatch
from meterwatch.core.ports import ReadingStore
from meterwatch.stores.readings_influx import InfluxReadings
from meterwatch.stores.readings_sqlite import SqliteReadings
from tests.support.influx import Influxd

NEW, DUPLICATE, CONFLICT, REFUSED = AppendStatus
REGISTER, FLOW, POWER = 201, 221, 121
HOUR, DAY = 3_600_000, 86_400_000
T0 = 1_672_560_000_000  # 2023-01-01 08:00 UTC
D0 = date(2023, 1, 1).toordinal()
CODES = ("G-1", "G-2", "中燃 01=甲,乙", "a b", "c,d=e", "back\\slash", "quo'te\"s", "/slash/", "(a|b).*$^", "é+[]{}?#-")
FLOATS = (0.1 + 0.2, 1e-300, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 2.0**53 + 2, 1 / 3, -1e22, 0.0)


class Reading(NamedTuple):
    usage_point: int = 0
    reading_type: int = REGISTER
    time: int = T0
    value: float = 1.5
    quality: int = 0
    received_at: int = 1


def batch(*readings: Reading) -> ReadingBatch:
    return ReadingBatch.of(*zip(*readings, strict=True)) if readings else ReadingBatch.empty()


def rows(stored: ReadingBatch | DayTotals) -> list[tuple[float, ...]]:
    return list(zip(*(column.tolist() for column in stored.columns()), strict=True))


def everything(store: ReadingStore) -> list[tuple[float, ...]]:
    return rows(store.read(-(2**62), 2**62))


def append(store: ReadingStore, *readings: Reading) -> list[AppendStatus]:
    return [AppendStatus(status) for status in store.append(batch(*readings)).status.tolist()]


def totals(*entries: tuple[float, ...]) -> DayTotals:
    return DayTotals.of(*zip(*entries, strict=True))


Opener = Callable[[], ReadingStore]  # opens one database anew


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("influx", marks=pytest.mark.xdist_group("influxd"))])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Opener]:
    """Makes an empty database at each call."""
    numbers = itertools.count()

    def sqlite() -> Opener:
        path = tmp_path / f"{next(numbers)}.db"
        return lambda: SqliteReadings(path)

    def influx() -> Opener:
        options = request.getfixturevalue("influxd").options()
        return lambda: InfluxReadings(options)

    return sqlite if request.param == "sqlite" else influx


@pytest.fixture
def reopen(new_database: Callable[[], Opener]) -> Iterator[Opener]:
    """Opens the test's database as a process does that has just started."""
    opener = new_database()
    with ExitStack() as opened:

        def reopened() -> ReadingStore:
            store = opened.enter_context(closing(opener()))
            store.know(CODES)
            return store

        yield reopened


@pytest.fixture
def store(reopen: Opener) -> ReadingStore:
    return reopen()


class TestReadingStore:
    def test_what_is_not_stored_yet_is_new_and_can_be_read(self, store: ReadingStore) -> None:
        offered = [Reading(point, kind, T0 + point) for point in range(3) for kind in (POWER, REGISTER)]
        assert append(store, *offered) == [NEW] * 6
        assert everything(store) == offered

    def test_an_empty_batch_changes_nothing(self, store: ReadingStore) -> None:
        assert append(store) == []
        assert (everything(store), store.count()) == ([], 0)

    def test_readings_come_back_exact(self, store: ReadingStore) -> None:
        qualities = (0, 1, 2**31, 2**32 - 1)
        offered = [
            Reading(0, FLOW, T0 + n, value, qualities[n % 4], 1_672_560_000_123_457 + n) for n, value in enumerate(FLOATS)
        ]
        assert append(store, *offered) == [NEW] * len(offered)
        assert everything(store) == offered

    def test_columns_have_the_types_of_the_contract(self, store: ReadingStore) -> None:
        for answer in (store.read(0, T0), store.read_totals(D0, D0)):
            assert [column.dtype.type for column in answer.columns()] == list(answer.DTYPES)
        append(store, Reading())
        store.write_totals(totals((D0, 0, 1.0, 1.0, np.nan, 0)))
        for answer in (store.read(0, T0), store.read_totals(D0, D0)):
            assert [column.dtype.type for column in answer.columns()] == list(answer.DTYPES)
            assert all(column.flags["C_CONTIGUOUS"] for column in answer.columns())

    def test_every_code_keeps_its_own_readings(self, store: ReadingStore, reopen: Opener) -> None:
        offered = [Reading(point, value=float(point)) for point in range(len(CODES))]
        assert append(store, *offered) == [NEW] * len(CODES)
        assert append(reopen(), *offered) == [NEW] * len(CODES)
        assert everything(store) == offered
        for point in range(len(CODES)):
            assert rows(store.read(0, T0, np.array([point], np.int32))) == [offered[point]]

    def test_the_same_packet_again_is_new_again(self, store: ReadingStore) -> None:
        offered = [Reading(time=T0 + n, received_at=7) for n in range(3)]
        assert append(store, *offered) == append(store, *offered) == [NEW] * 3
        assert store.count() == 3

    def test_a_replay_after_a_crash_counts_as_the_first_time(self, reopen: Opener) -> None:
        first = [Reading(point, received_at=1) for point in range(3)]
        second = [Reading(0, received_at=2), Reading(1, value=9.0, received_at=2), Reading(2, time=T0 + 1, received_at=2)]
        counted = append(reopen(), *first, *second)
        assert counted == [NEW, NEW, NEW, DUPLICATE, CONFLICT, NEW]
        assert append(reopen(), *first) == counted[:3]
        assert append(reopen(), *second) == counted[3:]
        assert append(reopen(), *first, *second) == counted
        assert reopen().count() == 4

    def test_a_crash_between_two_packets_changes_no_count(self, reopen: Opener) -> None:
        first, second = Reading(received_at=1), Reading(received_at=2)
        append(reopen(), first)
        assert append(reopen(), first, second) == [NEW, DUPLICATE]

    def test_the_same_value_in_another_packet_is_a_duplicate(self, store: ReadingStore) -> None:
        append(store, Reading(received_at=1))
        assert append(store, Reading(received_at=2)) == [DUPLICATE]
        assert everything(store) == [Reading(received_at=1)]

    def test_a_conflict_keeps_and_reports_what_was_first(self, store: ReadingStore, reopen: Opener) -> None:
        append(store, Reading(value=1.25, quality=4, received_at=11))
        for opened in (store, reopen()):
            answer = opened.append(
                batch(Reading(value=2.0, received_at=12), Reading(1), Reading(value=1.25, received_at=13))
            )
            assert answer.status.tolist() == [CONFLICT, NEW, DUPLICATE]
            assert answer.kept_received_at.tolist() == [11, 0, 0]
            assert answer.kept_value[0] == 1.25
            assert np.isnan(answer.kept_value[1:]).all()
        assert everything(store) == [Reading(value=1.25, quality=4, received_at=11), Reading(1)]

    def test_the_same_packet_with_another_value_is_a_conflict(self, store: ReadingStore) -> None:
        append(store, Reading(value=1.0, received_at=5))
        assert append(store, Reading(value=2.0, received_at=5)) == [CONFLICT]

    def test_a_key_twice_in_a_batch_is_judged_in_batch_order(self, store: ReadingStore) -> None:
        offered = [Reading(value=1.0, received_at=1), Reading(value=2.0, received_at=2), Reading(value=1.0, received_at=3)]
        answer = store.append(batch(*offered))
        assert answer.status.tolist() == [NEW, CONFLICT, DUPLICATE]
        assert (answer.kept_value[1], answer.kept_received_at[1]) == (1.0, 1)
        assert everything(store) == offered[:1]

    @pytest.mark.parametrize(("values", "counted"), [((1, 1), (NEW, DUPLICATE)), ((1, 2, 1), (NEW, CONFLICT, DUPLICATE))])
    def test_a_packet_that_holds_a_reading_twice_brings_one_new_row(
        self, store: ReadingStore, reopen: Opener, values: Sequence[float], counted: Sequence[AppendStatus]
    ) -> None:
        packet = [Reading(value=value, received_at=1) for value in values]
        assert append(store, *packet) == append(store, *packet) == append(reopen(), *packet) == [*counted]
        assert store.count() == 1

    def test_type_and_time_belong_to_the_key(self, store: ReadingStore) -> None:
        assert append(store, Reading(), Reading(0, FLOW), Reading(time=T0 + 1), Reading(1)) == [NEW] * 4

    def test_late_readings_are_judged_like_others(self, store: ReadingStore, reopen: Opener) -> None:
        known = [Reading(point, time=T0 + hour * HOUR) for point in range(3) for hour in range(0, 60 * 24, 7)]
        append(store, *known)
        late = [
            Reading(1, time=T0 + 8 * HOUR),
            Reading(1, time=T0 + 7 * HOUR, received_at=2),
            Reading(2, time=T0 - 50 * DAY),
        ]
        assert append(store, *late) == [NEW, DUPLICATE, NEW]
        assert append(reopen(), *late) == [NEW, DUPLICATE, NEW]
        assert append(store, known[-1]._replace(value=9.0, received_at=3)) == [CONFLICT]
        assert store.count() == len(known) + 2

    def test_a_fresh_process_judges_as_the_old_one_did(self, store: ReadingStore, reopen: Opener) -> None:
        append(store, *(Reading(point, kind, T0 + n * DAY) for point in range(5) for kind in (FLOW, POWER) for n in (0, 40)))
        fresh = reopen()
        again = [Reading(3, FLOW, T0, 1.5, 0, 2), Reading(3, POWER, T0 + 40 * DAY, 3.5, 0, 2), Reading(3, REGISTER)]
        assert append(fresh, *again) == append(store, *again) == [DUPLICATE, CONFLICT, NEW]

    def test_a_time_ahead_of_the_clock_is_remembered(self, store: ReadingStore, reopen: Opener) -> None:
        ahead = Reading(time=T0 + 80 * 365 * DAY)
        assert append(store, Reading(), ahead) == [NEW, NEW]
        assert append(reopen(), ahead._replace(value=2.0, received_at=2)) == [CONFLICT]
        assert everything(store) == [Reading(), ahead]

    def test_a_value_no_database_takes_costs_only_itself(self, store: ReadingStore, reopen: Opener) -> None:
        offered = [Reading(value=float(text)) for text in ("nan", "inf", "-inf", "1.5")]
        for opened in (store, reopen()):
            answer = opened.append(batch(*offered))
            assert answer.status.tolist() == [REFUSED, REFUSED, REFUSED, NEW]
            assert np.isnan(answer.kept_value).all()
        assert everything(store) == offered[3:]

    def test_read_takes_times_after_start_up_to_end(self, store: ReadingStore) -> None:
        append(store, *(Reading(time=T0 + n) for n in range(4)))
        assert store.read(T0, T0 + 2).time.tolist() == [T0 + 1, T0 + 2]
        assert store.read(T0 + 3, T0 + 3).time.tolist() == []

    def test_read_sorts_by_point_type_and_time(self, store: ReadingStore) -> None:
        offered = [Reading(p, kind, T0 + n) for p in (2, 0, 1) for kind in (REGISTER, POWER) for n in (1, 2, 0)]
        append(store, *offered)
        assert everything(store) == sorted(offered)

    def test_read_narrows_to_the_rows_asked_for(self, store: ReadingStore) -> None:
        append(store, *(Reading(point) for point in range(5)))
        assert store.read(0, T0, np.array([4, 1], np.int32)).usage_point.tolist() == [1, 4]
        assert len(store.read(0, T0, np.array([], np.int32))) == 0
        assert len(store.read(0, T0, None)) == 5

    def test_totals_come_back_sorted_and_bounded(self, store: ReadingStore) -> None:
        offered = [(D0 + day, point, 0.1 + day, 0.5, np.pi, 2**17) for day in (2, 0, 1) for point in (1, 0)]
        store.write_totals(totals(*offered))
        assert rows(store.read_totals(D0, D0 + 1)) == sorted(offered)[:4]
        assert rows(store.read_totals(D0 + 2, D0 + 2, np.array([1], np.int32))) == sorted(offered)[5:]
        assert len(store.read_totals(D0, D0 + 2, np.array([], np.int32))) == 0
        assert len(store.read_totals(D0 + 3, D0 + 9)) == 0

    def test_totals_replace_those_of_the_same_day_and_point(self, store: ReadingStore, reopen: Opener) -> None:
        store.write_totals(totals((D0, 2, 1.0, 0.5, 7.0, 3), (D0, 0, 1.0, 1.0, 5.0, 0), (D0 + 1, 2, 9.0, 1.0, 4.0, 0)))
        store.write_totals(totals((D0, 2, 2.0, 1.0, np.nan, 0), (D0 + 1, 0, 1.0, 1.0, np.nan, 0)))
        answer = reopen().read_totals(D0, D0 + 1)
        assert answer.use.tolist() == [1.0, 2.0, 1.0, 9.0]
        assert answer.quality.tolist() == [0, 0, 0, 0]
        assert np.array_equal(answer.peak, [5.0, np.nan, np.nan, 4.0], equal_nan=True)
        store.write_totals(totals((D0, 2, 2.0, 1.0, 8.0, 0)))
        assert store.read_totals(D0, D0).peak.tolist() == [5.0, 8.0]

    def test_a_large_batch_is_one_batch(self, reopen: Opener) -> None:
        size, store = 50_000, reopen()
        number = np.arange(size)
        offered = ReadingBatch.of(number % 10, np.full(size, FLOW), T0 + number, number / 7, number % 5, np.full(size, 3))
        assert (store.append(offered).status == NEW).all()
        assert store.count() == size
        mixed = ReadingBatch.of(*offered.columns()[:3], np.where(number % 2, number / 7, -1.0), number, np.full(size, 4))
        assert np.array_equal(reopen().append(mixed).status, np.where(number % 2, DUPLICATE, CONFLICT))
        assert everything(store) == sorted(rows(offered))

    def test_a_row_never_changes_its_owner(self, store: ReadingStore) -> None:
        append(store, Reading(1))
        with pytest.raises(Refusal, match="row 1 is usage point G-2, in the registry it is G-9"):
            store.know(["G-1", "G-9", *CODES[2:]])
        store.know(CODES[:2])
        store.know([*CODES, "later"])
        assert append(store, Reading(len(CODES))) == [NEW]
        assert store.read(0, T0).usage_point.tolist() == [1, len(CODES)]

    def test_a_row_nobody_named_is_a_mistake(self, store: ReadingStore) -> None:
        for row in (len(CODES), -1):
            with pytest.raises(IndexError, match="are known"):
                store.append(batch(Reading(row)))
            with pytest.raises(IndexError):
                store.write_totals(totals((D0, row, 1.0, 1.0, 1.0, 0)))

    def test_count_counts_every_type_once(self, store: ReadingStore) -> None:
        append(store, *(Reading(point, kind) for point in range(3) for kind in (FLOW, REGISTER, POWER)), Reading(0, FLOW))
        assert store.count() == 9

    def test_other_threads_read_while_one_writes(self, store: ReadingStore) -> None:
        seen: list[int] = []
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                seen.append(len(store.read(0, 2**62)))

        watchers = [threading.Thread(target=watch) for _ in range(2)]
        for thread in watchers:
            thread.start()
        try:
            for n in range(20):
                append(store, *(Reading(point, time=T0 + n) for point in range(10)))
        finally:
            done.set()
            for thread in watchers:
                thread.join()
        assert store.count() == 200
        assert seen

    def test_closing_twice_is_harmless(self, new_database: Callable[[], Opener]) -> None:
        opened = new_database()()
        opened.know(CODES)
        append(opened, Reading())
        opened.close()
        opened.close()


class Model:
    """The port in a dictionary."""

    def __init__(self) -> None:
        self.stored: dict[tuple[int, int, int], Reading] = {}

    def append(self, offered: Sequence[Reading]) -> list[AppendStatus]:
        seen: set[tuple[int, int, int]] = set()
        return [self._judge(reading, seen) for reading in offered]

    def _judge(self, reading: Reading, seen: set[tuple[int, int, int]]) -> AppendStatus:
        key = reading[:3]
        kept = self.stored.setdefault(key, reading)
        if key not in seen and (kept.value, kept.received_at) == (reading.value, reading.received_at):
            seen.add(key)
            return NEW
        return DUPLICATE if kept.value == reading.value else CONFLICT


_times = [T0, T0 + 1, T0 + HOUR, T0 + 40 * DAY]
_reading = st.tuples(st.integers(0, 2), st.sampled_from([FLOW, POWER]), st.sampled_from(_times), st.sampled_from([1.0, 2.0]))
_packets = st.lists(st.lists(_reading, min_size=1, max_size=4), min_size=1, max_size=8)
_steps = st.lists(st.integers(-4, 4), max_size=8)  # n: append the next n packets; -n: a restart goes n packets back


class TestAgainstTheModel:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(packets=_packets, steps=_steps)
    def test_any_batches_and_restarts_count_alike(
        self, new_database: Callable[[], Opener], packets: list[list[tuple[int, int, int, float]]], steps: list[int]
    ) -> None:
        journal = [[Reading(*reading, 0, number) for reading in packet] for number, packet in enumerate(packets, 1)]
        model, opener, position = Model(), new_database(), 0
        outcomes: dict[int, list[AppendStatus]] = {}
        with ExitStack() as opened:
            for step in [0, *steps, len(journal)]:
                if step <= 0:
                    position = max(0, position + step)
                    store = opened.enter_context(closing(opener()))
                    store.know(CODES)
                    continue
                part = range(position, min(position + step, len(journal)))
                statuses = append(store, *(reading for number in part for reading in journal[number]))
                assert statuses == model.append([reading for number in part for reading in journal[number]])
                for number in part:
                    outcome, statuses = statuses[: len(journal[number])], statuses[len(journal[number]) :]
                    assert outcomes.setdefault(number, outcome) == outcome
                position = part.stop
            assert everything(store) == sorted(model.stored.values())
            assert store.count() == len(model.stored) == [*itertools.chain(*outcomes.values())].count(NEW)
