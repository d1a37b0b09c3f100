"""The units (offices) customers belong to."""

from meterwatch.core.model.registry import Registry


def units(registry: Registry) -> list[str]:
    """Return the units that have customers, sorted; customers without one count as the unit without a name."""
    return sorted({customer.unit for customer in registry.customers})


def subject_of(unit: str) -> str:
    """Return how duties name a unit as their subject."""
    return f"unit {unit or '-'}"
