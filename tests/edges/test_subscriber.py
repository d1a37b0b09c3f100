"""The Subscriber against a real mosquitto: what is not acknowledged is never lost, and nothing fills the memory."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from meterwatch.core.model.packets import Packet
from tests.support.mosquitto import Mosquitto, Publisher, until
from tests.support.subscriber import BOTH, logged_ids, numbered, payloads, publish, sample, subscribed, take, take_some


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def lasting_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", persistence=True) as running:
        yield running


@BOTH
def test_packets_come_and_are_acknowledged_in_the_order_sent(broker: Mosquitto, protocol: str) -> None:
    received, acknowledged = sample("packets_received_total", qos="1"), sample("acknowledged_total")
    with subscribed(broker.port, protocol=protocol) as subscriber:
        sent = publish(broker.port, 3000)
        packets: list[Packet] = []
        while len(packets) < len(sent):
            packets += (batch := take_some(subscriber))
            assert subscriber.acknowledge(batch) == len(batch)
    assert payloads(packets) == sent
    assert {(packet.topic, packet.qos, packet.dup, packet.retain, packet.generation) for packet in packets} == {
        ("m/1", 1, False, False, 1)
    }
    assert {(packet.received_at, packet.properties) for packet in packets} == {(0, b"")}
    until(lambda: "Received DISCONNECT from meterwatch" in broker.log(), "a clean end")
    ids = [packet.packet_id for packet in packets]
    assert logged_ids(broker, "Sending PUBLISH to") == ids
    assert logged_ids(broker, "Received PUBACK from") == ids
    assert sample("packets_received_total", qos="1") - received == len(sent)
    assert sample("acknowledged_total") - acknowledged == len(sent)
    with subscribed(broker.port, protocol=protocol) as subscriber:
        publish(broker.port, topic="m/last")
        assert [packet.topic for packet in take(subscriber, 1)] == ["m/last"]


def test_acknowledgements_are_written_by_the_network_thread(broker: Mosquitto) -> None:
    """A second writer could set its bytes into the middle of the first one's."""
    writers: set[str] = set()
    with subscribed(broker.port) as subscriber:
        live = subscriber._live
        assert live
        live.client.on_socket_unregister_write = lambda *_: writers.add(threading.current_thread().name)
        publish(broker.port)
        subscriber.acknowledge(take(subscriber, 1))
        until(lambda: logged_ids(broker, "Received PUBACK from"), "the acknowledgement")
    assert writers == {"mqtt"}


def test_take_returns_what_waits_up_to_its_limit(broker: Mosquitto) -> None:
    with subscribed(broker.port) as subscriber:
        assert subscriber.take(10, 0) == []
        publish(broker.port, 5)
        until(lambda: sample("queue_packets") == 5, "five packets to wait")
        assert payloads(subscriber.take(3, 0)) == [b"0", b"1", b"2"]
        assert payloads(subscriber.take(3, 0)) == [b"3", b"4"]
        assert sample("queue_packets") == 0


@BOTH
def test_the_session_keeps_what_is_published_while_we_are_away(broker: Mosquitto, protocol: str) -> None:
    with subscribed(broker.port, protocol=protocol) as subscriber:
        assert subscriber.state.session_present is False
        assert sample("connected") == 1
    assert sample("connected") == 0
    assert not subscriber.state.connected
    until(lambda: "Received DISCONNECT from meterwatch" in broker.log(), "a clean end")
    sent = publish(broker.port, 2500)
    with subscribed(broker.port, protocol=protocol) as subscriber:
        assert subscriber.state.session_present is True
        packets: list[Packet] = []
        while len(packets) < len(sent):
            packets += (batch := take_some(subscriber))
            subscriber.acknowledge(batch)
    assert payloads(packets) == sent


@BOTH
def test_what_was_not_acknowledged_comes_again_on_the_next_connection(lasting_broker: Mosquitto, protocol: str) -> None:
    broker = lasting_broker
    with subscribed(broker.port, protocol=protocol) as subscriber:
        sent = publish(broker.port, 10)
        first = take(subscriber, 10)
        assert subscriber.acknowledge(first[:4]) == 4
        until(lambda: len(logged_ids(broker, "Received PUBACK from")) == 4, "four acknowledgements")
        broker.stop()
        until(lambda: not subscriber.state.connected, "the loss to be noticed")
        broker.start()
        again = take(subscriber, 6)
        assert payloads(again) == sent[4:]
        assert {(packet.dup, packet.generation) for packet in again} == {(True, 2)}
        assert subscriber.state.session_present is True
        stale = sample("stale_acknowledgements_total")
        assert subscriber.acknowledge(first[4:]) == 0
        assert sample("stale_acknowledgements_total") - stale == 6
        assert subscriber.acknowledge(again) == 6


@BOTH
def test_a_late_acknowledgement_never_settles_another_packet(broker: Mosquitto, protocol: str) -> None:
    """After a lost session packet identifiers start again: the old PUBACK would fit a packet nobody has stored."""
    with subscribed(broker.port, protocol=protocol) as subscriber:
        publish(broker.port, topic="m/old")
        (old,) = take(subscriber, 1)
        broker.stop()
        until(lambda: not subscriber.state.connected, "the loss to be noticed")
        broker.start()
        until(lambda: subscriber.state.subscribed, "the new connection")
        assert subscriber.state.session_present is False
        publish(broker.port, topic="m/new")
        (new,) = take(subscriber, 1)
        assert (old.packet_id, old.generation) == (new.packet_id, 1)
        assert new.generation == 2
        assert subscriber.acknowledge([old]) == 0
    with subscribed(broker.port, protocol=protocol) as subscriber:
        (again,) = take(subscriber, 1)
        assert (again.topic, again.dup) == ("m/new", True)


def test_no_acknowledgement_is_sent_without_a_connection(broker: Mosquitto) -> None:
    with subscribed(broker.port) as subscriber:
        publish(broker.port)
        packets = take(subscriber, 1)
        broker.stop()
        until(lambda: not subscriber.state.connected, "the loss to be noticed")
        assert subscriber.acknowledge(packets) == 0
        broker.start()
    assert subscriber.acknowledge(packets) == 0


def test_the_broker_sends_one_window_before_the_first_acknowledgement(broker: Mosquitto) -> None:
    with subscribed(broker.port, receive_maximum=10) as subscriber:
        sent = publish(broker.port, 30)
        first = take(subscriber, 10)
        assert len(logged_ids(broker, "Sending PUBLISH to")) == 10
        subscriber.acknowledge(first)
        assert payloads(first + take(subscriber, 20)) == sent


@BOTH
def test_a_broker_that_ignores_the_window_does_not_fill_the_memory(broker: Mosquitto, protocol: str) -> None:
    """mosquitto 2.0 sends a whole window more for each acknowledgement; 3.1.1 has no window of ours at all."""
    with subscribed(broker.port, protocol=protocol, receive_maximum=10, queue_packets=20) as subscriber:
        sent = publish(broker.port, 500)
        packets: list[Packet] = []
        while len(packets) < len(sent):
            packets += (batch := subscriber.take(3, 15))
            subscriber.acknowledge(batch)
            assert batch
            assert sample("queue_packets") <= 30
        assert payloads(packets) == sent
        assert subscriber.state.generation == 1


def test_a_journal_that_stands_still_longer_than_the_connection_lives_gets_everything(broker: Mosquitto) -> None:
    with subscribed(broker.port, protocol="3.1.1", keepalive_s=1, receive_maximum=10, queue_packets=20) as subscriber:
        sent = publish(broker.port, 100)
        until(lambda: "30 packets wait for the journal" in subscriber.state.error, "the connection to be given up")
        packets = take(subscriber, 30)
        assert subscriber.acknowledge(packets) == 0
        again: list[Packet] = []
        while len(again) < len(sent):
            again += (batch := take_some(subscriber))
            subscriber.acknowledge(batch)
        assert payloads(packets) == sent[:30]
        assert payloads(again) == sent


def test_qos_0_beyond_the_queue_is_dropped_and_counted(broker: Mosquitto) -> None:
    with subscribed(broker.port, receive_maximum=5, queue_packets=6) as subscriber:
        dropped, received = sample("dropped_qos0_total"), sample("packets_received_total", qos="0")
        publish(broker.port, 20, qos=0)
        until(lambda: sample("dropped_qos0_total") - dropped == 14, "the drops to be counted")
        assert sample("packets_received_total", qos="0") - received == 6
        publish(broker.port, 3)
        packets = take(subscriber, 9)
        assert [packet.qos for packet in packets] == [0] * 6 + [1] * 3
        assert payloads(packets) == numbered(6) + numbered(3)
        assert subscriber.acknowledge(packets) == 3
        assert subscriber.state.generation == 1


def test_a_full_queue_waits_for_the_journal_before_it_connects_again(lasting_broker: Mosquitto) -> None:
    broker = lasting_broker
    with subscribed(broker.port, receive_maximum=5, queue_packets=6) as subscriber:
        publish(broker.port, 1, qos=0)
        publish(broker.port, 5)
        until(lambda: sample("queue_packets") == 6, "a full queue")
        broker.stop()
        broker.start()
        until(lambda: "6 packets wait for the journal" in subscriber.state.error, "the reason")
        assert payloads(subscriber.take(6, 0)) == [b"0", *numbered(5)]
        assert payloads(take(subscriber, 5)) == numbered(5)


@BOTH
def test_retained_empty_and_large_payloads_arrive_intact(broker: Mosquitto, protocol: str) -> None:
    large = bytes(range(256)) * 20_480
    with Publisher(broker.port) as publisher:
        publisher.publish("m/kept", [b"kept"], retain=True)
        with subscribed(broker.port, protocol=protocol) as subscriber:
            publisher.publish("m/1", [b"", large, b"after"])
            kept, empty, huge, after = take(subscriber, 4)
    assert (kept.topic, kept.payload, kept.retain) == ("m/kept", b"kept", True)
    assert (empty.payload, empty.retain) == (b"", False)
    assert len(huge.payload) == 5_242_880
    assert huge.payload == large
    assert after.payload == b"after"


def test_retained_packets_do_not_come_again_with_every_connection(lasting_broker: Mosquitto) -> None:
    publish(lasting_broker.port, topic="m/kept", retain=True)
    with subscribed(lasting_broker.port) as subscriber:
        subscriber.acknowledge(take(subscriber, 1))
    with subscribed(lasting_broker.port) as subscriber:
        publish(lasting_broker.port, topic="m/new")
        assert [packet.topic for packet in take(subscriber, 1)] == ["m/new"]


def test_user_properties_are_kept(broker: Mosquitto) -> None:
    with subscribed(broker.port) as subscriber:
        publish(broker.port, user=[("站点", "north"), ("site", "2"), ("site", "1")])
        (packet,) = take(subscriber, 1)
    assert json.loads(packet.properties) == {"user": [["站点", "north"], ["site", "2"], ["site", "1"]]}


@pytest.mark.parametrize("qos", [0, 1])
def test_properties_that_paho_can_not_read_do_not_end_the_connection(broker: Mosquitto, qos: int) -> None:
    with subscribed(broker.port) as subscriber:
        publish(broker.port, 1, qos=qos, user=[("\ufeffsite", "north")])
        publish(broker.port, 2)
        packets = take(subscriber, 3)
        assert payloads(packets) == [b"0", b"0", b"1"]
        assert (packets[0].topic, packets[0].qos, packets[0].properties) == ("m/1", qos, b"")
        assert subscriber.acknowledge(packets) == 2 + qos
        assert subscriber.state.generation == 1


@BOTH
def test_stopping_loses_nothing(broker: Mosquitto, protocol: str) -> None:
    with subscribed(broker.port, protocol=protocol) as subscriber:
        publish(broker.port, 10)
        stored = take(subscriber, 10)
        subscriber.stop_receiving()
        publish(broker.port, 5, topic="m/late")
        until(lambda: len(logged_ids(broker, "Sending PUBLISH to")) == 15, "the late packets to be sent")
        assert subscriber.acknowledge(stored) == 10
        until(lambda: len(logged_ids(broker, "Received PUBACK from")) == 10, "the acknowledgements")
        assert subscriber.take(10, 0) == []
    with subscribed(broker.port, protocol=protocol) as subscriber:
        late = take(subscriber, 5)
        assert [(packet.topic, packet.payload) for packet in late] == [("m/late", payload) for payload in numbered(5)]


@BOTH
def test_another_list_of_topics_takes_effect_on_the_old_session(broker: Mosquitto, protocol: str) -> None:
    with subscribed(broker.port, protocol=protocol, topics=("m/a/#", "m/b/#")):
        pass
    publish(broker.port, topic="m/a/queued")
    changed = {"topics": ("m/b/#", "m/c/#"), "former_topics": ("m/a/#",)}
    with subscribed(broker.port, protocol=protocol, **changed) as subscriber:
        assert subscriber.state.session_present is True
        for topic in ("m/a/1", "m/b/1", "m/c/1"):
            publish(broker.port, topic=topic)
        assert [packet.topic for packet in take(subscriber, 3)] == ["m/a/queued", "m/b/1", "m/c/1"]
