"""Reviews, and the sum and count of their ratings in the course's row."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, UserId
from classroom.notifications import Notice
from classroom.times import Moment, from_datetime, to_datetime
from persistence.accounts import shown_name
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.ids import LAST_ID
from persistence.notifications import notify
from persistence.pages import Page, read_cursor, write_cursor


@dataclass(frozen=True)
class ReviewRow:
    """A review that is shown."""

    id: str
    course_id: CourseId
    user_id: UserId
    user_name: str
    rating: int
    text: str
    created_at: Moment
    updated_at: Moment


@dataclass(frozen=True)
class NewReview:
    """What a student says of a course."""

    id: str
    course_id: CourseId
    user_id: UserId
    rating: int
    text: str


class Reviews:
    """The reviews. A course's `rating_sum` and `rating_count` move in the transaction that moves what they count. Every call
    raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: NewReview, now: Moment) -> ReviewRow | None:
        """Write the review and tell the instructor. None when the student is not enrolled or has written one; the same id
        again is answered with what it made."""
        values = {
            "id": new.id,
            "course_id": new.course_id,
            "user_id": new.user_id,
            "rating": new.rating,
            "text": new.text,
            "now": to_datetime(now),
        }
        async with self._database.writing() as connection:
            made = (await connection.execute(text(_ADD), values)).one_or_none()
            if made is not None:
                await _count(connection, new.course_id, new.rating, 1)
                await notify(connection, [made.instructor_id], _told(new, made.title), now, f"review:{new.id}")
        found = await self.find(new.id)
        return found if found is not None and found.user_id == new.user_id else None

    async def find(self, review_id: str) -> ReviewRow | None:
        """The review if it is shown, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_FIND), {"id": review_id})).one_or_none()
        return _review(row) if row is not None else None

    async def find_of(self, course_id: CourseId, user_id: UserId) -> str | None:
        """The id of what the student has written about the course, hidden or not; None when that is nothing."""
        async with self._database.reading() as connection:
            found = await connection.execute(text(_FIND_OF), {"course_id": course_id, "user_id": user_id})
        row = found.one_or_none()
        return str(row.id) if row is not None else None

    async def list_of(self, course_id: CourseId, limit: int, cursor: str | None) -> Page[ReviewRow]:
        """What is said of the course, the latest first. Raises BadCursor."""
        after = read_cursor(cursor, "id")
        values = {"course_id": course_id, "after": after[0] if after else LAST_ID, "at_most": limit + 1}
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_LIST), values)).all()
        items = [_review(row) for row in rows[:limit]]
        return Page(items, write_cursor(items[-1].id) if len(rows) > limit else None)

    async def revise(self, review_id: str, rating: int | None, words: str | None, now: Moment) -> ReviewRow | None:
        """Say it anew; None leaves as it is. None when there is no such review that is shown."""
        values = {"id": review_id, "rating": rating, "text": words, "now": to_datetime(now)}
        async with self._database.writing() as connection:
            before = (await connection.execute(text(_LOCK), {"id": review_id})).one_or_none()
            if before is None or before.hidden_at is not None:
                return None
            await connection.execute(text(_REVISE), values)
            if rating is not None:
                await _count(connection, str(before.course_id), rating - before.rating, 0)
            row = (await connection.execute(text(_FIND), {"id": review_id})).one()
        return _review(row)

    async def delete(self, review_id: str, now: Moment, act: Act | None = None) -> bool:
        """Take it away; False when it was not there. With an act, that is put on record."""
        async with self._database.writing() as connection:
            gone = await take_away(connection, review_id)
            if gone and act is not None:
                await write_act(connection, act, now)
        return gone


async def take_away(connection: AsyncConnection, review_id: str) -> bool:
    """Delete the review in this transaction; False when it was not there."""
    gone = (await connection.execute(text(_DELETE), {"id": review_id})).one_or_none()
    if gone is not None and gone.hidden_at is None:
        await _count(connection, str(gone.course_id), -gone.rating, -1)
    return gone is not None


async def hide(connection: AsyncConnection, review_id: str, now: Moment) -> bool:
    """Show the review no more, in this transaction; False when it was not shown."""
    hidden = (await connection.execute(text(_HIDE), {"id": review_id, "now": to_datetime(now)})).one_or_none()
    if hidden is not None:
        await _count(connection, str(hidden.course_id), -hidden.rating, -1)
    return hidden is not None


async def _count(connection: AsyncConnection, course_id: str, rating: int, reviews: int) -> None:
    await connection.execute(text(_COUNT), {"course_id": course_id, "rating": rating, "reviews": reviews})


def _told(new: NewReview, course: str) -> Notice:
    stars = "★" * new.rating + "☆" * (5 - new.rating)
    data = {"courseId": new.course_id, "reviewId": new.id, "rating": new.rating}
    return Notice("review", f"{stars} for {course}", new.text[:500], data)


def _review(row: Any) -> ReviewRow:
    return ReviewRow(
        id=str(row.id),
        course_id=CourseId(str(row.course_id)),
        user_id=UserId(str(row.user_id)),
        user_name=row.user_name,
        rating=row.rating,
        text=row.text,
        created_at=from_datetime(row.created_at),
        updated_at=from_datetime(row.updated_at),
    )


# The enrolment is asked for, and locked against leaving, in the statement that needs it.
_ADD = """
    WITH enrolled AS (
        SELECT c.id, c.title, c.instructor_id FROM enrollments e JOIN courses c ON c.id = e.course_id
        WHERE e.course_id = CAST(:course_id AS uuid) AND e.user_id = CAST(:user_id AS uuid) AND e.left_at IS NULL
          AND c.deleted_at IS NULL AND c.instructor_id <> CAST(:user_id AS uuid)
        FOR SHARE OF e
    ), made AS (
        INSERT INTO reviews (id, course_id, user_id, rating, text, created_at, updated_at)
        SELECT CAST(:id AS uuid), id, CAST(:user_id AS uuid), :rating, :text, :now, :now FROM enrolled
        ON CONFLICT DO NOTHING
        RETURNING course_id
    )
    SELECT enrolled.title, CAST(enrolled.instructor_id AS text) AS instructor_id
    FROM made JOIN enrolled ON enrolled.id = made.course_id
"""
_COUNT = """
    UPDATE courses SET rating_sum = rating_sum + :rating, rating_count = rating_count + :reviews
    WHERE id = CAST(:course_id AS uuid)
"""
_SELECT = f"""
    SELECT r.id, r.course_id, r.user_id, {shown_name()} AS user_name, r.rating, r.text, r.created_at, r.updated_at
    FROM reviews r JOIN users u ON u.id = r.user_id
    WHERE r.hidden_at IS NULL
"""  # noqa: S608 - made of constants
_FIND = _SELECT + "AND r.id = CAST(:id AS uuid)"
_FIND_OF = "SELECT id FROM reviews WHERE course_id = CAST(:course_id AS uuid) AND user_id = CAST(:user_id AS uuid)"
_LIST = (
    _SELECT
    + """
    AND r.course_id = CAST(:course_id AS uuid) AND r.id < CAST(:after AS uuid)
    ORDER BY r.id DESC LIMIT :at_most
"""
)
_LOCK = "SELECT course_id, rating, hidden_at FROM reviews WHERE id = CAST(:id AS uuid) FOR UPDATE"
_REVISE = """
    UPDATE reviews SET rating = coalesce(CAST(:rating AS int), rating), text = coalesce(CAST(:text AS text), text),
        updated_at = :now
    WHERE id = CAST(:id AS uuid)
"""
_DELETE = "DELETE FROM reviews WHERE id = CAST(:id AS uuid) RETURNING course_id, rating, hidden_at"
_HIDE = """
    UPDATE reviews SET hidden_at = :now WHERE id = CAST(:id AS uuid) AND hidden_at IS NULL RETURNING course_id, rating
"""
