"""Where InfluxDB is. A module of its own: every command reads the settings, hardly one needs the client."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from meterwatch.core.bounds import beyond


@dataclass(frozen=True, slots=True)
class InfluxOptions:
    """Where InfluxDB 2 is and what we keep in it."""

    url: str
    """Address of the server, such as ``http://127.0.0.1:8086``."""
    org: str
    """Name of the organization that owns the buckets."""
    token: str = field(repr=False)
    """API token that may read and write both buckets."""
    bucket: str = "meterwatch"
    """Bucket of the readings; also the database name of its InfluxQL mapping."""
    totals_bucket: str = "meterwatch_totals"
    """Bucket of the day totals; also the database name of its InfluxQL mapping."""
    retention_days: int = 400
    """How long readings are kept; older ones are refused. 0 = for ever."""
    totals_retention_days: int = 0
    """How long day totals are kept. 0 = for ever."""
    timeout_s: float = 10.0
    """Seconds to wait for the server to connect, and to answer."""
    batch_lines: int = 10_000
    """Most lines in one write request."""

    def __post_init__(self) -> None:
        bounds = beyond(
            self,
            retention_days=(0, 36_500),
            totals_retention_days=(0, 36_500),
            timeout_s=(0.1, 600),
            batch_lines=(1, 100_000),
        )
        if found := "; ".join((*bounds, *self._name_problems())):
            raise ValueError(found)

    def _name_problems(self) -> Iterator[str]:
        if self.url and not re.match(r"https?://[^/\s]", self.url):
            yield f"url: {self.url!r} is no address such as http://127.0.0.1:8086"
        for name in ("org", "token", "bucket", "totals_bucket"):
            if not getattr(self, name):
                yield f"{name} is empty"
        if self.bucket == self.totals_bucket:
            yield f"bucket and totals_bucket are both {self.bucket!r}: day totals need a bucket of their own"
