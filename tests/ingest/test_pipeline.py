"""The pipeline: from journaled packets to stored readings, with everything accounted for."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from ingest import segments
from ingest.codecs.json_mapping import JsonCodec
from ingest.journal import JournalOptions
from ingest.outcomes import Balance
from ingest.pipeline import Decoders, PipelineOptions
from meterwatch.core.errors import Unavailable
from meterwatch.core.instants import to_us
from meterwatch.core.model.packets import Packet, Position, Reason
from meterwatch.core.model.readings import Appended, ReadingBatch
from meterwatch.core.model.registry import Registry
from tests.support.mosquitto import until
from tests.support.room import (
    MAPPING,
    NOON,
    NOW,
    TOPIC,
    Room,
    begin_days,
    message,
    messages,
    mixed,
    ms,
    opened,
    ordinal,
)
from tests.support.scratch import scratch
from tests.support.wrapped import Wrapped

SMALL_STEPS = PipelineOptions(step_bytes=200)
R = Reason


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with opened(tmp_path) as found:
        yield found


class TestDecoding:
    OTHER = replace(MAPPING, topics=("m/other", "n/#"), meter="$topic.1")

    def test_the_first_mapping_that_covers_a_topic_decodes_it(self) -> None:
        first, second = JsonCodec(MAPPING), JsonCodec(replace(self.OTHER, topics=("m/#", "n/#")))
        decoders = Decoders([first, second])
        for _ in range(2):
            assert [decoders.of(topic) for topic in ("m/1", "m/1/2", "n/1", "$SYS/m", "", "x")] == [
                first,
                second,
                second,
                None,
                None,
                None,
            ]

    def test_mappings_of_one_name_do_not_take_over_each_other(self, tmp_path: Path) -> None:
        with opened(tmp_path, mappings=(self.OTHER, MAPPING)) as room:
            room.take(message("B", NOON, v=1), replace(message("B", NOON, v=2), topic="n/C"))
            assert [(row[0], row[3]) for row in room.rows()] == [(0, 1.0), (1, 2.0)]

    @pytest.mark.parametrize("step_bytes", [1, 1 << 20])
    def test_the_first_packet_wins_whichever_codec_reads_it_and_however_long_a_step_is(
        self, tmp_path: Path, step_bytes: int
    ) -> None:
        """Else the same packets would leave other readings, depending on where a restart happened to cut them."""
        late, early = replace(self.OTHER, name="late"), MAPPING
        sent = [message("B", NOON - 1, v=0), replace(message("?", NOON, v=1), topic="n/B"), message("B", NOON, v=2)]
        with opened(tmp_path, mappings=(late, early), pipeline=PipelineOptions(step_bytes=step_bytes)) as room:
            room.take(*sent)
            assert [row[3] for row in room.rows()] == [0.0, 1.0]
            (conflict,) = room.ledger.ingest.conflicts()
            assert (conflict.kept_value, conflict.offered_value) == (1.0, 2.0)


def model(packets: list[Packet]) -> dict[tuple[str, int], float]:
    """Return what ``packets`` of ``message`` leave stored, by meter and time: of two values the first."""
    stored: dict[tuple[str, int], float] = {}
    for packet in packets:
        try:
            records = json.loads(packet.payload)
        except ValueError:
            continue
        for record in records if isinstance(records, list) else [records]:
            if record["sn"] in "BC" and isinstance(record["v"], int):
                stored.setdefault((record["sn"], record["t"]), float(record["v"]))
    return stored


RECORDS = st.fixed_dictionaries(
    {
        "sn": st.sampled_from(["B", "B", "C", "X"]),
        "t": st.integers(NOON, NOON + 3),
        "v": st.sampled_from([1, 1, 2, "bad"]),
    }
)
PACKETS = st.one_of(
    RECORDS.map(json.dumps),
    st.lists(RECORDS, max_size=4).map(json.dumps),
    st.sampled_from(["", "{", "[]", "hello"]),
).map(lambda text: Packet(TOPIC, text.encode()))


class TestBalances:
    @settings(max_examples=60, deadline=None)
    @given(
        groups=st.lists(st.lists(PACKETS, max_size=5), max_size=6),
        step_bytes=st.sampled_from([1, 150, 1 << 20]),
        segment_bytes=st.sampled_from([100, 10_000]),
    )
    def test_both_hold_after_any_mix_and_the_store_holds_what_counts_as_new(
        self, groups: list[list[Packet]], step_bytes: int, segment_bytes: int
    ) -> None:
        options = JournalOptions(segment_bytes=segment_bytes)
        with scratch() as folder, opened(folder, options=options, pipeline=PipelineOptions(step_bytes=step_bytes)) as room:
            for number, group in enumerate(groups):
                room.put(*group)
                room.pipeline.step()
                assert room.journal.balance().holds()
                assert room.journal.balance().received == sum(map(len, groups[: number + 1]))
            room.drain()
            room.check()
            sent = [packet for group in groups for packet in group]
            names = {0: "B", 1: "C"}
            assert {(names[row[0]], row[2]): row[3] for row in room.rows()} == model(sent)
            balance = room.journal.balance()
            assert balance.received == len(sent)
            whole = [stored for stored in room.ledger.ingest.rejects(limit=10**6) if stored.reject.record is None]
            assert len(whole) == balance.rejected
            assert len(room.ledger.ingest.conflicts(10**6)) <= balance.conflict

    def test_the_metrics_say_the_same(self, room: Room) -> None:
        def count() -> list[float]:
            readings = ("new", "duplicate", "conflict", "refused")
            names = [("meterwatch_packets_total", {"outcome": name}) for name in ("decoded", "rejected")]
            names += [("meterwatch_readings_decoded_total", {})]
            names += [("meterwatch_readings_total", {"outcome": name}) for name in readings]
            return [REGISTRY.get_sample_value(name, labels) or 0 for name, labels in names]

        before = count()
        room.take(
            *messages(3),
            *messages(2),
            message("B", ms("2023-01-10T00:00Z"), v=9),
            message("X", NOON, v=1),
            Packet(TOPIC, b""),
        )
        assert [now - then for now, then in zip(count(), before, strict=True)] == [7, 1, 7, 3, 2, 1, 1]
        assert room.journal.balance() == Balance(8, 7, 1, 0, 7, 3, 2, 1, 1)


class TestReplay:
    def test_from_any_earlier_position_it_changes_nothing(self, tmp_path: Path) -> None:
        with opened(tmp_path, options=JournalOptions(segment_bytes=400), pipeline=SMALL_STEPS) as room:
            begin_days(room)
            positions: list[Position] = []
            for packet in mixed():
                positions += room.put(packet)
            room.drain()
            room.check()
            assert len(segments.numbers(room.journal.directory)) > 2
            before = room.durable()
            assert all(before.values())
            for position in positions:
                room.journal.release(position)
                room.drain()
                assert room.durable() == before, position

    def test_an_earlier_position_after_a_restart_with_other_steps(self, tmp_path: Path) -> None:
        with opened(tmp_path, pipeline=SMALL_STEPS) as room:
            begin_days(room)
            positions = room.take(*mixed())
            before = room.durable()
        for position in positions:
            with opened(tmp_path, pipeline=PipelineOptions(step_bytes=1 + position.offset % 1000)) as room:
                room.journal.release(position)
                room.drain()
                assert room.durable() == before, position


class TestRunning:
    def test_it_waits_for_a_database_that_is_away_and_says_so(self, tmp_path: Path) -> None:
        away = threading.Event()
        away.set()

        class Away(Wrapped):
            def append(self, batch: ReadingBatch) -> Appended:
                if away.is_set():
                    raise Unavailable("readings: gone for lunch")
                appended: Appended = self.wrapped.append(batch)
                return appended

        with opened(tmp_path, around_store=Away) as room:
            following = threading.Thread(target=room.pipeline.run)
            following.start()
            room.put(*messages(5))
            until(lambda: room.pipeline.failure, "the failure to be seen")
            assert room.pipeline.failure == "readings: gone for lunch"
            assert REGISTRY.get_sample_value("meterwatch_store_available") == 0
            assert room.journal.released == room.journal.first
            away.clear()
            until(lambda: room.journal.released == room.journal.end, "the packets to be stored")
            until(lambda: not room.pipeline.failure, "the failure to be over")
            assert REGISTRY.get_sample_value("meterwatch_store_available") == 1
            room.put(*messages(5, 5))
            until(lambda: room.store.count() == 10, "what came later")
            room.pipeline.stop()
            following.join(10)
            assert not following.is_alive()
            room.check()

    def test_live_rules_see_what_is_new_before_it_is_released(self, tmp_path: Path) -> None:
        seen: list[tuple[list[float], bool]] = []

        def look(batch: ReadingBatch, snapshot: Registry) -> None:
            assert snapshot.number == 1
            seen.append((batch.value.tolist(), found.journal.released == found.journal.first))

        with opened(tmp_path, on_new=look) as found:
            found.take(*messages(2), *messages(3), message("X", NOON, v=1))
            found.take(*messages(3))
        assert seen == [([0.0, 1.0, 2.0], True)]


class TestDirtyDays:
    """A gas day in Shanghai begins at 08:00; 9 January 2023 is judged already, the 10th is not."""

    @pytest.fixture
    def judged(self, room: Room) -> Room:
        begin_days(room)
        return room

    @pytest.mark.parametrize(
        ("time", "days"),
        [
            ("2023-01-09T12:00+08:00", ["2023-01-09"]),
            ("2023-01-09T10:00+08:00", ["2023-01-08", "2023-01-09"]),
            ("2023-01-09T10:00:00.001+08:00", ["2023-01-09"]),
            ("2023-01-09T08:00:00.001+08:00", ["2023-01-08", "2023-01-09"]),
            ("2023-01-09T08:00+08:00", ["2023-01-08", "2023-01-09"]),
            ("2023-01-09T06:00:00.001+08:00", ["2023-01-08", "2023-01-09"]),
            ("2023-01-09T06:00+08:00", ["2023-01-08"]),
            ("2023-01-10T08:00+08:00", ["2023-01-09"]),
            ("2023-01-10T10:00+08:00", ["2023-01-09"]),
            ("2023-01-10T10:00:00.001+08:00", []),
            ("2023-01-10T12:00+08:00", []),
            ("2022-12-01T12:00+08:00", ["2022-12-01"]),
        ],
    )
    def test_a_late_reading_marks_its_day_and_a_neighbour_within_two_hours(
        self, judged: Room, time: str, days: list[str]
    ) -> None:
        judged.take(message("B", ms(time), v=1))
        received = to_us(NOW)
        assert judged.dirty() == [(ordinal(day), 0, received) for day in days]

    def test_each_commodity_and_zone_has_days_of_its_own(self, judged: Room) -> None:
        at = ms("2023-01-10T00:30+08:00")
        judged.take(message("D", at, p=1), message("C", at, v=1), message("B", at, v=1))
        assert [entry[:2] for entry in judged.dirty()] == [(ordinal("2023-01-09"), 0), (ordinal("2023-01-09"), 2)]

    def test_before_any_day_is_judged_nothing_is_dirty(self, room: Room) -> None:
        room.take(message("B", ms("2023-01-09T12:00+08:00"), v=1))
        assert room.dirty() == []

    def test_the_mark_is_that_of_the_newest_packet(self, judged: Room) -> None:
        for minute in range(3):
            judged.clock.at = NOW + timedelta(minutes=minute)
            judged.take(message("B", ms("2023-01-09T12:00+08:00") + minute, v=1))
            assert judged.dirty() == [(ordinal("2023-01-09"), 0, to_us(judged.clock.at))]

    def test_duplicates_conflicts_and_rejects_make_nothing_dirty(self, judged: Room) -> None:
        at = ms("2023-01-09T12:00+08:00")
        judged.take(message("B", at, v=1))
        before = judged.dirty()
        judged.clock.at = NOW + timedelta(minutes=1)
        judged.take(message("B", at, v=1), message("B", at, v=2), message("X", at, v=2), message("A", at, v=1))
        assert judged.dirty() == before

    def test_a_reading_stored_just_before_a_crash_is_marked_after_it(self, judged: Room) -> None:
        """It is in the store already, and a plain duplicate would leave its judged day as it was."""
        placed, _ = judged.journal.read(judged.put(message("B", ms("2023-01-09T12:00+08:00"), v=1))[0])
        judged.store.append(
            ReadingBatch.of([0], [201], [ms("2023-01-09T12:00+08:00")], [1.0], [2], [placed[0][1].received_at])
        )
        judged.drain()
        assert [entry[:2] for entry in judged.dirty()] == [(ordinal("2023-01-09"), 0)]
        judged.check()
