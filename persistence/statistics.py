"""Figures of courses and of the platform: counted by triggers as they change, added up by a job, exact at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from classroom.ids import CourseId, UserId
from classroom.times import Moment, from_datetime
from persistence.database import Database

PLATFORM = "00000000-0000-0000-0000-000000000000"
"""The scope of figures that are not a course's."""
_ADD_UP = 20_000
_CLASSES = 20
_EVENTS = 20


@dataclass(frozen=True)
class Day:
    """What happened on a day, in UTC."""

    day: date
    figures: Mapping[str, int]


@dataclass(frozen=True)
class ClassFigures:
    """A class that is over, and who was in it."""

    session_id: str
    title: str
    starts_at: Moment
    attended: int
    seconds: int


@dataclass(frozen=True)
class Event:
    """Something that somebody did. `subject_id` is the lesson, quiz or class."""

    at: Moment
    kind: str
    user_id: UserId | None
    user_name: str | None
    subject_id: str | None
    value: int | None


@dataclass(frozen=True)
class LessonFigures:
    """How many learners have done a lesson."""

    lesson_id: str
    title: str
    type: str
    is_required: bool
    completed: int


class Statistics:
    """The figures. None of these reads more than what is counted already, and what changed in the last minute."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def totals(self, scope: str) -> dict[str, int]:
        """Every total of a course or of the `PLATFORM`, by name."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_TOTALS), {"scope": scope})).all()
        return {row.name: int(row.value) for row in rows}

    async def days(self, scope: str, since: date) -> list[Day]:
        """What happened from `since` on, day by day; days on which nothing did are left out."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_DAYS), {"scope": scope, "since": since})).all()
        found: dict[date, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row.day, {})[row.name] = int(row.value)
        return [Day(day, found[day]) for day in sorted(found)]

    async def lessons(self, course_id: CourseId, totals: Mapping[str, int]) -> list[LessonFigures]:
        """The course's lessons in their order, with their figures of these `totals`."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_LESSONS), {"course_id": course_id})).all()
        return [
            LessonFigures(str(row.id), row.title, row.type, row.is_required, totals.get(f"lesson:{row.id}", 0))
            for row in rows
        ]

    async def classes(self, course_id: CourseId, totals: Mapping[str, int]) -> list[ClassFigures]:
        """The course's last classes that are over, the latest first, with their figures of these `totals`."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_ENDED), {"course_id": course_id, "most": _CLASSES})).all()
        return [
            ClassFigures(
                str(row.id),
                row.title,
                from_datetime(row.starts_at),
                totals.get(f"attended:{row.id}", 0),
                totals.get(f"attended.seconds:{row.id}", 0),
            )
            for row in rows
        ]

    async def latest(self, course_id: CourseId) -> Sequence[Event]:
        """The last things that happened in a course, the latest first."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_LATEST), {"course_id": course_id, "most": _EVENTS})).all()
        return [
            Event(
                from_datetime(row.at),
                row.kind,
                UserId(str(row.user_id)) if row.user_id is not None else None,
                row.user_name,
                str(row.subject_id) if row.subject_id is not None else None,
                row.value,
            )
            for row in rows
        ]

    async def live_now(self) -> tuple[int, int]:
        """How many classes are live, and how many students are in them."""
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_LIVE))).one()
        return int(row.classes), int(row.students)

    async def add_up(self) -> int:
        """Add the changes of a while to the figures, and return how many there were. Any number may do so at once."""
        async with self._database.writing() as connection:
            row = (await connection.execute(text(_ADDING), {"most": _ADD_UP})).one()
        return int(row.changes)


_TOTALS = """
    SELECT name, sum(value) AS value FROM (
        SELECT name, value FROM statistics WHERE scope = CAST(:scope AS uuid) AND day = DATE '1970-01-01'
        UNION ALL
        SELECT name, change FROM statistic_changes WHERE scope = CAST(:scope AS uuid) AND day = DATE '1970-01-01'
    ) AS counted GROUP BY name
"""
_DAYS = """
    SELECT day, name, sum(value) AS value FROM (
        SELECT name, day, value FROM statistics
        WHERE scope = CAST(:scope AS uuid) AND name IN ('registered', 'enrolled', 'left', 'completed') AND day >= :since
        UNION ALL
        SELECT name, day, change FROM statistic_changes
        WHERE scope = CAST(:scope AS uuid) AND name IN ('registered', 'enrolled', 'left', 'completed') AND day >= :since
    ) AS counted GROUP BY day, name
"""
_LESSONS = """
    SELECT l.id, l.title, l.type, l.is_required FROM lessons l JOIN sections s ON s.id = l.section_id
    WHERE l.course_id = CAST(:course_id AS uuid) AND l.deleted_at IS NULL AND s.deleted_at IS NULL
    ORDER BY s.position, s.id, l.position, l.id
"""
_ENDED = """
    SELECT id, title, starts_at FROM live_sessions
    WHERE course_id = CAST(:course_id AS uuid) AND status = 'ended' ORDER BY starts_at DESC, id DESC LIMIT :most
"""
_LATEST = """
    SELECT e.at, e.kind, e.user_id, u.name AS user_name, e.subject_id, e.value
    FROM (
        SELECT * FROM events WHERE course_id = CAST(:course_id AS uuid) ORDER BY at DESC LIMIT :most
    ) AS e LEFT JOIN users u ON u.id = e.user_id ORDER BY e.at DESC
"""
_LIVE = """
    SELECT count(*) AS classes, coalesce(sum(current_students), 0) AS students FROM live_sessions WHERE status = 'live'
"""
# One statement: what is taken and what is added are one commit. In the order of the key: two never wait for each other.
_ADDING = """
    WITH taken AS (
        DELETE FROM statistic_changes WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM statistic_changes LIMIT :most FOR UPDATE SKIP LOCKED
        )) RETURNING scope, name, day, change
    ), added AS (
        INSERT INTO statistics AS known (scope, name, day, value)
        SELECT scope, name, day, sum(change) FROM taken GROUP BY scope, name, day ORDER BY scope, name, day
        ON CONFLICT (scope, name, day) DO UPDATE SET value = known.value + EXCLUDED.value
    )
    SELECT count(*) AS changes FROM taken
"""
