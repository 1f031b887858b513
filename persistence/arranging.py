"""Writing the syllabus: everything that changes sections or lessons does so under a lock on their course's row.

So positions are always 0, 1, 2, … among what is not deleted, and two who change the same course never mix.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.catalogue.arrangement import OrderIncomplete, insert, rearrange
from classroom.ids import CourseId, LessonId
from classroom.refusals import NotFound, TooMany
from classroom.times import Moment
from persistence.audit import Act, write_act
from persistence.earning import look_through
from persistence.jobs import enqueue
from persistence.models import Course
from persistence.tables.media import MediaFile
from persistence.tables.syllabus import Lesson, Section

MOST_SECTIONS = 100
MOST_LESSONS = 500
"""More of them a course cannot have."""


@dataclass(frozen=True)
class NewSection:
    """A section to be. `at` is its place from 0; None is the end."""

    id: str
    course_id: CourseId
    title: str
    summary: str = ""
    at: int | None = None


@dataclass(frozen=True)
class NewLesson:
    """A lesson to be. `at` is its place in the section from 0; None is the end."""

    id: LessonId
    section_id: str
    type: str
    title: str
    summary: str = ""
    content: str = ""
    media_id: str | None = None
    duration_seconds: int = 0
    is_preview: bool = False
    is_required: bool = True
    extra: dict[str, Any] = field(default_factory=dict)
    at: int | None = None


async def write_section(
    connection: AsyncConnection, new: NewSection, now: Moment, act: Act | None = None
) -> NotFound | TooMany | None:
    """Put the section into its course, in the transaction of this connection, and the act on record. One with this id
    changes nothing."""
    if not await lock_course(connection, new.course_id):
        return NotFound("course", new.course_id)
    order: Sequence[str] = await _sections_of(connection, new.course_id)
    if await _exists(connection, Section, new.id):
        return None
    if len(order) >= MOST_SECTIONS:
        return TooMany("sections", MOST_SECTIONS)
    order = insert(order, new.id, new.at)
    values = asdict(new)
    values.pop("at")
    await connection.execute(
        pg_insert(Section).values(**values, position=order.index(new.id), created_at=now, updated_at=now)
    )
    await _place(connection, Section, order)
    await _record(connection, act, now)
    return None


async def write_lesson(
    connection: AsyncConnection, new: NewLesson, now: Moment, act: Act | None = None
) -> NotFound | TooMany | None:
    """Put the lesson into its section, in the transaction of this connection, and the act on record. One with this id
    changes nothing."""
    course_id = await _lock_course_of_section(connection, new.section_id)
    if course_id is None:
        return NotFound("section", new.section_id)
    if await _exists(connection, Lesson, new.id):
        return None
    if await _lessons_in(connection, course_id) >= MOST_LESSONS:
        return TooMany("lessons", MOST_LESSONS)
    if new.media_id is not None and not await may_show(connection, course_id, new.media_id):
        return NotFound("media", new.media_id)
    order = insert(await _lessons_of(connection, new.section_id), new.id, new.at)
    values = asdict(new)
    values.pop("at")
    await connection.execute(
        pg_insert(Lesson).values(**values, course_id=course_id, position=order.index(new.id), created_at=now, updated_at=now)
    )
    await take_duration(connection, new.id)
    await _place(connection, Lesson, order)
    await recount(connection, course_id)
    await _record(connection, act, now)
    return None


async def move_section(connection: AsyncConnection, section_id: str, at: int) -> bool:
    """Put the section elsewhere in its course; False when there is none."""
    course_id = await _lock_course_of_section(connection, section_id)
    if course_id is None:
        return False
    rest = [each for each in await _sections_of(connection, course_id) if each != section_id]
    await _place(connection, Section, insert(rest, section_id, at))
    return True


async def move_lesson(
    connection: AsyncConnection, course_id: CourseId, lesson_id: str, section_id: str | None, at: int | None
) -> NotFound | None:
    """Put the lesson elsewhere in its section, or into another section of the course (at its end, without a place).
    The course is locked by the caller."""
    lesson = select(Lesson.section_id).where(
        Lesson.id == lesson_id, Lesson.course_id == course_id, Lesson.deleted_at.is_(None)
    )
    source = (await connection.execute(lesson)).scalar_one_or_none()
    if source is None:
        return NotFound("lesson", lesson_id)
    target = section_id or source
    if target not in await _sections_of(connection, course_id):
        return NotFound("section", target)
    if target == source and at is None:
        return None
    await connection.execute(update(Lesson).where(Lesson.id == lesson_id).values(section_id=target))
    if target != source:
        await _place(connection, Lesson, await _lessons_of(connection, source))
    rest = [each for each in await _lessons_of(connection, target) if each != lesson_id]
    await _place(connection, Lesson, insert(rest, lesson_id, at))
    return None


async def order_sections(
    connection: AsyncConnection, course_id: CourseId, wanted: Sequence[str]
) -> OrderIncomplete | NotFound | None:
    """Give the course's sections the order that is wanted."""
    if not await lock_course(connection, course_id):
        return NotFound("course", course_id)
    return await _reorder(connection, Section, await _sections_of(connection, course_id), wanted)


async def order_lessons(
    connection: AsyncConnection, section_id: str, wanted: Sequence[str]
) -> OrderIncomplete | NotFound | None:
    """Give the section's lessons the order that is wanted."""
    if await _lock_course_of_section(connection, section_id) is None:
        return NotFound("section", section_id)
    return await _reorder(connection, Lesson, await _lessons_of(connection, section_id), wanted)


async def drop_section(connection: AsyncConnection, section_id: str, now: Moment) -> bool:
    """Hide the section and its lessons for good; False when there is none."""
    course_id = await _lock_course_of_section(connection, section_id)
    if course_id is None:
        return False
    await connection.execute(update(Section).where(Section.id == section_id).values(deleted_at=now))
    await connection.execute(
        update(Lesson).where(Lesson.section_id == section_id, Lesson.deleted_at.is_(None)).values(deleted_at=now)
    )
    await _place(connection, Section, await _sections_of(connection, course_id))
    await recount(connection, course_id)
    return True


async def drop_lesson(connection: AsyncConnection, lesson_id: str, now: Moment) -> bool:
    """Hide the lesson for good; False when there is none."""
    of_lesson = select(Lesson.course_id).where(Lesson.id == lesson_id)
    course_id = (await connection.execute(of_lesson)).scalar_one_or_none()
    if course_id is None or not await lock_course(connection, course_id):
        return False
    dropped = await connection.execute(
        update(Lesson)
        .where(Lesson.id == lesson_id, Lesson.deleted_at.is_(None))
        .values(deleted_at=now)
        .returning(Lesson.section_id)
    )
    section_id = dropped.scalar_one_or_none()
    if section_id is None:
        return False
    await _place(connection, Lesson, await _lessons_of(connection, section_id))
    await recount(connection, CourseId(course_id))
    return True


async def note_duration(connection: AsyncConnection, media_id: str, seconds: int, now: Moment) -> None:
    """Every video lesson of this file is so long from now on."""
    shown = select(Lesson.course_id).where(Lesson.media_id == media_id, Lesson.type == "video").distinct()
    course_ids = sorted((await connection.execute(shown)).scalars())
    for course_id in course_ids:
        await lock_course(connection, course_id)
    await connection.execute(
        update(Lesson)
        .where(Lesson.media_id == media_id, Lesson.type == "video", Lesson.course_id.in_(course_ids))
        .values(duration_seconds=seconds, updated_at=now)
    )
    for course_id in course_ids:
        await recount(connection, CourseId(course_id))


async def take_duration(connection: AsyncConnection, lesson_id: str) -> None:
    """If it is known how long the lesson's video is, the lesson is so long. Else `note_duration` says it later: it finds the
    lesson, because who writes the length waits for this transaction."""
    shown = select(Lesson.media_id).where(Lesson.id == lesson_id, Lesson.type == "video").scalar_subquery()
    known = select(MediaFile.duration_seconds).where(MediaFile.id == shown).with_for_update(read=True)
    seconds = (await connection.execute(known)).scalar_one_or_none()
    if seconds is not None:
        await connection.execute(update(Lesson).where(Lesson.id == lesson_id).values(duration_seconds=seconds))


async def recount(connection: AsyncConnection, course_id: CourseId) -> None:
    """Bring the course's `lesson_count` and `duration_seconds` up to date, and have its learners' progress counted anew."""
    totals = select(func.count(), func.coalesce(func.sum(Lesson.duration_seconds), 0)).where(
        Lesson.course_id == course_id, Lesson.deleted_at.is_(None)
    )
    count, seconds = (await connection.execute(totals)).one()
    await connection.execute(
        update(Course).where(Course.id == course_id).values(lesson_count=count, duration_seconds=seconds)
    )
    await note_change(connection, course_id)


async def note_change(connection: AsyncConnection, course_id: str) -> None:
    """The outline may be another: have the progress of the course's learners counted anew, and looked who has done all that
    is left."""
    await enqueue(connection, "course.changed", {"courseId": course_id}, key=course_id)
    await look_through(connection, course_id)


async def may_show(connection: AsyncConnection, course_id: CourseId, media_id: str) -> bool:
    """Whether the file is one for lessons of this course, and has been found to be what it was said to be."""
    ready = select(MediaFile.id).where(
        MediaFile.id == media_id,
        MediaFile.course_id == course_id,
        MediaFile.purpose == "lesson",
        MediaFile.status == "ready",
    )
    return (await connection.execute(ready)).one_or_none() is not None


async def lock_course(connection: AsyncConnection, course_id: str) -> bool:
    """Wait for the course's row, and hold it to the end of the transaction; False when there is no such course."""
    # Not FOR UPDATE: that would also make everybody wait who enrols or refers to the course.
    locked = select(Course.id).where(Course.id == course_id, Course.deleted_at.is_(None)).with_for_update(key_share=True)
    return (await connection.execute(locked)).one_or_none() is not None


async def _record(connection: AsyncConnection, act: Act | None, now: Moment) -> None:
    if act is not None:
        await write_act(connection, act, now)


async def _lock_course_of_section(connection: AsyncConnection, section_id: str) -> CourseId | None:
    of_section = select(Section.course_id).where(Section.id == section_id)
    course_id = (await connection.execute(of_section)).scalar_one_or_none()
    if course_id is None or not await lock_course(connection, course_id):
        return None
    # Asked again under the lock: it may have been deleted while we waited.
    standing = select(Section.id).where(Section.id == section_id, Section.deleted_at.is_(None))
    return CourseId(course_id) if (await connection.execute(standing)).one_or_none() is not None else None


async def _exists(connection: AsyncConnection, table: type[Section | Lesson], ident: str) -> bool:
    return (await connection.execute(select(table.id).where(table.id == ident))).one_or_none() is not None


async def _sections_of(connection: AsyncConnection, course_id: str) -> list[str]:
    statement = (
        select(Section.id)
        .where(Section.course_id == course_id, Section.deleted_at.is_(None))
        .order_by(Section.position, Section.id)
    )
    return list((await connection.execute(statement)).scalars())


async def _lessons_of(connection: AsyncConnection, section_id: str) -> list[str]:
    statement = (
        select(Lesson.id)
        .where(Lesson.section_id == section_id, Lesson.deleted_at.is_(None))
        .order_by(Lesson.position, Lesson.id)
    )
    return list((await connection.execute(statement)).scalars())


async def _lessons_in(connection: AsyncConnection, course_id: str) -> int:
    statement = select(func.count()).where(Lesson.course_id == course_id, Lesson.deleted_at.is_(None))
    return int((await connection.execute(statement)).scalar_one())


async def _reorder(
    connection: AsyncConnection, table: type[Section | Lesson], current: Sequence[str], wanted: Sequence[str]
) -> OrderIncomplete | None:
    order = rearrange(current, wanted)
    if isinstance(order, OrderIncomplete):
        return order
    await _place(connection, table, order)
    return None


async def _place(connection: AsyncConnection, table: type[Section | Lesson], order: Sequence[str]) -> None:
    """Write the positions anew, in one statement."""
    await connection.execute(_PLACING[table], {"ids": list(order)})


_PLACING = {
    table: text(
        f"UPDATE {table.__tablename__} AS placed SET position = wanted.place - 1 "  # noqa: S608 - a table's own name
        "FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS wanted(id, place) "
        "WHERE placed.id = wanted.id AND placed.position <> wanted.place - 1"
    )
    for table in (Section, Lesson)
}
