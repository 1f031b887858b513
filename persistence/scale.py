"""A large platform in minutes: people, courses, enrolments and progress by statements over `generate_series`.

Everything follows from numbers: person `p`, course `c`, lesson `l` of a course. Every other person is in course 0, which so
becomes large; the rest spreads.
"""
# ruff: noqa: S608 - made of the expressions in this file

from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from persistence.pools import CONNECT_SECONDS, SESSION

_BATCH = 10_000
"""So many people's enrolments and progress are one statement."""
EMAIL = "person-{number}@scale.example"
INSTRUCTOR_EMAIL = "teacher-{number}@scale.example"
_LESSONS_A_SECTION = 5


class AlreadyThere(Exception):
    """The platform was made large before."""


class NotTaken(Exception):
    """The database is away, or did not take it all; what is whole stays."""


@dataclass(frozen=True)
class Size:
    """How much. Each person has `enrollments` courses, each course so many `lessons`; a tenth of the lessons are left
    undone. At least ten people and as many courses as enrolments and one."""

    users: int = 200_000
    courses: int = 5_000
    enrollments: int = 5
    lessons: int = 10

    @property
    def instructors(self) -> int:
        """One for ten courses."""
        return max(1, self.courses // 10)


def person_id(number: int) -> str:
    """The id of person `number`."""
    return _id(1, number)


def instructor_id(number: int) -> str:
    """The id of the instructor of the courses `10 * number` to `10 * number + 9`, as far as there are so many."""
    return _id(2, number)


def course_id(number: int) -> str:
    """The id of course `number`."""
    return _id(3, number)


def lesson_id(course: int, lesson: int, size: Size) -> str:
    """The id of a lesson of a course."""
    return _id(5, course * size.lessons + lesson)


async def fill(database_url: str, size: Size, say: Callable[[str], None]) -> None:
    """Add so much to the database and count everything anew. Raises `AlreadyThere` and `NotTaken`."""
    url = database_url.replace("postgresql+asyncpg://", "postgresql://", 1)
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=dict(SESSION))
        try:
            await _fill(connection, size, say)
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise NotTaken(f"The database did not take it: {error}") from error


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", size: Size, say: Callable[[str], None]) -> None:
    if await connection.fetchval("SELECT true FROM users WHERE id = $1", person_id(0)):
        raise AlreadyThere("There are people of an earlier `lyceum demo --scale` in this database.")
    for what, statement in _whole(size):
        await connection.execute(statement)
        say(what)
    done = 0
    while done < size.users:
        until = min(done + _BATCH, size.users)
        async with connection.transaction():
            # Without the triggers that count row by row, and without asking for each row whether it names what is there:
            # both follow from the numbers. Who may not switch them off waits longer.
            if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
                await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in _of_people(size, done, until):
                await connection.execute(statement)
        done = until
        say(f"{done:,} people with {done * size.enrollments:,} enrolments")
    for what, statement in _counted(size):
        await connection.execute(statement)
        say(what)


def _whole(size: Size) -> list[tuple[str, str]]:
    person = "email, name, role, password_hash, email_verified_at, created_at, updated_at"
    born = "now() - interval '1 day' * (n % 700)"
    return [
        (
            f"{size.users:,} accounts",
            f"""
            INSERT INTO users (id, {person})
            SELECT {_sql_id(1, "n")}, 'person-' || n || '@scale.example', 'Person ' || n, 'student', '-', now(), {born},
                now()
            FROM generate_series(0, {size.users - 1}) AS n
            """,
        ),
        (
            f"{size.instructors:,} instructors",
            f"""
            INSERT INTO users (id, {person})
            SELECT {_sql_id(2, "n")}, 'teacher-' || n || '@scale.example', 'Teacher ' || n, 'instructor', '-', now(), {born},
                now()
            FROM generate_series(0, {size.instructors - 1}) AS n
            """,
        ),
        (
            f"{size.courses:,} courses",
            f"""
            INSERT INTO courses (id, slug, instructor_id, title, summary, description, difficulty, status, lesson_count,
                duration_seconds, published_at)
            SELECT {_sql_id(3, "n")}, 'scale-' || n, {_sql_id(2, f"(n / 10) % {size.instructors}")},
                'Course ' || n || ' on ' || (ARRAY['tides', 'knots', 'stars', 'maps', 'winds'])[1 + n % 5],
                'Everything about number ' || n, 'Long ' || repeat('and wide ', 20),
                (ARRAY['beginner', 'intermediate', 'advanced'])[1 + n % 3], 'published', {size.lessons},
                {size.lessons} * 600, now() - interval '1 hour' * n
            FROM generate_series(0, {size.courses - 1}) AS n
            """,
        ),
        (
            "sections",
            f"""
            INSERT INTO sections (id, course_id, title, position)
            SELECT {_sql_id(4, f"c * {_sections(size)} + s")}, {_sql_id(3, "c")}, 'Part ' || s, s
            FROM generate_series(0, {size.courses - 1}) AS c, generate_series(0, {_sections(size) - 1}) AS s
            """,
        ),
        (
            f"{size.courses * size.lessons:,} lessons",
            f"""
            INSERT INTO lessons (id, section_id, course_id, type, title, content, position, duration_seconds)
            SELECT {_sql_id(5, f"c * {size.lessons} + l")},
                {_sql_id(4, f"c * {_sections(size)} + l / {_LESSONS_A_SECTION}")}, {_sql_id(3, "c")}, 'article',
                'Lesson ' || l, 'Read this.', l % {_LESSONS_A_SECTION}, 600
            FROM generate_series(0, {size.courses - 1}) AS c, generate_series(0, {size.lessons - 1}) AS l
            """,
        ),
        (
            "classes",
            f"""
            INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students,
                current_students, waitlisted, status, doors_open_minutes, waitlist_enabled, locked, instructor_id,
                instructor_name, started_at, ended_at)
            SELECT {_sql_id(7, "c * 4 + s")}, {_sql_id(3, "c")}, 'Class ' || s, at, 60, at + interval '1 hour', 30, 0, 0,
                CASE WHEN s < 3 THEN 'ended' ELSE 'scheduled' END, 10, true, false,
                {_sql_id(2, f"(c / 10) % {size.instructors}")}, 'Teacher',
                CASE WHEN s < 3 THEN at END, CASE WHEN s < 3 THEN at + interval '1 hour' END
            FROM generate_series(0, {size.courses - 1}) AS c, generate_series(0, 3) AS s,
                LATERAL (SELECT now() + interval '1 day' * (s - 3) + interval '1 hour') AS hour (at)
            """,
        ),
        (
            "notices",
            f"""
            INSERT INTO notices (id, kind, title, body, created_at)
            SELECT {_sql_id(8, "n")}, 'announcement', 'Notice ' || n, 'Hello.', now() FROM generate_series(0, 49) AS n
            """,
        ),
    ]


def _of_people(size: Size, first: int, until: int) -> list[str]:
    enrolled = f"""
        SELECT p, j, CASE WHEN j = 0 AND p % 2 = 0 THEN 0
            ELSE 1 + (p * 31 + j * {(size.courses - 1) // size.enrollments}) % {size.courses - 1} END AS c
        FROM generate_series({first}, {until - 1}) AS p, generate_series(0, {size.enrollments - 1}) AS j
    """
    done = f"(p * 7 + j * 3) % {size.lessons + 1}"
    so_far = f"({done}) * 1000 / {size.lessons}"
    when = "now() - interval '1 hour' * ((p * 13 + j * 101) % 8000)"
    return [
        f"""
        INSERT INTO enrollments (id, course_id, user_id, enrolled_at)
        SELECT {_sql_id(6, f"p * {size.enrollments} + j")}, {_sql_id(3, "c")}, {_sql_id(1, "p")}, {when}
        FROM ({enrolled}) AS enrolled
        """,
        f"""
        INSERT INTO lesson_progress (user_id, course_id, lesson_id, completed_at, watched, position, unspent, passed,
            updated_at)
        SELECT {_sql_id(1, "p")}, {_sql_id(3, "c")}, {_sql_id(5, f"c * {size.lessons} + l")},
            CASE WHEN l < {done} THEN now() END, '{{}}', 0, 0, false, now()
        FROM ({enrolled}) AS enrolled, generate_series(0, {size.lessons - 1}) AS l
        """,
        f"""
        INSERT INTO course_progress (course_id, user_id, thousandths, version, told, completed_at, updated_at)
        SELECT {_sql_id(3, "c")}, {_sql_id(1, "p")}, {so_far}, 0, '{{}}', CASE WHEN {so_far} = 1000 THEN now() END, {when}
        FROM ({enrolled}) AS enrolled
        """,
        f"""
        INSERT INTO events (at, kind, course_id, user_id)
        SELECT greatest(date_trunc('month', now()), {when}), 'enrolled', {_sql_id(3, "c")}, {_sql_id(1, "p")}
        FROM ({enrolled}) AS enrolled
        """,
        f"""
        INSERT INTO reviews (id, course_id, user_id, rating, text, created_at, updated_at)
        SELECT {_sql_id(9, f"p * {size.enrollments} + j")}, {_sql_id(3, "c")}, {_sql_id(1, "p")}, 1 + (p + j) % 5, 'So.',
            now(), now()
        FROM ({enrolled}) AS enrolled WHERE p % 5 = 0
        """,
        f"""
        INSERT INTO notifications (user_id, notice_id, key)
        SELECT {_sql_id(1, "p")}, {_sql_id(8, "n * 10 + p % 10")}, 'scale:' || (n * 10 + p % 10)
        FROM generate_series({first}, {until - 1}) AS p, generate_series(0, 4) AS n
        """,
    ]


def _counted(size: Size) -> list[tuple[str, str]]:
    return [
        (
            "counters of the courses",
            """
            UPDATE courses SET student_count = n FROM (
                SELECT course_id, count(*) AS n FROM enrollments WHERE left_at IS NULL GROUP BY course_id
            ) AS counted WHERE counted.course_id = courses.id
            """,
        ),
        (
            "ratings of the courses",
            """
            UPDATE courses SET rating_sum = stars, rating_count = n FROM (
                SELECT course_id, sum(rating) AS stars, count(*) AS n FROM reviews WHERE hidden_at IS NULL GROUP BY course_id
            ) AS rated WHERE rated.course_id = courses.id
            """,
        ),
        ("figures", "SELECT recount_statistics()"),
        ("what the planner knows", "VACUUM ANALYZE"),
    ]


def _sections(size: Size) -> int:
    return -(-size.lessons // _LESSONS_A_SECTION)


def _id(kind: int, number: int) -> str:
    return f"01890000-0000-7{kind:03d}-8000-{number:012x}"


def _sql_id(kind: int, number: str) -> str:
    return f"('01890000-0000-7{kind:03d}-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"
