"""What the table at the end says: every story held against worlds that came out as scripted, or not."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import reduce
from typing import Any

import numpy as np
import pytest

from ingest.outcomes import Balance
from meterwatch.cli.demo import report
from meterwatch.cli.output import Output
from meterwatch.core.model.alerts import Alert, Episode, Stage
from meterwatch.core.model.duties import DutyState
from meterwatch.core.model.judgements import Verdict
from meterwatch.core.model.messages import MessageState
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.readings import DayTotals
from meterwatch.demo.stories import STORIES
from meterwatch.demo.world import World
from tests.demo.conftest import NOON, SILENT, WARNED

MISSED, OK = {Lang.EN: "MISSED", Lang.ZH: "不符"}, {Lang.EN: "ok", Lang.ZH: "一致"}
Tamper = Callable[[World], World]


def told(world: World, lang: Lang) -> str:
    """Return the table; it must agree with how many stories are said to be missed."""
    printed = io.StringIO()
    wrong = report(world, Output(lang, file=printed))
    text = printed.getvalue()
    assert [verdicts(text, words[lang]) for words in (MISSED, OK)] == [wrong, len(STORIES) - wrong]
    assert bool(wrong) == ("≠" in text)
    return text


def verdicts(table: str, word: str) -> int:
    return len(re.findall(f"(?m)  {word} *$", table))


def missed(table: str) -> set[str]:
    rows = [line for line in table.splitlines() if line.rstrip().endswith(MISSED[Lang.EN])]
    return {story.check.__name__ for story in STORIES if any(row.startswith(story.title.en[:40]) for row in rows)}


def with_list(world: World, name: str, found: list[Any]) -> World:
    changes: dict[str, Any] = {name: found}
    return replace(world, **changes)


def with_first(name: str, index: int = 0, **changes: Any) -> Tamper:
    """Return what changes one of a world's alerts, tasks or messages."""

    def tamper(world: World) -> World:
        found = list(getattr(world, name))
        found[index] = replace(found[index], **changes)
        return with_list(world, name, found)

    return tamper


def with_episode(index: int = 0, **changes: Any) -> Tamper:
    return lambda world: with_first("alerts", index, episode=replace(world.alerts[index].episode, **changes))(world)


def without(name: str, index: int = 0) -> Tamper:
    return lambda world: with_list(world, name, [*getattr(world, name)[:index], *getattr(world, name)[index + 1 :]])


def again(name: str) -> Tamper:
    return lambda world: with_list(world, name, [*getattr(world, name), getattr(world, name)[0]])


def with_total(code: str, day: str, **changes: float) -> Tamper:
    """Return what adds to columns of one total."""

    def tamper(world: World) -> World:
        totals = DayTotals(*(column.copy() for column in world.day_totals.columns()))
        row = (totals.usage_point == world.points.index(code)) & (totals.day == date.fromisoformat(day).toordinal())
        for name, change in changes.items():
            getattr(totals, name)[row] += change
        return replace(world, day_totals=totals)

    return tamper


def without_total(code: str, day: str) -> Tamper:
    def tamper(world: World) -> World:
        totals = world.day_totals
        row = (totals.usage_point == world.points.index(code)) & (totals.day == date.fromisoformat(day).toordinal())
        return replace(world, day_totals=totals.take(~row))

    return tamper


def unmarked(world: World) -> World:
    totals = world.day_totals
    return replace(world, day_totals=replace(totals, quality=np.zeros_like(totals.quality)))


def with_balance(**changes: int) -> Tamper:
    return lambda world: replace(world, balance=replace(world.balance, **changes))


def and_alert(rule: str, subject: str, day: int = WARNED) -> Tamper:
    another = Alert(9, Episode(rule, "guarded", subject, day, day), NOON, 1)
    return lambda world: replace(world, alerts=[*world.alerts, another])


def and_message(world: World) -> World:
    return replace(world, messages=[*world.messages, replace(world.messages[0], key="churn/guarded/C-0001/gas/1")])


def and_task(world: World) -> World:
    return replace(world, tasks=[*world.tasks, replace(world.tasks[0], id=2, alert_id=9)])


def and_reject(world: World) -> World:
    return replace(world, rejects={**world.rejects, "no_value": 1})


def without_proposal(world: World) -> World:
    return with_first("tasks", evidence=(replace(world.tasks[0].evidence[0], proposal=""),))(world)


def one_more_stored(world: World) -> World:
    return replace(world, stored=world.stored + 1)


def empty(world: World) -> World:
    nothing: dict[str, Any] = dict.fromkeys(("alerts", "churn_facts", "tasks", "messages", "judgements"), ())
    return replace(world, day_totals=DayTotals.empty(), rejects={}, balance=Balance(), stored=0, **nothing)


def everything_wrong(world: World) -> World:
    chosen = (
        with_episode(closed_why="recovered"),
        without_proposal,
        with_first("messages", state=MessageState.REFUSED),
        with_first("messages", 1, state=MessageState.UNDELIVERED),
        and_alert("churn", "C-0171/electricity"),
        and_alert("load", "EP-0004"),
        and_task,
        with_total("GP-0013", "2023-01-20", use=5.0),
        with_balance(received=1010, waiting=1, conflict=0),
    )
    return reduce(lambda tampered, tamper: tamper(tampered), chosen, world)


WRONG: list[tuple[str, Tamper, set[str]]] = [
    ("warned late", with_episode(opened_day=WARNED + 1), {"halved"}),
    ("counted from another day", with_episode(start_day=WARNED), {"halved"}),
    ("never potential churn", with_episode(stages=(Stage("warn", WARNED),)), {"halved"}),
    ("potential churn early", with_episode(stages=(Stage("potential", WARNED + 22),)), {"halved"}),
    ("never over", with_episode(closed_day=None, closed_why=""), {"halved"}),
    ("recovered", with_episode(closed_why="recovered"), {"halved"}),
    ("never warned", without("alerts"), {"halved"}),
    ("warned twice", again("alerts"), {"halved"}),
    ("task breached", with_first("tasks", state=DutyState.BREACHED), {"halved", "office"}),
    ("task without proposal", without_proposal, {"halved"}),
    ("no task", without("tasks"), {"halved", "everything", "office"}),
    ("message refused", with_first("messages", state=MessageState.REFUSED), {"halved"}),
    ("no message", without("messages"), {"halved", "everything"}),
    ("no digest", lambda world: replace(world, messages=world.messages[:-1]), {"office"}),
    ("a crossing nobody judged", without("judgements"), {"office"}),
    ("a crossing acted on", with_first("judgements", verdict=Verdict.ACT), {"office"}),
    ("told twice", again("messages"), {"halved", "everything"}),
    ("off the judgement list for a day", without("churn_facts", 5), {"festival", "office"}),
    ("festival alarmed", and_alert("churn", "C-0171/electricity"), {"festival", "everything"}),
    ("one overload", without("alerts", 1), {"overload"}),
    ("a third overload", and_alert("load", "EP-0003"), {"overload"}),
    ("overload unsent", with_first("messages", 2, state=MessageState.QUEUED), {"overload"}),
    ("rollover lost", with_total("GP-0013", "2023-01-20", use=-3000.0), {"rollover", "everything"}),
    ("nothing marked", unmarked, {"rollover", "exchange"}),
    ("rollover day absent", without_total("GP-0013", "2023-01-20"), {"rollover", "everything"}),
    ("day after the rollover", with_total("GP-0013", "2023-01-21", use=0.02), {"rollover", "everything"}),
    ("exchange lost", with_total("EP-0022", "2023-03-07", use=5.0), {"exchange", "everything"}),
    ("silence taken for use", with_total("GP-0031", "2023-03-10", known=0.8), {"silent"}),
    ("silence never told", without("alerts", 3), {"silent"}),
    ("silence told a day late", with_episode(3, opened_day=SILENT + 1), {"silent"}),
    ("silence over", with_episode(3, closed_day=SILENT + 9, closed_why="reporting again"), {"silent"}),
    ("silence unsent", with_first("messages", 3, state=MessageState.QUEUED), {"silent"}),
    ("silent meter never told", without("messages", 4), {"late", "everything"}),
    ("silent meter not withdrawn", and_alert("silent", "GP-0042"), {"late", "everything"}),
    ("another meter silent", and_alert("silent", "GP-0001"), {"everything"}),
    ("silence alarmed", and_alert("churn", "C-0031/gas"), {"silent", "everything"}),
    ("late day not judged again", with_total("GP-0042", "2023-03-13", known=-0.5), {"late", "everything"}),
    ("late day wrong", with_total("GP-0042", "2023-03-12", use=1.0), {"late", "everything"}),
    ("too few duplicates", with_balance(duplicate=239, new=90_001), {"twice", "everything"}),
    ("doubled use", with_total("EP-0041", "2023-02-06", use=99.0), {"twice", "everything"}),
    ("another reject", and_reject, {"poison"}),
    ("no conflict", with_balance(conflict=0, refused=5), {"poison"}),
    ("an hour too much in Rome", with_total("EP-0073", "2023-03-26", use=120.0), {"summer_time", "everything"}),
    ("unscripted churn", and_alert("churn", "C-0001/gas"), {"everything"}),
    ("unscripted load", and_alert("load", "EP-0004"), {"everything"}),
    ("unscripted message", and_message, {"everything"}),
    ("unscripted task", and_task, {"everything", "office"}),
    ("routine task late", with_first("tasks", 4, state=DutyState.LATE), {"office"}),
    ("plan by somebody else", with_first("tasks", 2, person="M-01"), {"office"}),
    ("a wrong total anywhere", with_total("GP-0001", "2023-03-31", use=0.03), {"everything"}),
    ("a wrong total of a flow computer", with_total("GP-0022", "2023-03-31", use=0.03), {"everything"}),
    ("a wrong total of intervals", with_total("EP-0011", "2023-03-31", use=0.03), {"everything"}),
    ("an absent total anywhere", without_total("EP-0011", "2023-01-01"), {"everything"}),
    ("packets wait", with_balance(received=1010, waiting=1), {"everything"}),
    ("a packet lost", with_balance(received=1010), {"everything"}),
    ("a reading lost", with_balance(readings=90_246), {"everything"}),
    ("a reading not stored", one_more_stored, {"everything"}),
]


def test_a_world_as_scripted_misses_nothing(world: World) -> None:
    for lang in Lang:
        assert verdicts(told(world, lang), OK[lang]) == len(STORIES)


@pytest.mark.parametrize(("tamper", "stories"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_not_as_scripted_is_missed(world: World, tamper: Tamper, stories: set[str]) -> None:
    assert missed(told(tamper(world), Lang.EN)) == stories


def test_of_a_world_where_nothing_happened_everything_is_missed(world: World) -> None:
    assert missed(told(empty(world), Lang.EN)) == {story.check.__name__ for story in STORIES}


def test_figures_are_shown(world: World) -> None:
    printed = told(world, Lang.EN)
    for text in (
        "opened 2023-02-17",
        "potential churn 2023-03-12",
        "new normal 2023-03-27",
        "tasks: 1 met",
        "messages: 2 accepted",
        "17 literal crossings",
        "33 unknown days",
        "2 days judged again",
        "opened 2023-02-28",
        "told of 2 silent meters",
        "240 duplicates",
        "9 rejects: 2 not JSON, 1 empty",
        "conflicts: 1",
        "23 hours",
        "1170 totals right",
        "packets: 1009 received = 1004 decoded + 5 rejected",
        "90000 readings stored",
    ):
        assert text in printed, printed
    assert len(re.findall(r"day total (\d+\.\d) (?:m3|kWh) \(\1 scripted\)", printed)) == 3


def test_what_differs_is_shown_beside_what_was_scripted(world: World) -> None:
    tampered = with_total("GP-0001", "2023-03-31", use=1000.0)(with_episode(opened_day=WARNED + 1)(world))
    printed = told(tampered, Lang.EN)
    assert "≠ opened 2023-02-18 (2023-02-17 scripted)" in printed
    assert "potential churn 2023-03-12" in printed
    assert "≠ 1 of 1170 totals wrong: GP-0001 2023-03-31" in printed
    assert "≠ 2023-02-18 预警（剧本：2023-02-17）" in told(tampered, Lang.ZH)


@pytest.mark.parametrize("tamper", [empty, everything_wrong])
def test_the_chinese_table_has_no_english_words(world: World, tamper: Tamper) -> None:
    table = re.sub(r"\b(GP|EP|G|E|C|M|D|S)-?\d+(/gas|/electricity)?\b|kWh|m3|JSON|nan", "", told(tamper(world), Lang.ZH))
    assert not re.findall("[A-Za-z]+", table)


def test_the_table_fits_120_columns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    for lang in Lang:
        for line in told(and_reject(world), lang).splitlines():
            assert sum(2 if ord(letter) > 0x2E7F else 1 for letter in line.rstrip()) <= 120, line
