"""How quizzes, attempts and results look on the wire: a question with its answer and one without are two shapes."""

from typing import Any, Literal

from classroom.quizzes.attempts import Quiz, closes_at, most, order
from classroom.quizzes.questions import Choice, Given, Numeric, Question, ShortText, TrueFalse
from persistence.quiz_attempts import Attempt
from persistence.quizzes import QuizRow
from serve_app.wire import Time, Wire

Kind = Literal["single", "multiple", "true_false", "short_text", "numeric"]
Status = Literal["open", "graded", "awaiting_review", "expired"]
Correct = bool | float | list[int] | list[str]
"""Indexes of options, true or false, accepted wordings, or a number."""


class QuestionToAnswer(Wire):
    """A question as learners see it."""

    id: str
    type: Kind
    text: str
    options: list[str] | None
    points: int


class QuestionWithAnswer(Wire):
    """A question as its author sees it. `correct` is shaped as it was written; indexes of options as a list."""

    id: str
    type: Kind
    text: str
    options: list[str] | None
    points: int
    correct: Correct
    tolerance: float | None
    explanation: str


class _QuizFrame(Wire):
    id: str
    lesson_id: str
    section_id: str
    course_id: str
    title: str
    summary: str
    version: int
    pass_percent: int
    attempts: int | None
    time_limit_minutes: int | None
    shuffled: bool
    reviewed: bool
    is_required: bool
    points: int
    question_count: int


class AttemptRef(Wire):
    """An attempt that is open. `endsAt` null: it has all the time."""

    id: str
    number: int
    started_at: Time
    ends_at: Time | None


class QuizToTake(_QuizFrame):
    """A quiz as learners see it. The questions of a quiz with a time limit are there once an attempt has begun.
    `attemptsLeft` null: any number."""

    questions: list[QuestionToAnswer]
    attempts_used: int
    attempts_left: int | None
    open_attempt: AttemptRef | None


class QuizWithAnswers(_QuizFrame):
    """A quiz as who manages its course sees it."""

    position: int
    questions: list[QuestionWithAnswer]
    created_at: Time
    updated_at: Time


class StartedAttempt(AttemptRef):
    """An attempt that has begun, with what it asks, in its order."""

    quiz_id: str
    lesson_id: str
    questions: list[QuestionToAnswer]
    attempts_left: int | None


class AnsweredQuestion(Wire):
    """What was asked, what was answered, and what would have been right. `given` null: nothing."""

    id: str
    type: Kind
    text: str
    options: list[str] | None
    given: bool | int | str | list[int] | None
    right: bool
    correct: Correct
    points: int
    explanation: str


class AttemptResult(Wire):
    """What an attempt came to. While it waits for its review, `points`, `percent`, `passed` and `questions` are null."""

    attempt_id: str
    quiz_id: str
    lesson_id: str
    number: int
    status: Status
    started_at: Time
    submitted_at: Time | None
    points: int | None
    possible: int
    percent: float | None
    passed: bool | None
    feedback: str
    questions: list[AnsweredQuestion] | None


class QuizResult(Wire):
    """The learner's own: the last attempt that was sent in or ran out of time, and the best whose grade stands."""

    quiz_id: str
    passed: bool
    attempts_used: int
    attempts_left: int | None
    latest: AttemptResult
    best: AttemptResult | None


class AttemptView(Wire):
    """An attempt as who teaches sees it, with what was answered."""

    id: str
    quiz_id: str
    version: int
    user_id: str
    user_name: str
    number: int
    status: Status
    started_at: Time
    submitted_at: Time | None
    points: int | None
    possible: int
    passed: bool | None
    feedback: str
    reviewed_at: Time | None
    answers: dict[str, bool | int | str | list[int]]


def kind_of(question: Question) -> Kind:
    """Its word on the wire."""
    if isinstance(question, Choice):
        return "multiple" if question.multiple else "single"
    if isinstance(question, TrueFalse):
        return "true_false"
    return "short_text" if isinstance(question, ShortText) else "numeric"


def question_to_answer(question: Question) -> QuestionToAnswer:
    """Without what is right."""
    return QuestionToAnswer(
        id=question.id,
        type=kind_of(question),
        text=question.text,
        options=_options(question),
        points=question.points,
    )


def quiz_with_answers(row: QuizRow) -> QuizWithAnswers:
    """With what is right."""
    return QuizWithAnswers(
        **_frame(row),
        position=row.position,
        questions=[_with_answer(question) for question in row.quiz.questions],
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def quiz_to_take(row: QuizRow, used: int, current: Attempt | None, reader: str) -> QuizToTake:
    """As the learner sees it who has `used` attempts and perhaps one that is open."""
    if current is not None:
        shown = order(current.quiz, current.id)
    else:
        shown = () if row.quiz.minutes is not None else order(row.quiz, f"{row.id}/{reader}")
    return QuizToTake(
        **_frame(row),
        questions=[question_to_answer(question) for question in shown],
        attempts_used=used,
        attempts_left=left_of(row.quiz, used),
        open_attempt=AttemptRef(**_ref(current)) if current is not None else None,
    )


def started(attempt: Attempt, quiz: Quiz, used: int) -> StartedAttempt:
    """The attempt with its questions."""
    return StartedAttempt(
        **_ref(attempt),
        quiz_id=attempt.quiz.id,
        lesson_id=attempt.lesson_id,
        questions=[question_to_answer(question) for question in order(attempt.quiz, attempt.id)],
        attempts_left=left_of(quiz, used),
    )


def left_of(quiz: Quiz, used: int) -> int | None:
    """How many attempts are left; None: any number."""
    return None if quiz.attempts is None else max(0, most(quiz) - used)


def result_of(attempt: Attempt) -> AttemptResult:
    """As the learner may see it now."""
    final = attempt.is_final
    share = round(100 * (attempt.points or 0) / attempt.possible, 1) if attempt.possible else 0.0
    return AttemptResult(
        attempt_id=attempt.id,
        quiz_id=attempt.quiz.id,
        lesson_id=attempt.lesson_id,
        number=attempt.number,
        status=_status(attempt),
        started_at=attempt.begun_at,
        submitted_at=attempt.submitted_at,
        points=attempt.points if final else None,
        possible=attempt.possible,
        percent=share if final else None,
        passed=attempt.passed if final else None,
        feedback=attempt.feedback if final else "",
        questions=_answered(attempt) if final else None,
    )


def attempt_of(attempt: Attempt) -> AttemptView:
    """As who teaches sees it."""
    return AttemptView(
        id=attempt.id,
        quiz_id=attempt.quiz.id,
        version=attempt.version,
        user_id=attempt.user_id,
        user_name=attempt.user_name,
        number=attempt.number,
        status=_status(attempt),
        started_at=attempt.begun_at,
        submitted_at=attempt.submitted_at,
        points=attempt.points,
        possible=attempt.possible,
        passed=attempt.passed,
        feedback=attempt.feedback,
        reviewed_at=attempt.reviewed_at,
        answers={key: _plain(answer) for key, answer in attempt.given.items()},
    )


def _frame(row: QuizRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "lesson_id": row.lesson_id,
        "section_id": row.section_id,
        "course_id": row.course_id,
        "title": row.title,
        "summary": row.summary,
        "version": row.version,
        "pass_percent": row.quiz.pass_percent,
        "attempts": row.quiz.attempts,
        "time_limit_minutes": row.quiz.minutes,
        "shuffled": row.quiz.shuffled,
        "reviewed": row.quiz.reviewed,
        "is_required": row.is_required,
        "points": row.quiz.points,
        "question_count": len(row.quiz.questions),
    }


def _ref(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "number": attempt.number,
        "started_at": attempt.begun_at,
        "ends_at": closes_at(attempt.quiz, attempt.begun_at),
    }


def _options(question: Question) -> list[str] | None:
    return list(question.options) if isinstance(question, Choice) else None


def _correct(question: Question) -> Correct:
    if isinstance(question, Choice):
        return sorted(question.correct)
    if isinstance(question, TrueFalse):
        return question.correct
    return list(question.accepted) if isinstance(question, ShortText) else float(question.correct)


def _with_answer(question: Question) -> QuestionWithAnswer:
    return QuestionWithAnswer(
        **question_to_answer(question).model_dump(),
        correct=_correct(question),
        tolerance=float(question.tolerance) if isinstance(question, Numeric) else None,
        explanation=question.explanation,
    )


def _answered(attempt: Attempt) -> list[AnsweredQuestion]:
    return [
        AnsweredQuestion(
            **question_to_answer(question).model_dump(),
            given=_plain(attempt.given[question.id]) if question.id in attempt.given else None,
            right=question.id in attempt.given and question.is_right(attempt.given[question.id]),
            correct=_correct(question),
            explanation=question.explanation,
        )
        for question in order(attempt.quiz, attempt.id)
    ]


def _status(attempt: Attempt) -> Status:
    if attempt.state == "submitted":
        return "graded" if attempt.is_final else "awaiting_review"
    return "open" if attempt.state == "open" else "expired"


def _plain(given: Given) -> bool | int | str | list[int]:
    return list(given) if isinstance(given, tuple) else given
