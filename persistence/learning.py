"""What the grain of a course reads: its outline, its learners, its log, and who may follow it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg
import msgspec

from classroom.ids import CourseId, LessonId, SessionId, UserId
from classroom.progress.course import Course, Outline, Part
from classroom.progress.events import Announced, MilestoneReached
from classroom.progress.learner import Attendance, Learner, LessonRecord
from classroom.records import LoggedEvent
from classroom.times import Moment
from persistence.live_log import LOG_EVENT, after_statement, event_of
from persistence.live_pool import borrow

KNOWN_COMMANDS = 4_096
ANNOUNCEMENTS = 20
_NEVER = Moment(0)


@dataclass(frozen=True)
class LoadedCourse:
    """A course's log as its next owner needs it: where it and its two topics end, the latest commands and announcements,
    oldest first, and the milestones behind the event up to which all were `told`."""

    offsets: tuple[int, int, int] = (0, 0, 0)
    at: Moment = _NEVER
    commands: Sequence[str] = ()
    announcements: Sequence[LoggedEvent] = ()
    told: int = 0
    untold: Sequence[LoggedEvent] = ()


@dataclass(frozen=True)
class Person:
    """Somebody and a course: whether the account is active, whether enrolled now, and the progress, which stays."""

    active: bool
    enrolled: bool
    learner: Learner


@dataclass(frozen=True)
class Found:
    """What was asked for: the course (None: there is none, or it was deleted) and people."""

    course: Course | None
    people: dict[UserId, Person] = field(default_factory=dict)


@dataclass(frozen=True)
class Surveyed:
    """One learner in few figures."""

    user_id: UserId
    name: str
    thousandths: int
    completed_at: Moment | None
    last_lesson_id: LessonId | None
    updated_at: Moment


@dataclass(frozen=True)
class Survey:
    """All of a course as of one moment, in which the progress topic stood at `offset`: the learners who moved last, and
    numbers of all who are enrolled; `thousandths` is the sum over all of them."""

    offset: int
    enrolled: int
    begun: int
    completed: int
    thousandths: int
    learners: Sequence[Surveyed]


class LearningLog(Protocol):
    """Reads what the journal wrote of courses. Raises StoreAway when Postgres is away."""

    async def load(self, course_id: CourseId) -> LoadedCourse:
        """The course's log, for its next owner."""
        ...

    async def find(self, course_id: CourseId, user_ids: Sequence[UserId]) -> Found:
        """The course and all of these people, known or not."""
        ...

    async def after(self, course_id: CourseId, view: str, topic_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """The first `limit` events that moved the topic of this view beyond `topic_offset`, in order."""
        ...

    async def survey(self, course_id: CourseId, limit: int) -> Survey:
        """How everybody is doing, the `limit` learners who moved last by name."""
        ...

    async def outdated(self, course_id: CourseId, version: int, after: UserId | None, limit: int) -> Sequence[UserId]:
        """The first `limit` learners, by id, behind `after`, counted for another version of the outline (0: never)."""
        ...

    async def note_told(self, course_id: CourseId, offset: int) -> None:
        """All milestones up to this event of the log were told."""
        ...


COURSE_EVENT = f"{LOG_EVENT}, course_offset, progress_offset"

_HEAD = """
    SELECT "offset", course_offset, progress_offset, to_moment(at) FROM course_events
    WHERE course_id = $1 ORDER BY "offset" DESC LIMIT 1
"""
_COMMANDS = """
    SELECT command_id FROM course_events WHERE course_id = $1 AND command_id IS NOT NULL ORDER BY "offset" DESC LIMIT $2
"""
_ANNOUNCEMENTS = f"""
    SELECT {COURSE_EVENT} FROM course_events WHERE course_id = $1 AND type = '{Announced.type}'
    ORDER BY "offset" DESC LIMIT $2
"""  # noqa: S608 - our own columns and names, as below
_TOLD = "SELECT told FROM course_marks WHERE course_id = $1"
_UNTOLD = f"""
    SELECT {COURSE_EVENT} FROM course_events WHERE course_id = $1 AND type = '{MilestoneReached.type}' AND "offset" > $2
    ORDER BY "offset"
"""  # noqa: S608
_COURSE = """
    SELECT c.title, c.instructor_id::text, l.id::text, l.type, l.duration_seconds, l.is_required
    FROM courses c
    LEFT JOIN (lessons l JOIN sections s ON s.id = l.section_id AND s.deleted_at IS NULL)
        ON l.course_id = c.id AND l.deleted_at IS NULL
    WHERE c.id = $1 AND c.deleted_at IS NULL
    ORDER BY s.position, s.id, l.position, l.id
"""
_PEOPLE = """
    SELECT w.id::text, coalesce(u.status = 'active' AND u.deleted_at IS NULL, false),
           EXISTS (SELECT FROM enrollments e WHERE e.course_id = $1 AND e.user_id = w.id AND e.left_at IS NULL),
           coalesce(u.name, ''), coalesce(p.thousandths, 0), coalesce(p.version, 0), coalesce(p.told, '{}'),
           to_moment(p.completed_at), p.last_lesson_id::text,
           ARRAY(
               SELECT ROW(l.user_id, l.course_id, l.lesson_id, to_moment(l.completed_at), l.watched, l.position,
                          to_moment(l.reported_at), l.unspent, l.report_id, l.quiz_id, l.points, l.possible, l.passed,
                          to_moment(l.updated_at))::journal_lesson
               FROM lesson_progress l WHERE l.user_id = w.id AND l.course_id = $1
           ),
           ARRAY(
               SELECT ROW(a.user_id, a.course_id, a.session_id, a.seconds, a.of_seconds,
                          to_moment(a.updated_at))::journal_attended
               FROM course_attendance a WHERE a.user_id = w.id AND a.course_id = $1
           )
    FROM unnest($2::uuid[]) AS w(id)
    LEFT JOIN users u ON u.id = w.id
    LEFT JOIN course_progress p ON p.course_id = $1 AND p.user_id = w.id
"""
# One statement sees one moment: the figures are those of exactly this offset.
_SURVEY = """
    SELECT coalesce(
               (SELECT progress_offset FROM course_events WHERE course_id = $1 ORDER BY "offset" DESC LIMIT 1), 0),
           (SELECT count(*) FROM enrollments WHERE course_id = $1 AND left_at IS NULL),
           begun, completed, thousandths,
           (SELECT coalesce(json_agg(json_build_array(user_id, name, thousandths, completed_at, last_lesson_id, updated_at)),
                            '[]')::text
            FROM (
                SELECT p.user_id, u.name, p.thousandths, to_moment(p.completed_at) AS completed_at, p.last_lesson_id,
                       to_moment(p.updated_at) AS updated_at
                FROM course_progress p
                JOIN enrollments e ON e.course_id = p.course_id AND e.user_id = p.user_id AND e.left_at IS NULL
                JOIN users u ON u.id = p.user_id
                WHERE p.course_id = $1 ORDER BY p.updated_at DESC LIMIT $2
            ) latest)
    FROM (
        SELECT count(*) AS begun, count(*) FILTER (WHERE p.thousandths = 1000) AS completed,
               coalesce(sum(p.thousandths), 0) AS thousandths
        FROM course_progress p
        JOIN enrollments e ON e.course_id = p.course_id AND e.user_id = p.user_id AND e.left_at IS NULL
        WHERE p.course_id = $1
    ) totals
"""
_OUTDATED = """
    SELECT user_id::text FROM course_progress
    WHERE course_id = $1 AND version NOT IN (0, $2) AND user_id > coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid)
    ORDER BY user_id LIMIT $4
"""
_NOTE_TOLD = """
    INSERT INTO course_marks (course_id, told) VALUES ($1, $2)
    ON CONFLICT (course_id) DO UPDATE SET told = greatest(course_marks.told, excluded.told)
"""
_AFTER_IN = {
    view: after_statement("course_events", "course_id", COURSE_EVENT, f"{view or 'course'}_offset")
    for view in ("", "progress")
}
_learners_of = msgspec.json.Decoder(list[tuple[str, str, int, int | None, str | None, int]]).decode


class PostgresLearningLog:
    """A `LearningLog` on the tables that the journal writes, and on those of courses, accounts and enrolment."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def load(self, course_id: CourseId) -> LoadedCourse:
        """See `LearningLog.load`."""
        async with borrow(self._pool) as connection:
            head = await connection.fetchrow(_HEAD, course_id)
            if head is None:
                return LoadedCourse()
            commands = await connection.fetch(_COMMANDS, course_id, KNOWN_COMMANDS)
            announcements = await connection.fetch(_ANNOUNCEMENTS, course_id, ANNOUNCEMENTS)
            told = await connection.fetchval(_TOLD, course_id) or 0
            untold = await connection.fetch(_UNTOLD, course_id, told)
        *offsets, at = head
        return LoadedCourse(
            (offsets[0], offsets[1], offsets[2]),
            at,
            [row[0] for row in reversed(commands)],
            [event_of(row) for row in reversed(announcements)],
            told,
            [event_of(row) for row in untold],
        )

    async def find(self, course_id: CourseId, user_ids: Sequence[UserId]) -> Found:
        """See `LearningLog.find`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_COURSE, course_id)
            people = await connection.fetch(_PEOPLE, course_id, user_ids) if user_ids else []
        return Found(_course(course_id, rows), {UserId(row[0]): _person(row) for row in people})

    async def after(self, course_id: CourseId, view: str, topic_offset: int, limit: int) -> Sequence[LoggedEvent]:
        """See `LearningLog.after`."""
        async with borrow(self._pool) as connection:
            return [event_of(row) for row in await connection.fetch(_AFTER_IN[view], course_id, topic_offset, limit)]

    async def survey(self, course_id: CourseId, limit: int) -> Survey:
        """See `LearningLog.survey`."""
        async with borrow(self._pool) as connection:
            [row] = await connection.fetch(_SURVEY, course_id, limit)
        offset, enrolled, begun, completed, thousandths, learners = row
        return Survey(offset, enrolled, begun, completed, thousandths, [_surveyed(each) for each in _learners_of(learners)])

    async def outdated(self, course_id: CourseId, version: int, after: UserId | None, limit: int) -> Sequence[UserId]:
        """See `LearningLog.outdated`."""
        async with borrow(self._pool) as connection:
            return [UserId(row[0]) for row in await connection.fetch(_OUTDATED, course_id, version, after, limit)]

    async def note_told(self, course_id: CourseId, offset: int) -> None:
        """See `LearningLog.note_told`."""
        async with borrow(self._pool) as connection:
            await connection.execute(_NOTE_TOLD, course_id, offset)


def _course(course_id: CourseId, rows: Sequence[Any]) -> Course | None:
    if not rows:
        return None
    title, instructor_id = rows[0][:2]
    parts = tuple(
        Part(LessonId(lesson_id), required=required, type=kind, seconds=seconds)
        for _, _, lesson_id, kind, seconds, required in rows
        if lesson_id is not None
    )
    return Course(course_id, title, UserId(instructor_id), Outline(parts))


def _person(row: Any) -> Person:
    user_id, active, enrolled, name, thousandths, version, told, completed_at, last_lesson_id, lessons, attended = row
    records = [_record(each) for each in lessons]
    learner = Learner(
        UserId(user_id), name, {record.lesson_id: record for record in records},
        {SessionId(str(each["session_id"])): Attendance(each["seconds"], each["of_seconds"]) for each in attended},
        thousandths, version, frozenset(told), completed_at, last_lesson_id,
    )  # fmt: skip
    return Person(active, enrolled, learner)


def _record(row: Any) -> LessonRecord:
    ends = row["watched"]
    return LessonRecord(
        LessonId(str(row["lesson_id"])), row["updated_at"], row["completed_at"],
        tuple(zip(ends[::2], ends[1::2], strict=True)), row["position"], row["reported_at"], row["unspent"],
        row["report_id"], None if row["quiz_id"] is None else str(row["quiz_id"]), row["points"], row["possible"],
        row["passed"],
    )  # fmt: skip


def _surveyed(row: tuple[str, str, int, int | None, str | None, int]) -> Surveyed:
    user_id, name, thousandths, completed_at, last, updated_at = row
    return Surveyed(
        UserId(user_id), name, thousandths, None if completed_at is None else Moment(completed_at),
        None if last is None else LessonId(last), Moment(updated_at),
    )  # fmt: skip
