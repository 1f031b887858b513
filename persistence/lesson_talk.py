"""Questions about lessons and what is answered to them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId, UserId
from classroom.notifications import Notice
from classroom.times import Moment, from_datetime, to_datetime
from persistence.accounts import shown_name
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.ids import FIRST_ID, LAST_ID
from persistence.notifications import notify
from persistence.pages import Page, read_cursor, write_cursor


@dataclass(frozen=True)
class QuestionRow:
    """A question that is shown. `answers` counts those that are shown."""

    id: str
    lesson_id: LessonId
    lesson_title: str
    course_id: CourseId
    instructor_id: UserId
    user_id: UserId
    user_name: str
    text: str
    created_at: Moment
    answers: int
    accepted_answer_id: str | None


@dataclass(frozen=True)
class AnswerRow:
    """An answer that is shown, to a question that is."""

    id: str
    question_id: str
    course_id: CourseId
    instructor_id: UserId
    user_id: UserId
    user_name: str
    text: str
    accepted: bool
    created_at: Moment


class LessonTalk:
    """The questions and answers. What is hidden is not found. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self, question_id: str, lesson_id: LessonId, user_id: UserId, words: str, now: Moment
    ) -> QuestionRow | None:
        """Ask about a lesson, and tell the instructor if somebody else asks. The same id again is answered with what it
        made; None when the lesson has gone, or what was made was taken away."""
        values = {"id": question_id, "lesson_id": lesson_id, "user_id": user_id, "text": words, "now": to_datetime(now)}
        async with self._database.writing() as connection:
            made = await connection.execute(text(_ASK), values)
            row = (await connection.execute(text(_QUESTION), {"id": question_id})).one_or_none()
            asked = _question(row) if row is not None else None
            if made.rowcount and asked is not None and asked.instructor_id != user_id:
                notice = _notice("question", f"{asked.user_name} asks about {asked.lesson_title}", words, asked)
                await notify(connection, [asked.instructor_id], notice, now, f"question:{question_id}")
        return asked

    async def answer(
        self, answer_id: str, question: QuestionRow, user_id: UserId, words: str, now: Moment
    ) -> AnswerRow | None:
        """Answer a question, and tell who asked if somebody else answers. The same id again is answered with what it made;
        None when the question has gone."""
        values = {"id": answer_id, "question_id": question.id, "user_id": user_id, "text": words, "now": to_datetime(now)}
        async with self._database.writing() as connection:
            made = await connection.execute(text(_REPLY), values)
            row = (await connection.execute(text(_ANSWER), {"id": answer_id})).one_or_none()
            answered = _answer(row) if row is not None else None
            if made.rowcount and answered is not None and question.user_id != user_id:
                notice = _notice("answer", f"{answered.user_name} answers your question", words, question, answer_id)
                await notify(connection, [question.user_id], notice, now, f"answer:{answer_id}")
        return answered

    async def find_question(self, question_id: str) -> QuestionRow | None:
        """The question, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_QUESTION), {"id": question_id})).one_or_none()
        return _question(row) if row is not None else None

    async def find_answer(self, answer_id: str) -> AnswerRow | None:
        """The answer, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(text(_ANSWER), {"id": answer_id})).one_or_none()
        return _answer(row) if row is not None else None

    async def list_questions(self, lesson_id: LessonId, limit: int, cursor: str | None) -> Page[QuestionRow]:
        """What is asked about the lesson, the latest first. Raises BadCursor."""
        after = read_cursor(cursor, "id")
        values = {"lesson_id": lesson_id, "after": after[0] if after else LAST_ID, "at_most": limit + 1}
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_QUESTIONS), values)).all()
        items = [_question(row) for row in rows[:limit]]
        return Page(items, write_cursor(items[-1].id) if len(rows) > limit else None)

    async def list_answers(self, question_id: str, limit: int, cursor: str | None) -> Page[AnswerRow]:
        """What is answered, in the order in which it was. Raises BadCursor."""
        after = read_cursor(cursor, "id")
        values = {"question_id": question_id, "after": after[0] if after else FIRST_ID, "at_most": limit + 1}
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_ANSWERS), values)).all()
        items = [_answer(row) for row in rows[:limit]]
        return Page(items, write_cursor(items[-1].id) if len(rows) > limit else None)

    async def accept(self, question_id: str, answer_id: str | None) -> bool:
        """Accept this answer, and no other any more; None accepts none. False when it is no answer to the question."""
        values = {"question_id": question_id, "answer_id": answer_id}
        async with self._database.writing() as connection:
            await connection.execute(text(_LOCK), {"id": question_id})
            fits = answer_id is None or (await connection.execute(text(_FITS), values)).one_or_none() is not None
            if fits:
                await connection.execute(text(_UNACCEPT), values)
                await connection.execute(text(_ACCEPT), values)
        return fits

    async def delete_question(self, question_id: str, now: Moment, act: Act | None = None) -> bool:
        """Take a question away with its answers; False when it was not there. With an act, that is put on record."""
        return await self._delete("questions", question_id, now, act)

    async def delete_answer(self, answer_id: str, now: Moment, act: Act | None = None) -> bool:
        """Take an answer away; False when it was not there. With an act, that is put on record."""
        return await self._delete("answers", answer_id, now, act)

    async def _delete(self, table: str, ident: str, now: Moment, act: Act | None) -> bool:
        async with self._database.writing() as connection:
            gone = await take_away(connection, table, ident)
            if gone and act is not None:
                await write_act(connection, act, now)
        return gone


async def take_away(connection: AsyncConnection, table: str, ident: str) -> bool:
    """Delete a row of `questions` or `answers` in this transaction; False when it was not there."""
    return (await connection.execute(text(_DELETE[table]), {"id": ident})).rowcount > 0


async def hide(connection: AsyncConnection, table: str, ident: str, now: Moment) -> bool:
    """Show a row of `questions` or `answers` no more, in this transaction; False when it was not shown. A hidden answer is
    accepted no more."""
    return (await connection.execute(text(_HIDE[table]), {"id": ident, "now": to_datetime(now)})).rowcount > 0


def _notice(kind: str, title: str, words: str, question: QuestionRow, answer_id: str | None = None) -> Notice:
    data = {"courseId": question.course_id, "lessonId": question.lesson_id, "questionId": question.id}
    return Notice(kind, title[:200], words[:500], data if answer_id is None else {**data, "answerId": answer_id})


def _question(row: Any) -> QuestionRow:
    return QuestionRow(
        id=str(row.id),
        lesson_id=LessonId(str(row.lesson_id)),
        lesson_title=row.lesson_title,
        course_id=CourseId(str(row.course_id)),
        instructor_id=UserId(str(row.instructor_id)),
        user_id=UserId(str(row.user_id)),
        user_name=row.user_name,
        text=row.text,
        created_at=from_datetime(row.created_at),
        answers=row.answers,
        accepted_answer_id=str(row.accepted) if row.accepted is not None else None,
    )


def _answer(row: Any) -> AnswerRow:
    return AnswerRow(
        id=str(row.id),
        question_id=str(row.question_id),
        course_id=CourseId(str(row.course_id)),
        instructor_id=UserId(str(row.instructor_id)),
        user_id=UserId(str(row.user_id)),
        user_name=row.user_name,
        text=row.text,
        accepted=row.accepted,
        created_at=from_datetime(row.created_at),
    )


_ASK = """
    INSERT INTO questions (id, lesson_id, user_id, text, created_at)
    SELECT CAST(:id AS uuid), id, CAST(:user_id AS uuid), :text, :now FROM lessons
    WHERE id = CAST(:lesson_id AS uuid) AND deleted_at IS NULL
    ON CONFLICT (id) DO NOTHING
"""
# FOR KEY SHARE: a question that is being taken away is waited for, and then has gone.
_REPLY = """
    WITH asked AS (
        SELECT id FROM questions WHERE id = CAST(:question_id AS uuid) AND hidden_at IS NULL FOR KEY SHARE
    )
    INSERT INTO answers (id, question_id, user_id, text, created_at)
    SELECT CAST(:id AS uuid), id, CAST(:user_id AS uuid), :text, :now FROM asked
    ON CONFLICT (id) DO NOTHING
"""
_SELECT_QUESTIONS = f"""
    SELECT q.id, q.lesson_id, l.title AS lesson_title, l.course_id, c.instructor_id, q.user_id,
        {shown_name()} AS user_name, q.text, q.created_at,
        (SELECT count(*) FROM answers a WHERE a.question_id = q.id AND a.hidden_at IS NULL) AS answers,
        (SELECT a.id FROM answers a WHERE a.question_id = q.id AND a.accepted) AS accepted
    FROM questions q
    JOIN lessons l ON l.id = q.lesson_id AND l.deleted_at IS NULL
    JOIN courses c ON c.id = l.course_id AND c.deleted_at IS NULL
    JOIN users u ON u.id = q.user_id
    WHERE q.hidden_at IS NULL
"""  # noqa: S608 - made of constants
_QUESTION = f"{_SELECT_QUESTIONS} AND q.id = CAST(:id AS uuid)"
_QUESTIONS = f"""{_SELECT_QUESTIONS} AND q.lesson_id = CAST(:lesson_id AS uuid) AND q.id < CAST(:after AS uuid)
    ORDER BY q.id DESC LIMIT :at_most
"""
_SELECT_ANSWERS = f"""
    SELECT a.id, a.question_id, l.course_id, c.instructor_id, a.user_id, {shown_name()} AS user_name, a.text,
        a.accepted, a.created_at
    FROM answers a
    JOIN questions q ON q.id = a.question_id AND q.hidden_at IS NULL
    JOIN lessons l ON l.id = q.lesson_id AND l.deleted_at IS NULL
    JOIN courses c ON c.id = l.course_id AND c.deleted_at IS NULL
    JOIN users u ON u.id = a.user_id
    WHERE a.hidden_at IS NULL
"""  # noqa: S608 - made of constants
_ANSWER = f"{_SELECT_ANSWERS} AND a.id = CAST(:id AS uuid)"
_ANSWERS = f"""{_SELECT_ANSWERS} AND a.question_id = CAST(:question_id AS uuid) AND a.id > CAST(:after AS uuid)
    ORDER BY a.id LIMIT :at_most
"""
_LOCK = "SELECT FROM questions WHERE id = CAST(:id AS uuid) FOR UPDATE"
_FITS = """
    SELECT id FROM answers
    WHERE id = CAST(:answer_id AS uuid) AND question_id = CAST(:question_id AS uuid) AND hidden_at IS NULL FOR UPDATE
"""
# First the old one, then the new one: the index allows one at any moment.
_UNACCEPT = """
    UPDATE answers SET accepted = false
    WHERE question_id = CAST(:question_id AS uuid) AND accepted AND id IS DISTINCT FROM CAST(:answer_id AS uuid)
"""
_ACCEPT = "UPDATE answers SET accepted = true WHERE id = CAST(:answer_id AS uuid) AND NOT accepted"
_DELETE = {
    "questions": "DELETE FROM questions WHERE id = CAST(:id AS uuid)",
    "answers": "DELETE FROM answers WHERE id = CAST(:id AS uuid)",
}
_HIDE = {
    "questions": "UPDATE questions SET hidden_at = :now WHERE id = CAST(:id AS uuid) AND hidden_at IS NULL",
    "answers": """
        UPDATE answers SET hidden_at = :now, accepted = false WHERE id = CAST(:id AS uuid) AND hidden_at IS NULL
    """,
}
