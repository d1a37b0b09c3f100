"""Readings and day totals as columns."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from meterwatch.core.model.columns import Columns
from meterwatch.core.model.phrase import Phrase


class Quality(IntFlag):
    """What is known about a reading or a day total; a set of bits, 0 = nothing to say against it.

    Bits 0-15 may stand on a stored reading (one packet alone can tell them), bits 16-31 only on what is computed.
    """

    GOOD = 0
    SUSPECT = 1 << 0  # the sender itself marked the value as doubtful
    LATE = 1 << 1  # received long after its time
    AHEAD = 1 << 2  # its time lies more than a second in the future: the sender's clock runs ahead
    NEGATIVE = 1 << 3  # below zero
    RETAINED = 1 << 4  # the broker had kept it: it may be old
    ESTIMATED = 1 << 16  # an edge of the meter day was interpolated, or a small gap scaled up
    ROLLOVER = 1 << 17  # the register passed its last digit
    EXCHANGE = 1 << 18  # the meter was exchanged within the day
    STEP_BACK = 1 << 19  # the register went backwards; that step counts as unknown
    CORRECTED = 1 << 20  # a person corrected the value; the raw one is stored


QUALITY_TEXT: dict[Quality, Phrase] = {
    Quality.SUSPECT: Phrase("suspect", "可疑"),
    Quality.LATE: Phrase("late", "迟到"),
    Quality.AHEAD: Phrase("ahead", "时钟超前"),
    Quality.NEGATIVE: Phrase("negative", "负值"),
    Quality.RETAINED: Phrase("retained", "保留报文"),
    Quality.ESTIMATED: Phrase("estimated", "估算"),
    Quality.ROLLOVER: Phrase("rollover", "计数器翻转"),
    Quality.EXCHANGE: Phrase("exchange", "换表"),
    Quality.STEP_BACK: Phrase("step_back", "示数倒退"),
    Quality.CORRECTED: Phrase("corrected", "已修正"),
}


class AppendStatus(IntEnum):
    """What became of one offered reading."""

    NEW = 0
    DUPLICATE = 1
    CONFLICT = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class ReadingBatch(Columns):
    """Readings.

    ``usage_point`` int32 registry rows · ``reading_type`` int32 codes · ``time`` int64 UTC milliseconds, the *end* of the
    interval · ``value`` float64 in the type's unit · ``quality`` uint32 bits · ``received_at`` int64 UTC **microseconds**.
    The journal never gives two packets the same ``received_at``, so it also names the packet that brought the reading.
    """

    DTYPES: ClassVar = (np.int32, np.int32, np.int64, np.float64, np.uint32, np.int64)
    usage_point: NDArray[np.int32]
    reading_type: NDArray[np.int32]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint32]
    received_at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Appended(Columns):
    """What a reading store did with an offered batch, row by row.

    ``status`` int8 of :class:`AppendStatus`. Where it is CONFLICT, ``kept_value`` float64 and ``kept_received_at`` int64
    hold what stays stored; elsewhere they are NaN and 0.
    """

    DTYPES: ClassVar = (np.int8, np.float64, np.int64)
    status: NDArray[np.int8]
    kept_value: NDArray[np.float64]
    kept_received_at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DayTotals(Columns):
    """Use per meter day and usage point.

    ``day`` int32 proleptic ordinal of the date the meter day starts on · ``usage_point`` int32 rows · ``use`` float64 kWh
    or m3 over the known part · ``known`` float64 share of the day that is known, 0..1 · ``peak`` float64 highest mean
    rate between two readings, kW or m3/h (NaN = none) · ``quality`` uint32 bits.
    """

    DTYPES: ClassVar = (np.int32, np.int32, np.float64, np.float64, np.float64, np.uint32)
    day: NDArray[np.int32]
    usage_point: NDArray[np.int32]
    use: NDArray[np.float64]
    known: NDArray[np.float64]
    peak: NDArray[np.float64]
    quality: NDArray[np.uint32]
