"""Who is a student of which course."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.database import Database
from persistence.earning import look_at
from persistence.models import ID, Course, Enrollment, MomentType, User
from persistence.pages import Page, read_cursor, write_cursor


@dataclass(frozen=True)
class EnrollmentRow:
    """A student in a course, with the names that lists show. `left_at` is set once the student has left."""

    id: str
    course_id: CourseId
    course_title: str
    course_slug: str
    instructor_id: UserId
    instructor_name: str
    user_id: UserId
    user_name: str
    user_email: str
    enrolled_at: Moment
    left_at: Moment | None


class CannotEnroll(Exception):
    """The course takes nobody now: all its places are taken (`full`), or it is not published (any more)."""

    def __init__(self, full: bool) -> None:
        super().__init__("full" if full else "not published")
        self.full = full


class PostgresEnrollments:
    """The enrolments. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enroll(
        self, enrollment_id: str, course_id: CourseId, user_id: UserId, now: Moment
    ) -> tuple[EnrollmentRow, bool]:
        """Put the student into a published course; True when the student was not in it before. Raises CannotEnroll,
        also when the account was deleted.

        The course's row counts and bounds: however many come at once, never more than `max_students` get in.
        """
        # Who deletes the account waits for this transaction, and then ends what it has made.
        student = select(
            literal(enrollment_id, ID), literal(course_id, ID), User.id, literal(now, MomentType())
        ).where(User.id == user_id, User.deleted_at.is_(None)).with_for_update(read=True)  # fmt: skip
        statement = (
            pg_insert(Enrollment)
            .from_select(["id", "course_id", "user_id", "enrolled_at"], student)
            .on_conflict_do_update(
                index_elements=[Enrollment.course_id, Enrollment.user_id],
                set_={"enrolled_at": now, "left_at": None},
                where=Enrollment.left_at.is_not(None),
            )
            .returning(Enrollment.id)
        )
        room = or_(Course.max_students.is_(None), Course.student_count < Course.max_students)
        published = (Course.id == course_id, Course.status == "published", Course.deleted_at.is_(None))
        async with self._database.writing() as connection:
            made = (await connection.execute(statement)).scalar_one_or_none()
            if made is not None:
                # After the row of the pair: whoever waits for the course's row here then sees what the others counted.
                counted = update(Course).where(*published, room).values(student_count=Course.student_count + 1)
                if (await connection.execute(counted)).rowcount == 0:
                    full = (await connection.execute(select(Course.id).where(*published))).one_or_none() is not None
                    raise CannotEnroll(full)
            if made is not None and made != enrollment_id:  # again: everything may have been done before
                await look_at(connection, course_id, user_id)
            pair = (Enrollment.course_id == course_id, Enrollment.user_id == user_id)
            row = (await connection.execute(_enrollments().where(*pair))).one_or_none()
        if row is None:
            raise CannotEnroll(full=False)
        return _enrollment(row), made is not None

    async def leave(self, course_id: CourseId, user_id: UserId, now: Moment) -> bool:
        """Take the student out; False when the student was not in it."""
        left = (
            update(Enrollment)
            .where(Enrollment.course_id == course_id, Enrollment.user_id == user_id, Enrollment.left_at.is_(None))
            .values(left_at=now)
        )
        async with self._database.writing() as connection:
            done = (await connection.execute(left)).rowcount > 0
            if done:
                counted = update(Course).where(Course.id == course_id).values(student_count=Course.student_count - 1)
                await connection.execute(counted)
        return done

    async def find(self, enrollment_id: str) -> EnrollmentRow | None:
        """The enrolment, past ones too, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_enrollments().where(Enrollment.id == enrollment_id))).one_or_none()
        return _enrollment(row) if row is not None else None

    async def is_enrolled(self, course_id: CourseId, user_id: UserId) -> bool:
        """Whether the student is in the course now."""
        statement = select(Enrollment.id).where(
            Enrollment.course_id == course_id, Enrollment.user_id == user_id, Enrollment.left_at.is_(None)
        )
        async with self._database.reading() as connection:
            return (await connection.execute(statement)).one_or_none() is not None

    async def list_of_student(self, user_id: UserId, limit: int, cursor: str | None) -> Page[EnrollmentRow]:
        """The student's courses of now, the latest first. Deleted courses are left out. Raises BadCursor."""
        return await self._page(_enrollments().where(Enrollment.user_id == user_id), limit, cursor)

    async def list_of_course(self, course_id: CourseId, limit: int, cursor: str | None) -> Page[EnrollmentRow]:
        """The course's students of now, the latest first. Raises BadCursor."""
        return await self._page(_enrollments().where(Enrollment.course_id == course_id), limit, cursor)

    async def list_course_ids(self, user_id: UserId, since: Moment | None = None) -> list[CourseId]:
        """Every course that the student is in now, and with `since` those left at that moment or later."""
        still = Enrollment.left_at.is_(None)
        statement = (
            select(Enrollment.course_id)
            .join(Course, Course.id == Enrollment.course_id)
            .where(
                Enrollment.user_id == user_id,
                still if since is None else or_(still, Enrollment.left_at >= since),
                Course.deleted_at.is_(None),
            )
        )
        async with self._database.reading() as connection:
            return [CourseId(found) for found in (await connection.execute(statement)).scalars()]

    async def _page(self, statement: Select[Any], limit: int, cursor: str | None) -> Page[EnrollmentRow]:
        after = read_cursor(cursor, "moment", "id")
        statement = statement.where(Enrollment.left_at.is_(None), Course.deleted_at.is_(None))
        if after is not None:
            last = tuple_(literal(after[0], MomentType()), literal(after[1], ID))
            statement = statement.where(tuple_(Enrollment.enrolled_at, Enrollment.id) < last)
        statement = statement.order_by(Enrollment.enrolled_at.desc(), Enrollment.id.desc()).limit(limit + 1)
        async with self._database.reading() as connection:
            rows = [_enrollment(row) for row in (await connection.execute(statement)).all()]
        return page_of(rows, limit)


async def leave_all(connection: AsyncConnection, user_id: UserId, now: Moment) -> None:
    """Take somebody out of every course, in this transaction."""
    left = (
        update(Enrollment)
        .where(Enrollment.user_id == user_id, Enrollment.left_at.is_(None))
        .values(left_at=now)
        .returning(Enrollment.course_id)
    )
    course_ids = list((await connection.execute(left)).scalars())
    if not course_ids:
        return
    # Several courses are locked in the order of their ids, whoever does it.
    held = select(Course.id).where(Course.id.in_(course_ids)).order_by(Course.id).with_for_update(key_share=True)
    await connection.execute(held)
    await connection.execute(update(Course).where(Course.id.in_(course_ids)).values(student_count=Course.student_count - 1))


def page_of(found: list[EnrollmentRow], limit: int) -> Page[EnrollmentRow]:
    """The page that `found` (up to `limit + 1` enrolments) makes."""
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], write_cursor(found[limit - 1].enrolled_at, found[limit - 1].id))


def _enrollments() -> Select[Any]:
    instructor = User.__table__.alias("instructor")
    return (
        select(
            *Enrollment.__table__.columns,
            Course.title.label("course_title"),
            Course.slug.label("course_slug"),
            Course.instructor_id.label("instructor_id"),
            instructor.c.name.label("instructor_name"),
            User.name.label("user_name"),
            User.email.label("user_email"),
        )
        .join(Course, Course.id == Enrollment.course_id)
        .join(instructor, instructor.c.id == Course.instructor_id)
        .join(User, User.id == Enrollment.user_id)
    )


def _enrollment(row: Row[Any]) -> EnrollmentRow:
    return EnrollmentRow(**{name: getattr(row, name) for name in EnrollmentRow.__dataclass_fields__})
