"""Runs the migrations on the connection that ``Database`` opened."""

from alembic import context

from meterwatch.stores.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
