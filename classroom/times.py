"""Moments are whole microseconds since 1970 in UTC; the wire writes them as RFC 3339 with `Z`."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NewType

Moment = NewType("Moment", int)

SECOND = 1_000_000
MINUTE = 60 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)


@lru_cache(maxsize=1024)
def rfc3339(moment: Moment) -> str:
    """The moment as the wire writes it, to the microsecond: `2026-11-21T09:00:00.000000Z`."""
    return (_NAIVE_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="microseconds") + "Z"


def from_datetime(value: datetime) -> Moment:
    """The moment of an aware `datetime`, exact to the microsecond."""
    delta = value - _EPOCH
    return Moment((delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds)


def to_datetime(moment: Moment) -> datetime:
    """The moment as an aware UTC `datetime`, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=moment)
