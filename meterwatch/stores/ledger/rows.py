"""How values of the model stand in rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, RowMapping, insert

from meterwatch.core.model.alerts import Alert, Episode
from meterwatch.stores.tables import audit

T = TypeVar("T")
_CHUNK = 500  # SQLite takes a bounded number of parameters


def dump_episode(episode: Episode) -> dict[str, Any]:
    """Return an episode as the ledger's JSON (docs/formats.md)."""
    return asdict(episode) | {"figures": dict(episode.figures), "stages": [list(stage) for stage in episode.stages]}


def load_episode(state: dict[str, Any]) -> Episode:
    """Return the episode of the ledger's JSON."""
    return msgspec.convert(state, Episode)


def load_alert(row: RowMapping) -> Alert:
    """Return the alert of a row of ``alerts``."""
    return Alert(
        row["id"],
        load_episode(row["episode"]),
        row["opened_at"],
        row["registry"],
        row["suppressed"],
        row["withdrawn_at"],
    )


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield ``values`` in lists short enough for an IN clause."""
    iterator = iter(values)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def note(connection: Connection, at: datetime, actor: str, rows: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    """Write audit rows (action, subject, detail) in the present transaction."""
    if rows:
        connection.execute(
            insert(audit),
            [{"at": at, "actor": actor, "action": action, "subject": s, "detail": d} for action, s, d in rows],
        )
