"""Courses that somebody may want next, with the reason in one line."""

from dataclasses import dataclass

from sqlalchemy import text

from classroom.ids import CourseId, UserId
from persistence.course_rows import CourseRow, course_of_row, select_courses
from persistence.database import Database
from persistence.models import Course

OWN_AT_MOST = 10
LEARNERS_AT_MOST = 50
COURSES_AT_MOST = 20
"""What is looked at: the latest courses of the student, the latest students of each, the latest courses of each of those. So
a recommendation reads 10,000 entries of indexes at most, however many enrolments there are."""


@dataclass(frozen=True)
class Recommendation:
    """A published course that the person is not in and does not teach."""

    course: CourseRow
    reason: str


class Recommendations:
    """What to look at next. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_for(self, user_id: UserId | None, limit: int) -> list[Recommendation]:
        """The best ones first: what students of the same courses take, then what is popular in the same categories, then
        what is popular; for a visitor and a new student only that."""
        values = {
            "user_id": user_id,
            "limit": limit,
            "own": OWN_AT_MOST,
            "learners": LEARNERS_AT_MOST,
            "courses": COURSES_AT_MOST,
        }
        found: dict[CourseId, str] = {}
        async with self._database.reading() as connection:
            for statement in (_CO_ENROLLED, _SAME_CATEGORY, _POPULAR) if user_id is not None else (_POPULAR,):
                if len(found) < limit:
                    for row in await connection.execute(text(statement), {**values, "known": list(found)}):
                        found.setdefault(CourseId(str(row.id)), row.reason)
            wanted = list(found)[:limit]
            rows = await connection.execute(select_courses().where(Course.id.in_(wanted)))
            courses = {course.id: course for course in map(course_of_row, rows)}
        return [Recommendation(courses[ident], found[ident]) for ident in wanted if ident in courses]


_TAKEN = """
    SELECT course_id FROM enrollments WHERE user_id = CAST(:user_id AS uuid) AND left_at IS NULL
"""
_MINE = f"""
    mine AS (
        SELECT e.course_id, c.title, c.category_id
        FROM (
            SELECT course_id, enrolled_at FROM enrollments
            WHERE user_id = CAST(:user_id AS uuid) AND left_at IS NULL ORDER BY enrolled_at DESC LIMIT :own
        ) e
        JOIN courses c ON c.id = e.course_id AND c.deleted_at IS NULL
    ), taken AS ({_TAKEN})
"""  # noqa: S608 - made of constants
_OPEN = """
    c.status = 'published' AND c.deleted_at IS NULL
    AND c.instructor_id IS DISTINCT FROM CAST(:user_id AS uuid)
    AND c.id <> ALL(CAST(:known AS uuid[]))
"""

# By how many of the sampled fellow students take it; the reason names the course that most of them share.
_CO_ENROLLED = f"""
    WITH {_MINE}, fellows AS (
        SELECT m.course_id AS shared, m.title, f.user_id
        FROM mine m CROSS JOIN LATERAL (
            SELECT user_id FROM enrollments
            WHERE course_id = m.course_id AND left_at IS NULL ORDER BY enrolled_at DESC LIMIT :learners
        ) f
        WHERE f.user_id <> CAST(:user_id AS uuid)
    ), taken_along AS (
        SELECT o.course_id, f.shared, f.title, count(*) AS fellows
        FROM fellows f CROSS JOIN LATERAL (
            SELECT course_id FROM enrollments
            WHERE user_id = f.user_id AND left_at IS NULL ORDER BY enrolled_at DESC LIMIT :courses
        ) o
        WHERE o.course_id NOT IN (SELECT course_id FROM taken)
        GROUP BY o.course_id, f.shared, f.title
    ), ranked AS (
        SELECT course_id, sum(fellows) AS score, (array_agg(title ORDER BY fellows DESC, shared))[1] AS title
        FROM taken_along GROUP BY course_id
    )
    SELECT c.id, 'Students of ' || r.title || ' also took this' AS reason
    FROM ranked r JOIN courses c ON c.id = r.course_id
    WHERE {_OPEN}
    ORDER BY r.score DESC, c.popularity DESC, c.id LIMIT :limit
"""  # noqa: S608 - made of constants
_SAME_CATEGORY = f"""
    WITH {_MINE}
    SELECT best.id, 'More in ' || k.name AS reason
    FROM (SELECT DISTINCT category_id FROM mine WHERE category_id IS NOT NULL) m
    JOIN categories k ON k.id = m.category_id
    CROSS JOIN LATERAL (
        SELECT c.id, c.popularity FROM courses c
        WHERE c.category_id = k.id AND {_OPEN} AND c.id NOT IN (SELECT course_id FROM taken)
        ORDER BY c.popularity DESC, c.id DESC LIMIT :limit
    ) best
    ORDER BY best.popularity DESC, best.id DESC LIMIT :limit
"""  # noqa: S608 - made of constants
_POPULAR = f"""
    WITH taken AS ({_TAKEN})
    SELECT c.id, 'Popular with students' AS reason FROM courses c
    WHERE {_OPEN} AND c.id NOT IN (SELECT course_id FROM taken)
    ORDER BY c.popularity DESC, c.id DESC LIMIT :limit
"""  # noqa: S608 - made of constants
