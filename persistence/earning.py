"""Having somebody look who has earned a certificate, in the transaction of what may have been the last thing missing."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, UserId
from persistence.database import Database
from persistence.ids import FIRST_ID
from persistence.jobs import enqueue

CHECK = "certificate.check"
SWEEP = "certificate.sweep"
STUDENTS_AT_ONCE = 2_000


async def look_at(connection: AsyncConnection, course_id: CourseId, user_id: UserId) -> None:
    """Look whether this student has earned the certificate, after this transaction."""
    await enqueue(connection, CHECK, {"courseId": course_id, "userId": user_id}, key=f"{course_id}:{user_id}")


async def look_through(connection: AsyncConnection, course_id: str, after: str | None = None) -> None:
    """Look at every student of the course (those behind `after`), after this transaction: what it asks for is less now, or
    was done by many at once."""
    payload = {"courseId": course_id} if after is None else {"courseId": course_id, "after": after}
    await enqueue(connection, SWEEP, payload, key=course_id if after is None else f"{course_id}:{after}")


class Earning:
    """Finds who may have earned a certificate. Raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sweep(self, course_id: CourseId, after: str | None) -> None:
        """Have those of the next 2,000 students looked at who have no certificate and may have earned one, then the rest."""
        values = {"course": course_id, "after": after or FIRST_ID, "at_once": STUDENTS_AT_ONCE}
        async with self._database.writing() as connection:
            rows = (await connection.execute(_STUDENTS, values)).all()
            for row in rows:
                if row.may:
                    await look_at(connection, course_id, UserId(row.user_id))
            if len(rows) == STUDENTS_AT_ONCE:
                await look_through(connection, course_id, rows[-1].user_id)


# Of attendance only whether there is any: how much is enough, the check knows.
_STUDENTS = text(
    """
    WITH course AS (
        SELECT id, certificate_attendance_percent AS percent FROM courses
        WHERE id = CAST(:course AS uuid) AND deleted_at IS NULL AND gives_certificate
    ), required AS MATERIALIZED (
        SELECT lesson.id, lesson.type = 'quiz' AS is_quiz
        FROM lessons AS lesson JOIN sections AS section ON section.id = lesson.section_id AND section.deleted_at IS NULL
        WHERE lesson.course_id = CAST(:course AS uuid) AND lesson.deleted_at IS NULL AND lesson.is_required
    ), asked AS (
        SELECT count(*) AS parts FROM required
    ), people AS (
        SELECT user_id FROM enrollments
        WHERE course_id = CAST(:course AS uuid) AND left_at IS NULL AND user_id > CAST(:after AS uuid)
        ORDER BY user_id LIMIT :at_once
    )
    SELECT CAST(people.user_id AS text) AS user_id,
        asked.parts + course.percent > 0
        AND NOT EXISTS (SELECT FROM certificates AS c WHERE c.course_id = course.id AND c.user_id = people.user_id)
        AND (course.percent = 0 OR EXISTS (
            SELECT FROM course_attendance AS a WHERE a.course_id = course.id AND a.user_id = people.user_id
        ))
        AND asked.parts = (
            SELECT count(*) FROM lesson_progress AS p JOIN required ON required.id = p.lesson_id
            WHERE p.course_id = course.id AND p.user_id = people.user_id
              AND CASE WHEN required.is_quiz THEN p.passed ELSE p.completed_at IS NOT NULL END
        ) AS may
    FROM people, course, asked ORDER BY people.user_id
    """
)
