"""Assignments, and what learners hand in for them: one submission a learner, replaced until it is graded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, func, insert, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId, UserId
from classroom.notifications import Notice
from classroom.quizzes.refusals import AlreadyGraded, Replaced
from classroom.refusals import Malformed, NotFound, Refusal
from classroom.times import Moment
from persistence.arranging import NewLesson, note_change, write_lesson
from persistence.database import Database
from persistence.jobs import enqueue
from persistence.models import ID, Course, MomentType, User
from persistence.notifications import notify
from persistence.pages import Page, read_cursor, write_cursor
from persistence.quiz_attempts import TELL_PROGRESS
from persistence.tables.media import MediaFile
from persistence.tables.quizzes import Assignment, Submission
from persistence.tables.syllabus import Lesson, Section


@dataclass(frozen=True)
class Task:
    """What is to be done. `allowed_types` None: any kind of file."""

    instructions: str
    max_points: int
    pass_points: int
    due_at: Moment | None = None
    allowed_types: Sequence[str] | None = None


@dataclass(frozen=True)
class AssignmentRow:
    """An assignment with its lesson and whose course it is part of."""

    id: str
    lesson_id: LessonId
    section_id: str
    course_id: CourseId
    instructor_id: UserId
    title: str
    summary: str
    is_required: bool
    position: int
    instructions: str
    due_at: Moment | None
    max_points: int
    pass_points: int
    allowed_types: Sequence[str] | None
    created_at: Moment
    updated_at: Moment


@dataclass(frozen=True)
class SubmissionRow:
    """What a learner handed in. `revision` counts how often, `grading` how often it was graded; `points`, `passed` and
    `graded_at` are None until then."""

    id: str
    assignment_id: str
    lesson_id: LessonId
    course_id: CourseId
    user_id: UserId
    user_name: str
    text: str
    media_ids: Sequence[str]
    late: bool
    revision: int
    grading: int
    points: int | None
    possible: int
    passed: bool | None
    feedback: str
    created_at: Moment
    submitted_at: Moment
    graded_at: Moment | None

    @property
    def command_id(self) -> str:
        """Under which progress is told of this grade."""
        return self.id if self.grading <= 1 else f"{self.id}:{self.grading}"


class Assignments:
    """The assignments and submissions. Every call raises StoreAway when Postgres is away. An assignment goes with its
    lesson, section and course."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, assignment_id: str, lesson: NewLesson, course_id: CourseId, task: Task, now: Moment
    ) -> AssignmentRow | Refusal:
        """Make the lesson and its assignment, unless the lesson does not fit. The same id again is answered with what it
        made."""
        found = await self.find(assignment_id)
        if found is not None:
            return found
        async with self._database.writing() as connection:
            refused = await write_lesson(connection, lesson, now)
            if refused is not None:
                return refused
            made = {"id": assignment_id, "lesson_id": lesson.id, "course_id": course_id, **_values(task)}
            await connection.execute(insert(Assignment).values(**made, created_at=now, updated_at=now))
        return await self.find(assignment_id) or NotFound("section", lesson.section_id)

    async def find(self, assignment_id: str) -> AssignmentRow | None:
        """The assignment, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_assignments().where(Assignment.id == assignment_id))).one_or_none()
        return _assignment(row) if row is not None else None

    async def revise(
        self, assignment_id: str, changes: dict[str, Any], lesson: dict[str, Any], now: Moment
    ) -> AssignmentRow | Refusal:
        """Set some of the fields of `Task`, and `title`, `summary`, `is_required` of the lesson. What was handed in keeps
        what could be had for it."""
        async with self._database.writing() as connection:
            this = select(Assignment).where(Assignment.id == assignment_id).with_for_update()
            present = (await connection.execute(this)).one_or_none()
            if present is None:
                return NotFound("assignment", assignment_id)
            most, least = (changes.get(name, getattr(present, name)) for name in ("max_points", "pass_points"))
            if least > most:
                return Malformed((("passPoints", f"are {most} at most"),))
            values = {name: changes[name] for name in changes if name in Task.__dataclass_fields__}
            await connection.execute(
                update(Assignment).where(Assignment.id == assignment_id).values(**values, updated_at=now)
            )
            await connection.execute(update(Lesson).where(Lesson.id == present.lesson_id).values(**lesson, updated_at=now))
            if "is_required" in lesson:
                await note_change(connection, present.course_id)
        return await self.find(assignment_id) or NotFound("assignment", assignment_id)

    async def unfit_files(self, assignment: AssignmentRow, user_id: UserId, media_ids: Sequence[str]) -> list[str]:
        """Which of these are not files that the learner uploaded for work in this course, that are ready, and that the
        assignment allows."""
        fit = select(MediaFile.id).where(
            MediaFile.id.in_(media_ids),
            MediaFile.owner_id == user_id,
            MediaFile.course_id == assignment.course_id,
            MediaFile.purpose == "submission",
            MediaFile.status == "ready",
        )
        if assignment.allowed_types is not None:
            fit = fit.where(MediaFile.content_type.in_(assignment.allowed_types))
        async with self._database.reading() as connection:
            found = set((await connection.execute(fit)).scalars())
        return [each for each in media_ids if each not in found]

    async def submit(
        self,
        submission_id: str,
        assignment: AssignmentRow,
        user_id: UserId,
        text: str,
        media_ids: Sequence[str],
        now: Moment,
    ) -> SubmissionRow | Refusal:
        """Take what the learner hands in, in the place of what came before, unless that has been graded. The same id again
        is answered with what it made, whatever became of it."""
        late = assignment.due_at is not None and now > assignment.due_at
        sent = {"text": text, "media_ids": list(media_ids), "late": late, "submitted_at": now}
        statement = pg_insert(Submission).values(
            id=submission_id,
            assignment_id=assignment.id,
            user_id=user_id,
            possible=assignment.max_points,
            created_at=now,
            **sent,
        )
        replaced = {**sent, "possible": assignment.max_points, "revision": Submission.revision + 1}
        async with self._database.writing() as connection:
            made = await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[Submission.assignment_id, Submission.user_id],
                    set_=replaced,
                    where=and_(Submission.graded_at.is_(None), Submission.id != submission_id),
                ).returning(Submission.id)
            )
            written = made.scalar_one_or_none()
            if written is not None:
                return await _reread(connection, written)
            mine = (Submission.id == submission_id, Submission.assignment_id == assignment.id, Submission.user_id == user_id)
            known = (await connection.execute(_submissions().where(*mine))).one_or_none()
            return AlreadyGraded() if known is None else _submission(known)

    async def find_submission(self, submission_id: str) -> SubmissionRow | None:
        """What was handed in, or None."""
        return await self._one(_submissions().where(Submission.id == submission_id))

    async def submission_of(self, assignment_id: str, user_id: UserId) -> SubmissionRow | None:
        """What the learner has handed in, or None."""
        return await self._one(
            _submissions().where(Submission.assignment_id == assignment_id, Submission.user_id == user_id)
        )

    async def list_submissions(self, assignment_id: str, limit: int, cursor: str | None) -> Page[SubmissionRow]:
        """What everybody has handed in, in the order in which they first did, the latest first. Raises BadCursor."""
        statement = _submissions().where(Submission.assignment_id == assignment_id)
        after = read_cursor(cursor, "moment", "id")
        if after is not None:
            last = tuple_(literal(after[0], MomentType()), literal(after[1], ID))
            statement = statement.where(tuple_(Submission.created_at, Submission.id) < last)
        statement = statement.order_by(Submission.created_at.desc(), Submission.id.desc()).limit(limit + 1)
        async with self._database.reading() as connection:
            rows = [_submission(row) for row in (await connection.execute(statement)).all()]
        more = len(rows) > limit
        return Page(rows[:limit], write_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if more else None)

    async def grade(
        self,
        submission_id: str,
        points: int,
        feedback: str,
        revision: int | None,
        grader: UserId,
        now: Moment,
    ) -> SubmissionRow | Refusal:
        """Write the grade; the learner and the course's progress are told. With `revision`, only what was looked at."""
        async with self._database.writing() as connection:
            lock = select(Submission.assignment_id).where(Submission.id == submission_id).with_for_update()
            assignment_id = (await connection.execute(lock)).scalar_one_or_none()
            if assignment_id is None:
                return NotFound("submission", submission_id)
            found = await _reread(connection, submission_id)
            if revision is not None and revision != found.revision:
                return Replaced(found.revision)
            if points > found.possible:
                return Malformed((("points", f"are {found.possible} at most"),))
            needed = select(func.least(Assignment.pass_points, found.possible)).where(Assignment.id == assignment_id)
            passed = points >= int((await connection.execute(needed)).scalar_one())
            values = {"points": points, "passed": passed, "feedback": feedback, "graded_at": now, "graded_by": grader}
            await connection.execute(
                update(Submission).where(Submission.id == submission_id).values(**values, grading=Submission.grading + 1)
            )
            graded = await _reread(connection, submission_id)
            await _tell(connection, graded, now)
            return graded

    async def _one(self, statement: Select[Any]) -> SubmissionRow | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return _submission(row) if row is not None else None


async def _tell(connection: AsyncConnection, graded: SubmissionRow, now: Moment) -> None:
    said = {"assignmentId": graded.assignment_id, "submissionId": graded.id, "courseId": graded.course_id}
    notice = Notice("grade", "Your work was graded", f"You have {graded.points} of {graded.possible} points.", said)
    await notify(connection, [graded.user_id], notice, now, key=f"submission:{graded.command_id}")
    payload = {
        "courseId": graded.course_id,
        "userId": graded.user_id,
        "userName": graded.user_name,
        "lessonId": graded.lesson_id,
        "quizId": graded.assignment_id,
        "points": graded.points,
        "possible": graded.possible,
        "passed": graded.passed,
        "commandId": graded.command_id,
    }
    await enqueue(connection, TELL_PROGRESS, payload, key=graded.command_id)


def _values(task: Task) -> dict[str, Any]:
    allowed = list(task.allowed_types) if task.allowed_types is not None else None
    return {**{name: getattr(task, name) for name in Task.__dataclass_fields__}, "allowed_types": allowed}


def _assignments() -> Select[Any]:
    lesson = {name: getattr(Lesson, name) for name in ("section_id", "title", "summary", "is_required", "position")}
    elsewhere: dict[str, Any] = {**lesson, "instructor_id": Course.instructor_id}
    names = AssignmentRow.__dataclass_fields__
    columns = [elsewhere[name] if name in elsewhere else getattr(Assignment, name) for name in names]
    return (
        select(*columns)
        .join(Lesson, and_(Lesson.id == Assignment.lesson_id, Lesson.deleted_at.is_(None)))
        .join(Section, and_(Section.id == Lesson.section_id, Section.deleted_at.is_(None)))
        .join(Course, and_(Course.id == Assignment.course_id, Course.deleted_at.is_(None)))
    )


def _submissions() -> Select[Any]:
    elsewhere: dict[str, Any] = {
        "lesson_id": Assignment.lesson_id,
        "course_id": Assignment.course_id,
        "user_name": User.name.label("user_name"),
    }
    columns = [
        elsewhere[name] if name in elsewhere else getattr(Submission, name) for name in SubmissionRow.__dataclass_fields__
    ]
    return (
        select(*columns)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(User, User.id == Submission.user_id)
    )


async def _reread(connection: AsyncConnection, submission_id: str) -> SubmissionRow:
    return _submission((await connection.execute(_submissions().where(Submission.id == submission_id))).one())


def _assignment(row: Row[Any]) -> AssignmentRow:
    return AssignmentRow(**{name: getattr(row, name) for name in AssignmentRow.__dataclass_fields__})


def _submission(row: Row[Any]) -> SubmissionRow:
    return SubmissionRow(**{name: getattr(row, name) for name in SubmissionRow.__dataclass_fields__})
