"""The class as lists, attendance tables and timelines read it."""

from collections.abc import Sequence
from typing import Protocol

from classroom.ids import CourseId, SessionId
from classroom.records import Attendee, LoggedEvent, SessionRow
from classroom.times import Moment


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
