"""How to reach the broker and what to subscribe to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from meterwatch.core.bounds import beyond

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """The Subscriber's settings. A value that can't work raises ValueError, which names every problem at once."""

    host: str
    """Name or address of the broker."""
    topics: tuple[str, ...]
    """Topic filters to subscribe to, at QoS 1; no shared subscriptions, no ``$SYS``. Default: those of the codecs."""
    former_topics: tuple[str, ...] = ()
    """Filters to give back: the broker's session remembers a filter that is merely taken out and goes on sending."""
    port: int = 1883
    """TCP port of the broker; 8883 is usual with TLS."""
    protocol: Literal["5", "3.1.1"] = "5"
    """``5`` or ``3.1.1``; only in 5 can we tell the broker our window."""
    client_id: str = "meterwatch"
    """Names the session that the broker keeps; two subscribers with one name throw each other out."""
    username: str | None = None
    """Account at the broker."""
    password: str | None = field(default=None, repr=False)
    """Its password, better as ``password_file`` or METERWATCH_MQTT__PASSWORD."""
    tls: bool = False
    """Encrypt, and verify the broker's certificate and host name."""
    ca_file: Path | None = None
    """PEM file of the authority that signed the broker's certificate; default: the system's authorities."""
    cert_file: Path | None = None
    """PEM file of our own certificate, for brokers that ask for one."""
    key_file: Path | None = None
    """PEM file of its key, unencrypted."""
    keepalive_s: int = 30
    """Seconds of silence after which a dead connection is noticed, 1 to 65535."""
    session_expiry_s: int = 7 * DAY_S
    """Seconds the broker keeps our session while we are away (MQTT 5; in 3.1.1 the broker decides)."""
    receive_maximum: int = 1000
    """QoS 1 packets the broker may send before the first is acknowledged (MQTT 5), 1 to 65535."""
    queue_packets: int = 20_000
    """Packets that may wait for the journal, more than ``receive_maximum``. A QoS 0 packet that finds as many is dropped
    and counted; QoS 1 may add one window, then we stop reading."""
    queue_bytes: int = 256 * 1024 * 1024
    """Bytes that may wait for the journal, at least ``max_packet_bytes``. A QoS 0 packet that finds as many is dropped and
    counted; QoS 1 may add one packet of the largest size, then we stop reading. As many again may be on the way to disk."""
    reconnect_min_s: float = 1
    """Shortest wait before the next attempt to connect, in seconds."""
    reconnect_max_s: float = 60
    """Longest wait before the next attempt to connect, in seconds."""
    max_packet_bytes: int = 16 * 1024 * 1024
    """Largest packet we take, 131072 to 268435455. In MQTT 5 the broker is told and silently discards larger ones; in 3.1.1
    they are cut off there, and become rejects someone can see."""

    def __post_init__(self) -> None:
        problems = [*self._connection_problems(), *self._flow_problems(), *self._topic_problems()]
        if problems:
            raise ValueError("; ".join(problems))

    def _connection_problems(self) -> Iterator[str]:
        if not self.host:
            yield "host is missing"
        yield from beyond(self, port=(1, 65_535))
        if self.protocol not in ("5", "3.1.1"):
            yield f'protocol {self.protocol!r} is neither "5" nor "3.1.1"'
        if not self.client_id:
            yield "client_id is missing: the broker keeps a session only for a named client"
        if self.password is not None and self.username is None:
            yield "password needs a username"
        if not self.tls and (self.ca_file or self.cert_file or self.key_file):
            yield "ca_file, cert_file and key_file need tls"
        if (self.cert_file is None) != (self.key_file is None):
            yield "cert_file and key_file belong together"

    def _flow_problems(self) -> Iterator[str]:
        silent = beyond(self, keepalive_s=(1, 65_535))
        yield from (f"{found}: without it a dead connection is never noticed" for found in silent)
        yield from beyond(self, session_expiry_s=(1, 0xFFFF_FFFF), receive_maximum=(1, 65_535))
        if self.queue_packets <= self.receive_maximum:
            yield f"queue_packets {self.queue_packets} must exceed receive_maximum {self.receive_maximum}"
        if self.queue_bytes < self.max_packet_bytes:
            yield f"queue_bytes {self.queue_bytes} must be at least max_packet_bytes {self.max_packet_bytes}"
        if not 0 < self.reconnect_min_s <= self.reconnect_max_s:
            yield f"reconnect_min_s {self.reconnect_min_s} is not between 0 and reconnect_max_s {self.reconnect_max_s}"
        yield from beyond(self, max_packet_bytes=(131_072, 268_435_455))  # the longest topic must fit, even where we cut

    def _topic_problems(self) -> Iterator[str]:
        if not self.topics:
            yield "topics is empty: nothing would be received"
        yield from filter(None, map(topic_filter_problem, self.topics))
        yield from (f"{topic} stands in topics and in former_topics" for topic in self.topics if topic in self.former_topics)


def topic_filter_problem(topic: str) -> str:
    """Return why a topic filter can't be subscribed to, or ``""`` if it can."""
    levels = topic.split("/")
    if levels[0] in ("$share", "$queue"):
        return f"{topic} is a shared subscription: one meter's readings would be spread over several engines"
    if levels[0] == "$SYS":
        return f"{topic} is what the broker says about itself: it holds no readings"
    well_formed = topic and "\0" not in topic and len(topic.encode()) <= 65_535
    wildcards_alone = all(level in ("+", "#") or not {"+", "#"} & set(level) for level in levels)
    if not (well_formed and wildcards_alone) or "#" in levels[:-1]:
        return f"{topic!r} is not a topic filter"
    return ""
