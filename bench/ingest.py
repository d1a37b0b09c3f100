"""Durable ingest through a real mosquitto, one JSON reading a message at QoS 1, until a count query shows all of them.

Each receiver finds the same messages waiting in its persistent session. Ours fsyncs a journal before every
acknowledgement; the peer (plain paho, json, influxdb-client batching) acknowledges at once.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import urllib3
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench import plain_paho
from meterwatch.core.clock import elapsed, real_now
from meterwatch.core.instants import to_ms
from meterwatch.stores.influx import InfluxOptions
from meterwatch.stores.readings_sqlite import SqliteReadings
from tests.support.influx import Influxd, settings_text
from tests.support.mosquitto import Mosquitto, free_port, until

MESSAGES, METERS = 60_000, 1000
PATIENCE_S = 300
_SETTINGS = """\
[mqtt]
host = "127.0.0.1"
port = {port}
protocol = "3.1.1"
client_id = "{client}"
[desk]
engine_listen = "127.0.0.1:{http}"
[[codecs]]
name = "json"
topics = ["meters/+/up"]
meter = "$topic.1"
time = "ts"
readings = [{{ type = "gas.register", path = "v" }}]
"""


@dataclass(frozen=True)
class Measured:
    """How long a receiver took for all messages, and the CPU seconds of its process."""

    name: str
    seconds: float
    cpu: float

    def row(self, peer: "Measured") -> str:
        rate, micros = MESSAGES / self.seconds, self.cpu / MESSAGES * 1e6
        return (
            f"| {self.name} | {rate:,.0f} | {peer.seconds / self.seconds:.2f} | {micros:.1f} | {self.cpu / peer.cpu:.2f} |"
        )


def registry_files(folder: Path) -> None:
    """Write a registry of one gas point for each meter."""
    numbers = range(METERS)
    files = {
        "customers": ["customer,name,class", *(f"C{n},customer {n},A1" for n in numbers)],
        "usage_points": ["usage_point,commodity", *(f"P{n},gas" for n in numbers)],
        "agreements": ["agreement,customer,usage_point,from", *(f"A{n},C{n},P{n},2020-01-01" for n in numbers)],
        "meters": ["meter,usage_point,valid_from", *(f"M{n},P{n},2020-01-01" for n in numbers)],
        "people": ["person,name,role"],
        "assignments": ["person,role"],
    }
    folder.mkdir(parents=True)
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def prepare(port: int, client_id: str) -> None:
    """Make a persistent session for ``client_id`` and leave it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, protocol=mqtt.MQTTv311)
    subscribed: list[object] = []
    client.on_subscribe = lambda *found: subscribed.append(found)
    client.on_connect = lambda own, *_: own.subscribe("meters/+/up", qos=1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(lambda: subscribed, "the subscription")
    client.disconnect()
    client.loop_stop()


def publish(port: int) -> None:
    """Publish every message; the broker keeps them for each session."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(2000)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    start = to_ms(real_now()) - 3_600_000
    infos = [
        client.publish(f"meters/M{n % METERS}/up", f'{{"ts":{start + n // METERS * 1000},"v":{n / 10}}}', qos=1)
        for n in range(MESSAGES)
    ]
    for info in infos:
        info.wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def measure(name: str, command: Sequence[str], count: Callable[[], int]) -> Measured:
    """Start a receiver and measure until ``count`` shows every message, from the first one it shows."""
    began = elapsed()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or count() > 0, f"the first message of {name}", PATIENCE_S)
        first = elapsed()
        until(lambda: process.poll() is not None or count() >= MESSAGES, f"all messages of {name}", PATIENCE_S)
        assert process.poll() is None, f"{name} ended early"
        seconds, cpu = elapsed() - first, cpu_of(process.pid)
    finally:
        process.kill()
        process.wait()
    assert began < first
    return Measured(name, seconds, cpu)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def service(folder: Path, port: int, client: str, more: str = "") -> Path:
    """Write settings and import the registry for a service; return the settings file."""
    folder.mkdir()
    path = folder / "meterwatch.toml"
    path.write_text(_SETTINGS.format(port=port, client=client, http=free_port()) + more)
    registry_files(folder / "registry")
    command = [sys.executable, "-m", "meterwatch.cli.main", "registry", "import", str(folder / "registry")]
    subprocess.run([*command, "--settings", str(path)], check=True, capture_output=True)
    return path


def count_in(influx: Influxd, options: InfluxOptions) -> Callable[[], int]:
    """Return a function that counts the readings in a bucket."""

    def count() -> int:
        query = urllib3.request(
            "POST",
            f"{influx.url}/api/v2/query?org={options.org}",
            headers={"Authorization": f"Token {options.token}", "Content-Type": "application/vnd.flux"},
            body=f'from(bucket:"{options.bucket}")|>range(start:-2d)|>filter(fn:(r)=>r._field=="gas_register")'
            "|>group()|>count()",
        )
        lines = [line for line in query.data.decode().split("\r\n") if line.startswith(",_result")]
        return int(lines[0].split(",")[-1]) if lines else 0

    return count


def run() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory() as place,
        Mosquitto(Path(place, "broker")) as broker,
        Influxd(Path(place, "influx")) as influx,
    ):
        sessions = ("ours-influx", "ours-sqlite", plain_paho.CLIENT_ID)
        for session in sessions:
            prepare(broker.port, session)
        publish(broker.port)
        theirs, ours = influx.options(), influx.options()
        arguments = [str(broker.port), influx.url, theirs.token, theirs.org, theirs.bucket, str(MESSAGES)]
        peer = measure(
            "plain paho + json + influxdb-client", ["-m", "bench.plain_paho", *arguments], count_in(influx, theirs)
        )
        path = service(Path(place, "ours"), broker.port, sessions[0], settings_text(ours))
        run_engine = ["-m", "meterwatch.cli.main", "run", "--role", "engine", "--log-level", "error", "--settings"]
        durable = measure("meterwatch into InfluxDB", [*run_engine, str(path)], count_in(influx, ours))
        path = service(Path(place, "sqlite"), broker.port, sessions[1])
        readings = path.parent / "data" / "readings.db"
        small = measure("meterwatch into SQLite", [*run_engine, str(path)], lambda: counted(readings))
    yield f"{MESSAGES:,} messages of one reading, {METERS:,} meters, mosquitto QoS 1, two cores shared by all."
    yield ""
    yield "| receiver | readings/s | rate against the peer | CPU us a reading | CPU against the peer |"
    yield "|---|---|---|---|---|"
    for measured in (peer, durable, small):
        yield measured.row(peer)


def counted(path: Path) -> int:
    """Return how many readings are in an SQLite store."""
    if not path.exists():
        return 0
    store = SqliteReadings.read_only(path)
    try:
        return store.count()
    finally:
        store.close()
