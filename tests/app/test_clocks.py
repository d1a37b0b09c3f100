"""Two clocks: business time moves as it is told and takes everything due with it; leases know nothing of it.

The service runs on a real broker, in one process or three, and stops and goes on as an operator expects.
"""

import hashlib
import hmac
import json
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import urllib3

from meterwatch.app.engine import Engine
from meterwatch.app.service import ROLES, Service
from meterwatch.app.settings_file import load
from meterwatch.core.clock import MovedClock, real_now
from meterwatch.core.errors import Unavailable
from meterwatch.core.model.duties import DutyState
from meterwatch.core.model.messages import MessageState
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.work import Wanted
from meterwatch.stores.readings_sqlite import SqliteReadings
from tests.support.ledger import HOUR, duty, episode, message, opened
from tests.support.mosquitto import Mosquitto, Publisher, until
from tests.support.platform import Platform
from tests.support.roles import Process, Site, reading

START = datetime(2023, 2, 28, 16, tzinfo=UTC)  # midnight in Shanghai
DAY = timedelta(days=1)
OVER_LOAD = 10 * 24  # the hour after START in which the hotel runs over its capacity
POWER_SCHEME = "Asia/Shanghai@0"
THIRD_DAY = START + 2 * DAY + 3 * HOUR
DAY_OF_LOAD = (START + 3 * DAY).toordinal()
ANY_HOUR = 'digest_at = ""\nquiet_from = "00:00"\nquiet_to = "00:00"\n'  # the clock moves by days
SPOOL = f'[routing]\nchannel = "spool"\n{ANY_HOUR}'


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker"), persistence=True) as running:
        yield running


def done_day(ledger: Ledger) -> int:
    return ledger.evaluation.done_days().get(POWER_SCHEME, 0)


def move(site: Site, to: datetime) -> None:
    with site.ledger() as ledger:
        ledger.clock.move(to)


def readings_stored(site: Site) -> int:
    with closing(SqliteReadings.read_only(site.folder / "data" / "readings.db")) as store:
        return store.count()


def queue(site: Site, key: str, *, due: datetime, channel: str = "spool") -> None:
    """Queue a message, and open a task due at ``due``."""
    about = episode(f"{key}/gas")
    owed = message(about, key=key, channel=channel, expires_at=START + 90 * DAY)
    with site.ledger() as ledger:
        ledger.evaluation.commit(opened(about, now=START, messages=[owed], duties=[duty(about, due_at=due)]))


class TestMonthInSeconds:
    """A month of hourly readings through the broker; on the tenth day the hotel runs over its 315 kW for an hour."""

    def test_moves_everything_but_the_lease(self, tmp_path: Path, broker: Mosquitto) -> None:
        site = Site(tmp_path, broker.port, START, SPOOL)
        queue(site, "held", due=START + 10 * DAY)
        with site.ledger() as ledger:
            (held,) = ledger.outbox.lease("spool", "another machine", START, HOUR, 1)
        service = Service(load(site.settings))
        try:
            service.start()
            self.play(service, broker)
            assert service.health().ready, service.health().problems
        finally:
            service.stop()
        with site.ledger() as ledger:
            assert done_day(ledger) == (START + 31 * DAY).toordinal()
            assert [alert.episode.subject for alert in ledger.evaluation.alerts("load", 0)] == ["P2"]
            assert ledger.clock.steps() == dict.fromkeys(("engine", "notify"), START + 31 * DAY + 2 * HOUR)
            assert [task.state for task in ledger.work.tasks(Wanted(rule="churn-warn"))] == [DutyState.BREACHED]
            (mine,) = ledger.outbox.messages(number=1)
            sent = [message for message in ledger.outbox.messages(limit=1000) if message.number > 1]
            assert {message.state for message in sent} == {MessageState.ACCEPTED}
            assert [message.template for message in sent].count("load") == 1
            assert (mine.state, len(mine.history)) == (MessageState.IN_FLIGHT, 2), "a lease does not shrink with the month"
            assert ledger.outbox.record(held, MessageState.ACCEPTED, START)
        spooled = {file.name for file in (tmp_path / "data" / "spool").iterdir()}
        assert spooled == {f"N{message.number}.txt" for message in sent}
        assert readings_stored(site) == 31 * 24 + 2

    def play(self, service: Service, broker: Mosquitto) -> None:
        engine, register = service.engine, 0.0
        assert engine is not None
        until(lambda: engine.subscriber.state.subscribed, "the subscription")
        with Publisher(broker.port) as publisher:
            for hour in range(1, 31 * 24 + 3):
                now = START + hour * HOUR
                service.books.ledger.clock.move(now)
                register += 10 if hour == OVER_LOAD else 2  # times 40: 400 or 80 kW
                publisher.publish("m/M3", [reading(now, register)])
                if hour == OVER_LOAD or hour % 24 == 2:
                    until(partial(self.stored, engine, hour), f"the readings of {hour} hours")
                    service.step(now)

    def stored(self, engine: Engine, count: int) -> bool:
        return engine.store.count() == count and engine.drained()


class TestStopping:
    def test_is_clean_and_the_next_start_goes_on(self, tmp_path: Path, broker: Mosquitto) -> None:
        site = Site(tmp_path, broker.port, START, SPOOL)
        stored, moments = 0, [START - hours * HOUR for hours in range(4, 0, -1)]
        with site.process() as service, Publisher(broker.port) as publisher:
            for number, how in enumerate((signal.SIGTERM, signal.SIGINT), 1):
                until(lambda: service.get("/readyz")[0] == 200, "the service to be ready")
                publisher.publish("m/M3", [reading(moments.pop(0), 2 * number)])
                until(partial(self.has, site, stored + 1), "a reading")
                assert service.end(how) == 0, service.log()
                assert service.log().rstrip().endswith("meterwatch has stopped; the next start goes on from here")
                publisher.publish("m/M3", [reading(moments.pop(0), 2 * number + 1)])
                queue(site, f"while away {number}", due=START + DAY)
                service.start()
                stored += 2
                until(partial(self.has, site, stored), "what came while it was away")
                until((tmp_path / "data" / "spool" / f"N{number}.txt").exists, "what was queued while it was away")
        assert "Traceback" not in service.log()
        assert readings_stored(site) == 4

    def has(self, site: Site, count: int) -> bool:
        return (site.folder / "data" / "readings.db").exists() and readings_stored(site) == count


class TestThreeProcesses:
    """Over one ledger, each step has one owning role."""

    def test_each_does_its_own_and_nothing_else(self, tmp_path: Path, broker: Mosquitto) -> None:
        with Platform(answer=b'{"id": "P-1"}') as platform:
            webhook = f'[routing]\nchannel = "webhook"\n{ANY_HOUR}[channels.webhook]\nurl = "{platform.url}"\nsecret = "s"\n'
            site = Site(tmp_path, broker.port, START, webhook)
            with site.process("notify") as notify, site.process("desk") as desk:
                self.without_the_engine(site, notify, platform)
                with site.process("engine") as engine:
                    self.with_all_three(site, engine, broker, platform)
                    self.their_pages(site, {"engine": engine, "notify": notify, "desk": desk})
                    for process in (engine, notify, desk):
                        assert process.end(signal.SIGTERM) == 0, process.log()

    def without_the_engine(self, site: Site, notify: Process, platform: Platform) -> None:
        """Messages go out and deadlines pass, but no day is judged."""
        queue(site, "first", due=START + HOUR, channel="webhook")
        move(site, THIRD_DAY)
        until(lambda: len(platform.posted) >= 2, "notify to send, and to tell the supervisor of the breach")
        with site.ledger() as ledger:
            until(lambda: ledger.clock.steps().get("notify") == THIRD_DAY, "notify to step")
            assert set(ledger.clock.steps()) == {"notify"}
            assert [task.state for task in ledger.work.tasks(Wanted(rule="churn-warn"))] == [DutyState.BREACHED]
            assert done_day(ledger) == 0
        assert notify.problems() == {"notify": []}

    def with_all_three(self, site: Site, engine: Process, broker: Mosquitto, platform: Platform) -> None:
        """A reading over capacity becomes an alert by the engine, a message by notify, and is settled at the desk."""
        until(lambda: engine.get("/readyz")[0] == 200, "the engine to be ready")
        with Publisher(broker.port) as publisher:
            publisher.publish("m/M3", [reading(THIRD_DAY - HOUR, 1)])
            until(lambda: readings_stored(site) == 1, "the first reading")
            publisher.publish("m/M3", [reading(THIRD_DAY, 11)])
        until(lambda: any("load/" in str(one) for one in platform.posted), "the message about it")
        with site.ledger() as ledger:
            (alert,) = ledger.evaluation.alerts("load", 0)
            assert alert.episode.subject == "P2"
            (number,) = [message.number for message in ledger.outbox.messages() if message.template == "load"]
            until(lambda: ledger.outbox.messages(number=number)[0].state is MessageState.ACCEPTED, "notify to record it")
            assert self.post_receipt(site, number) == 204
            assert ledger.outbox.messages(number=number)[0].state is MessageState.DELIVERED
            move(site, THIRD_DAY + DAY)
            until(lambda: done_day(ledger) == DAY_OF_LOAD, "the engine to judge the day")
            until(lambda: set(ledger.clock.steps().values()) == {THIRD_DAY + DAY}, "both to have stepped")
            assert set(ledger.clock.steps()) == {"engine", "notify"}

    def post_receipt(self, site: Site, number: int = 3, role: str = "desk") -> int:
        body = json.dumps({"reference": f"N{number}", "state": "delivered", "at": "2023-03-03T00:00:00Z"}).encode()
        at = str(int(real_now().timestamp()))
        signature = hmac.digest(b"s", at.encode() + b"." + body, hashlib.sha256).hex()
        headers = {"Meterwatch-Timestamp": at, "Meterwatch-Signature": signature}
        url = f"http://{site.addresses[role]}/api/v1/receipts/webhook"
        return urllib3.request("POST", url, body=body, headers=headers, retries=False, timeout=5).status

    def their_pages(self, site: Site, processes: dict[str, Process]) -> None:
        assert set(processes) == set(ROLES)
        for role, process in processes.items():
            assert process.get("/healthz") == (200, "ok\n")
            assert process.problems() == ({} if role == "desk" else {role: []})
            assert f'meterwatch_last_step_timestamp_seconds{{role="{role}"}}' in process.get("/metrics")[1] or role == "desk"
            assert self.post_receipt(site, role=role) == (204 if role == "desk" else 404)


def test_an_address_in_use_is_said_and_nothing_is_left_open(tmp_path: Path, broker: Mosquitto) -> None:
    site = Site(tmp_path, broker.port, START)
    with site.process("notify"):
        second = site.process("notify")
        second.launch()
        assert second.end(None) == 1
        address = site.addresses["notify"]
        assert second.log().splitlines()[-1].startswith(f"meterwatch: http {address}: Address already in use")
        assert "Traceback" not in second.log()


def test_a_ledger_that_does_not_answer_does_not_stop_the_clock() -> None:
    moved: list[datetime | Unavailable] = [Unavailable("ledger: gone")]

    def read() -> datetime | None:
        found = moved[-1]
        if isinstance(found, Unavailable):
            raise found
        return found

    clock = MovedClock(read)
    before = real_now()
    assert clock.now() >= before  # nothing was ever read: the machine's time
    moved.append(START)
    assert clock.now() == START
    moved.append(Unavailable("ledger: gone"))
    assert clock.now() == START
