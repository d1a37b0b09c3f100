"""The contract's examples are a registry: copied into one folder they import together."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

from meterwatch.core.model.registry import Role
from meterwatch.stores.database import Database
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.registry_files import FILES

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
NOW = datetime(2024, 1, 1, tzinfo=UTC)
HEADING_OR_BLOCK = re.compile(r"^### (\w+)\.csv$|^```csv\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, str]:
    """Return every csv block of section 10 by the name of its file."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## 10 ")[2].partition("\n## 11 ")[0]
    found = HEADING_OR_BLOCK.findall(section)
    headings, blocks = [name for name, _ in found if name], [block for _, block in found if block]
    return dict(zip(headings, blocks, strict=True))


def test_they_import_as_one_folder(tmp_path: Path) -> None:
    files = examples()
    assert list(files) == [spec.name for spec in FILES]
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    database = Database.file(tmp_path / "ledger.db")
    try:
        registry = SqlRegistry(database)
        report = registry.import_files(tmp_path, by="reader", now=NOW, default_zone="Asia/Shanghai")
        assert report.notices == ()
        snapshot = registry.load()
    finally:
        database.close()
    assert {file.added for file in report.files.values()} >= {1, 2}
    customer = snapshot.customer("C-0001")
    assert customer
    for role, code in ((Role.MANAGER, "M-01"), (Role.OFFICE_HEAD, "H-01")):
        person = snapshot.responsible(customer, role, date(2023, 6, 1))
        assert person
        assert person.code == code
