"""The class as lists, attendance tables and timelines read it."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

import asyncpg

from classroom.ids import CourseId, SessionId
from classroom.records import Attendee, IntervalRow, LoggedEvent, SessionRow
from classroom.times import Moment
from persistence.live_log import LIVE_EVENT, event_of
from persistence.live_pool import borrow


class LiveRecords(Protocol):
    """Reads what the journal wrote. Raises StoreAway when Postgres is away."""

    async def get(self, session_id: SessionId) -> SessionRow | None:
        """The session, or None when there is none."""
        ...

    async def list_(
        self,
        course_ids: Sequence[CourseId] | None,
        status: str | None,
        starts_from: Moment | None,
        starts_to: Moment | None,
        limit: int,
        after: tuple[Moment, SessionId] | None,
    ) -> Sequence[SessionRow]:
        """The first `limit` sessions by (starts_at, id) behind `after`. None filters nothing; both ends of the time
        range belong to it."""
        ...

    async def attendance(self, session_id: SessionId) -> Sequence[Attendee]:
        """Every active enrolled student of the class's course and everybody who was ever inside, by name."""
        ...

    async def timeline(self, session_id: SessionId, after_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """The first `limit` events of the class after `after_offset`, in order."""
        ...


# In the order of the fields of SessionRow.
_SESSION = """
    id::text, course_id::text, lesson_id::text, title, to_moment(starts_at), duration_minutes, to_moment(ends_at),
    max_students, current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id::text,
    instructor_name, to_moment(started_at), to_moment(ended_at)
"""
_GET = f"SELECT {_SESSION} FROM live_sessions WHERE id = $1"  # noqa: S608 - our own columns, as below
_LIST = f"SELECT {_SESSION} FROM live_sessions WHERE $conditions ORDER BY starts_at, id LIMIT $limit"  # noqa: S608
_ATTENDANCE = """
    SELECT u.id::text, u.name, u.email, i.ordinal, to_moment(i.joined_at), to_moment(i.left_at), i.reason
    FROM (
        SELECT e.user_id
        FROM live_sessions s
        JOIN enrollments e ON e.course_id = s.course_id AND e.left_at IS NULL
        JOIN users u ON u.id = e.user_id AND u.status = 'active' AND u.deleted_at IS NULL
        WHERE s.id = $1
        UNION
        SELECT user_id FROM attendance_intervals WHERE session_id = $1
    ) person
    JOIN users u ON u.id = person.user_id
    LEFT JOIN attendance_intervals i ON i.session_id = $1 AND i.user_id = u.id
    ORDER BY u.id, i.ordinal
"""
_TIMELINE = f"""
    SELECT {LIVE_EVENT} FROM live_events WHERE session_id = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3
"""  # noqa: S608


def by_name(attendees: Sequence[Attendee]) -> list[Attendee]:
    """As people look for a name: capitals do not matter; the same in every database, whatever its collation."""
    return sorted(attendees, key=lambda attendee: place_in_list(attendee.name, attendee.user_id))


def place_in_list(name: str, user_id: str) -> tuple[str, str]:
    """What a list by name is ordered by."""
    return name.casefold(), user_id


class PostgresLiveRecords:
    """A `LiveRecords` on the tables that the journal writes."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def get(self, session_id: SessionId) -> SessionRow | None:
        """See `LiveRecords.get`."""
        async with borrow(self._pool) as connection:
            row = await connection.fetchrow(_GET, session_id)
        return None if row is None else SessionRow(*row)

    async def list_(
        self,
        course_ids: Sequence[CourseId] | None,
        status: str | None,
        starts_from: Moment | None,
        starts_to: Moment | None,
        limit: int,
        after: tuple[Moment, SessionId] | None,
    ) -> Sequence[SessionRow]:
        """See `LiveRecords.list_`."""
        filters: list[tuple[str, tuple[object, ...] | None]] = [
            ("course_id = ANY ({}::uuid[])", None if course_ids is None else (course_ids,)),
            ("status = {}", None if status is None else (status,)),
            ("starts_at >= from_moment({})", None if starts_from is None else (starts_from,)),
            ("starts_at <= from_moment({})", None if starts_to is None else (starts_to,)),
            ("(starts_at, id) > (from_moment({}), {}::uuid)", after),
        ]
        conditions = ["true"]
        arguments: list[object] = []
        for condition, values in filters:
            if values is not None:
                numbers = range(len(arguments) + 1, len(arguments) + len(values) + 1)
                conditions.append(condition.format(*(f"${number}" for number in numbers)))
                arguments += values
        sql = _LIST.replace("$conditions", " AND ".join(conditions)).replace("$limit", f"${len(arguments) + 1}")
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(sql, *arguments, limit)
        return [SessionRow(*row) for row in rows]

    async def attendance(self, session_id: SessionId) -> Sequence[Attendee]:
        """See `LiveRecords.attendance`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_ATTENDANCE, session_id)
        found = []
        for (user_id, name, email), stays in groupby(rows, key=lambda row: (row[0], row[1], row[2])):
            intervals = (IntervalRow(session_id, user_id, *stay[3:]) for stay in map(tuple, stays) if stay[3] is not None)
            found.append(Attendee(user_id, name, email, tuple(intervals)))
        return by_name(found)

    async def timeline(self, session_id: SessionId, after_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveRecords.timeline`."""
        async with borrow(self._pool) as connection:
            return [event_of(row) for row in await connection.fetch(_TIMELINE, session_id, after_offset, limit)]
