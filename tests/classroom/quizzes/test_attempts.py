"""Attempts: how many, how long, in which order, and what for."""

from hypothesis import given
from hypothesis import strategies as st

from classroom.quizzes.attempts import LATE_BY, MOST_ATTEMPTS, Quiz, grade, is_over, is_shown, may_begin, misshapen, order
from classroom.quizzes.questions import Choice, Given, TrueFalse
from classroom.times import MINUTE, Moment

QUESTIONS = tuple(
    Choice(f"q{number}", "Which?", ("a", "b", "c"), frozenset({number % 3}), points=number + 1) for number in range(6)
)
ANSWERS = st.dictionaries(st.sampled_from([question.id for question in QUESTIONS]), st.integers(0, 2).map(lambda it: (it,)))


def right(*numbers: int) -> dict[str, Given]:
    return {f"q{number}": (number % 3,) for number in numbers}


@given(ANSWERS, st.integers(0, 100))
def test_points_are_those_of_the_right_answers(given_: dict[str, Given], pass_percent: int) -> None:
    quiz = Quiz("z", QUESTIONS, pass_percent=pass_percent)
    result = grade(quiz, given_)
    earned = sum(question.points for question in QUESTIONS if given_.get(question.id) == (min(question.correct),))
    assert (result.points, result.possible) == (earned, 21)
    assert result.passed == (earned * 100 >= 21 * pass_percent)
    assert sum(question.points for question in QUESTIONS if result.right[question.id]) == earned


@given(ANSWERS, ANSWERS)
def test_more_right_answers_are_never_worth_less(fewer: dict[str, Given], more: dict[str, Given]) -> None:
    quiz = Quiz("z", QUESTIONS)
    known = {key: answer for key, answer in more.items() if grade(quiz, more).right[key]}
    assert grade(quiz, {**fewer, **known}).points >= grade(quiz, fewer).points


@given(st.text(max_size=20))
def test_an_attempt_shows_every_question_once_and_always_in_the_same_order(seed: str) -> None:
    quiz = Quiz("z", QUESTIONS, shuffled=True)
    shown = order(quiz, seed)
    assert sorted(question.id for question in shown) == sorted(question.id for question in QUESTIONS)
    assert order(quiz, seed) == shown
    assert order(Quiz("z", QUESTIONS), seed) == QUESTIONS


def test_seeds_bring_every_question_to_every_place() -> None:
    quiz = Quiz("z", QUESTIONS, shuffled=True)
    first = {order(quiz, f"seed {number}")[0].id for number in range(200)}
    assert first == {question.id for question in QUESTIONS}


def test_attempts_are_counted() -> None:
    assert may_begin(Quiz("z", QUESTIONS), 100)
    assert may_begin(Quiz("z", QUESTIONS, attempts=2), 1)
    assert not may_begin(Quiz("z", QUESTIONS, attempts=2), 2)


def test_time_is_up_a_moment_later_than_the_clock_says() -> None:
    begun, quiz = Moment(1_000), Quiz("z", QUESTIONS, minutes=10)
    last = begun + 10 * MINUTE + LATE_BY
    assert not is_over(quiz, begun, Moment(last))
    assert is_over(quiz, begun, Moment(last + 1))
    assert not is_over(Quiz("z", QUESTIONS), begun, Moment(last * 1_000))


def test_answers_to_nothing_and_of_no_shape_are_named() -> None:
    quiz = Quiz("z", (*QUESTIONS, TrueFalse("t", "So?", correct=False)))
    assert misshapen(quiz, {**right(0, 1), "t": "no", "q9": (0,), "q2": (7,)}) == ("t", "q9", "q2")
    assert misshapen(quiz, {}) == ()


def test_an_empty_quiz_is_passed_by_nobody() -> None:
    assert not grade(Quiz("z", ()), {}).passed


def test_any_number_of_attempts_has_a_bound_too() -> None:
    assert may_begin(Quiz("z", QUESTIONS), MOST_ATTEMPTS - 1)
    assert not may_begin(Quiz("z", QUESTIONS), MOST_ATTEMPTS)


def test_a_reviewed_quiz_says_nothing_before_its_review() -> None:
    assert not is_shown(Quiz("z", QUESTIONS, reviewed=True), reviewed=False)
    assert is_shown(Quiz("z", QUESTIONS, reviewed=True), reviewed=True)
    assert is_shown(Quiz("z", QUESTIONS), reviewed=False)
