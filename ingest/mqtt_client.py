"""How a paho client is made, connected and subscribed, and what paho 2.x needs to be told for that."""

import ssl

from paho.mqtt import MQTTException
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.mqtt_options import MqttOptions


def new_client(options: MqttOptions) -> mqtt.Client:
    """Return a paho client that never connects again by itself and never writes outside its own thread.

    Raises OSError if a TLS file can't be read.
    """
    is_v5 = options.protocol == "5"
    client = _Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        clean_session=None if is_v5 else False,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    # Without this callback paho writes acknowledgements to the socket from the thread that gives them, into the middle
    # of whatever the network thread is writing.
    client.on_socket_register_write = lambda _client, _data, _socket: None
    client.username_pw_set(options.username, options.password)
    if options.tls:
        client.tls_set_context(_tls_context(options))
    return client


def connect(client: mqtt.Client, options: MqttOptions) -> None:
    """Open the connection and send CONNECT for a session that is kept; raises OSError if the broker can't be reached."""
    # A clean start would wipe what the broker holds for us; paho's default makes one on the first connection.
    if options.protocol != "5":
        client.connect(options.host, options.port, options.keepalive_s)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = options.session_expiry_s
    properties.ReceiveMaximum = options.receive_maximum
    properties.MaximumPacketSize = options.max_packet_bytes
    client.connect(options.host, options.port, options.keepalive_s, clean_start=False, properties=properties)


def subscriptions(options: MqttOptions) -> list[tuple[str, int]] | list[tuple[str, SubscribeOptions]]:
    """Return the topic filters as paho's ``subscribe`` takes them, all at QoS 1.

    MQTT 5 can ask for retained packets only where the subscription is new; in 3.1.1 they come with every connection.
    """
    if options.protocol != "5":
        return [(topic, 1) for topic in options.topics]
    only_once = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
    return [(topic, only_once) for topic in options.topics]


class _SslSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()  # paho forgets a socket whose handshake failed, open
            raise


def _tls_context(options: MqttOptions) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.ca_file)
    context.sslsocket_class = _SslSocket
    if options.cert_file:
        # An encrypted key would make OpenSSL ask for its pass phrase on the terminal and wait there.
        context.load_cert_chain(options.cert_file, options.key_file, password=lambda: "")
    return context


class _Client(mqtt.Client):
    """paho ends the connection over a packet whose properties it can't read, and the broker sends that packet again.

    Seen with a byte order mark in a user property, which the standard and mosquitto allow. Such a packet comes in
    without its properties.
    """

    def _handle_publish(self) -> MQTTErrorCode:
        try:
            return super()._handle_publish()
        except MQTTException:
            self._in_packet["packet"] = _without_properties(self._in_packet["command"], self._in_packet["packet"])
            return super()._handle_publish()


def _without_properties(command: int, body: bytearray) -> bytearray:
    start = 2 + int.from_bytes(body[:2], "big") + (2 if command & 0x06 else 0)
    length, width = VariableByteIntegers.decode(body[start : start + 4])  # type: ignore[no-untyped-call]
    return body[:start] + b"\0" + body[start + width + length :]
