"""`meterwatch people` and what people are permitted; acting as another person with --as."""

from contextlib import closing
from typing import Any

import pytest

from meterwatch.cli.session import account_name
from meterwatch.stores.database import Database
from meterwatch.stores.tables import audit
from tests.support.ledger import audited
from tests.support.terminal import Terminal

PERMIT = ("people", "permit", "K2", "--right", "names", "--until", "2023-06-01", "--reason", "stands in for K1")


def become(terminal: Terminal, person: str, more: str = "") -> None:
    path = terminal.folder / "meterwatch.toml"
    path.write_text(
        path.read_text().replace("[viewers.accounts]", f"{more}\n[viewers.accounts]").replace('"K1"', f'"{person}"')
    )


def last_row(terminal: Terminal) -> tuple[str, str, str, dict[str, Any]]:
    with closing(Database.file(terminal.folder / "data" / "ledger.db")) as database, database.read() as connection:
        row = connection.execute(audit.select().order_by(audit.c.id.desc()).limit(1)).one()
        return row.actor, row.action, row.subject, row.detail


class TestList:
    def test_colleagues_by_name_their_phones_masked(self, empty: Terminal) -> None:
        shown = {row["code"]: row for row in empty("people", "--json").data}
        assert {code: row["name"] for code, row in shown.items()} == {"K1": "张伟", "K2": "Anna Bo", "K3": "Chief"}
        assert (shown["K1"]["phone"], shown["K1"]["email"], shown["K3"]["phone"]) == ("138******00", "", "***23")
        first = empty("people").out.splitlines()[1]
        assert first.split() == ["K1", "张伟", "manager", "一所", "138******00"]

    def test_with_the_right_in_full(self, empty: Terminal) -> None:
        become(empty, "K3")
        phones = ("--right", "phones", "--unit", "一所", "--until", "2023-03-02", "--reason", "night shift")
        empty("people", "permit", "K1", *phones)
        become(empty, "K3")
        path = empty.folder / "meterwatch.toml"
        path.write_text(path.read_text().replace('"K3"', '"K1"'))
        assert [row["phone"] for row in empty("people", "--json").data] == ["13800138000", "+8613911112222", "***23"]


class TestPermissions:
    def test_are_granted_listed_and_revoked(self, empty: Terminal) -> None:
        become(empty, "K3")
        granted = empty(*PERMIT, "--unit", "二所").out
        assert granted == (
            "permission 1: K2 may see names of customers and of their contacts, until 2023-06-01 (that day no longer); "
            "granted by K3\n"
        )
        (row,) = empty("people", "permissions", "--json").data
        assert (row["number"], row["person"], row["right"], row["unit"], row["customer"]) == (1, "K2", "names", "二所", None)
        assert (row["first_day"], row["last_day"], row["granted_by"]) == ("2023-03-01", "2023-06-01", "K3")
        assert (row["account"], row["granted_at"], row["revoked_at"]) == (account_name(), "2023-03-01T02:00:00+00:00", None)
        assert "2023-03-01 10:00+0800" in empty("people", "permissions").out
        assert empty("people", "revoke", "1").out == "permission 1 of K2 is revoked\n"
        assert empty("people", "permissions", "--json").data[0]["revoked_by"] == "K3"
        assert empty("people", "revoke", "1", "--lang", "zh-CN").err == "meterwatch: 权限 1 已撤销\n"
        assert empty(*PERMIT, "--json").data["number"] == 2
        assert empty("people", "revoke", "2", "--json").data["revoked_by"] == "K3"

    def test_are_everybodys_to_who_oversees_and_ones_own_to_others(self, empty: Terminal) -> None:
        become(empty, "K3")
        empty(*PERMIT)
        assert len(empty("people", "permissions", "--json").data) == 1
        path = empty.folder / "meterwatch.toml"
        for person, count in (("K1", 0), ("K2", 1)):
            path.write_text(path.read_text().replace('"K3"', f'"{person}"').replace('"K1"', f'"{person}"'))
            assert len(empty("people", "permissions", "--json").data) == count

    def test_are_refused_to_others_and_that_is_noted(self, empty: Terminal) -> None:
        printed = empty(*PERMIT)
        assert (printed.code, printed.out) == (1, "")
        assert "may not grant or revoke permissions: a supervisor or the company manager may" in printed.err
        assert last_row(empty)[1:3] == ("permission.refuse", "K2")

    @pytest.mark.parametrize("words", [PERMIT, ("people", "revoke", "1")], ids=["permit", "revoke"])
    def test_are_nothing_for_an_account_that_stands_for_nobody(self, stranger: Terminal, words: tuple[str, ...]) -> None:
        assert "stands for no person" in stranger(*words).err

    @pytest.mark.parametrize("lacking", ["--right", "--until", "--reason"])
    def test_need_a_right_an_end_and_a_reason(self, empty: Terminal, lacking: str) -> None:
        at = PERMIT.index(lacking)
        assert empty(*PERMIT[:at], *PERMIT[at + 2 :]).code == 2


class TestActingAs:
    def listed(self, terminal: Terminal, person: str) -> None:
        become(terminal, person, f'[viewers]\nmay_act_as = ["{account_name()}"]')

    def test_shows_what_the_other_sees_and_names_both(self, meterwatch: Terminal) -> None:
        self.listed(meterwatch, "K3")
        own = {row["id"]: row["name"] for row in meterwatch("alerts", "--all", "--json").data}
        assert own[3] == "Carried Gas Ltd"
        for words in (["--as", "K2", "alerts"], ["alerts", "--as", "K2"]):
            seen = {row["id"]: row["name"] for row in meterwatch(*words, "--all", "--json").data}
            assert (seen[1], seen[3]) == ("宏达铸造厂", None)
            assert last_row(meterwatch)[0] == f"K3 as K2 ({account_name()})"
        with closing(Database.file(meterwatch.folder / "data" / "ledger.db")) as database:
            assert [row for row in audited(database) if row[0] == "viewer.act"] == [("viewer.act", "K2", {})] * 2

    def test_evidence_is_the_others_and_the_account_stays(self, meterwatch: Terminal) -> None:
        self.listed(meterwatch, "K3")
        done = meterwatch("tasks", "done", "1", "--as", "K1", "--cause", "a", "--proposal", "b")
        assert done.out == "task 1 is met; recorded under K1\n"
        (row,) = [row for row in meterwatch("tasks", "--all", "--json").data if row["id"] == 1]
        assert row["by"] == "K1"

    def test_is_refused_to_an_account_that_is_not_listed(self, meterwatch: Terminal) -> None:
        printed = meterwatch("alerts", "--as", "K3")
        assert (printed.code, printed.out) == (1, "")
        assert printed.err == (
            f"meterwatch: the account '{account_name()}' may not act as somebody else: add it to viewers.may_act_as in the "
            "settings\n"
        )
        assert last_row(meterwatch) == (
            f"K1 ({account_name()})",
            "viewer.refuse",
            "K3",
            {"why": "account not listed"},
        )

    def test_is_refused_as_somebody_who_is_not_in_office(self, meterwatch: Terminal) -> None:
        self.listed(meterwatch, "K3")
        assert "'K9' is unknown to the registry or not in office today" in meterwatch("alerts", "--as", "K9").err
        assert last_row(meterwatch)[1:] == ("viewer.refuse", "K9", {"why": "not in office"})
        assert "档案中没有 'K9'" in meterwatch("alerts", "--as", "K9", "--lang", "zh-CN").err

    def test_a_person_may_be_called_as_a_command_is(self, meterwatch: Terminal) -> None:
        assert "may not act as somebody else" in meterwatch("--as", "run", "alerts").err
