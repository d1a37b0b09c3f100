"""The ledger's parts over one database. A module of its own: most commands open the books and nothing else."""

import threading
from contextlib import ExitStack
from dataclasses import dataclass

from meterwatch.app.settings import Settings
from meterwatch.core.clock import Clock, MovedClock
from meterwatch.core.model.registry import Registry
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.audit_key import AuditKey
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.sqlite_files import make_folder


class Snapshots:
    """The newest registry snapshot, loaded once for every role of this process."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry, self._lock = registry, threading.Lock()
        self._loaded = Registry.empty()

    def newest(self) -> Registry:
        """Return the newest snapshot."""
        with self._lock:
            if self._registry.latest() != self._loaded.number:
                self._loaded = self._registry.load()
            return self._loaded


@dataclass(frozen=True)
class Books:
    """Ledger, registry and archive over one database, and the clock that goes with them."""

    ledger: Ledger
    registry: SqlRegistry
    snapshots: Snapshots
    archive: SqlArchive
    clock: Clock


def open_books(settings: Settings, opened: ExitStack) -> Books:
    """Return the ledger's parts, closed with ``opened``. Business time is the clock row where one has been moved."""
    if settings.ledger_url.startswith("sqlite:///"):
        make_folder(settings.data_dir)
    database = Database(settings.ledger_url)
    opened.callback(database.close)
    ledger = Ledger(database)
    registry = SqlRegistry(database)
    return Books(ledger, registry, Snapshots(registry), SqlArchive(database), MovedClock(ledger.clock.moved_to))


def audit_key(settings: Settings) -> AuditKey:
    """Return the key that seals the audit; it is no part of the ledger."""
    return AuditKey(settings.audit.key_file)
