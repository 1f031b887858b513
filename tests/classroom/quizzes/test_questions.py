"""What is right, and what cannot be an answer."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.quizzes.questions import Choice, Given, Numeric, Question, ShortText, TrueFalse, faults

SINGLE = Choice("q", "Which?", ("a", "b", "c"), frozenset({1}))
MULTIPLE = Choice("q", "Which?", ("a", "b", "c", "d"), frozenset({0, 2}), multiple=True)
STATEMENT = TrueFalse("q", "Water is wet.", correct=True)
WORD = ShortText("q", "Capital of Austria?", ("Wien", "Vienna"))
NUMBER = Numeric("q", "Pi?", Decimal("3.14"), Decimal("0.01"))
ANYTHING = st.booleans() | st.integers() | st.text(max_size=60) | st.lists(st.integers(-2, 6), max_size=5).map(tuple)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        (SINGLE, [(1,), 1], [0, (0,), (), (0, 1), "1", True]),
        (MULTIPLE, [(0, 2), (2, 0)], [0, (0,), (0, 1, 2), (0, 0, 2), ()]),
        (STATEMENT, [True], [False, "true", (1,)]),
        (WORD, ["Wien", " vienna ", "VIENNA", "\uff37ien"], ["Wein", "", True]),
        (
            NUMBER,
            ["3.14", "3,15", " 3.13 ", "314e-2"],
            ["3.16", "3.129", "pi", "nan", "inf", "1e999999999", True, 3, 10**4000],
        ),
    ],
)
def test_right_and_wrong(question: Choice, right: list[Given], wrong: list[Given]) -> None:
    assert all(question.is_right(each) for each in right)
    assert not any(question.is_right(each) for each in wrong)


@given(st.sampled_from([SINGLE, MULTIPLE, STATEMENT, WORD, NUMBER]), ANYTHING)
def test_what_is_right_can_be_an_answer(question: Choice, answer: Given) -> None:
    assert question.is_shaped(answer) or not question.is_right(answer)


@given(st.decimals(-1000, 1000, places=3), st.decimals(0, 5, places=3), st.decimals(-10, 10, places=3))
def test_a_number_is_right_within_its_tolerance_ends_included(correct: Decimal, tolerance: Decimal, off: Decimal) -> None:
    question = Numeric("q", "How much?", correct, tolerance)
    assert question.is_right(str(correct + off)) == (abs(off) <= tolerance)


def test_options_that_do_not_exist_are_no_answer() -> None:
    assert not SINGLE.is_shaped((3,))
    assert not SINGLE.is_shaped((0, 1))
    assert not MULTIPLE.is_shaped((-1,))
    assert MULTIPLE.is_shaped(())


def test_a_word_may_hold_nothing_that_no_table_takes() -> None:
    assert not WORD.is_shaped("Wi\x00en")


@pytest.mark.parametrize("question", [SINGLE, MULTIPLE, STATEMENT, WORD, NUMBER])
def test_a_sound_question_has_no_faults(question: Question) -> None:
    assert faults(question) == ()


@pytest.mark.parametrize(
    ("question", "part"),
    [
        (Choice("q", "Which?", ("a",), frozenset({0})), "options"),
        (Choice("q", "Which?", ("a", " A "), frozenset({0})), "options"),
        (Choice("q", "Which?", ("a", "b"), frozenset({2})), "correct"),
        (Choice("q", "Which?", ("a", "b"), frozenset({-1})), "correct"),
        (Choice("q", "Which?", ("a", "b"), frozenset()), "correct"),
        (Choice("q", "Which?", ("a", "b"), frozenset({0, 1})), "correct"),
        (Choice("q", "Which?", ("a", "b"), frozenset(), multiple=True), "correct"),
        (ShortText("q", "Capital?", ()), "correct"),
        (ShortText("q", "Capital?", ("Wien", "  ")), "correct"),
        (Numeric("q", "Pi?", Decimal("nan")), "correct"),
        (Numeric("q", "Pi?", Decimal(3), Decimal(-1)), "tolerance"),
    ],
)
def test_what_cannot_be_asked_is_named(question: Question, part: str) -> None:
    assert [name for name, _ in faults(question)] == [part]


@given(st.lists(st.text(max_size=3), max_size=5), st.frozensets(st.integers(-1, 5), max_size=4), st.booleans())
def test_a_sound_choice_can_be_answered_rightly(options: list[str], correct: frozenset[int], multiple: bool) -> None:
    question = Choice("q", "Which?", tuple(options), correct, multiple)
    if not faults(question):
        answer = tuple(sorted(correct))
        assert question.is_shaped(answer)
        assert question.is_right(answer)
