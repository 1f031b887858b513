"""Courses: what instructors make, admins review and everybody can browse."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, bindparam, exists, false, func, literal, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.catalogue.lifecycle import ESSENTIAL
from classroom.ids import CourseId, UserId, is_uuid
from classroom.times import Moment
from persistence.audit import Act, write_act
from persistence.categories import UnknownCategory
from persistence.course_lists import CourseFilter, list_courses
from persistence.course_rows import CourseRow, course_of_row, select_courses
from persistence.database import Database
from persistence.earning import look_through
from persistence.models import ID, Course, Enrollment, MomentType
from persistence.pages import Page

__all__ = ["CourseFilter", "CourseRow", "CourseText", "PostgresCourses"]


@dataclass(frozen=True)
class CourseText:
    """What an instructor writes. `max_students` None is no bound."""

    title: str
    summary: str = ""
    description: str = ""
    category_id: str | None = None
    difficulty: str = "beginner"
    language: str = "en"
    price_minor: int = 0
    currency: str = "EUR"
    thumbnail_url: str | None = None
    max_students: int | None = None
    gives_certificate: bool = True
    certificate_attendance_percent: int = 0


REVISABLE = frozenset(CourseText.__dataclass_fields__)
"""What an instructor may change."""
CERTIFYING = frozenset({"gives_certificate", "certificate_attendance_percent"})
"""Whether somebody has earned a certificate hangs on these."""


class PostgresCourses:
    """The courses. Every call raises StoreAway when Postgres is away. Deleted courses are not found.

    An `act` is put on record in the same transaction, if what it stands for was done by this call.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, course_id: CourseId, instructor_id: UserId, text: CourseText, now: Moment) -> CourseRow:
        """Make a draft. The same id again is answered with the course that it made. Raises UnknownCategory."""
        values = {name: getattr(text, name) for name in REVISABLE}
        statement = (
            pg_insert(Course)
            .values(
                id=course_id,
                slug=slug_of(text.title, course_id),
                instructor_id=instructor_id,
                created_at=now,
                updated_at=now,
                **values,
            )
            .on_conflict_do_nothing(index_elements=[Course.id])
        )
        with _in_a_category():
            async with self._database.writing() as connection:
                await connection.execute(statement)
                made = await _find(connection, Course.id == course_id)
        if made is None:
            raise LookupError(f"course {course_id} was deleted while it was made")
        return made

    async def find(self, course_id: CourseId) -> CourseRow | None:
        """The course in whatever state, or None."""
        async with self._database.reading() as connection:
            return await _find(connection, Course.id == course_id)

    async def find_for(self, named: str, reader: UserId | None) -> tuple[CourseRow, bool] | None:
        """The course with this id or slug, and whether the reader is enrolled in it, asked at once."""
        values = {"named": named, "reader": reader}
        async with self._database.reading() as connection:
            row = (await connection.execute(_for_reader(is_uuid(named), reader is not None), values)).one_or_none()
        return (course_of_row(row), bool(row.enrolled)) if row is not None else None

    async def revise(
        self, course_id: CourseId, changes: dict[str, Any], now: Moment, act: Act | None = None
    ) -> CourseRow | None:
        """Set some of the fields of `CourseText`; None when there is no such course. Raises UnknownCategory."""
        values = {name: changes[name] for name in changes if name in REVISABLE}
        columns = Course.__table__.columns
        differ = [columns[name].is_distinct_from(values[name]) for name in ESSENTIAL & values.keys()]
        statement = (
            update(Course)
            .where(Course.id == course_id, Course.deleted_at.is_(None))
            .values(**values, changed_since_review=or_(Course.changed_since_review, false(), *differ), updated_at=now)
        )
        with _in_a_category():
            async with self._database.writing() as connection:
                done = (await connection.execute(statement)).rowcount > 0
                if done and act is not None:
                    await write_act(connection, act, now)
                if done and values.keys() & CERTIFYING:
                    await look_through(connection, course_id)
                return await _find(connection, Course.id == course_id)

    async def move(
        self,
        course_id: CourseId,
        out_of: tuple[str, ...],
        into: str,
        now: Moment,
        reason: str | None = None,
        *,
        reviewed: bool = False,
        review_again: bool = False,
        act: Act | None = None,
    ) -> CourseRow | None:
        """Change the status if it is one of `out_of` or already `into`; None when it is another or there is no course.

        With `reviewed` only a course that has not changed since its review moves; after `review_again` it counts as changed.
        """
        changes: dict[str, Any] = {"status": into, "rejection_reason": reason, "updated_at": now}
        if into == "published":
            changes["published_at"] = func.coalesce(Course.published_at, literal(now, MomentType()))
            changes["changed_since_review"] = false()
        elif review_again:
            changes["changed_since_review"] = true()
        statement = (
            update(Course)
            .where(Course.id == course_id, Course.deleted_at.is_(None), Course.status.in_(out_of))
            .values(**changes)
        )
        if reviewed:
            statement = statement.where(Course.changed_since_review.is_(False))
        async with self._database.writing() as connection:
            moved = await connection.execute(statement)
            if moved.rowcount > 0 and act is not None:
                await write_act(connection, act, now)
            course = await _find(connection, Course.id == course_id)
        return course if course is not None and course.status == into else None

    async def feature(self, course_id: CourseId, featured: bool, now: Moment, act: Act) -> CourseRow | None:
        """Show a published course in front, or no longer; None when it is not published or there is none."""
        statement = (
            update(Course)
            .where(Course.id == course_id, Course.deleted_at.is_(None), Course.featured_at.is_(None) == featured)
            .values(featured_at=now if featured else None)
        )
        if featured:
            statement = statement.where(Course.status == "published")
        async with self._database.writing() as connection:
            if (await connection.execute(statement)).rowcount > 0:
                await write_act(connection, act, now)
            course = await _find(connection, Course.id == course_id)
        return course if course is not None and (course.featured_at is not None) == featured else None

    async def delete(self, course_id: CourseId, now: Moment, act: Act | None = None) -> bool:
        """Hide the course until an admin restores it; False when there is none."""
        statement = update(Course).where(Course.id == course_id, Course.deleted_at.is_(None)).values(deleted_at=now)
        async with self._database.writing() as connection:
            done = (await connection.execute(statement)).rowcount > 0
            if done and act is not None:
                await write_act(connection, act, now)
        return done

    async def restore(self, course_id: CourseId, now: Moment, act: Act) -> CourseRow | None:
        """Bring a deleted course back as it was; None when there never was one."""
        statement = update(Course).where(Course.id == course_id, Course.deleted_at.is_not(None)).values(deleted_at=None)
        async with self._database.writing() as connection:
            if (await connection.execute(statement)).rowcount > 0:
                await write_act(connection, act, now)
                await look_through(connection, course_id)  # what was done last may have been done while it was away
            return await _find(connection, Course.id == course_id)

    async def list_(self, narrowed: CourseFilter, limit: int, cursor: str | None) -> Page[CourseRow]:
        """A page of courses. When nothing has the words, those that have words like them. Raises BadCursor."""
        async with self._database.reading() as connection:
            return await list_courses(connection, narrowed, limit, cursor)

    async def list_ids_of(self, instructor_id: UserId) -> list[CourseId]:
        """Every course of the instructor."""
        statement = select(Course.id).where(Course.instructor_id == instructor_id, Course.deleted_at.is_(None))
        async with self._database.reading() as connection:
            return [CourseId(found) for found in (await connection.execute(statement)).scalars()]


def slug_of(title: str, course_id: str) -> str:
    """A word for addresses, unique by the end of the id: `intro-to-tides-4f2a91c03b7e`."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower())
    words = [word for word in letters.split("-") if word]
    return "-".join([*words, course_id[-12:]])[-120:].lstrip("-")


async def _find(connection: AsyncConnection, wanted: ColumnElement[bool]) -> CourseRow | None:
    row = (await connection.execute(select_courses().where(wanted, Course.deleted_at.is_(None)))).one_or_none()
    return course_of_row(row) if row is not None else None


@cache
def _for_reader(by_id: bool, signed_in: bool) -> Select[Any]:
    """See `find_for`: the course by `named`, and whether `reader` is enrolled."""
    wanted = Course.id == bindparam("named", type_=ID) if by_id else Course.slug == bindparam("named", type_=Text())
    enrolled = exists().where(
        Enrollment.course_id == Course.id,
        Enrollment.user_id == bindparam("reader", type_=ID),
        Enrollment.left_at.is_(None),
    )
    statement = select_courses().add_columns((enrolled if signed_in else false()).label("enrolled"))
    return statement.where(wanted, Course.deleted_at.is_(None))


@contextmanager
def _in_a_category() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "fk_courses_category_id" in str(error.orig):
            raise UnknownCategory from error
        raise
