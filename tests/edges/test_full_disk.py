"""A disk that runs full under the running service: what can't be kept is not acknowledged, and space lets it go on."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.journal import Journal
from meterwatch.core.clock import real_now
from meterwatch.core.instants import to_ms
from meterwatch.stores.database import Database
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.registry import SqlRegistry
from tests.support.mosquitto import Mosquitto, Publisher, until
from tests.support.registry_csv import write_files
from tests.support.running import RunningService
from tests.support.scratch import scratch
from tests.support.subscriber import logged_ids
from tests.support.tmpfs import SmallDisk

CODEC = """
[[codecs]]
name = "gateway"
topics = ["m/#"]
meter = "sn"
time = "t"
[[codecs.readings]]
type = "gas.register"
path = "v"
"""
REGISTRY = {
    "usage_points": "usage_point,commodity,time_zone,capacity,qmin,qmax\nG1,gas,,,,\n",
    "meters": "meter,usage_point,digits,multiplier,gateway,topic_filter,valid_from,valid_to,initial_index,final_index\n"
    "M1,G1,,,,,2020-01-01,,,\n",
}
PAD = "x" * 5000  # more than a page of the disk, so that none fits beside what is there


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as found:
        yield found


def writable(service: RunningService) -> float | None:
    return service.metrics().get("meterwatch_journal_writable")


def test_acknowledgement_stops_and_nothing_is_lost(folder: Path) -> None:
    start = to_ms(real_now()) - 3_600_000
    sent = [json.dumps({"sn": "M1", "t": start + number, "v": number, "pad": PAD}).encode() for number in range(60)]
    data = folder / "service" / "data"
    with (
        SmallDisk(data, 8 << 20) as disk,
        Mosquitto(folder / "broker") as broker,
        RunningService(folder / "service", broker.port, CODEC) as service,
        Publisher(broker.port) as publisher,
    ):
        with closing(Database.file(data / "ledger.db")) as database:
            files = write_files(folder / "registry", REGISTRY)
            SqlRegistry(database).import_files(files, by="clerk", now=real_now(), default_zone="Asia/Shanghai")
        service.start()
        service.wait_until_ready()
        assert writable(service) == 1
        publisher.publish("m/1", sent[:20])
        until(lambda: len(acknowledged(broker)) == 20, "the first acknowledgements")

        disk.fill()
        publisher.publish("m/1", sent[20:])
        until(lambda: writable(service) == 0, "the journal to refuse")
        status, body = service.get("/readyz")
        assert status == 503
        assert "No space left on device" in body
        assert len(acknowledged(broker)) == 20

        service.kill()
        service.start()
        until(lambda: writable(service) == 0, "the journal to refuse after a restart as well")
        assert len(acknowledged(broker)) == 20

        disk.free()
        until(lambda: len(acknowledged(broker)) == 60, "all acknowledgements")
        until(service.ready, "the service to be ready again")
        assert writable(service) == 1
        service.stop()
        with closing(SqliteReadings.read_only(data / "readings.db")) as store:
            store.know(["G1"])
            assert store.read(0, 2**60).value.tolist() == list(range(60))
        with closing(Journal(data / "journal")) as journal:
            balance = journal.balance()
        assert balance.holds(), balance
        assert (balance.received, balance.new, balance.waiting) == (60, 60, 0)


def acknowledged(broker: Mosquitto) -> list[int]:
    return logged_ids(broker, "Received PUBACK from")
