"""Bounds of settings, said in one way."""

Bound = tuple[float, float]


def beyond(options: object, **bounds: Bound) -> list[str]:
    """Return a sentence for each named attribute that is not within its (lowest, highest); what is no number never is."""
    values = ((name, getattr(options, name), bound) for name, bound in bounds.items())
    return [
        f"{name} {value} is not within {low} to {high}" for name, value, (low, high) in values if not low <= value <= high
    ]


def require_within(options: object, **bounds: Bound) -> None:
    """Raise ValueError naming every attribute that is not within its (lowest, highest)."""
    if found := beyond(options, **bounds):
        raise ValueError("; ".join(found))
