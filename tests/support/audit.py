"""An audit to seal and to tamper with."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from meterwatch.stores.database import Database
from meterwatch.stores.ledger import Ledger
from meterwatch.stores.ledger.audit_key import AuditKey
from meterwatch.stores.ledger.rows import note

EIGHT = datetime(2023, 3, 1, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def wrote(database: Database, *times: datetime, actor: str = "K1 (ops)") -> None:
    """Write an audit row at each of ``times``."""
    with database.write(lasting=False) as connection:
        for at in times:
            note(connection, at, actor, [("task.done", f"C{at.hour}/gas", {"duty": at.minute, "share": 0.1})])


def sealed_hours(database: Database, key: AuditKey, hours: int = 3) -> Ledger:
    """Write three rows in each of some hours from eight o'clock on, and seal each hour when it is over."""
    ledger = Ledger(database)
    for hour in range(hours):
        begin = EIGHT + hour * HOUR
        wrote(database, begin, begin + 10 * MINUTE, begin + 59 * MINUTE)
        ledger.audit.seal_due(begin + HOUR, key)
    return ledger


def tamper(database: Database, *statements: str) -> None:
    """Change the database past the program."""
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def key_of(folder: Path) -> AuditKey:
    return AuditKey(folder / "keys" / "audit.key")


def beside(database: Database) -> AuditKey:
    """Return the key in the folder of an SQLite ledger, as the settings have it by default."""
    return AuditKey(Path(str(database.engine.url.database)).with_name("audit.key"))
