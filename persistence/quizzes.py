"""Quizzes: what they ask, in versions, so that an attempt is graded by what it was shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, and_, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId, UserId
from classroom.quizzes.attempts import Quiz
from classroom.quizzes.questions import Choice, Numeric, Question, ShortText, TrueFalse
from classroom.refusals import NotFound, Refusal
from classroom.times import Moment
from persistence.arranging import NewLesson, note_change, write_lesson
from persistence.database import Database
from persistence.models import Course
from persistence.tables.quizzes import QuizAttempt, QuizRecord, QuizVersion
from persistence.tables.syllabus import Lesson, Section


@dataclass(frozen=True)
class QuizRow:
    """A quiz as new attempts get it, with its lesson and whose course it is part of."""

    id: str
    lesson_id: LessonId
    section_id: str
    course_id: CourseId
    instructor_id: UserId
    title: str
    summary: str
    is_required: bool
    is_preview: bool
    position: int
    version: int
    quiz: Quiz
    created_at: Moment
    updated_at: Moment


@dataclass(frozen=True)
class QuizChanges:
    """What becomes of a quiz. `quiz` is given the present one under a lock; None as a text leaves it as it is."""

    quiz: Callable[[Quiz], Quiz]
    title: str | None = None
    summary: str | None = None
    is_required: bool | None = None


class Quizzes:
    """The quizzes. Every call raises StoreAway when Postgres is away. A quiz goes with its lesson, section and course."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, lesson: NewLesson, course_id: CourseId, quiz: Quiz, now: Moment) -> QuizRow | Refusal:
        """Make the lesson and its quiz, unless the lesson does not fit. The same id again is answered with what it made."""
        found = await self.find(quiz.id)
        if found is not None:
            return found
        async with self._database.writing() as connection:
            refused = await write_lesson(connection, lesson, now)
            if refused is not None:
                return refused
            made = {"id": quiz.id, "lesson_id": lesson.id, "course_id": course_id, "version": 1}
            await connection.execute(insert(QuizRecord).values(**made, created_at=now, updated_at=now))
            await connection.execute(insert(QuizVersion).values(**_version(quiz), version=1, created_at=now))
        made_row = await self.find(quiz.id)
        return made_row if made_row is not None else NotFound("section", lesson.section_id)

    async def find(self, quiz_id: str) -> QuizRow | None:
        """The quiz, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_quizzes().where(QuizRecord.id == quiz_id))).one_or_none()
        return _quiz_row(row) if row is not None else None

    async def revise(self, quiz_id: str, changes: QuizChanges, now: Moment) -> QuizRow | None:
        """Change the quiz; None when there is none. Once somebody has begun a version the next one follows; who has begun
        goes on with theirs."""
        async with self._database.writing() as connection:
            known = await lock_quiz(connection, quiz_id, to_change=True)
            if known is None:
                return None
            version, lesson_id, quiz = known
            changed = changes.quiz(quiz)
            if changed != quiz:
                version = await self._write(connection, version, changed, now)
            await connection.execute(
                update(QuizRecord).where(QuizRecord.id == quiz_id).values(version=version, updated_at=now)
            )
            texts = {"title": changes.title, "summary": changes.summary, "is_required": changes.is_required}
            said = {name: value for name, value in texts.items() if value is not None}
            renewed = update(Lesson).where(Lesson.id == lesson_id).values(**said, updated_at=now)
            course_id = (await connection.execute(renewed.returning(Lesson.course_id))).scalar_one()
            if "is_required" in said:
                await note_change(connection, course_id)
        return await self.find(quiz_id)

    async def _write(self, connection: AsyncConnection, version: int, quiz: Quiz, now: Moment) -> int:
        this = and_(QuizVersion.quiz_id == quiz.id, QuizVersion.version == version)
        begun = exists().where(QuizAttempt.quiz_id == quiz.id, QuizAttempt.version == version)
        if (await connection.execute(select(begun))).scalar_one():
            await connection.execute(insert(QuizVersion).values(**_version(quiz), version=version + 1, created_at=now))
            return version + 1
        await connection.execute(update(QuizVersion).where(this).values(**_version(quiz)))
        return version


async def lock_quiz(
    connection: AsyncConnection, quiz_id: str, *, to_change: bool = False
) -> tuple[int, LessonId, Quiz] | None:
    """The version that a new attempt gets, the lesson and the quiz, none of which changes before this transaction ends."""
    lock = select(QuizRecord.version, QuizRecord.lesson_id).where(QuizRecord.id == quiz_id)
    locked = (await connection.execute(lock.with_for_update(read=not to_change))).one_or_none()
    if locked is None:
        return None
    version = select(*VERSION).where(QuizVersion.quiz_id == quiz_id, QuizVersion.version == locked.version)
    row = (await connection.execute(version)).one()
    return locked.version, LessonId(locked.lesson_id), quiz_of(row)


VERSION = (
    QuizVersion.quiz_id,
    QuizVersion.questions,
    QuizVersion.attempts,
    QuizVersion.minutes,
    QuizVersion.pass_percent,
    QuizVersion.shuffled,
    QuizVersion.reviewed,
)
"""The columns that `quiz_of` reads."""


def quiz_of(row: Row[Any]) -> Quiz:
    """The quiz as the version with these columns has it."""
    return Quiz(
        row.quiz_id,
        tuple(_question(document) for document in row.questions),
        row.attempts,
        row.minutes,
        row.pass_percent,
        row.shuffled,
        row.reviewed,
    )


def _quizzes() -> Select[Any]:
    lesson = (Lesson.section_id, Lesson.title, Lesson.summary, Lesson.is_required, Lesson.is_preview, Lesson.position)
    record = (QuizRecord.id, QuizRecord.lesson_id, QuizRecord.course_id, QuizRecord.version)
    columns: list[Any] = [*record, *lesson, *VERSION, Course.instructor_id, QuizRecord.created_at, QuizRecord.updated_at]
    return (
        select(*columns)
        .join(QuizVersion, and_(QuizVersion.quiz_id == QuizRecord.id, QuizVersion.version == QuizRecord.version))
        .join(Lesson, and_(Lesson.id == QuizRecord.lesson_id, Lesson.deleted_at.is_(None)))
        .join(Section, and_(Section.id == Lesson.section_id, Section.deleted_at.is_(None)))
        .join(Course, and_(Course.id == QuizRecord.course_id, Course.deleted_at.is_(None)))
    )


def _quiz_row(row: Row[Any]) -> QuizRow:
    names = [name for name in QuizRow.__dataclass_fields__ if name != "quiz"]
    return QuizRow(**{name: getattr(row, name) for name in names}, quiz=quiz_of(row))


def _version(quiz: Quiz) -> dict[str, Any]:
    return {
        "quiz_id": quiz.id,
        "questions": [_document(question) for question in quiz.questions],
        "pass_percent": quiz.pass_percent,
        "attempts": quiz.attempts,
        "minutes": quiz.minutes,
        "shuffled": quiz.shuffled,
        "reviewed": quiz.reviewed,
    }


def _document(question: Question) -> dict[str, Any]:
    shared = {
        "id": question.id,
        "text": question.text,
        "points": question.points,
        "explanation": question.explanation,
    }
    if isinstance(question, Choice):
        kind = "multiple" if question.multiple else "single"
        return {**shared, "type": kind, "options": list(question.options), "correct": sorted(question.correct)}
    if isinstance(question, TrueFalse):
        return {**shared, "type": "true_false", "correct": question.correct}
    if isinstance(question, ShortText):
        return {**shared, "type": "short_text", "correct": list(question.accepted)}
    numbers = {"correct": str(question.correct), "tolerance": str(question.tolerance)}
    return {**shared, "type": "numeric", **numbers}


def _question(document: dict[str, Any]) -> Question:
    kind, correct = document["type"], document["correct"]
    ident, text = document["id"], document["text"]
    worth, why = document["points"], document["explanation"]
    if kind in ("single", "multiple"):
        options = _texts(document["options"])
        return Choice(ident, text, options, frozenset(correct), kind == "multiple", worth, why)
    if kind == "true_false":
        return TrueFalse(ident, text, correct, worth, why)
    if kind == "short_text":
        return ShortText(ident, text, _texts(correct), worth, why)
    return Numeric(ident, text, Decimal(correct), Decimal(document["tolerance"]), worth, why)


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(values)
