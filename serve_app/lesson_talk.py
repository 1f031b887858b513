"""Routes of what people say about lessons to each other (questions and answers) and to themselves (bookmarks)."""

from typing import Annotated

from fastapi import Path
from pydantic import Field, StringConstraints

from classroom.callers import Caller, Role
from classroom.refusals import Forbidden, NotEnrolled, NotFound
from persistence.audit import Act
from persistence.bookmarks import BookmarkRow
from persistence.lesson_talk import AnswerRow, QuestionRow
from persistence.syllabus import LessonRow
from serve_app.composition import Parts
from serve_app.lesson_access import manages, readable_lesson
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.visits import CurrentVisit, Me, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, PageOf, Person, Prose, Time, Uuid, Wire, new_router, problems

router = new_router("/api", "lessons", OnceRoute)

LessonIdInPath = Annotated[str, Path(alias="lessonId")]
Words = Annotated[Prose, StringConstraints(min_length=1, max_length=5_000)]
Note = Annotated[Prose, StringConstraints(max_length=1_000)]


class WordsBody(Wire):
    """A question or an answer."""

    text: Words


class Question(Wire):
    """A question about a lesson. `answerCount` counts its answers; they have a route of their own."""

    id: str
    lesson_id: str
    author: Person
    text: str
    answer_count: int
    accepted_answer_id: str | None
    created_at: Time


class Answer(Wire):
    """An answer. `byInstructor` says that the course's instructor gave it."""

    id: str
    question_id: str
    author: Person
    text: str
    accepted: bool
    by_instructor: bool
    created_at: Time


class Acceptance(Wire):
    """Which answer is accepted; null for none."""

    answer_id: Uuid | None


class BookmarkBody(Wire):
    """Where in the lesson (for a video), and why."""

    position_seconds: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    note: Note = ""


class LessonRef(Wire):
    """A lesson by its name."""

    id: str
    title: str
    type: str


class CourseName(Wire):
    """A course by its name."""

    id: str
    title: str


class Bookmark(Wire):
    """A place in a lesson that one wants to find again."""

    lesson: LessonRef
    course: CourseName
    position_seconds: int | None
    note: str
    created_at: Time


@router.get("/lessons/{lessonId}/questions", responses=problems(400, 401, 403, 404))
async def list_questions(
    lesson_id: LessonIdInPath, me: Me, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[Question]:
    """What is asked about the lesson, the latest first; for who is enrolled, the instructor and admins."""
    lesson = await _lesson(lesson_id, me, parts)
    page = await parts.stores.lesson_talk.list_questions(lesson.id, limit, cursor)
    return PageOf[Question](items=[question_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.post("/lessons/{lessonId}/questions", status_code=201, responses=problems(400, 401, 403, 404, 413, 415))
async def ask_question(lesson_id: LessonIdInPath, body: WordsBody, me: Me, parts: Use, visit: CurrentVisit) -> Question:
    """Ask about the lesson. The instructor is told."""
    lesson = await _lesson(lesson_id, me, parts)
    question_id = visit.entity_id or parts.new_id()
    row = await parts.stores.lesson_talk.ask(question_id, lesson.id, me.user_id, body.text, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound("lesson", lesson.id))
    return question_of(row)


@router.delete("/questions/{id}", status_code=204, responses=problems(401, 403, 404))
async def delete_question(question_id: IdInPath, me: Me, parts: Use) -> None:
    """Take a question away with its answers: an own one, one in an own course, or any for admins."""
    row = await _question(question_id, me, parts)
    act = _deletion(row, "question", me)
    if not await parts.stores.lesson_talk.delete_question(row.id, parts.clock(), act):
        raise RefusedRequest(NotFound("question", row.id))


@router.get("/questions/{id}/answers", responses=problems(400, 401, 403, 404))
async def list_answers(
    question_id: IdInPath, me: Me, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[Answer]:
    """What is answered, in the order in which it was."""
    row = await _question(question_id, me, parts)
    page = await parts.stores.lesson_talk.list_answers(row.id, limit, cursor)
    return PageOf[Answer](items=[answer_of(each) for each in page.items], next_cursor=page.next_cursor)


@router.post("/questions/{id}/answers", status_code=201, responses=problems(400, 401, 403, 404, 413, 415))
async def answer_question(question_id: IdInPath, body: WordsBody, me: Me, parts: Use, visit: CurrentVisit) -> Answer:
    """Answer a question. Who asked is told."""
    question = await _question(question_id, me, parts)
    answer_id = visit.entity_id or parts.new_id()
    row = await parts.stores.lesson_talk.answer(answer_id, question, me.user_id, body.text, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound("question", question.id))
    return answer_of(row)


@router.put("/questions/{id}/accepted-answer", responses=problems(400, 401, 403, 404, 413, 415))
async def accept_answer(question_id: IdInPath, body: Acceptance, me: Me, parts: Use) -> Question:
    """Say which answer helped; for who asked, and the instructor."""
    question = await _question(question_id, me, parts)
    if question.user_id != me.user_id and not manages(me, question.instructor_id):
        raise RefusedRequest(Forbidden("accept answers to somebody else's question"))
    if not await parts.stores.lesson_talk.accept(question.id, body.answer_id):
        raise RefusedRequest(NotFound("answer", body.answer_id or ""))
    return question_of(await _question(question.id, me, parts))


@router.delete("/answers/{id}", status_code=204, responses=problems(401, 403, 404))
async def delete_answer(answer_id: IdInPath, me: Me, parts: Use) -> None:
    """Take an answer away: an own one, one in an own course, or any for admins."""
    row = await parts.stores.lesson_talk.find_answer(uuid_or_404(answer_id, "answer"))
    if row is None:
        raise RefusedRequest(NotFound("answer", answer_id))
    await _belongs(row, me, parts)
    act = _deletion(row, "answer", me)
    if not await parts.stores.lesson_talk.delete_answer(row.id, parts.clock(), act):
        raise RefusedRequest(NotFound("answer", row.id))


@router.put("/lessons/{lessonId}/bookmark", responses=problems(400, 401, 403, 404, 413, 415))
async def put_bookmark(lesson_id: LessonIdInPath, body: BookmarkBody, me: Me, parts: Use) -> Bookmark:
    """Set the caller's bookmark in a lesson that they may see; there is one."""
    lesson = await readable_lesson(lesson_id, me, parts)
    row = await parts.stores.bookmarks.put(me.user_id, lesson.id, body.position_seconds, body.note, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound("lesson", lesson.id))
    return _bookmark_of(row)


@router.delete("/lessons/{lessonId}/bookmark", status_code=204, responses=problems(401, 404))
async def delete_bookmark(lesson_id: LessonIdInPath, me: Me, parts: Use) -> None:
    """Take the caller's bookmark away. Also 204 when there is none."""
    await parts.stores.bookmarks.delete(me.user_id, uuid_or_404(lesson_id, "lesson"))


@router.get("/users/me/bookmarks", responses=problems(400, 401))
async def list_bookmarks(me: Me, parts: Use, limit: Limit = 20, cursor: Cursor = None) -> PageOf[Bookmark]:
    """The caller's bookmarks, the latest first."""
    page = await parts.stores.bookmarks.list_of(me.user_id, limit, cursor)
    return PageOf[Bookmark](items=[_bookmark_of(row) for row in page.items], next_cursor=page.next_cursor)


def question_of(row: QuestionRow) -> Question:
    """The question as who may read the lesson sees it."""
    return Question(
        id=row.id,
        lesson_id=row.lesson_id,
        author=Person(id=row.user_id, name=row.user_name),
        text=row.text,
        answer_count=row.answers,
        accepted_answer_id=row.accepted_answer_id,
        created_at=row.created_at,
    )


def answer_of(row: AnswerRow) -> Answer:
    """The answer as who may read the lesson sees it."""
    return Answer(
        id=row.id,
        question_id=row.question_id,
        author=Person(id=row.user_id, name=row.user_name),
        text=row.text,
        accepted=row.accepted,
        by_instructor=row.user_id == row.instructor_id,
        created_at=row.created_at,
    )


def _bookmark_of(row: BookmarkRow) -> Bookmark:
    return Bookmark(
        lesson=LessonRef(id=row.lesson_id, title=row.lesson_title, type=row.lesson_type),
        course=CourseName(id=row.course_id, title=row.course_title),
        position_seconds=row.position_seconds,
        note=row.note,
        created_at=row.created_at,
    )


async def _lesson(lesson_id: str, me: Caller, parts: Parts) -> LessonRow:
    """The lesson, if the caller may talk about it: a preview is for all to see, and not for all to talk about."""
    lesson = await readable_lesson(lesson_id, me, parts)
    if not manages(me, lesson.instructor_id) and not await parts.enrollments.is_enrolled(lesson.course_id, me.user_id):
        raise RefusedRequest(NotEnrolled(lesson.course_id))
    return lesson


async def _question(question_id: str, me: Caller, parts: Parts) -> QuestionRow:
    row = await parts.stores.lesson_talk.find_question(uuid_or_404(question_id, "question"))
    if row is None:
        raise RefusedRequest(NotFound("question", question_id))
    await _belongs(row, me, parts)
    return row


async def _belongs(row: QuestionRow | AnswerRow, me: Caller, parts: Parts) -> None:
    if not manages(me, row.instructor_id) and not await parts.enrollments.is_enrolled(row.course_id, me.user_id):
        raise RefusedRequest(NotEnrolled(row.course_id))


def _deletion(row: QuestionRow | AnswerRow, kind: str, me: Caller) -> Act | None:
    """What is put on record when an admin takes away what others said. Refuses with 403 for who may not."""
    if row.user_id == me.user_id:
        return None
    if not manages(me, row.instructor_id):
        raise RefusedRequest(Forbidden(f"delete somebody else's {kind}"))
    if me.role is not Role.ADMIN:
        return None
    return Act(me.user_id, f"{kind}.delete", kind, row.id, {"userId": row.user_id, "text": row.text[:500]})
