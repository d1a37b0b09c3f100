"""The ways of reaching people: what goes out, under which name, and what each answer means."""

import hashlib
import hmac
import json
import logging
import stat
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meterwatch.core.clock import real_now
from meterwatch.core.errors import TransportError
from meterwatch.core.model.messages import Guarantee, Message, MessageState
from meterwatch.core.ports import Outgoing
from notifier.channels import CHANNELS
from notifier.channels.log import LogChannel, LogOptions
from notifier.channels.spool import SpoolChannel, SpoolOptions
from notifier.channels.webhook import WebhookChannel, WebhookOptions
from tests.support.mosquitto import free_port
from tests.support.platform import Platform

NOW = datetime(2023, 2, 21, 2, 15, tzinfo=UTC)
PHONE = "13800000001"
BODY = "负荷告警：用户点EP-0003于2023-02-21负荷达612kW。"
MESSAGE = Message(
    *(7, "load/literal/EP-0003/2023-02-21/warn/K1/webhook", "webhook", "K1", "zh-CN", "load", 1, BODY),
    *(MessageState.IN_FLIGHT, NOW, NOW + timedelta(hours=4)),
)
OUT = Outgoing(MESSAGE, PHONE)
SECRET = "Schlüssel 密钥"  # noqa: S105


def test_each_channel_says_what_it_is() -> None:
    assert len({channel.name for channel in CHANNELS}) == len(CHANNELS)
    for channel in CHANNELS:
        assert isinstance(channel.guarantee, Guarantee)
        assert is_dataclass(channel.Options)
        assert channel.Options.__doc__


class TestLog:
    def test_names_the_person_and_the_notice_never_a_phone(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            sent = LogChannel(LogOptions()).send(OUT)
        assert (sent.state, sent.reference) == (MessageState.ACCEPTED, "")
        assert caplog.messages == [f"to K1: {BODY} [N7]"]
        assert PHONE not in caplog.text


class TestSpool:
    def test_lays_one_whole_file(self, tmp_path: Path) -> None:
        folder = tmp_path / "not" / "yet"
        sent = SpoolChannel(SpoolOptions(folder)).send(OUT)
        assert (sent.state, sent.reference) == (MessageState.ACCEPTED, "N7")
        (file,) = folder.iterdir()
        assert file.name == "N7.txt"
        assert file.read_text(encoding="utf-8") == f"To: {PHONE}\nReference: N7\n\n{BODY} [N7]\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_twice_is_the_same_file(self, tmp_path: Path) -> None:
        channel = SpoolChannel(SpoolOptions(tmp_path))
        channel.send(OUT)
        first = (tmp_path / "N7.txt").read_bytes()
        channel.send(OUT)
        assert [file.name for file in tmp_path.iterdir()] == ["N7.txt"]
        assert (tmp_path / "N7.txt").read_bytes() == first

    def test_is_not_stopped_by_what_a_crash_left(self, tmp_path: Path) -> None:
        (tmp_path / "N7.part").write_text("half a message that is longer than the whole one " * 20)
        SpoolChannel(SpoolOptions(tmp_path)).send(OUT)
        assert [file.name for file in tmp_path.iterdir()] == ["N7.txt"]
        assert (tmp_path / "N7.txt").read_text(encoding="utf-8").endswith(f"{BODY} [N7]\n")

    def test_is_never_seen_half(self, tmp_path: Path) -> None:
        """A file that can't be finished leaves nothing under its name: here its name is taken by a folder."""
        (tmp_path / "N7.txt").mkdir()
        with pytest.raises(TransportError) as failed:
            SpoolChannel(SpoolOptions(tmp_path)).send(OUT)
        assert not failed.value.permanent
        assert (tmp_path / "N7.part").read_text(encoding="utf-8").endswith(f"{BODY} [N7]\n")

    def test_wants_a_phone(self, tmp_path: Path) -> None:
        with pytest.raises(TransportError, match="K1 has no phone number") as failed:
            SpoolChannel(SpoolOptions(tmp_path)).send(replace(OUT, address=""))
        assert failed.value.permanent
        assert list(tmp_path.iterdir()) == []

    def test_a_disk_that_does_not_take_it_is_tried_again(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(TransportError, match="spool") as failed:
            SpoolChannel(SpoolOptions(tmp_path / "file")).send(OUT)
        assert not failed.value.permanent


class TestWebhook:
    @pytest.fixture
    def platform(self) -> Iterator[Platform]:
        with Platform() as running:
            yield running

    @pytest.fixture
    def channel(self, platform: Platform) -> Iterator[WebhookChannel]:
        opened = WebhookChannel(WebhookOptions(platform.url, SECRET, timeout_s=5))
        yield opened
        opened._pool.clear()

    def test_posts_what_the_contract_says(self, platform: Platform, channel: WebhookChannel) -> None:
        channel.send(OUT)
        (posted,) = platform.posted
        assert posted.path == "/send"
        assert posted.headers["Content-Type"] == "application/json; charset=utf-8"
        assert json.loads(posted.body) == {
            "reference": "N7",
            "to": PHONE,
            "text": f"{BODY} [N7]",
            "lang": "zh-CN",
            "template": "load/1",
            "expires_at": "2023-02-21T06:15:00+00:00",
        }

    def test_is_signed_over_time_and_body(self, platform: Platform, channel: WebhookChannel) -> None:
        before = int(real_now().timestamp())
        channel.send(OUT)
        (posted,) = platform.posted
        stamp = posted.headers["Meterwatch-Timestamp"]
        assert before <= int(stamp) <= real_now().timestamp()
        wanted = hmac.digest(SECRET.encode("utf-8"), b"%s.%s" % (stamp.encode(), posted.body), hashlib.sha256).hex()
        assert posted.headers["Meterwatch-Signature"] == wanted

    def test_every_attempt_carries_the_same_key(self, platform: Platform, channel: WebhookChannel) -> None:
        for attempt in (1, 2):
            channel.send(replace(OUT, message=replace(MESSAGE, attempts=attempt, state=MessageState.IN_FLIGHT)))
        channel.send(replace(OUT, message=replace(MESSAGE, key="load/客户/2\n")))
        first, second, other = (posted.headers["Idempotency-Key"] for posted in platform.posted)
        assert first == second == hashlib.sha256(MESSAGE.key.encode()).hexdigest()
        assert other != first

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_is_taken_over_by_any_2xx(self, platform: Platform, channel: WebhookChannel, status: int) -> None:
        platform.status = status
        platform.answer = b"" if status == 204 else b"{}"
        assert channel.send(OUT).state is MessageState.ACCEPTED

    @pytest.mark.parametrize(
        ("answer", "reference"),
        [
            (b'{"id": "abc-1", "more": [1]}', "abc-1"),
            (b'{"id": 4711}', "4711"),
            (b'{"id": "%s"}' % (b"x" * 80), "x" * 80),
            (b'{"id": "%s"}' % (b"x" * 81), "N7"),
            (b'{"id": ""}', "N7"),
            (b'{"id": null}', "N7"),
            (b'{"id": true}', "N7"),
            (b'{"id": {"id": 1}}', "N7"),
            (b'["id"]', "N7"),
            (b"<html>", "N7"),
            (b"", "N7"),
            (b"\xff\xfe", "N7"),
            (b"[" * 100_000, "N7"),
            (b'{"x": ' * 100_000, "N7"),
        ],
        ids=lambda value: repr(value[:20]),
    )
    def test_takes_the_platforms_id(
        self, platform: Platform, channel: WebhookChannel, answer: bytes, reference: str
    ) -> None:
        platform.answer = answer
        assert channel.send(OUT).reference == reference

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 409, 425, 429, 302])
    def test_is_tried_again_after(self, platform: Platform, channel: WebhookChannel, status: int) -> None:
        platform.status = status
        with pytest.raises(TransportError, match=f"answered {status}") as failed:
            channel.send(OUT)
        assert not failed.value.permanent
        assert len(platform.posted) == 1, "trying again is the outbox's business"

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
    def test_is_refused_for_good_by(self, platform: Platform, channel: WebhookChannel, status: int) -> None:
        platform.status = status
        with pytest.raises(TransportError, match=f"answered {status}") as failed:
            channel.send(OUT)
        assert failed.value.permanent

    def test_no_answer_in_time_is_tried_again(self, platform: Platform) -> None:
        platform.silent = True
        channel = WebhookChannel(WebhookOptions(platform.url, SECRET, timeout_s=0.05))
        with pytest.raises(TransportError, match="ReadTimeoutError") as failed:
            channel.send(OUT)
        channel._pool.clear()
        assert not failed.value.permanent

    def test_nobody_there_is_tried_again(self) -> None:
        channel = WebhookChannel(WebhookOptions(f"http://127.0.0.1:{free_port()}/", SECRET))
        with pytest.raises(TransportError, match="NewConnectionError") as failed:
            channel.send(OUT)
        assert not failed.value.permanent

    def test_what_went_wrong_names_neither_phone_nor_secret(self, platform: Platform, channel: WebhookChannel) -> None:
        platform.status, platform.answer = 500, PHONE.encode()
        with pytest.raises(TransportError) as failed:
            channel.send(OUT)
        assert str(failed.value) == "webhook: answered 500"
        assert SECRET not in repr(channel._options)

    def test_wants_a_phone(self, platform: Platform, channel: WebhookChannel) -> None:
        with pytest.raises(TransportError, match="K1 has no phone number") as failed:
            channel.send(replace(OUT, address=""))
        assert failed.value.permanent
        assert platform.posted == []

    @pytest.mark.parametrize("url", ["localhost", "ftp://x/", "http://", "https:///path", "http:// x"])
    def test_options_want_an_address(self, url: str) -> None:
        with pytest.raises(ValueError, match="url"):
            WebhookOptions(url)

    @pytest.mark.parametrize("timeout", [0, -1, 21])
    def test_options_want_a_time_out_well_within_the_lease(self, timeout: float) -> None:
        with pytest.raises(ValueError, match="timeout_s"):
            WebhookOptions("https://x/", timeout_s=timeout)
        assert [field.name for field in fields(WebhookOptions)] == ["url", "secret", "timeout_s"]
