"""A real mosquitto on loopback, and a publisher to speak to it."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Self

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from meterwatch.core.clock import elapsed
from tests.support.absent import absent

CONFIGURATION = """\
user root
sys_interval 0
set_tcp_nodelay true
max_inflight_messages 5000
max_queued_messages 1000000
message_size_limit 0
log_dest stderr
log_type all
"""


def until(condition: Callable[[], object], what: str, seconds: float = 15) -> None:
    """Return as soon as ``condition`` holds; fail with ``what`` when it does not within ``seconds``."""
    deadline, pause = elapsed() + seconds, Event()
    while not condition():
        assert elapsed() < deadline, f"waited {seconds} s for {what}"
        pause.wait(0.01)


def program(name: str) -> str:
    """Return the path of one of mosquitto's programs; skips the test without it.

    ``METERWATCH_MOSQUITTO`` is the path of the broker's program; the others are looked for beside it first.
    """
    asked = os.environ.get("METERWATCH_MOSQUITTO", "")
    if asked and name == "mosquitto":
        return shutil.which(asked) or absent(f"METERWATCH_MOSQUITTO names no program: {asked}")
    folders = [str(Path(asked).parent), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    return shutil.which(name, path=os.pathsep.join(folders)) or absent(f"{name} is not installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Certificates:
    """A certificate authority and what it signed, as PEM files: ``server`` for 127.0.0.1, ``client`` for us."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        folder.mkdir(parents=True)
        made = cls(folder)
        made._make("ca", "keyUsage=critical,keyCertSign,cRLSign")
        made._make("server", "subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth", signed=True)
        made._make("client", "extendedKeyUsage=clientAuth", signed=True)
        return made

    def cert(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def _make(self, name: str, *extensions: str, signed: bool = False) -> None:
        openssl = shutil.which("openssl") or absent("openssl is not installed")
        request = [openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        request += ["-subj", f"/CN={name}", "-keyout", str(self.key(name))]
        if not signed:
            extras = [part for extension in extensions for part in ("-addext", extension)]
            _run([*request, "-x509", "-days", "2", *extras, "-out", str(self.cert(name))])
            return
        wish, text = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        text.write_text("\n".join((*extensions, "authorityKeyIdentifier=keyid", "subjectKeyIdentifier=hash", "")))
        _run([*request, "-out", str(wish)])
        authority = ["-CA", str(self.cert("ca")), "-CAkey", str(self.key("ca")), "-CAcreateserial"]
        sign = [openssl, "x509", "-req", "-days", "2", "-extfile", str(text), *authority]
        _run([*sign, "-in", str(wish), "-out", str(self.cert(name))])


class Mosquitto:
    """A broker with its files in ``folder``. Restarted, it has the same port and data.

    ``persistence`` False: what it holds dies with it. ``users``: names and passwords, without them anyone may connect.
    ``certificates``: speak TLS; ``ask_certificate``: and want one from the client. ``lines``: further configuration.
    """

    def __init__(
        self,
        folder: Path,
        *,
        persistence: bool = False,
        users: Mapping[str, str] | None = None,
        certificates: Certificates | None = None,
        ask_certificate: bool = False,
        lines: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._folder = folder
        self._program = program("mosquitto")
        self._process: subprocess.Popen[bytes] | None = None
        settings = [f"listener {self.port} 127.0.0.1", *lines]
        settings.append(f"password_file {self._passwords(users)}" if users else "allow_anonymous true")
        if persistence:
            settings += ["persistence true", f"persistence_location {folder}/"]
        if certificates:
            settings += [f"cafile {certificates.cert('ca')}", f"require_certificate {str(ask_certificate).lower()}"]
            settings += [f"certfile {certificates.cert('server')}", f"keyfile {certificates.key('server')}"]
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text("\n".join((CONFIGURATION, *settings, "")))

    def _passwords(self, users: Mapping[str, str]) -> Path:
        path = self._folder / "passwords"
        path.touch(mode=0o600)
        for name, password in users.items():
            _run([program("mosquitto_passwd"), "-b", str(path), name, password])
        return path

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self.kill()

    def start(self) -> None:
        """Start and return when it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._configuration)], stderr=log)
        until(self._listens, "mosquitto to listen")

    def stop(self) -> None:
        """End it as an operator does: with persistence, its data is written first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it neither read nor answer, with its connections open."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def log(self) -> list[str]:
        """Return what it has logged since it was first started, every packet included, without the time stamps."""
        return [line.partition(": ")[2] for line in self._log.read_text(errors="replace").splitlines()]

    @property
    def _log(self) -> Path:
        return self._folder / "mosquitto.log"

    def _listens(self) -> bool:
        assert self._running().poll() is None, f"mosquitto ended: {self.log()[-3:]}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._running(), None
        process.send_signal(how)
        process.wait(timeout=30)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "mosquitto is not running"
        return self._process


class Publisher:
    """Publishes in order, waiting for every acknowledgement.

    ``protocol`` is ``5`` or ``3.1.1``. Further arguments: ``username``, ``password``; ``certificates`` for TLS.
    """

    def __init__(
        self,
        port: int,
        *,
        protocol: str = "5",
        username: str | None = None,
        password: str | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        version = MQTTProtocolVersion.MQTTv5 if protocol == "5" else MQTTProtocolVersion.MQTTv311
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.username_pw_set(username, password)
        if certificates:
            client_files = (str(certificates.cert("client")), str(certificates.key("client")))
            self._client.tls_set(str(certificates.cert("ca")), *client_files)
        self._port = port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        until(self._client.is_connected, "the publisher's connection")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(
        self,
        topic: str,
        payloads: Iterable[bytes],
        *,
        qos: int = 1,
        retain: bool = False,
        user: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Publish ``payloads`` to ``topic``; ``user`` are MQTT 5 user properties."""
        properties = Properties(PacketTypes.PUBLISH)
        if user := list(user):
            properties.UserProperty = user
        extra = {"properties": properties} if user else {}
        _confirm([self._client.publish(topic, payload, qos, retain, **extra) for payload in payloads])

    def publish_each(self, packets: Iterable[tuple[str, bytes]]) -> None:
        """Publish (topic, payload) pairs at QoS 1."""
        _confirm([self._client.publish(topic, payload, 1) for topic, payload in packets])


def _confirm(sent: Iterable[MQTTMessageInfo]) -> None:
    for message in sent:
        assert message.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        message.wait_for_publish(20)
        assert message.is_published()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
