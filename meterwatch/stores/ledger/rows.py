"""How values of the model stand in rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, RowMapping, insert

from meterwatch.core.model.alerts import Alert, DirtyDay, Episode, FactRow
from meterwatch.core.model.messages import MessageState
from meterwatch.core.ports import EpisodeState
from meterwatch.stores.database import Database
from meterwatch.stores.tables import audit, dirty_days, message_history

T = TypeVar("T")
_CHUNK = 500  # SQLite takes a bounded number of parameters


def dump_episode(episode: Episode) -> dict[str, Any]:
    """Return an episode as the ledger's JSON (docs/formats.md)."""
    return asdict(episode) | {"figures": dict(episode.figures), "stages": [list(stage) for stage in episode.stages]}


def load_episode(state: dict[str, Any]) -> Episode:
    """Return the episode of the ledger's JSON."""
    return msgspec.convert(state, Episode)


def alert_row(episode: Episode) -> dict[str, Any]:
    """Return what an episode says in a row of ``alerts``."""
    return {
        "rule": episode.rule,
        "policy": episode.policy,
        "subject": episode.subject,
        "opened_day": episode.opened_day,
        "start_day": episode.start_day,
        "closed_day": episode.closed_day,
        "closed_why": episode.closed_why,
        "episode": dump_episode(episode),
    }


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


def fact_row(fact: FactRow) -> dict[str, Any]:
    """Return a row of ``facts``."""
    return {
        "rule": fact.rule,
        "subject": fact.subject,
        "day": fact.day,
        "crossing": ",".join(fact.crossing),
        "figures": dict(fact.figures),
    }


def load_fact(row: RowMapping) -> FactRow:
    """Return the facts of a row of ``facts``."""
    crossing = tuple(filter(None, row["crossing"].split(",")))
    return FactRow(row["rule"], row["subject"], row["day"], crossing, row["figures"])


def state_row(state: EpisodeState) -> dict[str, Any]:
    """Return a row of ``episode_states``."""
    episode = state.episode
    key = {"rule": episode.rule, "policy": episode.policy, "subject": episode.subject, "day": state.day}
    return key | {"state": dump_episode(episode)}


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


def note_message(connection: Connection, number: int, at: datetime, state: MessageState, detail: str = "") -> None:
    """Write a row of a message's history in the present transaction."""
    connection.execute(insert(message_history).values(message=number, at=at, state=state, detail=detail))


def mark_dirty(database: Database, connection: Connection, dirty: Sequence[DirtyDay]) -> None:
    """Mark days to be judged again in the present transaction; of a day that is dirty already the mark changes."""
    if dirty:
        statement = database.insert(dirty_days)
        statement = statement.on_conflict_do_update(index_elements=["day", "point"], set_={"mark": statement.excluded.mark})
        connection.execute(statement, [entry._asdict() for entry in dirty])
