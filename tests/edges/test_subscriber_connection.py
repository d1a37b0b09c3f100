"""The Subscriber's connection: what is refused or lost is told, tried again, and never ends the network thread."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.mqtt import Subscriber
from meterwatch.core.clock import elapsed
from tests.support.absent import absent
from tests.support.mosquitto import Certificates, Mosquitto, Publisher, free_port, until
from tests.support.subscriber import BOTH, options, payloads, publish, sample, started, subscribed, take

GUESSED = "guessed-secret"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@BOTH
def test_tls_with_certificates_on_both_sides(tmp_path: Path, protocol: str) -> None:
    made = Certificates.make(tmp_path / "certificates")
    files = {"ca_file": made.cert("ca"), "cert_file": made.cert("client"), "key_file": made.key("client")}
    with (
        Mosquitto(tmp_path / "broker", certificates=made, ask_certificate=True) as broker,
        subscribed(broker.port, protocol=protocol, tls=True, **files) as subscriber,
        Publisher(broker.port, certificates=made) as publisher,
    ):
        large = bytes(range(256)) * 20_480
        publisher.publish("m/1", [b"first", large])
        packets = take(subscriber, 2)
        assert payloads(packets) == [b"first", large]
        assert subscriber.acknowledge(packets) == 2


def test_a_broker_with_another_authority_is_not_trusted(tmp_path: Path) -> None:
    made, other = Certificates.make(tmp_path / "certificates"), Certificates.make(tmp_path / "others")
    with (
        Mosquitto(tmp_path / "broker", certificates=made) as broker,
        started(broker.port, tls=True, ca_file=other.cert("ca")) as subscriber,
    ):
        until(lambda: "certificate verify failed" in subscriber.state.error, "the refusal")
        assert not subscriber.state.connected


def test_a_missing_authority_file_is_told_and_tried_again(tmp_path: Path) -> None:
    made = Certificates.make(tmp_path / "certificates")
    later = tmp_path / "ca.pem"
    with (
        Mosquitto(tmp_path / "broker", certificates=made) as broker,
        started(broker.port, tls=True, ca_file=later) as subscriber,
    ):
        until(lambda: "No such file" in subscriber.state.error, "the reason")
        later.write_bytes(made.cert("ca").read_bytes())
        until(lambda: subscriber.state.subscribed, "the subscription")


@BOTH
def test_a_wrong_password_is_told_and_never_printed(tmp_path: Path, protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Mosquitto(tmp_path / "broker", users={"meter": "right"}) as broker:
        granted: dict[str, Any] = {"username": "meter", "password": "right"}
        with started(broker.port, protocol=protocol, username="meter", password=GUESSED) as subscriber:
            until(lambda: "refused the connection: Not authorized" in subscriber.state.error, "the refusal")
            assert not subscriber.state.connected
            assert subscriber.state.generation == 0
        assert "Not authorized" in caplog.text
        assert GUESSED not in caplog.text + repr(options(1, password=GUESSED, username="meter"))
        with (
            subscribed(broker.port, protocol=protocol, **granted) as subscriber,
            Publisher(broker.port, **granted) as publisher,
        ):
            publisher.publish("m/1", [b"in"])
            assert payloads(take(subscriber, 1)) == [b"in"]


def test_a_refused_filter_is_told_while_the_others_work_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Mosquitto(tmp_path / "broker", lines=granting(tmp_path, "m/open/#")) as broker,
        started(broker.port, topics=("m/open/#", "m/secret/#")) as subscriber,
    ):
        until(lambda: "m/secret/#: Not authorized" in subscriber.state.error, "the refusal")
        assert "m/open" not in subscriber.state.error
        assert (subscriber.state.connected, subscriber.state.subscribed) == (True, False)
        publish(broker.port, topic="m/open/1")
        assert [packet.topic for packet in take(subscriber, 1)] == ["m/open/1"]
        until(lambda: caplog.text.count("m/secret/#: Not authorized; next attempt") >= 3, "further attempts")
        command(broker, command="setDefaultACLAccess", acls=[{"acltype": "subscribe", "allow": True}])
        until(lambda: subscriber.state.subscribed, "the subscription")
        assert (subscriber.state.generation, subscriber.state.error) == (1, "")
        publish(broker.port, topic="m/secret/1")
        until(lambda: "m/secret/1" in [packet.topic for packet in subscriber.take(10, 0.2)], "the granted topic")


def test_the_reason_a_broker_gives_for_ending_the_connection_is_told(tmp_path: Path) -> None:
    slow: dict[str, Any] = {"reconnect_min_s": 30, "reconnect_max_s": 60}
    with (
        Mosquitto(tmp_path / "broker", lines=granting(tmp_path, "m/#")) as broker,
        subscribed(broker.port, **slow) as subscriber,
    ):
        command(broker, command="removeRoleACL", rolename="all", acltype="subscribePattern", topic="m/#")
        reason = "the broker closed the connection: Administrative action"
        until(lambda: subscriber.state.error == reason, "the reason")


def granting(folder: Path, topic: str) -> list[str]:
    """Configuration of a broker that grants only one topic filter, and takes commands to change that."""
    folders = [*Path("/usr/lib").glob("*-linux-*"), Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib")]
    plugins = [plugin for folder in folders if (plugin := folder / "mosquitto_dynamic_security.so").exists()]
    if not plugins:
        absent("mosquitto's dynamic security plugin is not installed")
    rules = [("subscribePattern", topic), ("publishClientSend", "$CONTROL/#")]
    granted = [{"acltype": kind, "topic": pattern, "priority": 0, "allow": True} for kind, pattern in rules]
    everything_else = dict.fromkeys(("publishClientSend", "publishClientReceive", "unsubscribe"), True)
    rights = {
        "defaultACLAccess": {"subscribe": False, **everything_else},
        "roles": [{"rolename": "all", "acls": granted}],
        "groups": [{"groupname": "all", "roles": [{"rolename": "all"}]}],
        "anonymousGroup": "all",
    }
    path = folder / "rights.json"
    path.write_text(json.dumps(rights))
    return [f"plugin {plugins[0]}", f"plugin_opt_config_file {path}"]


def command(broker: Mosquitto, **words: Any) -> None:
    with Publisher(broker.port) as publisher:
        publisher.publish("$CONTROL/dynamic-security/v1", [json.dumps({"commands": [words]}).encode()])


@BOTH
def test_a_killed_broker_is_found_again(broker: Mosquitto, protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    connections = sample("connections_total")
    with subscribed(broker.port, protocol=protocol) as subscriber:
        connected_since = subscriber.state.since
        broker.kill()
        until(lambda: "refused" in subscriber.state.error, "an attempt in vain")
        assert not subscriber.state.connected
        assert subscriber.state.since > connected_since
        broker.start()
        until(lambda: subscriber.state.subscribed, "the new connection")
        assert (subscriber.state.generation, subscriber.state.error) == (2, "")
        sent = publish(broker.port, 3)
        assert payloads(take(subscriber, 3)) == sent
    assert sample("connections_total") - connections == 2
    assert "lost our session" in caplog.text


def test_a_broker_that_falls_silent_is_noticed(broker: Mosquitto) -> None:
    with subscribed(broker.port, keepalive_s=1) as subscriber:
        broker.freeze()
        until(lambda: not subscriber.state.connected, "the silence to be noticed")
        assert subscriber.state.error
        broker.thaw()
        until(lambda: subscriber.state.subscribed, "the new connection")


def test_close_returns_while_no_broker_answers() -> None:
    subscriber = Subscriber(options(free_port(), reconnect_min_s=30, reconnect_max_s=60))
    subscriber.start()
    until(lambda: "refused" in subscriber.state.error, "an attempt in vain")
    began = elapsed()
    subscriber.close()
    subscriber.close()
    assert elapsed() - began < 15
    assert not subscriber.state.connected


def test_a_host_no_one_can_look_up_does_not_end_the_network_thread(caplog: pytest.LogCaptureFixture) -> None:
    with started(1883, host="no..such") as subscriber:
        until(lambda: "UnicodeError" in subscriber.state.error, "the reason")
        until(lambda: caplog.text.count("next attempt") >= 2, "another attempt")


def test_close_before_start_is_harmless() -> None:
    Subscriber(options(1883)).close()
