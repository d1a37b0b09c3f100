"""Moments as numbers: arrays hold UTC milliseconds, the names of packets UTC microseconds, everything else a datetime."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)


def to_ms(moment: datetime) -> int:
    """Return an aware ``moment`` as UTC milliseconds, rounded down."""
    return (moment - EPOCH) // _MILLISECOND


def to_us(moment: datetime) -> int:
    """Return an aware ``moment`` as UTC microseconds."""
    return (moment - EPOCH) // _MICROSECOND


def from_ms(milliseconds: int) -> datetime:
    """Return UTC milliseconds as an aware moment in UTC."""
    return EPOCH + milliseconds * _MILLISECOND


def from_us(microseconds: int) -> datetime:
    """Return UTC microseconds as an aware moment in UTC."""
    return EPOCH + microseconds * _MICROSECOND
