"""Whom an alert concerns and what it owes, in the dispatch room's words (RULES churn-warn, §4)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.model.alerts import AlertChanges, Episode
from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import Assignment, Person, Registry, Role
from notifier.duties.rules import DUTIES
from notifier.roster import Roster
from notifier.routing import Owed, owed
from notifier.site import RoutingOptions, Site
from notifier.suppress import SILENCE_TEXT, Silence
from tests.support.desk import ZONE, at
from tests.support.ledger import episode, load_episode
from tests.support.office import EVERYONE, PEOPLE, manager, office
from tests.support.rules import Supply, registry

NO_QUIET = {"quiet_from": "00:00", "quiet_to": "00:00"}
SITE = Site(ZONE, WorkingCalendar(), RoutingOptions(**NO_QUIET))


NOW = at("2023-02-08T02:00")  # a Wednesday night
DAY = date(2023, 2, 7).toordinal()
CHURN = episode("C1/gas", DAY)
HAPPENED = at("2023-02-08T00:00")


def routed(
    *episodes: Episode,
    now: datetime = NOW,
    registry: Registry | None = None,
    site: Site = SITE,
    happened: datetime | None = None,
) -> Owed:
    when = dict.fromkeys([one.key for one in episodes], happened or now - timedelta(hours=1))
    roster = Roster(registry or office(EVERYONE), (), site.day(now))
    return owed(AlertChanges(opened=episodes), roster, site, now, when)


class TestTask:
    @pytest.mark.parametrize(
        ("opened", "due"),
        [
            ("2023-02-08T02:00", "2023-02-09T17:30"),  # Wednesday: Thursday
            ("2023-02-08T17:30", "2023-02-09T17:30"),  # still today
            ("2023-02-08T17:31", "2023-02-10T17:30"),  # after hours day zero is tomorrow
            ("2023-02-10T10:00", "2023-02-13T17:30"),  # Friday: Monday
            ("2023-01-19T10:00", "2023-01-20T17:30"),  # the last days before Spring Festival
            ("2023-01-20T02:00", "2023-01-28T17:30"),  # Friday: Saturday the 28th is a make-up working day
            ("2023-01-20T17:31", "2023-01-29T17:30"),  # after hours: day zero is the 28th, Sunday the 29th works, too
            ("2023-01-22T02:00", "2023-01-29T17:30"),  # the festival itself: day zero is the 28th
            ("2023-01-28T02:00", "2023-01-29T17:30"),
            ("2023-01-29T10:00", "2023-01-30T17:30"),
        ],
    )
    def test_is_due_in_one_working_day(self, opened: str, due: str) -> None:
        (duty,) = routed(CHURN, now=at(opened)).duties
        assert (duty.rule, duty.subject, duty.period) == ("churn-warn", "C1/gas", "2023-02-07")
        assert (duty.due_at, duty.provisional) == (at(due), False)
        assert (duty.person, duty.alert) == ("K1", CHURN.key)

    def test_is_provisional_beyond_the_published_calendar(self) -> None:
        (duty,) = routed(CHURN, now=at("2031-03-05T10:00")).duties
        assert (duty.due_at, duty.provisional) == (at("2031-03-06T17:30"), True)

    def test_follows_the_sites_own_days(self) -> None:
        site = replace(SITE, calendar=WorkingCalendar.with_overrides(resting=[date(2023, 2, 9)]))
        assert routed(CHURN, site=site).duties[0].due_at == at("2023-02-10T17:30")

    def test_is_the_offices_day_not_the_machines(self) -> None:
        utc = NOW.astimezone(ZoneInfo("UTC"))
        assert routed(CHURN, now=utc).duties[0].due_at == at("2023-02-09T17:30")

    def test_stands_for_nobody_when_nobody_is_responsible(self) -> None:
        found = routed(CHURN, registry=office())
        assert [duty.person for duty in found.duties] == [""]

    def test_is_owed_by_churn_at_its_first_stage_only(self) -> None:
        assert routed(load_episode("P2", DAY)).duties == ()
        assert routed(replace(CHURN, stages=())).duties == ()

    def test_each_rule_of_duty_says_what_it_is(self) -> None:
        assert len({rule.name for rule in DUTIES}) == len(DUTIES)
        for rule in DUTIES:
            assert rule.source.startswith("RULES ")
            assert rule.title.en
            assert rule.title.zh
            assert set(rule.evidence) <= set(EvidenceKind)
            assert rule.term(NOW, SITE).at > NOW


class TestManager:
    @pytest.mark.parametrize(
        ("assignments", "person"),
        [
            ([EVERYONE], "K1"),
            ([EVERYONE, manager("K2", customer_class="A1")], "K2"),
            ([manager("K2", customer_class="A1"), manager("K3", area="north")], "K3"),
            (
                [
                    manager("K3", area="north"),
                    manager("K4", customer="C1"),
                    manager("K2", customer_class="A1", area="north"),
                ],
                "K4",
            ),
            (
                [EVERYONE, manager("K2", customer_class="A2"), manager("K3", area="south"), manager("K4", customer="C2")],
                "K1",
            ),
        ],
        ids=["all", "class", "area", "customer", "of others"],
    )
    def test_is_the_one_most_specifically_assigned(self, assignments: Sequence[Assignment], person: str) -> None:
        found = routed(CHURN, registry=office(*assignments))
        assert [message.person for message in found.messages] == [duty.person for duty in found.duties] == [person]

    def test_of_the_offices_day(self) -> None:
        """At two in the morning in Shanghai it is still yesterday in UTC: today's manager is asked all the same."""
        takes_over = [manager("K1", last_day=NOW.date()), manager("K2", first_day=NOW.date())]
        utc = NOW.astimezone(ZoneInfo("UTC"))
        assert utc.date() < NOW.date()
        found = routed(CHURN, now=utc, registry=office(*takes_over))
        assert [message.person for message in found.messages] == [duty.person for duty in found.duties] == ["K2"]

    def test_who_has_left_is_not_asked(self) -> None:
        left = {**PEOPLE, "K2": Person("K2", Role.MANAGER, last_day=NOW.date())}
        found = routed(CHURN, registry=office(EVERYONE, manager("K2", customer="C1"), people=left))
        assert [message.person for message in found.messages] == ["K1"]

    def test_of_a_usage_point_is_its_customers_on_that_day(self) -> None:
        found = routed(load_episode("P2", DAY), registry=office(EVERYONE, manager("K4", customer="C2")))
        assert [message.person for message in found.messages] == ["K4"]


class TestSilence:
    def test_nobody_responsible(self) -> None:
        found = routed(CHURN, registry=office())
        assert found.messages == ()
        assert found.suppressed == {CHURN.key: Silence.NOBODY}

    def test_a_point_nobody_is_supplied_at(self) -> None:
        lonely = load_episode("P3", DAY)
        found = routed(lonely)
        assert (found.duties, found.messages, found.suppressed) == ((), (), {lonely.key: Silence.NOBODY})

    @pytest.mark.parametrize(("hours", "silent"), [(47, Silence.NONE), (48, Silence.STALE), (24 * 40, Silence.STALE)])
    def test_found_too_late(self, hours: int, silent: Silence) -> None:
        found = routed(CHURN, now=HAPPENED + timedelta(hours=hours), happened=HAPPENED)
        assert found.suppressed == {CHURN.key: silent}
        assert len(found.messages) == (silent is Silence.NONE)
        assert len(found.duties) == 1, "the task is owed all the same"

    def test_a_load_alert_is_stale_sooner(self) -> None:
        load = load_episode("P2", DAY)
        assert len(routed(load, now=HAPPENED + timedelta(minutes=119), happened=HAPPENED).messages) == 1
        assert routed(load, now=HAPPENED + timedelta(hours=2), happened=HAPPENED).suppressed == {load.key: Silence.STALE}

    def test_a_site_may_say_otherwise(self) -> None:
        site = replace(SITE, options=RoutingOptions(valid_h={"churn": 24}, **NO_QUIET))
        assert routed(CHURN, now=HAPPENED + timedelta(hours=23), happened=HAPPENED, site=site).messages
        assert not routed(CHURN, now=HAPPENED + timedelta(hours=24), happened=HAPPENED, site=site).messages
        assert not routed(load_episode("P2", DAY), now=HAPPENED + timedelta(hours=2), happened=HAPPENED, site=site).messages

    def test_stale_is_said_before_nobody(self) -> None:
        found = routed(CHURN, now=HAPPENED + timedelta(days=9), happened=HAPPENED, registry=office())
        assert found.suppressed == {CHURN.key: Silence.STALE}

    def test_is_explained_in_both_languages(self) -> None:
        assert set(SILENCE_TEXT) == set(Silence)
        assert all(bool(silent) == bool(text.say(lang)) for silent, text in SILENCE_TEXT.items() for lang in Lang)


class TestSilentMeters:
    """Many points that fall silent at once are not the meters' fault: it is what brings their readings."""

    HELD = replace(
        registry(
            [*(Supply("C1", f"E{number}") for number in range(10)), *(Supply("C1", f"G{number}") for number in range(4))],
            commodity={f"G{number}": Commodity.GAS for number in range(4)},
        ),
        people=PEOPLE,
        assignments=(EVERYONE,),
    )

    def silences(self, *points: str, others: Sequence[Episode] = (), **options: Any) -> list[str]:
        """Return why each of the alerts about silent ``points``, opened together, is silent."""
        made = [load_episode(point, DAY) for point in points]
        opened = [replace(one, rule="silent", figures={"silent_days": 2.0}) for one in made]
        site = replace(SITE, options=RoutingOptions(**options | NO_QUIET))
        found = routed(*opened, *others, registry=self.HELD, site=site)
        told = [key for message in found.messages for key in message.alerts]
        assert len(told) == list(found.suppressed.values()).count(Silence.NONE)
        return [found.suppressed[one.key] for one in (*opened, *others)]

    @pytest.mark.parametrize(
        ("count", "silent"), [(1, Silence.NONE), (5, Silence.NONE), (6, Silence.INGEST), (10, Silence.INGEST)]
    )
    def test_more_than_half_of_them_at_once_say_nothing(self, count: int, silent: Silence) -> None:
        assert self.silences(*(f"E{number}" for number in range(count))) == [silent] * count

    def test_what_counts_are_the_points_whose_days_end_together(self) -> None:
        assert self.silences("G0", "G1", "G2", "G3") == [Silence.INGEST] * 4
        assert self.silences("G0", "G1", "G2", "E0", "E1") == [Silence.NONE] * 5

    def test_a_few_may_fail_on_one_day_each_by_itself(self) -> None:
        assert self.silences("G0", "G1", "G2") == [Silence.NONE] * 3

    def test_the_share_is_a_setting(self) -> None:
        assert self.silences(*(f"E{number}" for number in range(5)), silent_together=0.4) == [Silence.INGEST] * 5

    def test_alerts_of_other_rules_are_no_silent_points(self) -> None:
        load = [load_episode(f"E{number}", DAY) for number in range(9)]
        assert self.silences("E9", others=load) == [Silence.NONE] * 10

    def test_is_said_after_stale_and_before_nobody(self) -> None:
        made = [replace(load_episode(f"E{number}", DAY), rule="silent", figures={"silent_days": 2.0}) for number in range(9)]
        nobody = replace(self.HELD, assignments=())
        assert set(routed(*made, registry=nobody).suppressed.values()) == {Silence.INGEST}
        late = routed(*made, registry=nobody, now=HAPPENED + timedelta(days=9), happened=HAPPENED)
        assert set(late.suppressed.values()) == {Silence.STALE}


class TestMessage:
    def test_says_why_it_exists(self) -> None:
        (message,) = routed(CHURN).messages
        assert message.key == "churn/guarded/C1/gas/2023-02-07/warn/K1/log"
        assert (message.channel, message.template, message.template_version) == ("log", "churn", 2)
        assert message.expires_at == NOW + timedelta(hours=47)
        assert message.alerts == (CHURN.key,)

    def test_key_stays_the_same_whenever_it_is_found_and_whatever_it_says(self) -> None:
        later = NOW + timedelta(hours=40)
        again = replace(CHURN, figures={**CHURN.figures, "week_ratio": 0.1}, known=9)
        assert routed(again, now=later, happened=HAPPENED).messages[0].key == routed(CHURN).messages[0].key

    def test_key_tells_apart_what_is_not_the_same(self) -> None:
        others = episode("C1/gas", DAY + 1), episode("C2/electricity", DAY)
        other_channel = replace(SITE, options=RoutingOptions(channel="spool", **NO_QUIET))
        found = [
            *(message for one in others for message in routed(one).messages),
            *routed(CHURN, *others).messages,
            *routed(*others).messages,
            *routed(CHURN, site=other_channel).messages,
            *routed(CHURN, registry=office(manager("K2"))).messages,
        ]
        assert len({message.key for message in found}) == 6

    def test_names_the_tasks_deadline(self) -> None:
        assert "请于2023-02-09 17:30前" in routed(CHURN).messages[0].body

    def test_speaks_the_persons_language(self) -> None:
        (message,) = routed(CHURN, registry=office(manager("K9"))).messages
        assert (message.lang, message.body[:14]) == ("en", "Churn warning:")

    def test_several_of_one_rule_are_one_message(self) -> None:
        made = [episode(f"C1/{kind}", DAY) for kind in ("gas", "electricity", "water", "heat")]
        found = routed(*made, load_episode("P1", DAY), registry=office(manager("K9")))
        load, several = sorted(found.messages, key=lambda message: len(message.alerts))
        assert (load.template, several.template) == ("load", "churn/alerts")
        assert several.alerts == tuple(one.key for one in made)
        assert several.body == (
            "4 alerts, churn: C1 gas 50% since 2023-02-01; C1 electricity 50% since 2023-02-01; C1 water 50% since "
            "2023-02-01; and 1 more. Tasks due from 2023-02-09 17:30. See `meterwatch alerts`."
        )
        assert set(found.suppressed.values()) == {Silence.NONE}

    def test_each_person_has_his_own(self) -> None:
        looks_after = office(manager("K1", customer="C1"), manager("K2", customer="C2"))
        found = routed(CHURN, episode("C2/electricity", DAY), registry=looks_after)
        assert [(message.person, message.template) for message in found.messages] == [("K1", "churn"), ("K2", "churn")]

    def test_at_night_it_waits_and_what_would_be_stale_by_then_is_not_sent(self) -> None:
        site = replace(SITE, options=RoutingOptions())
        (message,) = routed(CHURN, site=site).messages
        assert message.not_before == at("2023-02-08T07:00")
        soon_over = routed(CHURN, site=site, happened=NOW - timedelta(hours=43, minutes=1))
        assert ([one.held for one in soon_over.messages], soon_over.suppressed) == (["quiet"], {CHURN.key: Silence.QUIET})
        (urgent,) = routed(load_episode("P2", DAY), site=site).messages
        assert urgent.not_before is None

    def test_several_are_as_urgent_as_one_and_count_as_of_its_kind(self) -> None:
        site, both = replace(SITE, options=RoutingOptions()), (load_episode("P1", DAY), load_episode("P2", DAY))
        (urgent,) = routed(*both, site=site, happened=NOW).messages
        assert (urgent.template, urgent.kind, urgent.not_before) == ("load/alerts", "load", None)
        when, roster = dict.fromkeys([one.key for one in both], NOW), Roster(office(EVERYONE), (), SITE.day(NOW))
        spent = owed(AlertChanges(opened=both), roster, site, NOW, when, lately={("K1", "load"): (10, 10)})
        assert ([one.held for one in spent.messages], set(spent.suppressed.values())) == (["rate"], {Silence.RATE})

    def test_beyond_the_rate_nothing_is_sent_and_the_task_is_owed(self) -> None:
        roster = Roster(office(EVERYONE), (), SITE.day(NOW))
        when = {CHURN.key: NOW}
        found = owed(AlertChanges(opened=(CHURN,)), roster, SITE, NOW, when, lately={("K1", "churn"): (10, 10)})
        assert [one.held for one in found.messages] == ["rate"]
        assert (found.suppressed, len(found.duties)) == ({CHURN.key: Silence.RATE}, 1)

    def test_nothing_new_is_owed_for_a_change_or_an_end(self) -> None:
        assert owed(AlertChanges(), Roster(office(EVERYONE), (), SITE.day(NOW)), SITE, NOW, {}) == Owed()
