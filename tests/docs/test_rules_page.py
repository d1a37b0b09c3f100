"""The page that says which rule is carried by what is held against the program."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from detectors.rules import RULES
from meterwatch.cli.main import COMMANDS
from notifier.duties.rules import DUTIES

ROOT = Path(__file__).parents[2]
CORE = (
    *("who-class", "who-manager", "who-point", "who-sum", "who-large", "who-important", "who-supply", "who-january"),
    *("who-archive", "who-confidential"),
    *("use-monitor", "churn-warn", "churn-potential", "churn-exclude", "churn-ended", "use-weekly-read"),
    *("use-weekly-swing", "use-abnormal", "use-important-report", "use-validate"),
    *("contact-visit", "contact-callback", "contact-record", "complaint", "proof", "oversee"),
)
"""Every core rule about customers, use, contact and reports, in the rule book's order."""


class Row(NamedTuple):
    id: str
    commands: list[str]
    carried: list[str]
    scene: str
    state: str


def rows() -> list[Row]:
    lines = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| [a-z]+-?", line)]
    return [
        Row(one[0], re.findall(r"`(.+?)`", one[1]), re.findall(r"`(.+?)`", one[2]), *one[3:])
        for one in cells
        if one[0] != "id"
    ]


def test_every_core_rule_has_its_row() -> None:
    ids = [row.id for row in rows()]
    assert ids[: len(CORE)] == list(CORE)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("rule", [*RULES, *DUTIES], ids=lambda rule: rule.name)
def test_a_rule_stands_where_its_source_says(rule: object) -> None:
    """``source`` reads "RULES churn-warn, churn-potential (G 19 ...)"."""
    name, source = rule.name, rule.source  # type: ignore[attr-defined]
    cited = set(source.removeprefix("RULES ").partition(" (")[0].split(", "))
    assert cited <= {row.id for row in rows() if name in row.carried}


def test_nothing_is_named_that_is_not_there() -> None:
    carried, commands = ({name for row in rows() for name in row[at]} for at in (2, 1))
    assert carried <= {rule.name for rule in (*RULES, *DUTIES)}
    assert commands <= set(COMMANDS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_a_state_is_true_of_its_scene(row: Row) -> None:
    assert row.scene == f"tests/scenes/test_{row.id.replace('-', '_')}.py"
    assert (ROOT / row.scene).exists()
    assert re.match(r"(works|partly: .+ lacking|later: .+)", row.state)
