"""Runs the migrations on the connection that ``Database`` opened."""

from alembic import context

import meterwatch.stores.correction_tables  # noqa: F401 - its tables belong to the metadata too
from meterwatch.stores.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
