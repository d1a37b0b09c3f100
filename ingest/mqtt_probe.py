"""Asking a broker what it allows, without touching the session the service keeps there."""

import threading
from dataclasses import dataclass, replace
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.mqtt_client import connect, new_client
from ingest.mqtt_options import MqttOptions
from meterwatch.core.errors import Unavailable

# CONNACK properties and what an absent one means (MQTT 5, 3.2.2.3)
_LIMITS = {
    "SessionExpiryInterval": None,
    "ReceiveMaximum": 65_535,
    "MaximumQoS": 2,
    "RetainAvailable": 1,
    "MaximumPacketSize": None,
    "WildcardSubscriptionAvailable": 1,
    "ServerKeepAlive": None,
}


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What the broker answered. ``limits`` by the names of MQTT 5; empty for 3.1.1, which has no way to say."""

    limits: dict[str, int | None]


def probe(options: MqttOptions, timeout_s: float = 5.0) -> BrokerFacts:
    """Connect once under a name of our own, ask for the session we would keep, and leave.

    Raises Unavailable if the broker can't be reached, does not let us in, or does not answer in time.
    """
    own = replace(options, client_id=f"{options.client_id}-doctor")
    answered = threading.Event()
    answer: list[Any] = []

    def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, properties: Any) -> None:
        answer.extend((code, properties))
        answered.set()

    client = new_client(own)
    client.on_connect = on_connect
    try:
        connect(client, own)
        client.loop_start()
        if not answered.wait(timeout_s):
            raise Unavailable(f"the broker at {own.host}:{own.port} did not answer within {timeout_s:g} s")
    except OSError as problem:
        raise Unavailable(f"the broker at {own.host}:{own.port} can't be reached: {problem}") from problem
    finally:
        _leave(client, own)
    code, properties = answer
    if code.is_failure:
        raise Unavailable(f"the broker at {own.host}:{own.port} does not let us in: {code}")
    return BrokerFacts(_limits(properties, options) if options.protocol == "5" else {})


def _leave(client: mqtt.Client, options: MqttOptions) -> None:
    """Disconnect and let the broker forget the probe's session (MQTT 5; a 3.1.1 broker keeps an empty one)."""
    properties = None
    if options.protocol == "5":
        properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
    client.disconnect(properties=properties)
    client.loop_stop()


def _limits(properties: Any, options: MqttOptions) -> dict[str, int | None]:
    asked = {"SessionExpiryInterval": options.session_expiry_s, "ServerKeepAlive": options.keepalive_s}
    return {name: getattr(properties, name, asked.get(name, absent)) for name, absent in _LIMITS.items()}
