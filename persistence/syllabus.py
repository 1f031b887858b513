"""The syllabus of a course: its sections and their lessons, in their order."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Row, Select, and_, exists, literal, select

from classroom.ids import CourseId, LessonId, UserId
from classroom.times import Moment
from persistence.database import Database
from persistence.models import ID, Course, Enrollment
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


@dataclass(frozen=True)
class SectionOutline:
    """A section and its lessons, in their order."""

    section: SectionRow
    lessons: tuple[LessonRow, ...]


class Syllabus:
    """Sections and lessons. Every call raises StoreAway when Postgres is away. What was deleted, or is part of a deleted
    course, is not found."""

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
        .where(Lesson.deleted_at.is_(None), Course.deleted_at.is_(None))
    )


def _columns(row: type[SectionRow | LessonRow], model: type[Section | Lesson]) -> list[Any]:
    of_course = {"instructor_id": Course.instructor_id, "course_status": Course.status.label("course_status")}
    table = model.__table__.columns
    return [of_course[each.name] if each.name in of_course else table[each.name] for each in fields(row)]


def _section(row: Row[Any]) -> SectionRow:
    return SectionRow(**{each.name: getattr(row, each.name) for each in fields(SectionRow)})


def _lesson(row: Row[Any]) -> LessonRow:
    return LessonRow(**{each.name: getattr(row, each.name) for each in fields(LessonRow)})
