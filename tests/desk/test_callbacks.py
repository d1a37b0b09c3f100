"""The callback API: a receipt is stored before it is acknowledged, and what can't be a receipt is answered with why."""

import hashlib
import hmac
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3
from sqlalchemy import text

from desk.app import Health, create_app
from desk.callbacks import MAX_BODY, MAX_SKEW_S, ReceiptDesk
from desk.server import Server
from meterwatch.core.clock import MovedClock, real_now
from meterwatch.core.model.messages import MessageState, Receipt
from meterwatch.stores.ledger import Ledger
from notifier import receipts
from notifier.channels.webhook import sign
from tests.support.ledger import HOUR, NOW, contents, fresh_database, queue

SECRET = "Schlüssel 密钥"  # noqa: S105
GOOD = {"reference": "N1", "state": "delivered", "at": "2023-03-01T10:16:02+08:00"}
Serve = Callable[[ReceiptDesk], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as started:
        yield started


@contextmanager
def serving() -> Iterator[Serve]:
    running: list[Server] = []

    def started(desk: ReceiptDesk) -> str:
        server = Server(create_app(lambda: Health(True, {}), desk), "127.0.0.1:0")
        running.append(server)
        return server.start()

    try:
        yield started
    finally:
        for server in running:
            server.stop()


def desk_of(ledger: Ledger, accept: Callable[[Receipt], bool] | None = None) -> ReceiptDesk:
    def store(receipt: Receipt) -> bool:
        return receipts.accept(ledger.outbox, receipt)

    return ReceiptDesk(accept or store, MovedClock(ledger.clock.moved_to), {"webhook": SECRET, "sms": ""}, sign)


class Provider:
    """Sends receipts the way a platform does that has only read the contract."""

    def __init__(self, http: urllib3.PoolManager, address: str) -> None:
        self._http, self._url = http, f"http://{address}/api/v1/receipts/"

    def post(self, body: bytes | dict[str, Any], *, channel: str = "webhook", **forged: str) -> tuple[int, str]:
        """Post a body, signed; return the status and the error. ``forged``: stamp, signature, secret."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = signed(data, **forged)
        answer = self._http.request("POST", self._url + channel, body=data, headers=headers)
        return answer.status, json.loads(answer.data)["error"] if answer.data else ""


def signed(data: bytes, *, stamp: str = "", signature: str = "", secret: str = SECRET) -> dict[str, str]:
    stamp = stamp or str(int(real_now().timestamp()))
    own = hmac.digest(secret.encode(), stamp.encode("latin-1") + b"." + data, hashlib.sha256).hex()
    return {"Meterwatch-Timestamp": stamp, "Meterwatch-Signature": signature or own}


@pytest.fixture
def provider(ledger: Ledger, serve: Serve, http: urllib3.PoolManager) -> Provider:
    ledger.clock.move(NOW + HOUR)
    return Provider(http, serve(desk_of(ledger)))


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    """A desk that many tests ask in turn."""
    with fresh_database("sqlite", tmp_path_factory.mktemp("desk")) as database, serving() as started:
        yield Ledger(database), started(desk_of(Ledger(database)))


def in_flight(ledger: Ledger) -> Any:
    queue(ledger, "k1")
    (held,) = ledger.outbox.lease("webhook", "A", NOW, HOUR, 1)
    return held


def state_of(ledger: Ledger) -> MessageState:
    (message,) = ledger.outbox.messages()
    return message.state


class TestTaken:
    def test_a_good_one_settles_its_message(self, ledger: Ledger, provider: Provider) -> None:
        ledger.outbox.record(in_flight(ledger), MessageState.ACCEPTED, NOW)
        assert provider.post(GOOD) == (204, "")
        assert state_of(ledger) is MessageState.DELIVERED
        (row,) = contents(ledger.database)["receipts"]
        happened = NOW.replace(minute=16, second=2)
        assert row[1:] == ("webhook", "N1", "delivered", 1, happened, NOW + HOUR, json.dumps(GOOD))

    def test_twice_is_answered_twice_and_stored_once(self, ledger: Ledger, provider: Provider) -> None:
        ledger.outbox.record(in_flight(ledger), MessageState.ACCEPTED, NOW)
        assert [provider.post(GOOD)[0] for _ in range(3)] == [204, 204, 204]
        assert len(contents(ledger.database)["receipts"]) == 1
        assert [state for _, state, _ in ledger.outbox.messages()[0].history].count("delivered") == 1

    def test_before_the_channels_answer_under_the_platforms_own_id(self, ledger: Ledger, provider: Provider) -> None:
        held = in_flight(ledger)
        assert provider.post(GOOD | {"reference": "平台-1"})[0] == 204
        assert state_of(ledger) is MessageState.IN_FLIGHT
        ledger.outbox.record(held, MessageState.ACCEPTED, NOW, "", "平台-1")
        assert state_of(ledger) is MessageState.DELIVERED

    def test_of_nothing_we_know_is_kept_and_answered(self, ledger: Ledger, provider: Provider) -> None:
        assert provider.post(GOOD | {"reference": "X", "state": "undelivered"})[0] == 204
        assert contents(ledger.database)["receipts"][0][2:5] == ("X", "undelivered", None)

    def test_acknowledged_only_when_it_is_stored(self, ledger: Ledger, serve: Serve) -> None:
        """The platform's socket stays silent while the store is at work."""
        entered, go = threading.Event(), threading.Event()

        def slowly(receipt: Receipt) -> bool:
            entered.set()
            assert go.wait(20)
            return ledger.outbox.accept(receipt)

        host, port = serve(desk_of(ledger, slowly)).split(":")
        body = json.dumps(GOOD).encode()
        headers = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
        head = f"POST /api/v1/receipts/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        with socket.create_connection((host, int(port)), 10) as wire:
            wire.sendall(head.encode() + body)
            assert entered.wait(10)
            assert select.select([wire], [], [], 0)[0] == [], "acknowledged before it was stored"
            assert contents(ledger.database) == {}
            go.set()
            assert wire.recv(100).startswith(b"HTTP/1.1 204 ")
            assert len(contents(ledger.database)["receipts"]) == 1

    def test_a_fault_of_ours_is_no_acknowledgement(self, ledger: Ledger, serve: Serve, http: urllib3.PoolManager) -> None:
        def broken(receipt: Receipt) -> bool:
            raise ValueError(receipt)

        address = serve(desk_of(ledger, broken))
        body = json.dumps(GOOD).encode()
        answer = http.request("POST", f"http://{address}/api/v1/receipts/webhook", body=body, headers=signed(body))
        assert answer.status == 500


class TestRefused:
    @pytest.fixture
    def ledger(self, standing: tuple[Ledger, str]) -> Ledger:
        return standing[0]

    @pytest.fixture
    def provider(self, standing: tuple[Ledger, str], http: urllib3.PoolManager) -> Provider:
        return Provider(http, standing[1])

    @pytest.fixture(autouse=True)
    def nothing_is_stored(self, ledger: Ledger, provider: Provider) -> Iterator[None]:
        before = contents(ledger.database)
        yield
        assert contents(ledger.database) == before
        assert provider.post(GOOD)[0] == 204, "the next good one is taken"

    @pytest.mark.parametrize(
        "forged",
        [
            {"secret": "another"},
            {"signature": "0" * 64},
            {"signature": "é"},
            {"signature": " "},
            {"stamp": "0"},
            {"stamp": "9" * 12},
            {"stamp": "9" * 5000},
            {"stamp": "²"},
            {"stamp": "-5"},
            {"stamp": "1e9"},
            {"stamp": "soon"},
        ],
        ids=lambda forged: str(forged)[:40],
    )
    def test_for_a_wrong_signature_or_time(self, provider: Provider, forged: dict[str, str]) -> None:
        assert provider.post(GOOD, **forged) == (401, "the signature or its timestamp is wrong")

    @pytest.mark.parametrize(("ahead", "status"), [(MAX_SKEW_S + 5, 401), (-MAX_SKEW_S - 5, 401)])
    def test_for_a_stale_time_although_well_signed(self, provider: Provider, ahead: int, status: int) -> None:
        assert provider.post(GOOD, stamp=str(int(real_now().timestamp()) + ahead))[0] == status

    def test_without_any_signature(self, provider: Provider, http: urllib3.PoolManager) -> None:
        assert http.request("POST", f"{provider._url}webhook", json=GOOD).status == 401

    def test_when_the_body_was_changed(self, provider: Provider) -> None:
        headers = signed(json.dumps(GOOD).encode())
        changed = GOOD | {"state": "undelivered"}
        forged = {"stamp": headers["Meterwatch-Timestamp"], "signature": headers["Meterwatch-Signature"]}
        assert provider.post(changed, **forged)[0] == 401

    @pytest.mark.parametrize("channel", ["sms", "spool", "log", "x%20y"])
    def test_for_a_channel_that_takes_none(self, provider: Provider, channel: str) -> None:
        status, why = provider.post(GOOD, channel=channel)
        assert (status, "takes receipts" in why) == (404, True)

    def test_for_a_body_that_is_too_large(self, provider: Provider) -> None:
        assert provider.post(b" " * (MAX_BODY + 1)) == (413, f"a receipt has at most {MAX_BODY} bytes")

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"", "truncated"),
            (b"{", "truncated"),
            (b"[]", "object"),
            (b"\xff", "malformed"),
            (b"[" * 60_000, ""),
            (GOOD | {"phone": "13800000001"}, "unknown field"),
            (GOOD | {"state": "accepted"}, "state"),
            (GOOD | {"state": "DELIVERED"}, "state"),
            ({"reference": "N1", "state": "delivered"}, "at"),
            (GOOD | {"at": "2023-03-01T10:16:02"}, "zone"),
            (GOOD | {"at": "yesterday"}, "at"),
            (GOOD | {"at": "0001-01-01T00:00:00+08:00"}, "range"),
            (GOOD | {"reference": 7}, "reference"),
            (GOOD | {"reference": ""}, "reference"),
            (GOOD | {"reference": "x" * 81}, "reference"),
            (GOOD | {"reference": "a\x00b"}, "reference"),
            (b'{"reference": "\\ud800", "state": "delivered", "at": "2023-03-01T10:16:02Z"}', ""),
        ],
        ids=lambda value: str(value)[:50],
    )
    def test_for_what_is_no_receipt(self, provider: Provider, body: bytes | dict[str, Any], why: str) -> None:
        status, error = provider.post(body)
        assert status == 400
        assert why in error

    def test_for_another_method(self, provider: Provider, http: urllib3.PoolManager) -> None:
        assert http.request("GET", f"{provider._url}webhook").status == 405


class TestLedgerDown:
    def test_is_said_and_the_receipt_taken_when_it_is_back(self, ledger: Ledger, provider: Provider) -> None:
        with ledger.database.write() as connection:
            connection.execute(text("ALTER TABLE receipts RENAME TO away"))
        assert provider.post(GOOD) == (503, "the ledger does not answer; send the receipt again")
        with ledger.database.write() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO receipts"))
        assert provider.post(GOOD) == (204, "")
        assert len(contents(ledger.database)["receipts"]) == 1
