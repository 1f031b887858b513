"""The syllabus of a course: its sections and their lessons. How it is written: `persistence/arranging.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Row, Select, and_, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId, UserId
from classroom.refusals import NotFound, Refusal
from classroom.times import Moment
from persistence import arranging
from persistence.arranging import NewLesson, NewSection
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.models import ID, Course, Enrollment
from persistence.tables.quizzes import Assignment, QuizRecord
from persistence.tables.syllabus import Lesson, Section


@dataclass(frozen=True)
class SectionRow:
    """A section, and whose course it is part of. `position` counts from 0."""

    id: str
    course_id: CourseId
    title: str
    summary: str
    position: int
    created_at: Moment
    updated_at: Moment
    instructor_id: UserId
    course_status: str


@dataclass(frozen=True)
class LessonRow:
    """A lesson with everything in it, and whose course it is part of. `position` counts from 0 within its section."""

    id: LessonId
    section_id: str
    course_id: CourseId
    type: str
    title: str
    summary: str
    content: str
    media_id: str | None
    duration_seconds: int
    is_preview: bool
    is_required: bool
    extra: dict[str, Any]
    position: int
    created_at: Moment
    updated_at: Moment
    instructor_id: UserId
    course_status: str
    quiz_id: str | None
    assignment_id: str | None


REVISABLE = frozenset({"title", "summary", "content", "media_id", "duration_seconds", "is_preview", "is_required", "extra"})
"""What may be changed about a lesson, besides its place; of these, a section has `title` and `summary`."""


@dataclass(frozen=True)
class SectionOutline:
    """A section and its lessons, in their order."""

    section: SectionRow
    lessons: tuple[LessonRow, ...]


class Syllabus:
    """Sections and lessons. Every call raises StoreAway when Postgres is away. What was deleted, or is part of a deleted
    course, is not found. An `act` is put on record in the same transaction, if what it stands for was done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_section(self, section_id: str) -> SectionRow | None:
        """The section, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_sections().where(Section.id == section_id))).one_or_none()
        return _section(row) if row is not None else None

    async def find_lesson(self, lesson_id: str) -> LessonRow | None:
        """The lesson, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_lessons().where(Lesson.id == lesson_id))).one_or_none()
        return _lesson(row) if row is not None else None

    async def find_lesson_and_reader(self, lesson_id: str, reader: UserId) -> tuple[LessonRow, bool] | None:
        """The lesson and whether the reader is enrolled in its course, asked at once; None when there is no such lesson."""
        enrolled = exists().where(
            Enrollment.course_id == Lesson.course_id,
            Enrollment.user_id == literal(reader, ID),
            Enrollment.left_at.is_(None),
        )
        statement = _lessons().where(Lesson.id == lesson_id).add_columns(enrolled.label("enrolled"))
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return (_lesson(row), bool(row.enrolled)) if row is not None else None

    async def outline(self, course_id: CourseId) -> list[SectionOutline]:
        """Every section of the course with its lessons, in their order."""
        sections = _sections().where(Section.course_id == course_id).order_by(Section.position, Section.id)
        lessons = _lessons().where(Lesson.course_id == course_id).order_by(Lesson.position, Lesson.id)
        async with self._database.reading() as connection:
            found = [_section(row) for row in (await connection.execute(sections)).all()]
            inside: dict[str, list[LessonRow]] = {section.id: [] for section in found}
            for row in (await connection.execute(lessons)).all():
                if row.section_id in inside:  # else it came after the first question
                    inside[row.section_id].append(_lesson(row))
        return [SectionOutline(section, tuple(inside[section.id])) for section in found]

    async def add_section(self, new: NewSection, now: Moment, act: Act | None = None) -> Refusal | None:
        """Put the section into its course; one with this id changes nothing. Refuses when it does not fit."""
        async with self._database.writing() as connection:
            return await arranging.write_section(connection, new, now, act)

    async def add_lesson(self, new: NewLesson, now: Moment, act: Act | None = None) -> Refusal | None:
        """Put the lesson into its section; one with this id changes nothing. Refuses when it does not fit."""
        async with self._database.writing() as connection:
            return await arranging.write_lesson(connection, new, now, act)

    async def revise_section(
        self, section_id: str, changes: dict[str, Any], at: int | None, now: Moment, act: Act | None = None
    ) -> None:
        """Set `title` and `summary`, and the place when `at` is given."""
        values = {name: changes[name] for name in changes if name in ("title", "summary")}
        async with self._database.writing() as connection:
            if at is not None:
                await arranging.move_section(connection, section_id, at)
            await connection.execute(update(Section).where(Section.id == section_id).values(**values, updated_at=now))
            await _recorded(connection, None, act, now)

    async def revise_lesson(
        self,
        lesson: LessonRow,
        changes: dict[str, Any],
        section_id: str | None,
        at: int | None,
        now: Moment,
        act: Act | None = None,
    ) -> Refusal | None:
        """Set some of `REVISABLE`; with `section_id` or `at`, put the lesson elsewhere in its course. All or nothing."""
        values = {name: changes[name] for name in changes if name in REVISABLE}
        async with self._database.writing() as connection:
            await arranging.lock_course(connection, lesson.course_id)
            media_id = values.get("media_id")
            if media_id is not None and not await arranging.may_show(connection, lesson.course_id, media_id):
                return NotFound("media", media_id)
            refused = await arranging.move_lesson(connection, lesson.course_id, lesson.id, section_id, at)
            if refused is not None:
                return refused
            await connection.execute(update(Lesson).where(Lesson.id == lesson.id).values(**values, updated_at=now))
            if values.keys() & {"duration_seconds", "is_required"} or media_id is not None:
                await arranging.take_duration(connection, lesson.id)
                await arranging.recount(connection, lesson.course_id)
            return await _recorded(connection, None, act, now)

    async def order_sections(
        self, course_id: CourseId, wanted: Sequence[str], now: Moment, act: Act | None = None
    ) -> Refusal | None:
        """Give the course's sections this order; one that does not name all of them once changes nothing."""
        async with self._database.writing() as connection:
            return await _recorded(connection, await arranging.order_sections(connection, course_id, wanted), act, now)

    async def order_lessons(
        self, section_id: str, wanted: Sequence[str], now: Moment, act: Act | None = None
    ) -> Refusal | None:
        """Give the section's lessons this order; one that does not name all of them once changes nothing."""
        async with self._database.writing() as connection:
            return await _recorded(connection, await arranging.order_lessons(connection, section_id, wanted), act, now)

    async def delete_section(self, section_id: str, now: Moment, act: Act | None = None) -> bool:
        """Hide the section and its lessons for good; False when there is none."""
        async with self._database.writing() as connection:
            dropped = await arranging.drop_section(connection, section_id, now)
            await _recorded(connection, None, act if dropped else None, now)
        return dropped

    async def delete_lesson(self, lesson_id: str, now: Moment, act: Act | None = None) -> bool:
        """Hide the lesson for good; False when there is none."""
        async with self._database.writing() as connection:
            dropped = await arranging.drop_lesson(connection, lesson_id, now)
            await _recorded(connection, None, act if dropped else None, now)
        return dropped


async def _recorded(connection: AsyncConnection, refused: Refusal | None, act: Act | None, now: Moment) -> Refusal | None:
    """`refused` as it is; when nothing was, the act is put on record."""
    if refused is None and act is not None:
        await write_act(connection, act, now)
    return refused


def _sections() -> Select[Any]:
    """The columns of `SectionRow`."""
    return (
        select(*_columns(SectionRow, Section))
        .join(Course, Course.id == Section.course_id)
        .where(Section.deleted_at.is_(None), Course.deleted_at.is_(None))
    )


def _lessons() -> Select[Any]:
    """The columns of `LessonRow`."""
    standing = and_(Section.id == Lesson.section_id, Section.deleted_at.is_(None))
    return (
        select(*_columns(LessonRow, Lesson))
        .join(Section, standing)
        .join(Course, Course.id == Lesson.course_id)
        .outerjoin(QuizRecord, QuizRecord.lesson_id == Lesson.id)
        .outerjoin(Assignment, Assignment.lesson_id == Lesson.id)
        .where(Lesson.deleted_at.is_(None), Course.deleted_at.is_(None))
    )


def _columns(row: type[SectionRow | LessonRow], model: type[Section | Lesson]) -> list[Any]:
    elsewhere: dict[str, Any] = {
        "instructor_id": Course.instructor_id,
        "course_status": Course.status.label("course_status"),
        "quiz_id": QuizRecord.id.label("quiz_id"),
        "assignment_id": Assignment.id.label("assignment_id"),
    }
    table = model.__table__.columns
    return [elsewhere[each.name] if each.name in elsewhere else table[each.name] for each in fields(row)]


def _section(row: Row[Any]) -> SectionRow:
    return SectionRow(**{each.name: getattr(row, each.name) for each in fields(SectionRow)})


def _lesson(row: Row[Any]) -> LessonRow:
    return LessonRow(**{each.name: getattr(row, each.name) for each in fields(LessonRow)})
