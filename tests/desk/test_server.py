"""Metrics and health over a real socket, and the server that serves them."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from desk.app import Health, create_app
from desk.options import DeskOptions
from desk.server import Server
from meterwatch.core.errors import Unavailable
from notifier import metrics


@contextmanager
def serving(health: Health, address: str = "127.0.0.1:0") -> Iterator[str]:
    server = Server(create_app(lambda: health, None), address)
    try:
        yield server.start()
    finally:
        server.stop()


GOOD = Health(True, {"engine": [], "notify": []})


class TestHealth:
    @pytest.mark.parametrize(("alive", "status", "text"), [(True, 200, "ok\n"), (False, 503, "not alive\n")])
    def test_healthz(self, http: urllib3.PoolManager, alive: bool, status: int, text: str) -> None:
        with serving(Health(alive, {"engine": ["broker: gone"]})) as address:
            answer = http.request("GET", f"http://{address}/healthz")
        assert (answer.status, answer.data.decode()) == (status, text)

    @pytest.mark.parametrize(
        ("health", "status"),
        [(GOOD, 200), (Health(True, {"engine": ["磁盘已满"]}), 503), (Health(False, {"engine": []}), 503)],
        ids=["ready", "a problem", "not alive"],
    )
    def test_readyz(self, http: urllib3.PoolManager, health: Health, status: int) -> None:
        with serving(health) as address:
            answer = http.request("GET", f"http://{address}/readyz")
        assert answer.status == status
        assert json.loads(answer.data) == {"ready": status == 200, "problems": health.problems}

    def test_without_the_desk_there_are_no_callbacks(self, http: urllib3.PoolManager) -> None:
        with serving(GOOD) as address:
            assert http.request("POST", f"http://{address}/api/v1/receipts/webhook").status == 404


class TestMetrics:
    def test_are_prometheus_text(self, http: urllib3.PoolManager) -> None:
        metrics.RECEIPTS.labels("webhook", "no").inc()
        with serving(GOOD) as address:
            answer = http.request("GET", f"http://{address}/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        families = {family.name: family for family in text_string_to_metric_families(answer.data.decode())}
        samples = families["meterwatch_receipts"].samples
        assert any(s.labels == {"channel": "webhook", "known": "no"} and s.value >= 1 for s in samples)


class TestServer:
    def test_an_address_in_use_is_said(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(Unavailable, match=f"http {address}: Address already in use"), serving(GOOD, address):
                pass

    def test_stops_listening(self) -> None:
        with serving(GOOD) as address:
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), 5).close()
        with socket.socket() as probe:
            assert probe.connect_ex((host, int(port))) != 0

    def test_stopped_leaves_no_thread(self) -> None:
        with serving(GOOD):
            assert "desk.http" in {thread.name for thread in threading.enumerate()}
        assert "desk.http" not in {thread.name for thread in threading.enumerate()}

    def test_the_port_is_free_at_once(self) -> None:
        with serving(GOOD) as address:
            pass
        with serving(GOOD, address) as again:
            assert again == address

    @pytest.mark.parametrize(
        "address",
        ["0.0.0.0:80", "192.168.1.1:80", "[::]:80", "example.com:80", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536"],
    )
    def test_only_loopback_is_allowed(self, address: str) -> None:
        for name in ("listen", "engine_listen", "notify_listen"):
            with pytest.raises(ValueError, match=r"only loopback|write host:port"):
                DeskOptions(**{name: address})

    @pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:8080", "[::1]:65535"])
    def test_loopback_by_any_name(self, address: str) -> None:
        assert DeskOptions(address).listen == address
