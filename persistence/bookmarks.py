"""Places in lessons that people want to find again."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from classroom.ids import CourseId, LessonId, UserId
from classroom.times import Moment, from_datetime, to_datetime
from persistence.database import Database
from persistence.pages import Page, read_cursor, write_cursor


@dataclass(frozen=True)
class BookmarkRow:
    """A place in a lesson, with the names that lists show."""

    lesson_id: LessonId
    lesson_title: str
    lesson_type: str
    course_id: CourseId
    course_title: str
    position_seconds: int | None
    note: str
    created_at: Moment


class Bookmarks:
    """The bookmarks, one a person and lesson. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, user_id: UserId, lesson_id: LessonId, position_seconds: int | None, note: str, now: Moment
    ) -> BookmarkRow | None:
        """Set the person's bookmark in the lesson, there or not before; None when the lesson has gone."""
        values = {
            "user_id": user_id,
            "lesson_id": lesson_id,
            "position": position_seconds,
            "note": note,
            "now": to_datetime(now),
        }
        async with self._database.writing() as connection:
            await connection.execute(text(_PUT), values)
            found = await connection.execute(text(_FIND), {"user_id": user_id, "lesson_id": lesson_id})
            row = found.one_or_none()
        return _bookmark(row) if row is not None else None

    async def delete(self, user_id: UserId, lesson_id: str) -> None:
        """Take the bookmark away, if there is one."""
        async with self._database.writing() as connection:
            await connection.execute(text(_DELETE), {"user_id": user_id, "lesson_id": lesson_id})

    async def list_of(self, user_id: UserId, limit: int, cursor: str | None) -> Page[BookmarkRow]:
        """The person's bookmarks in lessons that are there, the latest first. Raises BadCursor."""
        after = read_cursor(cursor, "moment", "id")
        values: dict[str, Any] = {"user_id": user_id, "at_most": limit + 1}
        if after is not None:
            values |= {"at": to_datetime(Moment(int(after[0]))), "lesson_id": after[1]}
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_FIRST if after is None else _NEXT), values)).all()
        items = [_bookmark(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(items, write_cursor(items[-1].created_at, items[-1].lesson_id) if more else None)


def _bookmark(row: Any) -> BookmarkRow:
    return BookmarkRow(
        lesson_id=LessonId(str(row.lesson_id)),
        lesson_title=row.lesson_title,
        lesson_type=row.lesson_type,
        course_id=CourseId(str(row.course_id)),
        course_title=row.course_title,
        position_seconds=row.position_seconds,
        note=row.note,
        created_at=from_datetime(row.created_at),
    )


_PUT = """
    INSERT INTO bookmarks (user_id, lesson_id, position_seconds, note, created_at)
    SELECT CAST(:user_id AS uuid), id, :position, :note, :now FROM lessons
    WHERE id = CAST(:lesson_id AS uuid) AND deleted_at IS NULL
    ON CONFLICT (user_id, lesson_id) DO UPDATE SET position_seconds = EXCLUDED.position_seconds, note = EXCLUDED.note
"""
_DELETE = "DELETE FROM bookmarks WHERE user_id = CAST(:user_id AS uuid) AND lesson_id = CAST(:lesson_id AS uuid)"
_SELECT = """
    SELECT b.lesson_id, l.title AS lesson_title, l.type AS lesson_type, l.course_id, c.title AS course_title,
        b.position_seconds, b.note, b.created_at
    FROM bookmarks b
    JOIN lessons l ON l.id = b.lesson_id AND l.deleted_at IS NULL
    JOIN courses c ON c.id = l.course_id AND c.deleted_at IS NULL
    WHERE b.user_id = CAST(:user_id AS uuid)
"""
_FIND = f"{_SELECT} AND b.lesson_id = CAST(:lesson_id AS uuid)"
_ORDER = "ORDER BY b.created_at DESC, b.lesson_id DESC LIMIT :at_most"
_FIRST = f"{_SELECT} {_ORDER}"
_NEXT = f"{_SELECT} AND (b.created_at, b.lesson_id) < (:at, CAST(:lesson_id AS uuid)) {_ORDER}"
