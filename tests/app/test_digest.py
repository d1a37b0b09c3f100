"""The morning's digest over a ledger: who gets it, what it says, once each, and when the next is due."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from meterwatch.app.books import Books, Snapshots
from meterwatch.app.notify import Notify
from meterwatch.app.planner import Planner
from meterwatch.core.clock import MovedClock
from meterwatch.core.model.duties import Absence
from meterwatch.core.model.messages import Message
from meterwatch.core.model.registry import Person, Registry, Role
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.registry import SqlRegistry
from notifier.outbox import OutboxOptions
from notifier.site import RoutingOptions, Site
from tests.support.audit import beside
from tests.support.desk import SITE
from tests.support.ledger import HOUR, duty, episode, fresh_database, queue

EIGHT = datetime(2023, 3, 1, tzinfo=UTC)  # 08:00 of a Wednesday in Shanghai
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
PEOPLE = {code: Person(code, Role.MANAGER) for code in ("K1", "K2")}


class TwoManagers(Snapshots):
    """A registry of two managers and nothing they could be asked for by the calendar."""

    number = 1

    def newest(self) -> Registry:
        return replace(Registry.empty(), number=self.number, people=PEOPLE)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with fresh_database("sqlite", tmp_path) as database:
        ledger, registry = Ledger(database), SqlRegistry(database)
        clock = MovedClock(ledger.clock.moved_to)
        yield Books(ledger, registry, TwoManagers(registry), SqlArchive(database), clock)


def stepped(books: Books, *times: datetime, site: Site = SITE) -> Planner:
    planner = Planner(books, site)
    for now in times:
        planner.step(now)
    return planner


def task(books: Books, subject: str, *, due: datetime = EIGHT + 3 * DAY, person: str = "K1", called_by: str = "") -> None:
    new = duty(episode(subject), alert=None, due_at=due, act_at=due + 30 * DAY, person=person, called_by=called_by)
    books.ledger.work.open(new, EIGHT - DAY, "test")


def told(books: Books, template: str) -> list[Message]:
    """Return the messages of a kind, oldest first."""
    return [one for one in books.ledger.outbox.messages()[::-1] if one.template == template]


class TestDigest:
    def test_counts_overdue_today_and_all_and_names_the_first(self, books: Books) -> None:
        for number, due in enumerate((-HOUR, timedelta(0), 16 * HOUR - SECOND, 16 * HOUR, 3 * DAY), 1):
            task(books, f"C{number}/gas", due=EIGHT + due)
        stepped(books, EIGHT)
        (found,) = told(books, "digest")
        assert found.person == "K1"
        assert found.body.startswith("2023-03-01待办：逾期1项，今日到期3项，共5项：编号1 C1/gas，")
        assert "编号3 C3/gas" in found.body
        assert "编号4" not in found.body
        assert "另有2项" in found.body

    def test_breached_tasks_lead_and_finished_ones_are_not_counted(self, books: Books) -> None:
        task(books, "C1/gas", due=EIGHT + DAY)
        task(books, "C2/gas", due=EIGHT - DAY)
        with books.ledger.database.write() as connection:
            connection.exec_driver_sql("UPDATE duties SET state = 'breached' WHERE id = 2")
        task(books, "C3/gas")
        with books.ledger.database.write() as connection:
            connection.exec_driver_sql("UPDATE duties SET state = 'met' WHERE id = 3")
        stepped(books, EIGHT)
        (found,) = told(books, "digest")
        assert found.body.startswith("2023-03-01待办：逾期1项，今日到期0项，共2项：编号2 C2/gas，")

    @pytest.mark.parametrize(
        ("times", "days"),
        [
            ([EIGHT - SECOND], []),
            ([EIGHT, EIGHT, EIGHT + SECOND], [1]),  # once
            ([EIGHT - SECOND, EIGHT + 4 * HOUR - SECOND], [1]),  # a missed beat loses nothing
            ([EIGHT - SECOND, EIGHT + 4 * HOUR, EIGHT + 5 * HOUR], []),  # after noon it is stale, and ticked off
            ([EIGHT, EIGHT + DAY, EIGHT + 2 * DAY, EIGHT + 3 * DAY], [1, 2, 3]),  # Saturday rests
            ([EIGHT, EIGHT + 5 * DAY], [1, 6]),
        ],
    )
    def test_is_sent_once_a_working_morning(self, books: Books, times: list[datetime], days: list[int]) -> None:
        task(books, "C1/gas")
        stepped(books, *times)
        assert [one.key for one in told(books, "digest")] == [f"digest/2023-03-0{day}/K1/log" for day in days]

    def test_goes_on_where_another_process_stopped(self, books: Books) -> None:
        task(books, "C1/gas")
        stepped(books, EIGHT)
        stepped(books, EIGHT + HOUR)
        assert len(told(books, "digest")) == 1

    def test_is_not_sent_anew_when_the_registry_changes(self, books: Books) -> None:
        task(books, "C1/gas")
        stepped(books, EIGHT)
        task(books, "C2/gas", person="K2")
        newer = TwoManagers(books.registry)
        newer.number = 2
        stepped(replace(books, snapshots=newer), EIGHT + HOUR)
        assert len(told(books, "digest")) == 1

    @pytest.mark.parametrize(("away", "people"), [(["K1"], ["K2"]), (["K1", "K2"], [])])
    def test_who_is_away_gets_none_but_who_acts_for_him_does(self, books: Books, away: list[str], people: list[str]) -> None:
        task(books, "C1/gas")
        for person in away:
            absence = Absence(person, EIGHT.date(), (EIGHT + 5 * DAY).date())
            books.ledger.orders.add_absence(absence, "K2", "test", EIGHT - DAY)
        stepped(books, EIGHT - HOUR, EIGHT)
        assert [one.person for one in told(books, "digest")] == people

    def test_names_how_many_messages_were_held_back_since_the_last(self, books: Books) -> None:
        for key, ago in (("a", DAY + SECOND), ("b", DAY), ("c", SECOND)):
            queue(books.ledger, key, now=EIGHT - ago, held="rate", person="K2")
        stepped(books, EIGHT)
        (found,) = told(books, "digest")
        assert found.person == "K2"
        assert found.body.endswith("低于预警线待判断：0天。未向您发送的短信：2条。详见任务列表与判断列表。")

    def test_on_monday_counts_from_friday_morning(self, books: Books) -> None:
        monday = EIGHT + 5 * DAY
        queue(books.ledger, "a", now=monday - 3 * DAY, held="rate", person="K2")
        queue(books.ledger, "b", now=monday - 3 * DAY - SECOND, held="rate", person="K2")
        stepped(books, monday)
        (found,) = told(books, "digest")
        assert "未向您发送的短信：1条" in found.body

    def test_neither_rates_nor_quiet_hours_hold_it(self, books: Books) -> None:
        options = RoutingOptions(quiet_from="07:00", quiet_to="09:00", hourly=1, daily=1)
        queue(books.ledger, "other", template="digest", now=EIGHT - SECOND)
        task(books, "C1/gas")
        stepped(books, EIGHT, site=replace(SITE, options=options))
        assert [(one.key, one.state) for one in told(books, "digest")][1:] == [("digest/2023-03-01/K1/log", "queued")]


class TestHeldBack:
    def test_what_is_told_beyond_the_rate_is_on_record_and_counted(self, books: Books) -> None:
        queue(books.ledger, "before", template="opened", now=EIGHT - SECOND)
        task(books, "C1/gas", called_by="K2")
        labels = {"kind": "opened", "reason": "rate"}
        before = REGISTRY.get_sample_value("meterwatch_messages_held_total", labels) or 0
        stepped(books, EIGHT - 2 * DAY, site=replace(SITE, options=RoutingOptions(hourly=1)))
        task(books, "C2/gas", called_by="K2")
        stepped(books, EIGHT, site=replace(SITE, options=RoutingOptions(hourly=1)))
        found = told(books, "opened")[-1]
        assert (found.person, found.history[0][1:]) == ("K1", ("held", "rate"))
        assert REGISTRY.get_sample_value("meterwatch_messages_held_total", labels) == before + 1


class TestNextDue:
    """A moved clock stops where there is something to do."""

    def test_is_the_next_digest(self, books: Books) -> None:
        planner = stepped(books, EIGHT - DAY)
        assert planner.next_due(EIGHT - DAY) == EIGHT
        assert planner.next_due(EIGHT - SECOND) == EIGHT
        assert planner.next_due(EIGHT) == EIGHT + DAY

    def test_is_the_end_of_the_quiet_hours_while_a_message_waits_for_it(self, books: Books) -> None:
        role = Notify(books, SITE, (), OutboxOptions(), beside(books.ledger.database))
        role.step(EIGHT - 6 * HOUR)
        queue(books.ledger, "k1", now=EIGHT - 6 * HOUR, not_before=EIGHT - HOUR)
        assert role.next_due(EIGHT - 6 * HOUR) == EIGHT - HOUR
        assert role.next_due(EIGHT - HOUR) == EIGHT
