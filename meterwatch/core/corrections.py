"""Corrections laid over readings: what is computed takes the corrected value, what is stored stays what the meter said."""

from collections.abc import Iterable

import numpy as np

from meterwatch.core.instants import to_us
from meterwatch.core.model.corrections import Correction
from meterwatch.core.model.readings import Quality, ReadingBatch
from meterwatch.core.model.registry import Registry

_OF_THE_VALUE = Quality.SUSPECT | Quality.NEGATIVE  # these spoke of the value that is replaced, the others of its arrival


def as_readings(corrections: Iterable[Correction], registry: Registry) -> ReadingBatch:
    """Return the corrections of the usage points ``registry`` knows as readings, in the order given."""
    found = [
        (row, one.reading_type, one.time, one.value, Quality.CORRECTED, to_us(one.recorded_at))
        for one in corrections
        if (row := registry.row_of(one.usage_point)) is not None
    ]
    return ReadingBatch.of(*zip(*found, strict=True)) if found else ReadingBatch.empty()


def overlay(readings: ReadingBatch, corrections: ReadingBatch) -> ReadingBatch:
    """Return the readings with the corrections in their places, sorted by usage point, type, time (RULES use-validate).

    A correction replaces the reading of its key, or is added where there is none; at most one of each key is given.
    """
    if not len(corrections):
        return readings
    joined = ReadingBatch.join([corrections, readings])
    # The sort is stable: a correction comes before the reading it replaces.
    joined = joined.take(np.lexsort((joined.time, joined.reading_type, joined.usage_point)))
    keys = np.stack([joined.usage_point, joined.reading_type, joined.time])
    replaced = np.append(False, (keys[:, 1:] == keys[:, :-1]).all(axis=0))
    over = np.flatnonzero(replaced)
    joined.quality[over - 1] |= joined.quality[over] & np.uint32(~_OF_THE_VALUE & 0xFFFFFFFF)
    return joined.take(~replaced)
