"""The records' and the roster's twins."""

from collections.abc import Sequence

from classroom.ids import CourseId, SessionId, UserId
from classroom.records import Attendee, IntervalRow, LoggedEvent, SessionRow
from classroom.times import Moment
from persistence.live_records import by_name
from persistence.memory.live_tables import LiveTables
from persistence.roster import Student


class MemoryLiveRecords:
    """A `LiveRecords` in dictionaries."""

    def __init__(self, tables: LiveTables) -> None:
        self._tables = tables

    async def get(self, session_id: SessionId) -> SessionRow | None:
        """See `LiveRecords.get`."""
        self._tables.reach()
        return self._tables.sessions.get(session_id)

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
        self._tables.reach()
        found = [
            row
            for row in self._tables.sessions.values()
            if (course_ids is None or row.course_id in course_ids)
            and (status is None or row.status == status)
            and (starts_from is None or row.starts_at >= starts_from)
            and (starts_to is None or row.starts_at <= starts_to)
            and (after is None or (row.starts_at, row.id) > after)
        ]
        return sorted(found, key=lambda row: (row.starts_at, row.id))[:limit]

    async def attendance(self, session_id: SessionId) -> Sequence[Attendee]:
        """See `LiveRecords.attendance`."""
        self._tables.reach()
        session = self._tables.sessions.get(session_id)
        if session is None:
            return []
        known = self._tables.students[session.course_id]
        stays: dict[UserId, list[IntervalRow]] = {user_id: [] for user_id, student in known.items() if student.active}
        for _, interval in sorted(self._tables.intervals[session_id].items()):
            stays.setdefault(interval.user_id, []).append(interval)
        found = [
            Attendee(user_id, known[user_id].name, known[user_id].email, tuple(intervals))
            for user_id, intervals in stays.items()
        ]
        return by_name(found)

    async def timeline(self, session_id: SessionId, after_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LiveRecords.timeline`."""
        self._tables.reach()
        return self._tables.live_events.get(session_id, [])[after_offset : after_offset + limit]


class MemoryRoster:
    """A `Roster` in dictionaries."""

    def __init__(self, tables: LiveTables) -> None:
        self._tables = tables

    async def find_students(self, course_id: CourseId, user_ids: Sequence[UserId]) -> dict[UserId, Student]:
        """See `Roster.find_students`."""
        self._tables.reach()
        students = self._tables.students[course_id]
        return {
            user_id: Student(students[user_id].name)
            for user_id in user_ids
            if user_id in students and students[user_id].active
        }
