"""The Subscriber: packets come in from the broker, acknowledgements go out, and the session outlives both ends.

One network thread holds one connection at a time. Each connection has a paho client of its own: an acknowledgement for a
packet of an older connection then has nowhere to go, which matters because packet identifiers start again when the
broker has lost the session and a late PUBACK would settle a packet nobody has stored.
"""

import logging
import math
import random
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Self

import msgspec
from paho.mqtt import client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest import metrics
from ingest.mqtt_client import connect, new_client, subscriptions
from ingest.mqtt_options import MqttOptions
from meterwatch.core.clock import elapsed, real_now
from meterwatch.core.model.packets import Packet

logger = logging.getLogger(__name__)

TICK_S = 0.5  # how often the network thread looks up when nothing comes in
CLOSE_S = 5.0  # how long close() tries to hand the last acknowledgements to a broker that does not read
UNSPECIFIED_ERROR = 0x80
_RECEIVED = [metrics.MQTT_PACKETS_RECEIVED.labels(qos=str(qos)) for qos in range(3)]


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How the connection stands. ``since`` is the real time, UTC, at which ``connected`` last changed.

    ``generation`` counts the connections the broker accepted. ``subscribed`` means every topic filter was granted.
    ``session_present`` says whether the broker still knew us at the last connection, None before the first.
    ``error`` says in a line why we are not connected or not subscribed; empty while all is well.
    """

    since: datetime
    connected: bool = False
    subscribed: bool = False
    generation: int = 0
    session_present: bool | None = None
    error: str = ""


class _Live(NamedTuple):
    client: mqtt.Client
    generation: int


class Subscriber:
    """Receives at QoS 1 in one persistent session; a packet stays with the broker until it is acknowledged.

    ``take`` and ``acknowledge`` may be called from any one thread each. A Subscriber is started once.
    """

    def __init__(self, options: MqttOptions) -> None:
        self._options = options
        self._queue: deque[Packet] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._receiving = True
        self._closing = threading.Event()
        self._close_by = math.inf
        self._state = ConnectionState(since=real_now())
        self._live: _Live | None = None
        self._cause = ""
        self._wait = options.reconnect_min_s
        self._subscribe_at = math.inf
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def state(self) -> ConnectionState:
        """Return how the connection stands now; for health pages, from any thread."""
        return self._state

    def start(self) -> None:
        """Begin to connect, and to connect again whenever the connection is lost; returns at once."""
        metrics.MQTT_QUEUE_PACKETS.set_function(lambda: len(self._queue))
        self._thread.start()

    def take(self, limit: int, timeout: float) -> list[Packet]:
        """Return up to ``limit`` packets in receive order, waiting up to ``timeout`` seconds for the first one."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue, timeout)
            packets = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
            self._waiting_bytes -= sum(map(size_of, packets))
            self._changed.notify_all()
        return packets

    def acknowledge(self, packets: Iterable[Packet]) -> int:
        """Hand PUBACKs for ``packets`` to the connection that brought them; return how many that were.

        Packets come in the order ``take`` returned them [MQTT-4.6.0-2]. QoS 0 needs no acknowledgement. One of an older
        connection is counted and never sent: the broker sends that packet again.
        """
        live = self._live
        sent = stale = 0
        for packet in packets:
            if live is not None and packet.qos and packet.generation == live.generation:
                live.client.ack(packet.packet_id, packet.qos)
                sent += 1
            elif packet.qos:
                stale += 1
        metrics.MQTT_ACKNOWLEDGED.inc(sent)
        metrics.MQTT_STALE_ACKNOWLEDGEMENTS.inc(stale)
        return sent

    def stop_receiving(self) -> None:
        """Let no more packets in; the connection stays for the acknowledgements of those already taken.

        What still arrives at QoS 1 is left unacknowledged, so the session keeps it; QoS 0 is dropped and counted.
        """
        with self._changed:
            self._receiving = False

    def close(self) -> None:
        """Send what was acknowledged, disconnect and end the network thread; the broker keeps the session."""
        self._close_by = elapsed() + CLOSE_S
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        live = self._live
        if live:
            live.client.disconnect()
        if self._thread.is_alive():
            self._thread.join()

    # Everything below runs in the network thread.

    def _run(self) -> None:
        while self._may_connect():
            cause = self._hold_connection()
            if not self._closing.is_set():
                self._disconnected(cause)
                wait = self._back_off()
                logger.warning("no MQTT connection: %s; next attempt in %.1f s", cause, wait)
                self._closing.wait(wait)
        self._disconnected("")
        logger.info("MQTT connection closed")

    def _may_connect(self) -> bool:
        """Wait until the queue is not full and return True, or False when closing.

        A new connection brings all unacknowledged packets again: without this, a journal that stands still and a
        connection that comes and goes would fill the memory.
        """
        if not self._wait_for_room(0):
            waiting = f"{len(self._queue)} packets wait for the journal; connecting after that"
            self._state = replace(self._state, error=waiting)
            logger.warning("%s", waiting)
            self._wait_for_room(None)
        return not self._closing.is_set()

    def _wait_for_room(self, timeout: float | None, packets: int = 0, size: int = 0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._has_room(packets, size) or self._closing.is_set(), timeout)

    def _has_room(self, packets: int = 0, size: int = 0) -> bool:
        """Return whether less waits than the queue holds and so many ``packets`` and bytes more."""
        bounds = self._options
        return len(self._queue) < bounds.queue_packets + packets and self._waiting_bytes < bounds.queue_bytes + size

    def _hold_connection(self) -> str:
        """Connect, serve the connection until it ends, and return why it ended."""
        self._cause, self._subscribe_at = "", math.inf
        try:
            client = self._new_client()
            connect(client, self._options)
            result = client.loop(TICK_S)
            while result == MQTTErrorCode.MQTT_ERR_SUCCESS and self._look_up(client):
                result = self._serve(client)
        except OSError as error:
            return str(error)
        except Exception as error:  # whatever the broker's bytes make paho raise must not end the network thread
            logger.exception("the MQTT connection failed")
            return f"{type(error).__name__}: {error}"
        finally:
            self._live = None
        return self._cause or mqtt.error_string(result)

    def _serve(self, client: mqtt.Client) -> MQTTErrorCode:
        """Let paho read and write for a tick, or only write while more waits than a broker that keeps to our window sends.

        mosquitto 2.0 does not keep to it: each acknowledgement may bring a whole window more. In bytes a window may be more
        than anyone can hold: there the margin is one packet, so that QoS 0, which is dropped, never stops us.
        """
        largest = self._options.max_packet_bytes
        if self._wait_for_room(TICK_S, self._options.receive_maximum, largest):
            if not client._in_packet["packet"]:  # noqa: SLF001 - paho has no bound of its own
                client._in_packet["packet"] = Body(largest)  # noqa: SLF001
            return client.loop(TICK_S)
        return client.loop_write() or client.loop_misc()

    def _look_up(self, client: mqtt.Client) -> bool:
        """Do what is due between two packets; return False when the time for closing has run out."""
        if self._closing.is_set():
            client.disconnect()
            return elapsed() < self._close_by
        if elapsed() >= self._subscribe_at:
            self._subscribe(client)
        return True

    def _new_client(self) -> mqtt.Client:
        client = new_client(self._options)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _subscribe(self, client: mqtt.Client) -> None:
        self._subscribe_at = math.inf
        if self._options.former_topics:
            client.unsubscribe(list(self._options.former_topics))
        client.subscribe(subscriptions(self._options))

    def _back_off(self) -> float:
        low, high = self._options.reconnect_min_s, self._options.reconnect_max_s
        self._wait = next_wait(self._wait, low, high, random.random())  # noqa: S311 - spreads attempts, guards nothing
        return self._wait

    def _disconnected(self, cause: str) -> None:
        since = real_now() if self._state.connected else self._state.since
        self._state = replace(self._state, connected=False, subscribed=False, error=cause, since=since)
        metrics.MQTT_CONNECTED.set(0)

    # The callbacks. None may raise: paho would end the connection for it, and the broker would bring the cause again.

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: mqtt.ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._cause = f"the broker refused the connection: {reason}"
            return
        generation, known = self._state.generation + 1, flags.session_present
        self._state = ConnectionState(real_now(), connected=True, generation=generation, session_present=known)
        self._live = _Live(client, generation)
        metrics.MQTT_CONNECTED.set(1)
        metrics.MQTT_CONNECTIONS.inc()
        logger.info("MQTT connection %d to %s, session present: %s", generation, self._options.host, known)
        if generation > 1 and not known:
            logger.warning("the broker has lost our session, and with it what it held for us")
        self._subscribe(client)

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        answers = zip(self._options.topics, reasons, strict=False)
        refused = [f"{topic}: {reason}" for topic, reason in answers if reason.value != 1]
        if not refused:
            self._wait = self._options.reconnect_min_s
            self._state = replace(self._state, subscribed=True, error="")
            return
        wait = self._back_off()
        self._subscribe_at = elapsed() + wait
        self._state = replace(self._state, subscribed=False, error="not subscribed at QoS 1: " + ", ".join(refused))
        logger.warning("%s; next attempt in %.1f s", self._state.error, wait)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        packet = to_packet(message, self._state.generation)
        with self._changed:
            accepted = self._receiving and (packet.qos > 0 or self._has_room())
            if accepted:
                self._queue.append(packet)
                self._waiting_bytes += size_of(packet)
                if len(self._queue) == 1:
                    self._changed.notify_all()
        if accepted:
            _RECEIVED[packet.qos].inc()
        elif not packet.qos:
            metrics.MQTT_DROPPED_QOS0.inc()

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: Any,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._cause and reason.value != UNSPECIFIED_ERROR:
            by_whom = "the broker closed the connection" if flags.is_disconnect_packet_from_server else "connection lost"
            self._cause = f"{by_whom}: {reason}"


def next_wait(previous: float, low: float, high: float, share: float) -> float:
    """Return the seconds to wait before the next attempt: decorrelated jitter between ``low`` and ``high``.

    ``share`` is a random number in [0, 1). The wait lies between ``low`` and three times the ``previous`` one, so a
    fleet of clients that lost the same broker does not come back as one.
    """
    return min(high, low + share * (3 * previous - low))


class Body(bytearray):
    """What paho has read of one packet; what comes after its first ``largest`` bytes is forgotten at once.

    3.1.1 can't tell the broker to keep a packet to itself, and ending the connection over it would bring it again.
    """

    def __init__(self, largest: int) -> None:
        super().__init__()
        self._largest = largest

    def __iadd__(self, more: bytes, /) -> Self:  # type: ignore[misc, override]  # paho adds bytes only
        return super().__iadd__(more[: self._largest - len(self)])


def size_of(packet: Packet) -> int:
    """Return about how many bytes a waiting packet holds."""
    return len(packet.topic) + len(packet.properties) + len(packet.payload)


def to_packet(message: mqtt.MQTTMessage, generation: int) -> Packet:
    """Return a received message as a Packet; ``received_at`` is left to the journal.

    A topic that is not UTF-8 becomes U+FFFD, which no codec covers: the packet ends as a reject, with its payload.
    """
    try:
        topic = message.topic
    except UnicodeDecodeError:
        topic = "\ufffd"
    return Packet(
        topic=topic,
        payload=bytes(message.payload),
        qos=message.qos,
        dup=message.dup,
        retain=message.retain,
        packet_id=message.mid,
        generation=generation,
        properties=pack_properties(message.properties),
    )


def pack_properties(properties: Properties | None) -> bytes:
    """Return the MQTT 5 properties that say something about the payload as compact JSON, ``b""`` if there are none.

    ``{"content_type":"application/json","user":[["site","north"]]}``; user properties keep their order and may repeat.
    """
    content_type = getattr(properties, "ContentType", None)
    user = getattr(properties, "UserProperty", None)
    kept = {"content_type": content_type, "user": user}
    kept = {name: value for name, value in kept.items() if value}
    return msgspec.json.encode(kept) if kept else b""
