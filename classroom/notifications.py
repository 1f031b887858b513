"""What people are told outside a class: kinds of notices, who wants which where, and times by the reader's clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from classroom.times import MINUTE, Moment, from_datetime, to_datetime


class Channel(StrEnum):
    """A way to tell somebody. `IN_APP` is the event on their own topic."""

    IN_APP = "inApp"
    MAIL = "mail"


@dataclass(frozen=True)
class Notice:
    """What one or many people are told. `data` is JSON for the screens: ids, `startTime`. In `body` of a kind in `TIMED`,
    `{startTime}` stands for `data["startTime"]` by the reader's clock."""

    kind: str
    title: str
    body: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


_EVERYWHERE = frozenset(Channel)
_IN_APP = frozenset({Channel.IN_APP})

KINDS: Mapping[str, frozenset[Channel]] = {
    "announcement": _EVERYWHERE,
    "class_reminder": _EVERYWHERE,
    "class_changed": _EVERYWHERE,
    "certificate": _EVERYWHERE,
    "milestone": _IN_APP,
    "review": _IN_APP,
    "question": _EVERYWHERE,
    "answer": _EVERYWHERE,
    "grade": _EVERYWHERE,
    "course_decision": _EVERYWHERE,
    "instructor_request": _EVERYWHERE,
    "moderation": _EVERYWHERE,
}
"""Every kind and where it is told to who has said nothing about it. A kind that is not here is told in the app only."""

TIMED = frozenset({"class_reminder", "class_changed"})
"""Kinds whose body speaks of `{startTime}`."""


def wants(kind: str, channel: Channel, preferences: Mapping[str, Any]) -> bool:
    """Whether somebody with these `users.preferences` wants to be told: `notifications.{kind}.{channel}`, a boolean; where
    they say nothing (or something that is none), the kind's default."""
    said: Any = preferences
    for step in ("notifications", kind, channel.value):
        said = said.get(step) if isinstance(said, Mapping) else None
    return said if isinstance(said, bool) else channel in KINDS.get(kind, _IN_APP)


def body_for(notice: Notice, timezone: str) -> str:
    """The notice's body as somebody who lives in `timezone` (an IANA name; an unknown one counts as UTC) reads it."""
    if notice.kind not in TIMED or "{startTime}" not in notice.body:
        return notice.body
    start = datetime.fromisoformat(notice.data["startTime"])
    return notice.body.replace("{startTime}", local_time(from_datetime(start), timezone))


def local_time(moment: Moment, timezone: str) -> str:
    """The moment for people: `Sunday 25 October 2026, 02:30 CEST (Europe/Berlin)`. In the hour that the clocks go through
    twice, the zone's abbreviation says which is meant."""
    zone, name = _zone(timezone)
    local = to_datetime(moment).astimezone(zone)
    stamp = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M}"
    return f"{stamp} {local.tzname()}" if name == "UTC" else f"{stamp} {local.tzname()} ({name})"


class Lead(StrEnum):
    """How long before a class its students are reminded."""

    DAY = "24h"
    QUARTER = "15m"


LEADS: Mapping[Lead, int] = {Lead.DAY: 24 * 60 * MINUTE, Lead.QUARTER: 15 * MINUTE}
"""Each lead in microseconds, the longest first."""


def windows(now: Moment) -> list[tuple[Lead, Moment, Moment]]:
    """For each lead the beginnings of the classes that it is due for: those after the first moment and up to the second.
    A class stands in one at most, that of the shortest lead that has been reached: who enrols ten minutes before is so told
    once, and not that the class is tomorrow."""
    ends = [Moment(now + length) for length in LEADS.values()]
    return list(zip(LEADS, [*ends[1:], now], ends, strict=True))


def reminder_key(session_id: str, starts_at: Moment, lead: Lead) -> str:
    """The cause of a reminder: the class, when it begins, and the lead. A class that was moved is another cause."""
    return f"reminder:{session_id}:{starts_at // 1_000_000}:{lead}"


def _zone(timezone: str) -> tuple[Any, str]:
    try:
        return ZoneInfo(timezone), timezone
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a folder's name is an OSError
        return UTC, "UTC"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
