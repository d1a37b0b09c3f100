"""A ledger over every kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from tests.support.ledger import fresh_database


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with fresh_database(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)
