"""Attempts at quizzes: begun, sent in once, graded by the version they began with, reviewed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Row, Select, and_, cast, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId, UserId
from classroom.notifications import Notice
from classroom.quizzes.attempts import Quiz, closes_at, grade, is_over, is_shown, may_begin, misshapen, most, passes
from classroom.quizzes.questions import Given
from classroom.quizzes.refusals import AttemptOver, NoAttemptsLeft, NotStarted, NotSubmitted
from classroom.refusals import Malformed, NotFound, Refusal
from classroom.times import Moment
from persistence.database import Database
from persistence.jobs import enqueue
from persistence.models import ID, MomentType, User
from persistence.notifications import notify
from persistence.pages import Page, read_cursor, write_cursor
from persistence.quizzes import VERSION, lock_quiz, quiz_of
from persistence.tables.quizzes import QuizAttempt, QuizRecord, QuizVersion

TELL_PROGRESS = "progress.quiz"
"""The kind of the job that tells the course's progress what a quiz or an assignment came to."""
_TRIES = 5


@dataclass(frozen=True)
class Attempt:
    """One go at a quiz. `points` and `passed` are None until it is sent in; `revision` counts the grades that were written
    after the first; `state` is `open`, `submitted` or `expired`."""

    id: str
    version: int
    user_id: UserId
    user_name: str
    number: int
    state: str
    begun_at: Moment
    submitted_at: Moment | None
    given: Mapping[str, Given]
    points: int | None
    possible: int
    passed: bool | None
    revision: int
    feedback: str
    reviewed_at: Moment | None
    lesson_id: LessonId
    course_id: CourseId
    quiz: Quiz

    @property
    def is_final(self) -> bool:
        """Whether its grade stands, and the learner may see it."""
        return self.state == "submitted" and is_shown(self.quiz, self.reviewed_at is not None)

    @property
    def command_id(self) -> str:
        """Under which progress is told of this grade."""
        return self.id if self.revision == 0 else f"{self.id}:{self.revision}"


class QuizAttempts:
    """The attempts. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, attempt_id: str, quiz_id: str, user_id: UserId, now: Moment) -> Attempt | Refusal:
        """The learner's open attempt, or a new one; an open one whose time is up is closed first."""
        async with self._database.writing() as connection:
            return await _begin(connection, attempt_id, quiz_id, user_id, now)

    async def submit(
        self, attempt_id: str | None, new_id: str, quiz_id: str, user_id: UserId, given: Mapping[str, Given], now: Moment
    ) -> Attempt | Refusal:
        """Take the answers of an attempt (None: the open one, or one that begins now as `new_id`) and grade them. One that
        was sent in already is answered as it is, whatever comes now; a refusal has changed nothing."""
        async with self._database.writing() as connection:
            found = await _to_submit(connection, attempt_id, new_id, quiz_id, user_id)
            if isinstance(found, Refusal) or (found is not None and found.state == "submitted"):
                return found
            if found is not None and (found.state == "expired" or is_over(found.quiz, found.begun_at, now)):
                return AttemptOver(closes_at(found.quiz, found.begun_at) or now)
            quiz = found.quiz if found is not None else await _to_begin_now(connection, quiz_id)
            if isinstance(quiz, Refusal):
                return quiz
            if wrong := misshapen(quiz, given):
                return Malformed(
                    tuple((f"answers.{key}"[:100], "cannot be an answer to this question") for key in wrong[:50])
                )
            attempt = found or await _begin(connection, new_id, quiz_id, user_id, now)
            if isinstance(attempt, Refusal) or attempt.state != "open":
                return attempt
            return await _grade(connection, attempt, given, now)

    async def find(self, attempt_id: str) -> Attempt | None:
        """The attempt, or None."""
        async with self._database.reading() as connection:
            return await _one(connection, _attempts().where(QuizAttempt.id == attempt_id))

    async def latest_of(self, quiz_id: str, user_id: UserId) -> Attempt | None:
        """The learner's last attempt that is not open, or None."""
        async with self._database.reading() as connection:
            mine = _attempts_of(quiz_id, user_id).where(QuizAttempt.state != "open")
            return await _one(connection, mine.order_by(QuizAttempt.number.desc()).limit(1))

    async def best_of(self, quiz_id: str, user_id: UserId) -> Attempt | None:
        """The learner's best attempt whose grade stands: a pass before none, then the larger part of the points, then the
        earlier; or None."""
        final = or_(QuizVersion.reviewed.is_(False), QuizAttempt.reviewed_at.is_not(None))
        share = cast(QuizAttempt.points, Float) / QuizAttempt.possible
        async with self._database.reading() as connection:
            mine = _attempts_of(quiz_id, user_id).where(QuizAttempt.state == "submitted", final)
            ordered = mine.order_by(QuizAttempt.passed.desc(), share.desc(), QuizAttempt.number)
            return await _one(connection, ordered.limit(1))

    async def open_of(self, quiz_id: str, user_id: UserId) -> Attempt | None:
        """The learner's open attempt, or None."""
        async with self._database.reading() as connection:
            return await _one(connection, _attempts_of(quiz_id, user_id).where(QuizAttempt.state == "open"))

    async def count_of(self, quiz_id: str, user_id: UserId) -> int:
        """How many attempts the learner has begun."""
        last = select(QuizAttempt.number).where(QuizAttempt.quiz_id == quiz_id, QuizAttempt.user_id == user_id)
        async with self._database.reading() as connection:
            ordered = last.order_by(QuizAttempt.number.desc()).limit(1)
            return (await connection.execute(ordered)).scalar_one_or_none() or 0

    async def list_of_quiz(self, quiz_id: str, limit: int, cursor: str | None) -> Page[Attempt]:
        """Everybody's attempts, the latest begun first. Raises BadCursor."""
        statement = _attempts().where(QuizAttempt.quiz_id == quiz_id)
        after = read_cursor(cursor, "moment", "id")
        if after is not None:
            last = tuple_(literal(after[0], MomentType()), literal(after[1], ID))
            statement = statement.where(tuple_(QuizAttempt.begun_at, QuizAttempt.id) < last)
        statement = statement.order_by(QuizAttempt.begun_at.desc(), QuizAttempt.id.desc()).limit(limit + 1)
        async with self._database.reading() as connection:
            rows = [_attempt(row) for row in (await connection.execute(statement)).all()]
        more = len(rows) > limit
        return Page(rows[:limit], write_cursor(rows[limit - 1].begun_at, rows[limit - 1].id) if more else None)

    async def review(
        self, attempt_id: str, points: int | None, feedback: str | None, reviewer: UserId, now: Moment
    ) -> Attempt | Refusal:
        """Let the grade stand, or put other points in its place; the learner and the course's progress are told."""
        async with self._database.writing() as connection:
            found = await _locked(connection, QuizAttempt.id == attempt_id)
            if found is None:
                return NotFound("attempt", attempt_id)
            if found.state != "submitted" or found.points is None:
                return NotSubmitted()
            worth = found.points if points is None else points
            if worth > found.possible:
                return Malformed((("points", f"are {found.possible} at most"),))
            values: dict[str, Any] = {
                "points": worth,
                "passed": passes(found.quiz, worth),
                "revision": found.revision + 1,
                "reviewed_at": now,
                "reviewed_by": reviewer,
            }
            if feedback is not None:
                values["feedback"] = feedback
            await connection.execute(update(QuizAttempt).where(QuizAttempt.id == attempt_id).values(**values))
            reviewed = await _reread(connection, attempt_id)
            said = {"quizId": reviewed.quiz.id, "courseId": reviewed.course_id, "lessonId": reviewed.lesson_id}
            notice = Notice("grade", "Your quiz was reviewed", f"You have {worth} of {reviewed.possible} points.", said)
            await notify(connection, [reviewed.user_id], notice, now, key=f"quiz:{reviewed.command_id}")
            await _tell_progress(connection, reviewed)
            return reviewed


async def _to_submit(
    connection: AsyncConnection, attempt_id: str | None, new_id: str, quiz_id: str, user_id: UserId
) -> Attempt | Refusal | None:
    """The attempt that the answers are for, locked; None: one that is yet to begin."""
    mine = and_(QuizAttempt.quiz_id == quiz_id, QuizAttempt.user_id == user_id)
    if attempt_id is not None:
        found = await _locked(connection, and_(QuizAttempt.id == attempt_id, mine))
        return found or NotFound("attempt", attempt_id)
    repeated = await _locked(connection, and_(QuizAttempt.id == new_id, mine))
    return repeated or await _locked(connection, and_(QuizAttempt.state == "open", mine))


async def _to_begin_now(connection: AsyncConnection, quiz_id: str) -> Quiz | Refusal:
    """The quiz, locked, that an attempt may begin and end with at once."""
    known = await lock_quiz(connection, quiz_id)
    if known is None:
        return NotFound("quiz", quiz_id)
    return known[2] if known[2].minutes is None else NotStarted()


async def _begin(
    connection: AsyncConnection, attempt_id: str, quiz_id: str, user_id: UserId, now: Moment
) -> Attempt | Refusal:
    known = await lock_quiz(connection, quiz_id)
    if known is None:
        return NotFound("quiz", quiz_id)
    version, _lesson_id, quiz = known
    for _ in range(_TRIES):
        last = await _one(connection, _attempts_of(quiz_id, user_id).order_by(QuizAttempt.number.desc()).limit(1))
        if last is not None and last.id == attempt_id:
            return last
        if last is not None and last.state == "open":
            if not is_over(last.quiz, last.begun_at, now):
                return last
            this = (QuizAttempt.id == last.id, QuizAttempt.state == "open")
            await connection.execute(update(QuizAttempt).where(*this).values(state="expired"))
        begun = last.number if last is not None else 0
        if not may_begin(quiz, begun):
            return NoAttemptsLeft(most(quiz))
        # Who comes second at the same time waits here, adds nothing, and finds the other's.
        made = await connection.execute(
            pg_insert(QuizAttempt)
            .values(
                id=attempt_id,
                quiz_id=quiz_id,
                version=version,
                user_id=user_id,
                number=begun + 1,
                state="open",
                begun_at=now,
                possible=quiz.points,
            )
            .on_conflict_do_nothing()
        )
        if made.rowcount:
            return await _reread(connection, attempt_id)
    raise LookupError(f"attempt {attempt_id} can neither be made nor found")


async def _grade(connection: AsyncConnection, attempt: Attempt, given: Mapping[str, Given], now: Moment) -> Attempt:
    result = grade(attempt.quiz, given)
    await connection.execute(
        update(QuizAttempt)
        .where(QuizAttempt.id == attempt.id, QuizAttempt.state == "open")
        .values(state="submitted", submitted_at=now, given=dict(given), points=result.points, passed=result.passed)
    )
    graded = await _reread(connection, attempt.id)
    if graded.is_final:
        await _tell_progress(connection, graded)
    return graded


async def _tell_progress(connection: AsyncConnection, attempt: Attempt) -> None:
    payload = {
        "courseId": attempt.course_id,
        "userId": attempt.user_id,
        "userName": attempt.user_name,
        "lessonId": attempt.lesson_id,
        "quizId": attempt.quiz.id,
        "points": attempt.points,
        "possible": attempt.possible,
        "passed": attempt.passed,
        "commandId": attempt.command_id,
    }
    await enqueue(connection, TELL_PROGRESS, payload, key=attempt.command_id)


def _attempts() -> Select[Any]:
    names = [name for name in Attempt.__dataclass_fields__ if hasattr(QuizAttempt, name)]
    return (
        select(*(getattr(QuizAttempt, name) for name in names), User.name.label("user_name"), *VERSION)
        .add_columns(QuizRecord.lesson_id, QuizRecord.course_id)
        .join(QuizVersion, and_(QuizVersion.quiz_id == QuizAttempt.quiz_id, QuizVersion.version == QuizAttempt.version))
        .join(QuizRecord, QuizRecord.id == QuizAttempt.quiz_id)
        .join(User, User.id == QuizAttempt.user_id)
    )


def _attempts_of(quiz_id: str, user_id: UserId) -> Select[Any]:
    return _attempts().where(QuizAttempt.quiz_id == quiz_id, QuizAttempt.user_id == user_id)


async def _locked(connection: AsyncConnection, which: ColumnElement[bool]) -> Attempt | None:
    return await _one(connection, _attempts().where(which).with_for_update(of=QuizAttempt))


async def _reread(connection: AsyncConnection, attempt_id: str) -> Attempt:
    return _attempt((await connection.execute(_attempts().where(QuizAttempt.id == attempt_id))).one())


async def _one(connection: AsyncConnection, statement: Select[Any]) -> Attempt | None:
    row = (await connection.execute(statement)).one_or_none()
    return _attempt(row) if row is not None else None


def _attempt(row: Row[Any]) -> Attempt:
    names = [name for name in Attempt.__dataclass_fields__ if name not in ("quiz", "given")]
    given = {key: tuple(answer) if isinstance(answer, list) else answer for key, answer in row.given.items()}
    return Attempt(**{name: getattr(row, name) for name in names}, given=given, quiz=quiz_of(row))
