"""Lessons that come together with what they hold (a quiz, an assignment): put into their section in the same transaction."""

from dataclasses import dataclass

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId
from classroom.times import Moment
from persistence.tables.syllabus import Lesson, Section


@dataclass(frozen=True)
class NewLesson:
    """A lesson to be. `position` None: behind the others of its section."""

    id: LessonId
    section_id: str
    course_id: CourseId
    type: str
    title: str
    summary: str = ""
    is_required: bool = True
    position: int | None = None


async def add_lesson(connection: AsyncConnection, lesson: NewLesson, now: Moment) -> bool:
    """Put the lesson at its place and move those behind it; False when its section is gone. The section's row is locked, so
    that two who add at once get two places."""
    section = select(Section.id).where(Section.id == lesson.section_id, Section.deleted_at.is_(None)).with_for_update()
    if (await connection.execute(section)).one_or_none() is None:
        return False
    beside = (Lesson.section_id == lesson.section_id, Lesson.deleted_at.is_(None))
    end = int((await connection.execute(select(func.count()).where(*beside))).scalar_one())
    position = end if lesson.position is None else min(lesson.position, end)
    if position < end:
        behind = update(Lesson).where(*beside, Lesson.position >= position)
        await connection.execute(behind.values(position=Lesson.position + 1))
    await connection.execute(
        insert(Lesson).values(
            id=lesson.id,
            section_id=lesson.section_id,
            course_id=lesson.course_id,
            type=lesson.type,
            title=lesson.title,
            summary=lesson.summary,
            is_required=lesson.is_required,
            position=position,
            created_at=now,
            updated_at=now,
        )
    )
    return True
