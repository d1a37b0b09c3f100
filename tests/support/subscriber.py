"""A Subscriber on a test's broker, and what a test asks of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from ingest.mqtt import Subscriber
from ingest.mqtt_options import MqttOptions
from meterwatch.core.clock import elapsed
from meterwatch.core.model.packets import Packet
from tests.support.mosquitto import Mosquitto, Publisher, until

BOTH = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


def options(port: int, **changes: Any) -> MqttOptions:
    plain: dict[str, Any] = {"host": "127.0.0.1", "port": port, "topics": ("m/#",)}
    return MqttOptions(**plain | {"reconnect_min_s": 0.05, "reconnect_max_s": 0.2} | changes)


@contextmanager
def started(port: int, **changes: Any) -> Iterator[Subscriber]:
    subscriber = Subscriber(options(port, **changes))
    subscriber.start()
    try:
        yield subscriber
    finally:
        subscriber.close()


@contextmanager
def subscribed(port: int, **changes: Any) -> Iterator[Subscriber]:
    with started(port, **changes) as subscriber:
        until(lambda: subscriber.state.subscribed, "the subscription")
        yield subscriber


def take(subscriber: Subscriber, count: int, seconds: float = 15) -> list[Packet]:
    packets: list[Packet] = []
    deadline = elapsed() + seconds
    while len(packets) < count and elapsed() < deadline:
        packets += subscriber.take(1000, 0.2)
    assert len(packets) == count, f"{len(packets)} packets instead of {count}"
    return packets


def take_some(subscriber: Subscriber) -> list[Packet]:
    packets = subscriber.take(1000, 15)
    assert packets
    return packets


def payloads(packets: list[Packet]) -> list[bytes]:
    return [packet.payload for packet in packets]


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def publish(port: int, count: int = 1, topic: str = "m/1", **how: Any) -> list[bytes]:
    with Publisher(port) as publisher:
        publisher.publish(topic, numbered(count), **how)
    return numbered(count)


def sample(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"meterwatch_mqtt_{name}", labels)
    assert value is not None
    return value


def logged_ids(broker: Mosquitto, what: str) -> list[int]:
    """Packet identifiers in the broker's log lines that start with ``what``."""
    found = (re.match(rf"{what} meterwatch \(.*?(?:Mid: |, m)(\d+)", line) for line in broker.log())
    return [int(match[1]) for match in found if match]
