"""The two clocks.

*Business time* is what rules, duties and messages are judged by. It may be moved: only a demonstration or a test does.
*Real time* is what leases, retries, time-outs and rates are measured with. It is never moved or scaled.
This is the only module that reads the machine's clock.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from meterwatch.core.errors import Unavailable


class Clock(Protocol):
    """Where business time comes from."""

    def now(self) -> datetime:
        """Return the present business time, aware, in UTC."""


class SystemClock:
    """Business time is the machine's time."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return real_now()


class MovedClock:
    """Business time stands where the ledger's clock row was last moved to."""

    def __init__(self, read: Callable[[], datetime | None]) -> None:
        """``read`` returns the clock row, or None while no one has moved the clock."""
        self._read = read
        self._seen: datetime | None = None

    def now(self) -> datetime:
        """Return the moved time, or the machine's time while there is no clock row.

        While the ledger does not answer, what it last said stands: the journal must not wait for it.
        """
        with suppress(Unavailable):
            self._seen = self._read()
        return self._seen or real_now()


def real_now() -> datetime:
    """Return the machine's time in UTC: for leases and retries, which other processes must be able to compare."""
    return datetime.now(UTC)  # noqa: TID251


def elapsed() -> float:
    """Return monotonic seconds, for time-outs and rates within one process."""
    return time.monotonic()  # noqa: TID251
