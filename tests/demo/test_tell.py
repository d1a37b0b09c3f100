"""The play told in plain words, in either language."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from meterwatch.app.books import Books, Snapshots
from meterwatch.core.clock import MovedClock
from meterwatch.core.model.alerts import AlertChanges, Episode, Stage
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.viewer import Viewer
from meterwatch.core.ports import Commit
from meterwatch.demo.fleet import PLAY_END, PLAY_START
from meterwatch.demo.tell import Teller
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.registry import SqlRegistry
from notifier.duties.closing import closing
from tests.support.desk import desk
from tests.support.ledger import DAY, HOUR, NOW, changed, episode, fresh_database, load_episode, opened, proof


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with fresh_database("sqlite", tmp_path) as database:
        ledger = Ledger(database)
        registry, clock = SqlRegistry(database), MovedClock(ledger.clock.moved_to)
        yield Books(ledger, registry, Snapshots(registry), SqlArchive(database), clock)


def told(books: Books, lang: Lang) -> list[str]:
    """Tell of two alerts, one's stage and both ends, and of a task that is met."""
    lines: list[str] = []
    teller = Teller(books, lang, lines.append)
    ledger = books.ledger
    churn, load = episode("C-0007/gas"), load_episode("EP-0003")
    ledger.evaluation.commit(opened(churn))
    ledger.evaluation.commit(opened(load, duties=[]))
    teller(NOW)
    found = {alert.episode.rule: alert for alert in ledger.evaluation.all_alerts(closed=True, limit=9)}
    staged = replace(churn, stages=(*churn.stages, Stage("potential", DAY + 23)))
    ledger.evaluation.commit(changed(found["churn"], staged))
    ledger.evaluation.commit(changed(found["load"], replace(load, closed_day=DAY, closed_why="day over")))
    ledger.work.done(1, proof(NOW + HOUR, cause="一台炉子停用", proposal="五月回访"), closing(desk(Viewer("demo", "K1"))))
    teller(NOW + HOUR)
    ended = replace(staged, closed_day=DAY + 38, closed_why="rebased")
    ledger.evaluation.commit(changed(replace(found["churn"], episode=staged), ended))
    teller(NOW + 2 * HOUR)
    return lines


def test_it_is_told_in_english(books: Books) -> None:
    texts = [line.partition("  ")[2] for line in told(books, Lang.EN)]
    assert [text for text in texts if re.search("alert|task", text)] == [
        "CHURN alert 1: C-0007/gas at 50% of its base",
        "LOAD alert 2: EP-0003 at 120% of its limit",
        "task 1 for K1, due 2023-03-02 17:00",
        "alert 1: C-0007/gas is now potential churn",
        "alert 2: EP-0003 is over (day over)",
        "task 1 is met: 一台炉子停用; 五月回访",
        "alert 1: C-0007/gas is over (new normal)",
    ]


def test_it_is_told_in_chinese_without_english_words(books: Books) -> None:
    lines = told(books, Lang.ZH)
    assert lines[-1].endswith("告警 1：C-0007/gas 结束（已成新常态）")
    assert any(line.endswith("任务 1（按期完成）：一台炉子停用；五月回访") for line in lines)
    codes = r"\b(GP|EP|C|K|E|G)-?\d+(/gas)?\b"
    assert not re.findall("[A-Za-z]+", re.sub(codes, "", "".join(lines)))


def test_alerts_of_other_rules_are_told_by_their_titles(books: Books) -> None:
    lines: list[str] = []
    teller = Teller(books, Lang.EN, lines.append)
    silent = Episode("silent", "literal", "GP-0042", DAY, DAY - 1, figures={"silent_days": 2.0})
    books.ledger.evaluation.commit(opened(silent, duties=[], messages=[]))
    teller(NOW)
    (alert,) = books.ledger.evaluation.all_alerts(closed=True, limit=9)
    books.ledger.evaluation.commit(Commit(NOW + HOUR, 1, changes=AlertChanges(withdrawn=(alert,))))
    teller(NOW + HOUR)
    teller(NOW + 2 * HOUR)
    texts = [line.partition("  ")[2] for line in lines]
    assert [text for text in texts if "alert" in text] == [
        "alert 1: GP-0042: silent meter",
        "alert 1: GP-0042 is withdrawn",
    ]


def test_what_happens_is_told_once(books: Books) -> None:
    lines: list[str] = []
    teller = Teller(books, Lang.EN, lines.append)
    moments = [PLAY_START + number * HOUR for number in range(0, (PLAY_END - PLAY_START) // HOUR, 24)]
    for moment in moments:
        teller(moment)
    assert len(lines) == len(set(lines)) == 11
    assert lines == sorted(lines)
