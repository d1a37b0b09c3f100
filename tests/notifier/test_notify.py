"""The role notify: messages wait on whatever channel they were queued on, and none of them is forgotten."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from meterwatch.app import parts
from meterwatch.app.books import Books, Snapshots
from meterwatch.app.notify import Notify
from meterwatch.core.clock import MovedClock
from meterwatch.core.model.messages import MessageState
from meterwatch.core.ports import Channel, Outgoing, Sent
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.registry import SqlRegistry
from notifier.channels.log import LogChannel, LogOptions
from notifier.outbox import OutboxOptions
from tests.support.audit import beside, wrote
from tests.support.desk import SITE
from tests.support.ledger import HOUR, NOW, fresh_database, queue
from tests.support.settings import loaded, no_environment

LOG = LogChannel(LogOptions())
STRANDED = (
    "messages wait on channel webhook (2, the oldest since 2023-03-01 01:00 UTC), and the settings do not tell how to send "
    "there: complete [channels.webhook] and restart, or they expire unsent"
)


class Platform:
    """The site's message platform; it is of a channel that may or may not be routed."""

    name = "webhook"
    guarantee = LOG.guarantee

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, outgoing: Outgoing) -> Sent:
        self.sent.append(outgoing.reference)
        return Sent(MessageState.ACCEPTED)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with fresh_database("sqlite", tmp_path) as database:
        ledger = Ledger(database)
        queue(ledger, "old", channel="webhook", now=NOW - HOUR, expires_at=NOW + HOUR)
        queue(ledger, "longer", channel="webhook", expires_at=NOW + 3 * HOUR)
        queue(ledger, "new", channel="log", expires_at=NOW + 3 * HOUR)
        registry = SqlRegistry(database)
        clock = MovedClock(ledger.clock.moved_to)
        yield Books(ledger, registry, Snapshots(registry), SqlArchive(database), clock)


def stepped(books: Books, *times: datetime, channels: Sequence[Channel] = (LOG,)) -> Notify:
    role = Notify(books, SITE, channels, OutboxOptions(), beside(books.ledger.database))
    for now in times:
        role.step(now)
        role.measure(now)
    return role


def states(books: Books) -> list[str]:
    return [message.state for message in books.ledger.outbox.messages()][::-1]


def gauges(channel: str) -> tuple[float | None, float | None]:
    """Return how many messages wait on a channel and for how many seconds the oldest has, as the gauges show it."""
    count, age = (f"meterwatch_outbox_{name}" for name in ("messages", "oldest_seconds"))
    return REGISTRY.get_sample_value(count, {"channel": channel}), REGISTRY.get_sample_value(age, {"channel": channel})


def test_messages_on_a_channel_without_a_sender_are_named(books: Books) -> None:
    role = stepped(books, NOW)
    assert role.problems() == [STRANDED]
    assert gauges("webhook") == (2, 3600)
    assert gauges("log") == (0, 0)
    assert states(books) == ["queued", "queued", "accepted"]


def test_they_expire_like_any_other(books: Books) -> None:
    role = stepped(books, NOW, NOW + HOUR)
    assert states(books) == ["expired", "queued", "accepted"]
    assert role.problems() == [STRANDED.replace("(2, the oldest since 2023-03-01 01", "(1, the oldest since 2023-03-01 02")]
    assert gauges("webhook") == (1, 3600)
    role.step(NOW + 3 * HOUR)
    role.measure(NOW + 3 * HOUR)
    assert states(books) == ["expired", "expired", "accepted"]
    assert (role.problems(), gauges("webhook")) == ([], (0, 0))


def test_where_the_channel_can_still_be_reached_they_are_sent(books: Books) -> None:
    platform = Platform()
    role = stepped(books, NOW, channels=(LOG, platform))
    assert platform.sent == ["N1", "N2"]
    assert states(books) == ["accepted"] * 3
    assert (role.problems(), gauges("webhook")) == ([], (0, 0))


@pytest.mark.parametrize(
    ("section", "complete"),
    [
        ("", ["log", "spool"]),
        ('[channels.webhook]\nurl = "https://messages.example.com"', ["log", "spool"]),
        ('[channels.webhook]\nsecret = "s"', ["log", "spool"]),
        ('[channels.webhook]\nurl = "https://messages.example.com"\nsecret = "s"', ["log", "spool", "webhook"]),
    ],
    ids=["nothing", "no secret", "no address", "complete"],
)
def test_every_channel_whose_settings_are_complete_has_a_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, complete: list[str]
) -> None:
    no_environment(monkeypatch)
    settings = loaded(tmp_path, f'[routing]\nchannel = "log"\n{section}\n')
    assert [channel.name for channel in parts.channels(settings)] == complete


class TestSeal:
    def test_the_hours_that_are_over_are_sealed(self, books: Books) -> None:
        audit = books.ledger.audit
        wrote(books.ledger.database, NOW)
        role = stepped(books, NOW)
        assert (audit.newest(), role.next_due(NOW)) == (None, NOW + HOUR)
        role.step(NOW + HOUR)
        assert audit.latest_digest().startswith("1-")
        assert role.problems() == [STRANDED]
        assert audit.verify(beside(books.ledger.database)).finding is None

    def test_where_that_is_refused_messages_go_on_and_it_is_said(self, books: Books, tmp_path: Path) -> None:
        wrote(books.ledger.database, NOW - HOUR)
        (tmp_path / "audit.key").write_bytes(b"short")
        role = stepped(books, NOW)
        assert states(books) == ["queued", "queued", "accepted"]
        assert role.problems()[0] == STRANDED
        assert "audit.key, can't be used (5 < 16 bytes)" in role.problems()[1]
        (tmp_path / "audit.key").unlink()
        role.step(NOW)
        assert role.problems() == [STRANDED]
