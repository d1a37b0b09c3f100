"""Alembic migrations of ledger and registry."""
