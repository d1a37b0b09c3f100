"""The documentation is held against the program."""

import re
from pathlib import Path

import prometheus_client
import pytest

import meterwatch.app.service  # noqa: F401 - registers every metric
from detectors.rule import AnyRule
from detectors.rules import RULES
from ingest import segments
from meterwatch.app.corrections import COLUMNS
from meterwatch.cli.main import COMMANDS
from meterwatch.core.model.packets import Packet, Reason
from meterwatch.core.model.reading_types import READING_TYPES
from meterwatch.core.model.readings import Quality
from meterwatch.stores.registry_files import FILES, FileSpec
from meterwatch.stores.tables import metadata

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_command_has_its_heading() -> None:
    assert re.findall(r"^## (.+)$", page("commands.md"), re.MULTILINE) == list(COMMANDS)


def test_every_metric_is_explained_and_no_other() -> None:
    served = {f"{m.name}_total" if m.type == "counter" else m.name for m in prometheus_client.REGISTRY.collect()}
    named = set(re.findall(r"^\| `(meterwatch_\w+)`", page("metrics.md"), re.MULTILINE))
    assert named == {name for name in served if name.startswith("meterwatch_")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_and_figure_is_explained(rule: AnyRule) -> None:
    section = page("detectors.md").partition(f"## {rule.name}\n")[2].partition("\n## ")[0]
    assert rule.source in section
    for column in rule.columns:
        assert f"| `{column.name}` | {column.unit} | {column.meaning.en} · {column.meaning.zh} |" in section


@pytest.mark.parametrize("spec", FILES, ids=lambda spec: spec.name)
def test_every_registry_file_stands_in_the_contract(spec: FileSpec) -> None:
    section = page("formats.md").partition(f"### {spec.file}\n")[2].partition("\n### ")[0]
    assert spec.markdown() in section
    assert "```csv" in section


def test_the_file_of_corrections_stands_in_the_contract() -> None:
    assert FileSpec("corrections", COLUMNS).markdown() in page("formats.md")


def test_every_table_and_column_stands_in_the_contract() -> None:
    text = page("formats.md")
    for table in metadata.sorted_tables:
        columns = ", ".join(f"`{column.name}`" for column in table.columns)
        assert f"- **{table.name}** ({columns})" in text


def test_every_code_stands_in_the_contract() -> None:
    text = page("formats.md")
    for kind in READING_TYPES:
        assert f"| {kind.code} | `{kind.name}` | {kind.unit} | {kind.accumulation} |" in text
    for flag in Quality:
        assert not flag or f"| {flag.value.bit_length() - 1} | `{flag.name}` |" in text
    for reason in Reason:
        assert f"| `{reason}` |" in text


def test_the_example_segment_is_what_the_journal_writes() -> None:
    packet = Packet("a/b", b"{}", qos=1, generation=1, received_at=1_672_531_200_000_000)
    written = segments.encode_header(1) + segments.encode(packet)
    block = page("formats.md").partition("Example: segment 1")[2].split("```")[1]
    shown = "".join(re.match(r"((?:[0-9a-f]{2} ?)+)", line)[1] for line in block.strip().splitlines())  # type: ignore[index]
    assert bytes.fromhex(shown) == written


def test_both_readmes_name_the_same_commands() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    blocks = [re.findall(r"^\.venv/bin/meterwatch [\w./ -]+?(?= {2,}#)", text, re.MULTILINE) for text in (english, chinese)]
    assert blocks[0] == blocks[1] != []
