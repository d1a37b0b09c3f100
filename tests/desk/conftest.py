"""The desk on a real socket, over a real ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from meterwatch.stores.ledger import Ledger
from tests.support.ledger import fresh_database


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with fresh_database("sqlite", tmp_path) as database:
        yield Ledger(database)


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    pool = urllib3.PoolManager(retries=False, timeout=10)
    yield pool
    pool.clear()
