"""The Subscriber against a real mosquitto, in bytes: neither large packets nor one enormous packet fill the memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.mqtt import Body
from ingest.mqtt_options import MqttOptions
from meterwatch.core.model.packets import Packet
from tests.support.mosquitto import Mosquitto, Publisher, until
from tests.support.subscriber import BOTH, logged_ids, payloads, publish, sample, subscribed, take, take_some

SMALL = {"max_packet_bytes": 128 * 1024, "queue_bytes": 256 * 1024}
FILLING = 4  # batches that fill the small queue; with the margin of one largest packet there is room for two more


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


def publish_batches(port: int, count: int, qos: int = 1) -> list[bytes]:
    sent = [(b"%d" % number).ljust(64 * 1024) for number in range(count)]
    with Publisher(port) as publisher:
        publisher.publish("m/1", sent, qos=qos)
    return sent


@BOTH
def test_qos_0_that_finds_too_many_bytes_is_dropped_and_counted(broker: Mosquitto, protocol: str) -> None:
    with subscribed(broker.port, protocol=protocol, **SMALL) as subscriber:
        dropped, received = sample("dropped_qos0_total"), sample("packets_received_total", qos="0")
        sent = publish_batches(broker.port, 20, qos=0)
        until(lambda: sample("dropped_qos0_total") - dropped == 20 - FILLING, "the drops to be counted")
        assert sample("packets_received_total", qos="0") - received == FILLING
        small = publish(broker.port, 3)
        packets = take(subscriber, FILLING + 3)
        assert payloads(packets) == sent[:FILLING] + small
        assert subscriber.acknowledge(packets) == 3
        publish(broker.port, 1, topic="m/room", qos=0)
        assert [packet.topic for packet in take(subscriber, 1)] == ["m/room"]
        assert subscriber.state.generation == 1


@BOTH
def test_large_packets_within_the_window_do_not_fill_the_memory(broker: Mosquitto, protocol: str) -> None:
    with subscribed(broker.port, protocol=protocol, **SMALL) as subscriber:
        sent = publish_batches(broker.port, 60)
        packets: list[Packet] = []
        while len(packets) < len(sent):
            packets += (batch := subscriber.take(1, 15))
            subscriber.acknowledge(batch)
            assert batch
            assert sample("queue_packets") <= FILLING + 2
        assert payloads(packets) == sent
        assert subscriber.state.generation == 1


def test_too_many_bytes_wait_for_the_journal_before_it_connects_again(broker: Mosquitto) -> None:
    with subscribed(broker.port, keepalive_s=1, **SMALL) as subscriber:
        sent = publish_batches(broker.port, 20)
        until(lambda: "6 packets wait for the journal" in subscriber.state.error, "the connection to be given up")
        packets = take(subscriber, FILLING + 2)
        assert subscriber.acknowledge(packets) == 0
        again: list[Packet] = []
        while len(again) < len(sent):
            again += (batch := take_some(subscriber))
            subscriber.acknowledge(batch)
        assert payloads(packets) == sent[: FILLING + 2]
        assert payloads(again) == sent


def test_a_larger_packet_than_we_take_stays_with_a_broker_that_can_be_told(broker: Mosquitto) -> None:
    too_large = b"x" * MqttOptions("broker", ("#",)).max_packet_bytes
    with subscribed(broker.port) as subscriber, Publisher(broker.port) as publisher:
        publisher.publish("m/1", [too_large, b"after"])
        assert payloads(take(subscriber, 1)) == [b"after"]
        assert subscriber.state.generation == 1


@pytest.mark.parametrize("qos", [0, 1])
def test_a_larger_packet_than_we_take_is_cut_off_where_no_broker_can_be_told(broker: Mosquitto, qos: int) -> None:
    largest = MqttOptions("broker", ("#",)).max_packet_bytes
    too_large = bytes(range(256)) * (largest // 256 + 4096)
    with subscribed(broker.port, protocol="3.1.1") as subscriber, Publisher(broker.port) as publisher:
        publisher.publish("m/1", [too_large, b"after"], qos=qos)
        head, after = take(subscriber, 2)
        assert len(head.payload) == largest - len("m/1") - 2 - 2 * qos  # length of the topic, packet identifier
        assert too_large.startswith(head.payload)
        assert (head.topic, after.payload) == ("m/1", b"after")
        assert subscriber.acknowledge([head, after]) == 2 * qos
        until(lambda: len(logged_ids(broker, "Received PUBACK from")) == 2 * qos, "the acknowledgements")
        assert subscriber.state.generation == 1


def test_what_is_cut_off_is_forgotten_while_it_comes_in() -> None:
    body = Body(10)
    for more in (b"1234", b"567890 too", b"much"):
        body += more
    assert body == b"1234567890"
