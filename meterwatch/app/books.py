"""The ledger's parts over one database. A module of its own: most commands open the books and nothing else."""

from contextlib import ExitStack
from dataclasses import dataclass

from meterwatch.app.settings import Settings
from meterwatch.core.clock import Clock, MovedClock
from meterwatch.stores.archive import SqlArchive
from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.audit_key import AuditKey
from meterwatch.stores.registry import SqlRegistry
from meterwatch.stores.sqlite_files import make_folder


@dataclass(frozen=True)
class Books:
    """Ledger, registry and archive over one database, and the clock that goes with them."""

    ledger: Ledger
    registry: SqlRegistry
    archive: SqlArchive
    clock: Clock


def open_books(settings: Settings, opened: ExitStack) -> Books:
    """Return the ledger's parts, closed with ``opened``. Business time is the clock row where one has been moved."""
    if settings.ledger_url.startswith("sqlite:///"):
        make_folder(settings.data_dir)
    database = Database(settings.ledger_url)
    opened.callback(database.close)
    ledger = Ledger(database)
    return Books(ledger, SqlRegistry(database), SqlArchive(database), MovedClock(ledger.clock.moved_to))


def audit_key(settings: Settings) -> AuditKey:
    """Return the key that seals the audit; it is no part of the ledger."""
    return AuditKey(settings.audit.key_file)
