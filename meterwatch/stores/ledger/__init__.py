"""The ledger: alerts, duties, messages and all that proves them, in one database."""

from meterwatch.stores.database import Database
from meterwatch.stores.ledger.audit import SqlAudit
from meterwatch.stores.ledger.clockrow import ClockRow
from meterwatch.stores.ledger.corrections import SqlCorrections
from meterwatch.stores.ledger.evaluation import SqlEvaluation
from meterwatch.stores.ledger.exclusions import SqlExclusions
from meterwatch.stores.ledger.figures import SqlFigures
from meterwatch.stores.ledger.history import SqlHistory
from meterwatch.stores.ledger.ingest import SqlIngest
from meterwatch.stores.ledger.judgements import SqlJudgements
from meterwatch.stores.ledger.orders import SqlOrders
from meterwatch.stores.ledger.outbox import SqlOutbox
from meterwatch.stores.ledger.permissions import SqlPermissions
from meterwatch.stores.ledger.planner import SqlPlanner
from meterwatch.stores.ledger.records import SqlRecords
from meterwatch.stores.ledger.verdicts import SqlVerdicts
from meterwatch.stores.ledger.work import SqlWork


class Ledger:
    """The parts of the ledger, each a port of its own, over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ClockRow(database)
        self.ingest = SqlIngest(database)
        self.evaluation = SqlEvaluation(database)
        self.outbox = SqlOutbox(database)
        self.work = SqlWork(database)
        self.planner = SqlPlanner(database)
        self.orders = SqlOrders(database)
        self.permissions = SqlPermissions(database)
        self.audit = SqlAudit(database)
        self.corrections = SqlCorrections(database)
        self.verdicts = SqlVerdicts(database)
        self.records = SqlRecords(database)
        self.history = SqlHistory(database)
        self.figures = SqlFigures(database)
        self.exclusions = SqlExclusions(database)
        self.judgements = SqlJudgements(database)


__all__ = ["Ledger"]
