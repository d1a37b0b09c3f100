"""Customers' names in the lists: for who may see them, noted in the ledger, and for nobody else."""

import os
from argparse import Namespace
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from meterwatch.cli.names import Concern, customer_names
from meterwatch.cli.session import account_name, session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from tests.support.ledger import DAY, audited
from tests.support.terminal import Terminal

ALERTS = {1: "宏达铸造厂", 2: "Bright Hotel", 3: "Carried Gas Ltd", 4: "Bright Hotel"}
TASKS = {1: "宏达铸造厂", 2: "Carried Gas Ltd", 3: "Bright Hotel"}


def names(terminal: Terminal, *words: str) -> dict[int, str | None]:
    return {row["id"]: row["name"] for row in terminal(*words, "--all", "--json").data}


def reads(terminal: Terminal) -> list[tuple[str, dict[str, Any]]]:
    """Return what the ledger notes of reads of the archive."""
    with closing(Database.file(terminal.folder / "data" / "ledger.db")) as database:
        return [(subject, detail) for action, subject, detail in audited(database) if action == "archive.read"]


def act_as(terminal: Terminal, person: str) -> None:
    path = terminal.folder / "meterwatch.toml"
    path.write_text(path.read_text().replace('"K1"', f'"{person}"'))


def test_a_manager_sees_those_of_his_own_customers(meterwatch: Terminal) -> None:
    assert names(meterwatch, "alerts") == ALERTS
    assert names(meterwatch, "tasks") == TASKS
    assert meterwatch("alerts", "2", "--json").data["name"] == "Bright Hotel"


def test_every_look_is_noted(meterwatch: Terminal) -> None:
    assert reads(meterwatch) == []
    meterwatch("alerts")
    meterwatch("tasks", "--all")
    meterwatch("alerts", "2")
    assert reads(meterwatch) == [("customers", {"count": 1}), ("customers", {"count": 3}), ("customers", {"count": 1})]


def test_a_deputy_sees_those_of_his_area_only(meterwatch: Terminal) -> None:
    act_as(meterwatch, "K2")
    assert names(meterwatch, "alerts") == ALERTS | {3: None}
    assert names(meterwatch, "tasks") == TASKS | {2: None}
    shown = meterwatch("alerts", "--all").out
    assert "Carried" not in shown
    assert "C3 " not in shown


def test_nobody_sees_none_and_nothing_is_noted(stranger: Terminal) -> None:
    assert set(names(stranger, "alerts").values()) == set(names(stranger, "tasks").values()) == {None}
    assert "customer" not in stranger("alerts", "--all").out + stranger("tasks", "--all").out + stranger("alerts", "2").out
    assert reads(stranger) == []


def test_a_point_is_its_customers_of_that_day(meterwatch: Terminal) -> None:
    """P1 went from C1 to C3 on 2022-07-01."""
    days = {date(2022, 6, 30): "宏达铸造厂", date(2022, 7, 1): "Carried Gas Ltd", date(2019, 1, 1): None}
    wanted = {Concern("load", "P1", day.toordinal()): name for day, name in days.items()}
    wanted |= {Concern("load", "P9", DAY): None, Concern("churn", "C9/gas", DAY): None}
    with session(Namespace(settings=meterwatch.folder / "meterwatch.toml")) as opened:
        assert customer_names(opened, wanted) == {concern: name for concern, name in wanted.items() if name}


class SealedArchive(SqlArchive):
    """An archive in a ledger that can't be written, where no look can be noted."""

    def customer_names(self, *_: object) -> dict[str, str]:
        raise Refusal(Phrase("read only", "只读"))


def test_who_cannot_be_noted_sees_none(meterwatch: Terminal) -> None:
    with session(Namespace(settings=meterwatch.folder / "meterwatch.toml")) as opened:
        sealed = SealedArchive(opened.books.archive._database)
        blind = opened._replace(books=replace(opened.books, archive=sealed))
        assert customer_names(blind, [Concern("churn", "C1/gas", DAY)]) == {}


def test_an_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    assert account_name() == "3999999999"
