"""What all tables of ledger and registry share."""

from sqlalchemy import Column, MetaData, String

from meterwatch.stores.column_types import ID

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column() -> Column[int]:
    """Return the key of rows that are numbered as they come."""
    return Column("id", ID, primary_key=True, autoincrement=True)


def code(name: str, *, nullable: bool = False) -> Column[str]:
    """Return a column for the code of something in the registry."""
    return Column(name, String(64), nullable=nullable)
