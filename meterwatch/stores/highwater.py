"""High-water marks: what lies beyond the latest stored time of a usage point and reading type is not stored yet."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.model.readings import ReadingBatch

UNKNOWN = np.iinfo(np.int64).max  # sorts above every time: until it is asked for, anything may be stored


class HighWater:
    """Per reading type a column of marks, UTC ms by usage point row; 8 bytes for each type a fleet really has."""

    def __init__(self) -> None:
        self._columns: dict[int, NDArray[np.int64]] = {}

    def of(self, batch: ReadingBatch) -> NDArray[np.int64]:
        """Return the mark of each reading's usage point and type: a later time is not stored."""
        marks = np.empty(len(batch), np.int64)
        for index, column in self._parts(batch):
            marks[index] = column[batch.usage_point[index]]
        return marks

    def put(self, batch: ReadingBatch, time: NDArray[np.int64] | int) -> None:
        """Set the marks of the usage points and types of ``batch`` to ``time``."""
        times = np.broadcast_to(np.int64(time), len(batch))
        for index, column in self._parts(batch):
            column[batch.usage_point[index]] = times[index]

    def raise_to(self, batch: ReadingBatch) -> None:
        """Take note that ``batch`` is stored; what was UNKNOWN stays so."""
        for index, column in self._parts(batch):
            np.maximum.at(column, batch.usage_point[index], batch.time[index])

    def _parts(self, batch: ReadingBatch) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int64]]]:
        for reading_type in np.unique(batch.reading_type):
            index = np.flatnonzero(batch.reading_type == reading_type)
            yield index, self._column(int(reading_type), int(batch.usage_point[index].max()) + 1)

    def _column(self, reading_type: int, size: int) -> NDArray[np.int64]:
        column = self._columns.get(reading_type, np.empty(0, np.int64))
        if len(column) < size:
            column = np.concatenate((column, np.full(max(size, 2 * len(column)) - len(column), UNKNOWN)))
            self._columns[reading_type] = column
        return column
