"""An attempt at a quiz: whether it may begin, what it shows, when it is over, and what it is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from classroom.quizzes.questions import Given, Question
from classroom.times import MINUTE, SECOND, Moment

LATE_BY = 30 * SECOND
"""An answer may be under way for so long after the time is up."""
MOST_ATTEMPTS = 1_000
"""What "any number" comes to."""

T = TypeVar("T")


@dataclass(frozen=True)
class Quiz:
    """What the instructor set. `attempts` None: 1,000; `minutes` None: no limit. `pass_percent` is of the points."""

    id: str
    questions: tuple[Question, ...]
    attempts: int | None = None
    minutes: int | None = None
    pass_percent: int = 50
    shuffled: bool = False
    reviewed: bool = False

    @property
    def points(self) -> int:
        """What can be had."""
        return sum(question.points for question in self.questions)


@dataclass(frozen=True)
class Result:
    """What an attempt is worth. `right` by the id of the question."""

    points: int
    possible: int
    passed: bool
    right: Mapping[str, bool]


def may_begin(quiz: Quiz, begun: int) -> bool:
    """Whether another attempt may follow those that were begun."""
    return begun < most(quiz)


def most(quiz: Quiz) -> int:
    """How many attempts a learner has."""
    return MOST_ATTEMPTS if quiz.attempts is None else quiz.attempts


def is_shown(quiz: Quiz, reviewed: bool) -> bool:
    """Whether whoever sent the attempt in may see what it is worth and what would have been right."""
    return reviewed or not quiz.reviewed


def closes_at(quiz: Quiz, begun_at: Moment) -> Moment | None:
    """When the time is up; None: never."""
    return None if quiz.minutes is None else Moment(begun_at + quiz.minutes * MINUTE)


def is_over(quiz: Quiz, begun_at: Moment, now: Moment) -> bool:
    """Whether answers come too late."""
    end = closes_at(quiz, begun_at)
    return end is not None and now > end + LATE_BY


def misshapen(quiz: Quiz, given: Mapping[str, Given]) -> tuple[str, ...]:
    """The ids of answers that belong to no question or cannot be an answer to theirs, in the order in which they came. A
    question without an answer is none of them: it is wrong."""
    questions = {question.id: question for question in quiz.questions}
    return tuple(key for key, answer in given.items() if key not in questions or not questions[key].is_shaped(answer))


def grade(quiz: Quiz, given: Mapping[str, Given]) -> Result:
    """The points of the right answers. An empty quiz is passed by nobody."""
    right = {question.id: question.id in given and question.is_right(given[question.id]) for question in quiz.questions}
    points = sum(question.points for question in quiz.questions if right[question.id])
    return Result(points, quiz.points, passes(quiz, points), right)


def passes(quiz: Quiz, points: int) -> bool:
    """Whether so many points are enough. An empty quiz is passed by nobody."""
    return quiz.points > 0 and points * 100 >= quiz.points * quiz.pass_percent


def order(quiz: Quiz, seed: str) -> tuple[Question, ...]:
    """The questions as this attempt shows them: the same for the same seed."""
    return tuple(_shuffle(quiz.questions, seed)) if quiz.shuffled else quiz.questions


def _shuffle(items: Sequence[T], seed: str) -> list[T]:
    """By the hash of seed and place: every order is as likely as another, without a source of chance."""
    ranked = sorted(range(len(items)), key=lambda index: blake2b(f"{seed}/{index}".encode(), digest_size=16).digest())
    return [items[index] for index in ranked]
