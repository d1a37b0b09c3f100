"""What becomes of offered readings: the judgement every reading store shares. Pure arithmetic on columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.model.readings import Appended, AppendStatus, ReadingBatch


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer to an offered batch, and the index of each reading that has to be written: its key was not stored yet.

    ``key`` numbers the keys, so that readings of one key can be told; -1 where the reading can't be taken.
    """

    appended: Appended
    store: NDArray[np.intp]
    key: NDArray[np.intp]

    def without(self, refused: NDArray[np.intp]) -> Appended:
        """Return the answer when the database would not take the ``refused`` ones of ``store``: nothing holds their keys."""
        gone = np.isin(self.key, self.key[refused])
        return Appended(
            np.where(gone, np.int8(AppendStatus.REFUSED), self.appended.status),
            np.where(gone, np.nan, self.appended.kept_value),
            np.where(gone, 0, self.appended.kept_received_at),
        )


def judge(offered: ReadingBatch, stored: ReadingBatch, takeable: NDArray[np.bool_]) -> Judgement:
    """Return what becomes of ``offered``, given every stored reading that bears one of its keys.

    Judged in batch order: the first reading of a key that is not stored is NEW and is what the others are compared with.
    A reading that equals the kept one in value and ``received_at`` is NEW too, but once a batch: a packet that brings a
    reading twice brings one new reading, and a replay counts as the first time did. ``stored`` may hold readings of the
    batch itself, written just before, and readings nobody asked for. Where ``takeable`` is False it is REFUSED.
    """
    index = np.flatnonzero(takeable)
    readings = ReadingBatch.join([stored, offered.take(index)])
    key, first = _keys(readings)
    kept = readings.take(first[key])
    same_value = readings.value == kept.value
    same_packet = same_value & (readings.received_at == kept.received_at)
    same_packet[: len(stored)] = False
    candidates = np.flatnonzero(same_packet)
    status = np.where(same_value, np.int8(AppendStatus.DUPLICATE), np.int8(AppendStatus.CONFLICT))
    status[candidates[np.unique(key[candidates], return_index=True)[1]]] = AppendStatus.NEW
    mine = slice(len(stored), None)
    return Judgement(
        _answer(len(offered), index, status[mine], kept.take(np.arange(len(readings))[mine])),
        np.sort(index[first[first >= len(stored)] - len(stored)]),
        _scatter(len(offered), index, key[mine], -1),
    )


def _keys(readings: ReadingBatch) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the keys; return each reading's number, and per number the index of the first reading that bears it."""
    series = readings.usage_point.astype(np.int64) << 32 | readings.reading_type
    order = np.lexsort((readings.time, series))  # stable: equal keys keep their order
    changes = (np.diff(series[order]) != 0) | (np.diff(readings.time[order]) != 0)
    starts = np.concatenate(([True], changes))[: len(order)]
    key = np.empty(len(order), np.intp)
    key[order] = np.cumsum(starts) - 1
    return key, order[starts]


def _answer(size: int, index: NDArray[np.intp], status: NDArray[np.int8], kept: ReadingBatch) -> Appended:
    conflict = status == AppendStatus.CONFLICT
    return Appended.of(
        _scatter(size, index, status, AppendStatus.REFUSED),
        _scatter(size, index, np.where(conflict, kept.value, np.nan), np.nan),
        _scatter(size, index, np.where(conflict, kept.received_at, 0), 0),
    )


def _scatter(size: int, index: NDArray[np.intp], values: NDArray[Any], elsewhere: float) -> NDArray[Any]:
    column = np.full(size, elsewhere, values.dtype)
    column[index] = values
    return column
