"""Adapters to databases: readings, ledger, registry."""
