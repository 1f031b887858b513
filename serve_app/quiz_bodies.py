"""What clients send about quizzes: questions with their answers from who teaches, answers from who learns."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from classroom.quizzes.questions import Choice, Given, Numeric, Question, ShortText, TrueFalse, faults
from classroom.refusals import Malformed
from serve_app.problems import RefusedRequest
from serve_app.wire import Line, Prose, Uuid, Wire

Asked = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Explanation = Annotated[Prose, StringConstraints(max_length=2_000)]
Worth = Annotated[int, Field(strict=True, ge=1, le=1_000)]
Index = Annotated[int, Field(strict=True, ge=0, le=19)]
Number = Annotated[float, Field(strict=True, ge=-1e15, le=1e15, allow_inf_nan=False)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Attempts = Annotated[int, Field(strict=True, ge=1, le=100, description="None: any number.")]
Minutes = Annotated[int, Field(strict=True, ge=1, le=10_080)]
Position = Annotated[int, Field(strict=True, ge=0, le=10_000)]


class _Asking(Wire):
    """What every question has. `id` names a question that is there already, so that it keeps its id."""

    id: Uuid | None = None
    text: Asked
    points: Worth = 1
    explanation: Explanation = ""


class SingleBody(_Asking):
    """Exactly one of the options is right; they are counted from 0."""

    type: Literal["single"]
    options: Annotated[list[Word], Field(min_length=2, max_length=20)]
    correct: Index | Annotated[list[Index], Field(min_length=1, max_length=1)]


class MultipleBody(_Asking):
    """One or more of the options are right, and all of them have to be chosen."""

    type: Literal["multiple"]
    options: Annotated[list[Word], Field(min_length=2, max_length=20)]
    correct: Annotated[list[Index], Field(min_length=1, max_length=20)]


class TrueFalseBody(_Asking):
    """A statement that is true or false."""

    type: Literal["true_false"]
    correct: StrictBool


class ShortTextBody(_Asking):
    """A word or a few, in one of the accepted wordings; upper and lower case are the same."""

    type: Literal["short_text"]
    correct: Word | Annotated[list[Word], Field(min_length=1, max_length=20)]


class NumericBody(_Asking):
    """A number, right within `tolerance` on either side."""

    type: Literal["numeric"]
    correct: Number
    tolerance: Annotated[Number, Field(ge=0)] = 0


QuestionBody = Annotated[
    SingleBody | MultipleBody | TrueFalseBody | ShortTextBody | NumericBody, Field(discriminator="type")
]
Questions = Annotated[list[QuestionBody], Field(min_length=1, max_length=200)]


class QuizBody(Wire):
    """A new quiz, and the lesson that it makes. `position` counts from 0 within the section; without it it comes last."""

    title: Line
    summary: Annotated[Prose, StringConstraints(max_length=2_000)] = ""
    questions: Questions
    pass_percent: Percent = 50
    attempts: Attempts | None = None
    time_limit_minutes: Minutes | None = None
    shuffled: StrictBool = False
    reviewed: StrictBool = False
    is_required: StrictBool = True
    position: Position | None = None


class QuizPatch(Wire):
    """What changes about a quiz; what is left out stays. `attempts` and `timeLimitMinutes` may be null: no limit."""

    title: Line | None = None
    summary: Annotated[Prose, StringConstraints(max_length=2_000)] | None = None
    questions: Questions | None = None
    pass_percent: Percent | None = None
    attempts: Attempts | None = None
    time_limit_minutes: Minutes | None = None
    shuffled: StrictBool | None = None
    reviewed: StrictBool | None = None
    is_required: StrictBool | None = None


Answer = (
    StrictBool
    | StrictInt
    | Annotated[float, Field(strict=True, allow_inf_nan=False)]
    | Annotated[str, StringConstraints(max_length=500)]
    | Annotated[list[StrictInt], Field(max_length=20)]
)
"""Indexes of options (or one index), true or false, text, a number."""


class Answers(Wire):
    """What a learner sends in: answers by the id of the question. What is left out is wrong."""

    attempt_id: Annotated[str, StringConstraints(max_length=36)] | None = None
    answers: Annotated[dict[Annotated[str, StringConstraints(max_length=64)], Answer], Field(max_length=200)]


class Review(Wire):
    """What whoever teaches makes of an attempt. Without `points` those that it was graded with stand."""

    points: Annotated[int, Field(strict=True, ge=0, le=200_000)] | None = None
    feedback: Annotated[Prose, StringConstraints(max_length=10_000)] | None = None


def question_of(body: QuestionBody, ident: str) -> Question:
    """The question under this id."""
    shared = (body.points, body.explanation)
    if isinstance(body, SingleBody):
        correct = body.correct if isinstance(body.correct, list) else [body.correct]
        return Choice(ident, body.text, tuple(body.options), frozenset(correct), False, *shared)  # noqa: FBT003
    if isinstance(body, MultipleBody):
        return Choice(ident, body.text, tuple(body.options), frozenset(body.correct), True, *shared)  # noqa: FBT003
    if isinstance(body, TrueFalseBody):
        return TrueFalse(ident, body.text, body.correct, *shared)
    if isinstance(body, ShortTextBody):
        accepted = body.correct if isinstance(body.correct, list) else [body.correct]
        return ShortText(ident, body.text, tuple(accepted), *shared)
    return Numeric(ident, body.text, Decimal(str(body.correct)), Decimal(str(body.tolerance)), *shared)


def check(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    """The questions, if they can all be asked. Refuses with the fields that stand in the way."""
    found = [
        (f"questions.{place}.{part}", sentence)
        for place, question in enumerate(questions)
        for part, sentence in faults(question)
    ]
    if found:
        raise RefusedRequest(Malformed(tuple(found[:50])))
    return questions


def given_of(answer: Answer) -> Given:
    """The answer as the rules take it: indexes as a tuple, a number with a fraction as text."""
    if isinstance(answer, float):
        return str(answer)
    return tuple(answer) if isinstance(answer, list) else answer
