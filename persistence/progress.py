"""Learners' progress as pages read it, counted for the outline of now; the grain of the course writes it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, literal, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId, SessionId, UserId
from classroom.progress.course import Course, Outline, Part
from classroom.progress.learner import Learner, LessonRecord
from classroom.times import Moment
from persistence.database import Database
from persistence.models import ID, Enrollment, MomentType, User
from persistence.models import Course as CourseTable
from persistence.pages import Page, read_cursor, write_cursor
from persistence.tables.progress import CourseProgress, LessonProgress
from persistence.tables.syllabus import Lesson, Section

BEGUN = 3


@dataclass(frozen=True)
class OwnProgress:
    """A learner in a course, and whether enrolled now. `titles` are those of the lessons."""

    course: Course
    slug: str
    titles: Mapping[LessonId, str]
    learner: Learner
    enrolled: bool


@dataclass(frozen=True)
class StudentProgress:
    """A student of a course, as its owner sees it."""

    learner: Learner
    email: str
    enrolled_at: Moment
    updated_at: Moment | None


@dataclass(frozen=True)
class Held:
    """A class that was held: for how long, and for how long each student was there between its start and its end."""

    course_id: CourseId
    lesson_id: LessonId | None
    seconds: int
    students: Sequence[tuple[UserId, int]]


_HELD = text(
    "SELECT course_id::text, lesson_id::text, extract(epoch FROM ended_at - started_at)::int AS seconds "
    "FROM live_sessions WHERE id = :id AND status = 'ended' AND started_at IS NOT NULL AND ended_at IS NOT NULL"
)
_STUDENTS = text(
    """
    SELECT i.user_id::text, greatest(0, sum(extract(
               epoch FROM least(coalesce(i.left_at, s.ended_at), s.ended_at) - greatest(i.joined_at, s.started_at)
           )) FILTER (WHERE coalesce(i.left_at, s.ended_at) > s.started_at AND i.joined_at < s.ended_at))::int AS seconds
    FROM attendance_intervals i JOIN live_sessions s ON s.id = i.session_id
    WHERE i.session_id = :id GROUP BY i.user_id ORDER BY i.user_id
    """
)


class Progress:
    """Reads what the journal wrote. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, course_id: CourseId, user_id: UserId) -> OwnProgress | None:
        """How far somebody is; None when there is no such course."""
        async with self._database.reading() as connection:
            found = await _of(connection, [course_id], user_id)
        return found[0] if found else None

    async def list_begun(self, user_id: UserId) -> list[OwnProgress]:
        """The courses that somebody is enrolled in and is not done with, the one moved in last first; at most three."""
        begun = (
            select(CourseProgress.course_id)
            .join(
                Enrollment,
                and_(
                    Enrollment.course_id == CourseProgress.course_id,
                    Enrollment.user_id == CourseProgress.user_id,
                    Enrollment.left_at.is_(None),
                ),
            )
            .where(CourseProgress.user_id == user_id, CourseProgress.thousandths < 1000)
            .order_by(CourseProgress.updated_at.desc())
            .limit(BEGUN)
        )
        async with self._database.reading() as connection:
            course_ids = [CourseId(each) for each in (await connection.execute(begun)).scalars()]
            return await _of(connection, course_ids, user_id) if course_ids else []

    async def find_attendance(self, session_id: SessionId) -> Held | None:
        """Who was in a class that is over; None when there is none or it is not over."""
        async with self._database.reading() as connection:
            held = (await connection.execute(_HELD, {"id": session_id})).one_or_none()
            rows = (await connection.execute(_STUDENTS, {"id": session_id})).all() if held is not None else []
        if held is None:
            return None
        students = [(UserId(row.user_id), int(row.seconds or 0)) for row in rows]
        lesson_id = None if held.lesson_id is None else LessonId(held.lesson_id)
        return Held(CourseId(held.course_id), lesson_id, int(held.seconds), students)

    async def list_students(
        self, course_id: CourseId, limit: int, cursor: str | None
    ) -> tuple[Course, Page[StudentProgress]] | None:
        """The course's students of now, the latest first, and how far each is; None when there is no such course. Raises
        BadCursor."""
        after = read_cursor(cursor, "moment", "id")
        statement = (
            select(User.id, User.name, User.email, Enrollment.enrolled_at, Enrollment.id, CourseProgress)
            .join(User, User.id == Enrollment.user_id)
            .outerjoin(
                CourseProgress,
                and_(CourseProgress.course_id == Enrollment.course_id, CourseProgress.user_id == Enrollment.user_id),
            )
            .where(Enrollment.course_id == course_id, Enrollment.left_at.is_(None))
            .order_by(Enrollment.enrolled_at.desc(), Enrollment.id.desc())
            .limit(limit + 1)
        )
        if after is not None:
            place = tuple_(literal(after[0], MomentType()), literal(after[1], ID))
            statement = statement.where(tuple_(Enrollment.enrolled_at, Enrollment.id) < place)
        async with self._database.reading() as connection:
            courses = await _courses(connection, [course_id])
            if not courses:
                return None
            course, _, _ = courses[course_id]
            rows = (await connection.execute(statement)).all()
            done = await _done(connection, course_id, [row[0] for row in rows[:limit]])
        students = [
            StudentProgress(_counted(course, _figures(row, done[row[0]])), row.email, row.enrolled_at, row.updated_at)
            for row in rows[:limit]
        ]
        more = len(rows) > limit
        return course, Page(students, write_cursor(rows[limit - 1].enrolled_at, rows[limit - 1][4]) if more else None)


async def _of(connection: AsyncConnection, course_ids: Sequence[CourseId], user_id: UserId) -> list[OwnProgress]:
    courses = await _courses(connection, course_ids)
    people = (
        select(User.name, Enrollment.course_id.label("enrolled_in"), CourseProgress)
        .select_from(User)
        .outerjoin(CourseProgress, and_(CourseProgress.user_id == User.id, CourseProgress.course_id.in_(course_ids)))
        .outerjoin(
            Enrollment,
            and_(Enrollment.user_id == User.id, Enrollment.course_id.in_(course_ids), Enrollment.left_at.is_(None)),
        )
        .where(User.id == user_id)
    )
    name, enrolled, rows = "", set(), {}
    for row in (await connection.execute(people)).all():
        name = row.name
        enrolled.add(row.enrolled_in)
        rows[row.course_id] = row
    records: dict[str, dict[LessonId, LessonRecord]] = defaultdict(dict)
    wanted = select(LessonProgress).where(LessonProgress.user_id == user_id, LessonProgress.course_id.in_(course_ids))
    for record in (await connection.execute(wanted)).all():
        records[record.course_id][LessonId(record.lesson_id)] = _record(record)
    found = []
    for course_id in course_ids:
        if course_id not in courses:
            continue
        course, slug, titles = courses[course_id]
        learner = Learner(user_id, name, records[course_id])
        if course_id in rows:
            row = rows[course_id]
            last = None if row.last_lesson_id is None else LessonId(row.last_lesson_id)
            learner = replace(learner, completed_at=row.completed_at, last_lesson_id=last)
        found.append(OwnProgress(course, slug, titles, _counted(course, learner), course_id in enrolled))
    return found


async def _courses(
    connection: AsyncConnection, course_ids: Sequence[CourseId]
) -> dict[str, tuple[Course, str, dict[LessonId, str]]]:
    courses = select(CourseTable.id, CourseTable.title, CourseTable.slug, CourseTable.instructor_id).where(
        CourseTable.id.in_(course_ids), CourseTable.deleted_at.is_(None)
    )
    lessons = (
        select(Lesson.course_id, Lesson.id, Lesson.title, Lesson.type, Lesson.duration_seconds, Lesson.is_required)
        .join(Section, and_(Section.id == Lesson.section_id, Section.deleted_at.is_(None)))
        .where(Lesson.course_id.in_(course_ids), Lesson.deleted_at.is_(None))
        .order_by(Section.position, Section.id, Lesson.position, Lesson.id)
    )
    parts: dict[str, list[Part]] = defaultdict(list)
    titles: dict[str, dict[LessonId, str]] = defaultdict(dict)
    known = (await connection.execute(courses)).all()
    for row in (await connection.execute(lessons)).all():
        part = Part(LessonId(row.id), required=row.is_required, type=row.type, seconds=row.duration_seconds)
        parts[row.course_id].append(part)
        titles[row.course_id][part.id] = row.title
    return {
        row.id: (
            Course(CourseId(row.id), row.title, UserId(row.instructor_id), Outline(tuple(parts[row.id]))),
            row.slug,
            titles[row.id],
        )
        for row in known
    }


async def _done(
    connection: AsyncConnection, course_id: CourseId, user_ids: Sequence[str]
) -> dict[str, dict[LessonId, LessonRecord]]:
    """Of these people, the lessons that are done."""
    wanted = select(LessonProgress).where(
        LessonProgress.user_id.in_(user_ids),
        LessonProgress.course_id == course_id,
        LessonProgress.completed_at.is_not(None),
    )
    done: dict[str, dict[LessonId, LessonRecord]] = defaultdict(dict)
    for record in (await connection.execute(wanted)).all():
        done[record.user_id][LessonId(record.lesson_id)] = _record(record)
    return done


def _figures(row: Any, done: dict[LessonId, LessonRecord]) -> Learner:
    user_id, name, completed_at, last = row[0], row.name, row.completed_at, row.last_lesson_id
    return Learner(
        UserId(user_id), name, done, completed_at=completed_at, last_lesson_id=None if last is None else LessonId(last)
    )


def _counted(course: Course, learner: Learner) -> Learner:
    return replace(learner, thousandths=course.outline.done_of(learner.done))


def _record(row: Any) -> LessonRecord:
    ends = row.watched
    watched = tuple(zip(ends[::2], ends[1::2], strict=True))
    kept = {name: getattr(row, name) for name in _KEPT}
    return LessonRecord(watched=watched, **kept)


_KEPT = [name for name in LessonRecord.__dataclass_fields__ if name != "watched"]
