"""What the Subscriber's settings accept, how long it waits between attempts, and what it keeps of a message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.mqtt import next_wait, pack_properties, to_packet
from ingest.mqtt_options import MqttOptions, topic_filter_problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"host": ""}, "host is missing"),
        ({"port": 0}, "port 0"),
        ({"protocol": "4"}, "protocol '4'"),
        ({"client_id": ""}, "client_id is missing"),
        ({"password": "p"}, "password needs a username"),
        ({"ca_file": "ca.pem"}, "need tls"),
        ({"tls": True, "cert_file": "c.pem"}, "belong together"),
        ({"keepalive_s": 0}, "keepalive_s 0"),
        ({"session_expiry_s": 0}, "session_expiry_s 0"),
        ({"receive_maximum": 0}, "receive_maximum 0"),
        ({"receive_maximum": 65_536}, "receive_maximum 65536"),
        ({"receive_maximum": 100, "queue_packets": 100}, "queue_packets 100 must exceed receive_maximum 100"),
        ({"reconnect_min_s": 0}, "reconnect_min_s 0"),
        ({"reconnect_min_s": 61}, "reconnect_min_s 61"),
        ({"max_packet_bytes": 131_071}, "max_packet_bytes 131071"),
        ({"max_packet_bytes": 268_435_456}, "max_packet_bytes 268435456"),
        ({"queue_bytes": 199_999, "max_packet_bytes": 200_000}, "queue_bytes 199999 must be at least max_packet_bytes"),
        ({"topics": ()}, "topics is empty"),
        ({"former_topics": ("m/#",)}, "m/# stands in topics and in former_topics"),
    ],
)
def test_a_setting_that_can_not_work_is_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("(", r"\(")):
        MqttOptions(**{"host": "broker", "topics": ("m/#",)} | changes)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"port 0.*queue_packets 1.*shared subscription"):
        MqttOptions("broker", ("$share/engines/m/#",), port=0, queue_packets=1)


@pytest.mark.parametrize("topic", ["#", "+", "m/#", "+/m/+/#", "/", "m//1", "电表/+"])
def test_a_topic_filter_is_accepted(topic: str) -> None:
    assert topic_filter_problem(topic) == ""
    assert MqttOptions("broker", (topic,)).topics == (topic,)


@pytest.mark.parametrize(
    ("topic", "problem"),
    [
        ("$share/engines/m/#", "shared subscription"),
        ("$queue/m/#", "shared subscription"),
        ("$SYS/#", "what the broker says about itself"),
        ("$SYS", "what the broker says about itself"),
        ("", "not a topic filter"),
        ("m/#/1", "not a topic filter"),
        ("m#", "not a topic filter"),
        ("m/1+", "not a topic filter"),
        ("m/\0", "not a topic filter"),
        ("m" * 65_536, "not a topic filter"),
    ],
)
def test_a_topic_filter_is_refused_with_its_reason(topic: str, problem: str) -> None:
    assert problem in topic_filter_problem(topic)
    with pytest.raises(ValueError, match=problem):
        MqttOptions("broker", (topic,))


@given(previous=st.floats(1, 60), share=st.floats(0, 1, exclude_max=True))
def test_a_wait_stays_within_its_bounds_and_below_three_times_the_last(previous: float, share: float) -> None:
    wait = next_wait(previous, 1, 60, share)
    assert 1 <= wait <= 60
    assert wait <= 3 * previous


def test_waits_grow_to_the_longest_and_are_spread() -> None:
    waits = [1.0]
    for _ in range(8):
        waits.append(next_wait(waits[-1], 1, 60, 0.9))
    assert waits == sorted(waits)
    assert waits[-1] == 60
    assert next_wait(1, 1, 60, 0.0) == 1
    assert next_wait(1, 1, 60, 0.5) == 2


def test_properties_become_compact_json() -> None:
    properties = Properties(PacketTypes.PUBLISH)
    assert pack_properties(None) == pack_properties(properties) == b""
    properties.ContentType = "application/json"
    assert pack_properties(properties) == b'{"content_type":"application/json"}'
    properties.UserProperty = [("site", "north"), ("site", "south")]
    expected = b'{"content_type":"application/json","user":[["site","north"],["site","south"]]}'
    assert pack_properties(properties) == expected


def test_a_topic_that_is_not_text_still_becomes_a_packet() -> None:
    message = MQTTMessage(mid=7, topic=b"m/\xff")
    message.payload, message.qos = b"1", 1
    packet = to_packet(message, 3)
    assert (packet.topic, packet.payload, packet.packet_id, packet.generation) == ("\ufffd", b"1", 7, 3)
