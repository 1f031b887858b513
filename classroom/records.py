"""The class record as the store keeps it: logged events, the session's row, attendance intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from classroom.ids import CourseId, LessonId, SessionId, UserId
from classroom.progress.learner import Attendance, Learner, LessonRecord
from classroom.times import Moment


@dataclass(frozen=True)
class LoggedEvent:
    """One event of a log. `payload` is its encoded JSON object. `topic_offsets` are the offsets of the three topics
    of a class (everybody, staff, queue), or the two of a course (everybody, progress), once this event has happened; empty
    for an inbox.
    Only the first event of a command carries the `command_id` (prefixed with who sent it and the command's name); in
    lines before it stand those of commands since the event before that changed nothing."""

    offset: int
    type: str
    payload: bytes
    at: Moment
    command_id: str | None
    topic_offsets: tuple[int, ...]


@dataclass(frozen=True)
class SessionRow:
    """A live session as lists and pages read it. `ends_at` is planned until the class has ended, then actual."""

    id: SessionId
    course_id: CourseId
    lesson_id: LessonId | None
    title: str
    starts_at: Moment
    duration_minutes: int
    ends_at: Moment
    max_students: int
    current_students: int
    waitlisted: int
    status: str
    doors_open_minutes: int
    waitlist_enabled: bool
    locked: bool
    instructor_id: UserId
    instructor_name: str
    started_at: Moment | None
    ended_at: Moment | None


@dataclass(frozen=True)
class IntervalRow:
    """One stay of one student; `left_at` and `reason` are None while it lasts. `ordinal` counts the student's stays from 1.
    Reasons: `left`, `lost` (connection), `removed`, `ended` or `cancelled` (class)."""

    session_id: SessionId
    user_id: UserId
    ordinal: int
    joined_at: Moment
    left_at: Moment | None
    reason: str | None


@dataclass(frozen=True)
class LearnerRows:
    """What changed of some learners of a course at `at`: their figures, lessons, and classes attended."""

    course_id: CourseId
    at: Moment
    learners: Sequence[Learner]
    lessons: Sequence[tuple[UserId, LessonRecord]]
    attended: Sequence[tuple[UserId, SessionId, Attendance]]


@dataclass(frozen=True)
class JobRow:
    """A job to be done once this is durable. `payload` is its encoded JSON object; while one of this kind and key waits,
    another adds none."""

    kind: str
    payload: bytes
    key: str


@dataclass(frozen=True)
class Attendee:
    """A student of the course and every stay in one class, in order; no stays means absent."""

    user_id: UserId
    name: str
    email: str
    intervals: tuple[IntervalRow, ...]
