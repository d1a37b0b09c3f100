"""An adapter around a real one: a test overrides what it wants to happen differently."""

from typing import Any


class Wrapped:
    """Passes everything on to ``wrapped``."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)
