"""Routes of quizzes: made and reviewed by who teaches, begun and sent in by who learns."""

from dataclasses import replace
from typing import Annotated

from fastapi import Path

from classroom.callers import Caller, Role
from classroom.ids import CommandId, LessonId
from classroom.progress.commands import QuizGraded
from classroom.quizzes.attempts import Quiz
from classroom.quizzes.questions import Question
from classroom.refusals import Forbidden, Malformed, NotEnrolled, NotFound, Refusal
from persistence.arranging import NewLesson
from persistence.quiz_attempts import Attempt
from persistence.quizzes import QuizChanges, QuizRow
from serve_app.composition import Parts
from serve_app.lesson_access import managed_section, manages, readable_lesson
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.quiz_bodies import Answers, QuestionBody, QuizBody, QuizPatch, Review, check, given_of, question_of
from serve_app.quiz_wire import (
    AttemptView,
    QuizResult,
    QuizToTake,
    QuizWithAnswers,
    StartedAttempt,
    attempt_of,
    left_of,
    quiz_to_take,
    quiz_with_answers,
    result_of,
    started,
)
from serve_app.visits import CurrentVisit, Me, Student, Teacher, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, PageOf, new_router, problems

router = new_router("/api", "quizzes", OnceRoute)
SectionIdInPath = Annotated[str, Path(alias="sectionId")]


@router.post("/sections/{sectionId}/quizzes", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415))
async def create_quiz(
    section_id: SectionIdInPath, body: QuizBody, me: Teacher, parts: Use, visit: CurrentVisit
) -> QuizWithAnswers:
    """Add a lesson of type `quiz` and its quiz to a section."""
    section = await managed_section(section_id, me, parts)
    quiz = Quiz(
        visit.entity_id or parts.new_id(),
        _questions(body.questions, (), parts),
        body.attempts,
        body.time_limit_minutes,
        body.pass_percent,
        body.shuffled,
        body.reviewed,
    )
    lesson = NewLesson(
        LessonId(parts.new_id()),
        section.id,
        "quiz",
        body.title,
        body.summary,
        is_required=body.is_required,
        at=body.position,
    )
    made = await parts.stores.quizzes.create(lesson, section.course_id, quiz, parts.clock())
    if isinstance(made, Refusal):
        raise RefusedRequest(made)
    return quiz_with_answers(made)


@router.get("/quizzes/{id}", responses=problems(401, 403, 404))
async def get_quiz(quiz_id: IdInPath, me: Me, parts: Use) -> QuizWithAnswers | QuizToTake:
    """The quiz: with its answers for who manages the course, without them for who is enrolled."""
    row = await _quiz(quiz_id, parts)
    if manages(me, row.instructor_id):
        return quiz_with_answers(row)
    await readable_lesson(row.lesson_id, me, parts)
    used = await parts.stores.quiz_attempts.count_of(row.id, me.user_id)
    current = await parts.stores.quiz_attempts.open_of(row.id, me.user_id)
    return quiz_to_take(row, used, current, me.user_id)


@router.patch("/quizzes/{id}", responses=problems(400, 401, 403, 404, 413, 415))
async def revise_quiz(quiz_id: IdInPath, body: QuizPatch, me: Teacher, parts: Use) -> QuizWithAnswers:
    """Change the quiz. Attempts that were begun are graded by what they began with."""
    row = await _managed(quiz_id, me, parts)

    def change(quiz: Quiz) -> Quiz:
        asked = _questions(body.questions, quiz.questions, parts) if body.questions is not None else quiz.questions
        said = body.model_fields_set
        return replace(
            quiz,
            questions=asked,
            attempts=body.attempts if "attempts" in said else quiz.attempts,
            minutes=body.time_limit_minutes if "time_limit_minutes" in said else quiz.minutes,
            pass_percent=quiz.pass_percent if body.pass_percent is None else body.pass_percent,
            shuffled=quiz.shuffled if body.shuffled is None else body.shuffled,
            reviewed=quiz.reviewed if body.reviewed is None else body.reviewed,
        )

    changes = QuizChanges(change, body.title, body.summary, body.is_required)
    revised = await parts.stores.quizzes.revise(row.id, changes, parts.clock())
    if revised is None:
        raise RefusedRequest(NotFound("quiz", quiz_id))
    return quiz_with_answers(revised)


@router.delete("/quizzes/{id}", status_code=204, responses=problems(401, 403, 404))
async def delete_quiz(quiz_id: IdInPath, me: Teacher, parts: Use) -> None:
    """Take the quiz and its lesson out of the course; what was sent in stays on record."""
    row = await _managed(quiz_id, me, parts)
    await parts.stores.syllabus.delete_lesson(row.lesson_id, parts.clock())


@router.post("/quizzes/{id}/start", responses=problems(401, 403, 404, 409))
async def start_quiz(quiz_id: IdInPath, me: Student, parts: Use, visit: CurrentVisit) -> StartedAttempt:
    """Begin an attempt; its time runs from now on. While one is open it is given back."""
    row = await _to_take(quiz_id, me, parts)
    attempt = _accepted(
        await parts.stores.quiz_attempts.begin(visit.entity_id or parts.new_id(), row.id, me.user_id, parts.clock())
    )
    return started(attempt, row.quiz, attempt.number)


@router.post("/quizzes/{id}/submit", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def submit_quiz(quiz_id: IdInPath, body: Answers, me: Student, parts: Use, visit: CurrentVisit) -> QuizResult:
    """Send in the answers of the open attempt, or of one that begins with this. The same attempt again is answered with the
    result that it has."""
    row = await _to_take(quiz_id, me, parts)
    attempt_id = uuid_or_404(body.attempt_id, "attempt") if body.attempt_id is not None else None
    given = {key: given_of(answer) for key, answer in body.answers.items()}
    attempt = _accepted(
        await parts.stores.quiz_attempts.submit(
            attempt_id, visit.entity_id or parts.new_id(), row.id, me.user_id, given, parts.clock()
        )
    )
    await _tell_progress(attempt, parts)
    return await _result(row, me, parts)


@router.get("/quizzes/{id}/result", responses=problems(401, 403, 404))
async def get_quiz_result(quiz_id: IdInPath, me: Student, parts: Use) -> QuizResult:
    """The caller's own result, 404 before anything was sent in. With right answers and explanations; of a quiz that is
    reviewed, after its review."""
    row = await _quiz(quiz_id, parts)
    await readable_lesson(row.lesson_id, me, parts)
    return await _result(row, me, parts)


@router.get("/quizzes/{id}/attempts", responses=problems(401, 403, 404))
async def list_quiz_attempts(
    quiz_id: IdInPath, me: Teacher, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[AttemptView]:
    """Everybody's attempts, the latest begun first."""
    row = await _managed(quiz_id, me, parts)
    page = await parts.stores.quiz_attempts.list_of_quiz(row.id, limit, cursor)
    return PageOf[AttemptView](items=[attempt_of(attempt) for attempt in page.items], next_cursor=page.next_cursor)


@router.patch("/attempts/{id}", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def review_attempt(attempt_id: IdInPath, body: Review, me: Teacher, parts: Use) -> AttemptView:
    """Let the grade of an attempt stand, or give other points; and say something about it. The learner is told."""
    ident = uuid_or_404(attempt_id, "attempt")
    found = await parts.stores.quiz_attempts.find(ident)
    if found is None:
        raise RefusedRequest(NotFound("attempt", attempt_id))
    await _managed(found.quiz.id, me, parts)
    reviewed = _accepted(
        await parts.stores.quiz_attempts.review(ident, body.points, body.feedback, me.user_id, parts.clock())
    )
    await _tell_progress(reviewed, parts)
    return attempt_of(reviewed)


def _questions(bodies: list[QuestionBody], known: tuple[Question, ...], parts: Parts) -> tuple[Question, ...]:
    """The questions; those that name one that is known keep its id, others get one. Refuses ids that are not, or twice."""
    ids = {question.id for question in known}
    named = [body.id for body in bodies if body.id is not None]
    wrong = [
        (f"questions.{place}.id", "is not the id of a question of this quiz, or stands here twice")
        for place, body in enumerate(bodies)
        if body.id is not None and (body.id not in ids or named.count(body.id) > 1)
    ]
    if wrong:
        raise RefusedRequest(Malformed(tuple(wrong[:50])))
    return check(tuple(question_of(body, body.id or parts.new_id()) for body in bodies))


async def _quiz(quiz_id: str, parts: Parts) -> QuizRow:
    row = await parts.stores.quizzes.find(uuid_or_404(quiz_id, "quiz"))
    if row is None:
        raise RefusedRequest(NotFound("quiz", quiz_id))
    return row


async def _managed(quiz_id: str, me: Caller, parts: Parts) -> QuizRow:
    row = await _quiz(quiz_id, parts)
    if not manages(me, row.instructor_id):
        raise RefusedRequest(Forbidden("manage a quiz of somebody else's course"))
    return row


async def _to_take(quiz_id: str, me: Caller, parts: Parts) -> QuizRow:
    """The quiz, for who is enrolled; a preview can be seen by others, and not sent in."""
    row = await _quiz(quiz_id, parts)
    await readable_lesson(row.lesson_id, me, parts)
    if not await parts.enrollments.is_enrolled(row.course_id, me.user_id):
        raise RefusedRequest(NotEnrolled(row.course_id))
    return row


async def _result(row: QuizRow, me: Caller, parts: Parts) -> QuizResult:
    store = parts.stores.quiz_attempts
    latest = await store.latest_of(row.id, me.user_id)
    if latest is None:
        raise RefusedRequest(NotFound("result of this quiz", row.id))
    best = await store.best_of(row.id, me.user_id)
    used = await store.count_of(row.id, me.user_id)
    return QuizResult(
        quiz_id=row.id,
        passed=best is not None and bool(best.passed),
        attempts_used=used,
        attempts_left=left_of(row.quiz, used),
        latest=result_of(latest),
        best=result_of(best) if best is not None else None,
    )


async def _tell_progress(attempt: Attempt, parts: Parts) -> None:
    """Tell the course's progress at once; when it cannot be reached the job of the same transaction tells it later."""
    if not attempt.is_final:
        return
    learner = Caller(attempt.user_id, attempt.user_name, Role.STUDENT)
    graded = QuizGraded(
        attempt.user_id,
        attempt.lesson_id,
        attempt.quiz.id,
        attempt.points or 0,
        attempt.possible,
        bool(attempt.passed),
    )
    await parts.progress.tell(attempt.course_id, learner, graded, CommandId(attempt.command_id))


def _accepted(answer: Attempt | Refusal) -> Attempt:
    if isinstance(answer, Refusal):
        raise RefusedRequest(answer)
    return answer
