"""Which meter days something new about readings touches."""

from collections.abc import Mapping

import numpy as np

from meterwatch.core.calendar import DayScheme
from meterwatch.core.model.alerts import DirtyDay
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.core.model.registry import Registry
from meterwatch.core.registers import MAX_GAP_MS


def dirty_days(batch: ReadingBatch, registry: Registry, begun: Mapping[str, int]) -> list[DirtyDay]:
    """Return the meter days that new or corrected readings touch and whose first evaluation has begun, sorted.

    A reading touches its own day and, near an edge, the neighbour whose edge is interpolated from it. ``begun``: per scheme
    name the last day that has. A day's mark is the highest ``received_at`` of what touches it.
    """
    found: list[DirtyDay] = []
    rank = registry.scheme_rank[batch.usage_point] if len(batch) else np.empty(0, np.int64)
    for index in np.unique(rank).tolist():
        scheme = registry.scheme_order[index]
        if scheme.name in begun:
            found += _dirty(batch.take(rank == index), scheme, begun[scheme.name])
    return sorted(found)


def _dirty(batch: ReadingBatch, scheme: DayScheme, last: int) -> list[DirtyDay]:
    days = np.concatenate([scheme.days(batch.time + shift) for shift in (-MAX_GAP_MS, 0, MAX_GAP_MS)])
    closed = days <= last
    days, points = days[closed].astype(np.int64), np.tile(batch.usage_point, 3)[closed]
    keys, which = np.unique(days << 32 | points, return_inverse=True)
    marks = np.zeros(len(keys), np.int64)
    np.maximum.at(marks, which, np.tile(batch.received_at, 3)[closed])
    return [DirtyDay(key >> 32, key & 0xFFFFFFFF, mark) for key, mark in zip(keys.tolist(), marks.tolist(), strict=True)]
