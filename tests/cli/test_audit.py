"""`meterwatch audit`: what was done by whom, the seal, and what a verification says."""

import re
from contextlib import closing

import pytest

from meterwatch.cli.session import account_name
from meterwatch.stores.database import Database
from tests.support.audit import tamper
from tests.support.terminal import Terminal


def past_the_program(terminal: Terminal, *statements: str) -> None:
    with closing(Database.file(terminal.folder / "data" / "ledger.db")) as database:
        tamper(database, *statements)


def test_a_whole_one_is_sealed_and_verified(meterwatch: Terminal) -> None:
    count = len(meterwatch("audit", "list", "--json").data)
    assert f"the audit is whole: 0 rows are sealed by 0 digests, the newest is -; {count} rows wait" in verified(meterwatch)
    sealed = meterwatch("audit", "seal").out
    found = re.fullmatch(rf"{count} rows are sealed; the digest to print is (1-[0-9a-f]{{16}})\n", sealed)
    assert found
    printed = found[1]
    assert meterwatch("audit", "seal").out == f"nothing is left to seal; the newest digest is {printed}\n"
    assert meterwatch("audit", "seal", "--json").data == {"rows": 0, "newest": printed}
    told = meterwatch("audit", "verify", "--against", printed)
    assert (told.code, told.out.splitlines()[1]) == (0, f"{printed} is in the chain")
    assert meterwatch("audit", "verify", "--json").data == {
        "whole": True,
        "fault": None,
        "digest": None,
        "first_id": None,
        "last_id": None,
        "digests": 1,
        "sealed": count,
        "unsealed": 0,
        "newest": printed,
        "against": None,
    }
    assert "审计完整：1 个摘要封存" in meterwatch("audit", "verify", "--lang", "zh-CN").out


def verified(terminal: Terminal) -> str:
    printed = terminal("audit", "verify")
    assert printed.code == 0
    return printed.out


def test_one_that_was_changed(meterwatch: Terminal) -> None:
    meterwatch("audit", "seal")
    past_the_program(meterwatch, "UPDATE audit SET actor = 'nobody' WHERE id = 2")
    printed = meterwatch("audit", "verify")
    assert printed.code == 1
    assert re.search(r"NOT whole: a row, or the digest itself, was changed; digest 1, rows 1 to \d+ \(", printed.out)
    assert "审计不完整：记录或摘要本身被改动；摘要 1" in meterwatch("audit", "verify", "--lang", "zh-CN").out
    told = meterwatch("audit", "verify", "--json")
    assert (told.code, told.data["whole"], told.data["fault"], told.data["digest"]) == (1, False, "changed row", 1)


def test_one_that_is_not_what_was_printed(meterwatch: Terminal) -> None:
    meterwatch("audit", "seal")
    old = "1-0123456789abcdef"
    printed = meterwatch("audit", "verify", "--against", old)
    assert (printed.code, "the audit is whole" in printed.out) == (1, True)
    assert f"{old} is NOT in the chain: what was sealed then was rewritten or cut off since" in printed.out
    assert meterwatch("audit", "verify", "--against", old, "--json").data["against"] is False
    assert "'17' is no printed digest" in meterwatch("audit", "verify", "--against", "17").err


def test_one_that_was_cut_goes_on_only_with_a_supervisors_reason(meterwatch: Terminal) -> None:
    meterwatch("audit", "seal")
    past_the_program(meterwatch, "DELETE FROM audit", "DELETE FROM audit_digests")
    assert "the tail was cut off; digest 1, rows 1 to …" in meterwatch("audit", "verify").out
    meterwatch("alerts")
    assert "is not sealed on: the tail was cut off" in meterwatch("audit", "seal").err
    refused = meterwatch("audit", "seal", "--resume", "restored a backup")
    assert (refused.code, "may not resume a broken seal" in refused.err) == (1, True)
    settings = meterwatch.folder / "meterwatch.toml"
    settings.write_text(settings.read_text().replace('"K1"', '"K3"'))
    assert meterwatch("audit", "seal", "--resume", "restored a backup").code == 0
    (row,) = [row for row in meterwatch("audit", "list", "--json").data if row["action"] == "audit.resume"]
    assert (row["actor"], row["detail"]["reason"]) == (f"K3 ({account_name()})", "restored a backup")
    assert meterwatch("audit", "verify").code == 0


def test_without_its_key_nothing_can_be_said(meterwatch: Terminal) -> None:
    meterwatch("audit", "seal")
    (meterwatch.folder / "data" / "audit.key").unlink()
    printed = meterwatch("audit", "verify")
    assert (printed.code, printed.out) == (1, "")
    assert "audit.key, is gone: bring it back from a backup" in printed.err


@pytest.mark.parametrize(
    ("words", "actions"),
    [
        (["--subject", "C3"], ["task.void", "alert.withdraw", "task.open", "alert.open"]),
        (["--subject", "C3/gas", "--limit", "1"], ["task.void"]),
        (["--actor", "K3"], ["permission.grant"]),
    ],
)
def test_rows_of_one_subject_or_actor(meterwatch: Terminal, words: list[str], actions: list[str]) -> None:
    assert sorted(row["action"] for row in meterwatch("audit", "list", *words, "--json").data) == sorted(actions)
