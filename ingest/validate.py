"""What one packet alone can tell about its readings: whose they are, whether their time is possible, what is odd.

Judged against the packet's own receive time, never the present, so that a replay comes to the same result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.codecs.codec import Decoded, excerpt
from meterwatch.core.bounds import require_within
from meterwatch.core.instants import from_ms
from meterwatch.core.model.packets import Packet, Reason
from meterwatch.core.model.reading_types import BY_CODE
from meterwatch.core.model.readings import Quality, ReadingBatch
from meterwatch.core.model.registry import COMMODITIES, Registry

_DAY_MS = 86_400_000
_MOST = 1e15  # beyond it sums and rates could run over; no register has so many digits
_SAME_MOMENT_MS = 1000  # no two clocks agree to the millisecond


@dataclass(frozen=True)
class ValidationOptions:
    """Which times are believed."""

    oldest_days: int = 3650
    """A reading older than this when received is refused: a clock that was never set says 1970."""
    ahead_s: int = 900
    """A reading may lie this far in the future when received; more is refused."""
    late_after_s: int = 6 * 3600
    """A reading received longer than this after its time is marked late."""

    def __post_init__(self) -> None:
        require_within(self, oldest_days=(1, 36_500), ahead_s=(0, 86_400), late_after_s=(0, 31_536_000))


@dataclass(frozen=True, slots=True)
class Valid:
    """Readings that can be stored, the packet and record each came from, and what was refused.

    ``packet`` and ``record`` int64 (n,) · ``refused``: (packet, record, reason, detail).
    """

    batch: ReadingBatch
    packet: NDArray[np.int64]
    record: NDArray[np.int64]
    refused: list[tuple[int, int, Reason, str]]


def validate(decoded: Decoded, packets: Sequence[Packet], registry: Registry, options: ValidationOptions) -> Valid:
    """Return what can be stored of ``decoded``, in packet order and with quality bits, and the refusals.

    Nothing is dropped silently: each reading of ``decoded`` is in the batch or among the refusals.
    """
    refused = list(decoded.refused)
    packet = np.asarray(decoded.packet, np.int64)
    received = np.array([p.received_at for p in packets], np.int64)[packet] if len(packet) else np.empty(0, np.int64)
    time, value = np.asarray(decoded.time, np.int64), np.asarray(decoded.value, np.float64)
    lag = received // 1000 - time
    point, reasons = _owners(decoded, registry)
    checks: tuple[tuple[NDArray[np.bool_], Reason, Callable[[int], str]], ...] = (
        (~np.isfinite(value), Reason.NOT_A_NUMBER, lambda i: str(value[i])),
        (np.abs(value) > _MOST, Reason.OUT_OF_RANGE, lambda i: str(value[i])),
        (lag > options.oldest_days * _DAY_MS, Reason.TOO_OLD, lambda i: _moment(decoded.time[i])),
        (lag < -options.ahead_s * 1000, Reason.IN_FUTURE, lambda i: _moment(decoded.time[i])),
        (_foreign(decoded.reading_type, point, registry), Reason.WRONG_COMMODITY, lambda i: _type_name(decoded, i)),
    )
    bad = np.zeros(len(packet), np.bool_)
    for mask, reason, describe in checks:
        for i in np.flatnonzero(mask & ~bad).tolist():
            reasons[i] = (reason, describe(i))
        bad |= mask
    bad[list(reasons)] = True
    refused.extend((decoded.packet[i], decoded.record[i], *why) for i, why in sorted(reasons.items()))
    retained = np.array([p.retain for p in packets], np.bool_)[packet] if len(packet) else bad
    quality = _quality(lag, value, retained, options)
    batch = ReadingBatch.of(point, decoded.reading_type, time, value, quality, received)
    good = np.flatnonzero(~bad)
    good = good[np.argsort(packet[good], kind="stable")]  # of two values the one that came first is kept, whatever its codec
    return Valid(batch.take(good), packet[good], np.asarray(decoded.record, np.int64)[good], refused)


def _quality(
    lag: NDArray[np.int64], value: NDArray[np.float64], retained: NDArray[np.bool_], options: ValidationOptions
) -> NDArray[np.uint32]:
    quality = np.zeros(len(lag), np.uint32)
    for mask, bit in (
        (lag > options.late_after_s * 1000, Quality.LATE),
        (lag < -_SAME_MOMENT_MS, Quality.AHEAD),
        (value < 0, Quality.NEGATIVE),
        (retained, Quality.RETAINED),
    ):
        quality[mask] |= np.uint32(bit)
    return quality


def _owners(decoded: Decoded, registry: Registry) -> tuple[NDArray[np.int32], dict[int, tuple[Reason, str]]]:
    """Return the usage point row of each reading (-1 = none) and why those without one have none."""
    meters = registry.meters
    point = np.full(len(decoded.meter), -1, np.int32)
    reasons: dict[int, tuple[Reason, str]] = {}
    for i, (code, time) in enumerate(zip(decoded.meter, decoded.time, strict=True)):
        indexes = registry.meter_indexes(code)
        fitting = [index for index in indexes if meters.valid_from[index] < time <= meters.valid_to[index]]
        if fitting:
            point[i] = meters.point[fitting[0]]
        elif indexes:
            reasons[i] = (Reason.NOT_INSTALLED, f"{excerpt(code)} {_moment(time)}")
        else:
            reasons[i] = (Reason.UNKNOWN_METER, excerpt(code))
    return point, reasons


def _foreign(kinds: Sequence[int], point: NDArray[np.int32], registry: Registry) -> NDArray[np.bool_]:
    commodity = np.array([COMMODITIES.index(BY_CODE[kind].commodity) for kind in kinds], np.int8)
    supplied = registry.points.commodity[point] if len(registry.codes) else commodity
    return np.asarray((point >= 0) & (commodity != supplied), np.bool_)


def _type_name(decoded: Decoded, i: int) -> str:
    return BY_CODE[decoded.reading_type[i]].name


def _moment(milliseconds: int) -> str:
    try:
        return from_ms(milliseconds).strftime("%Y-%m-%d %H:%M:%S UTC")
    except OverflowError:
        return str(milliseconds)
