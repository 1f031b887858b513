"""The tally lets a true class pass and names each way in which a door can break its promises."""

import pytest

from loadtests.answers import REFUSED, SEATED, WAITLISTED, DoorAnswer
from loadtests.promises import BrokenPromise, Tally, check_answers


def _seat(number: int) -> DoorAnswer:
    return DoorAnswer(SEATED, number)


def _place(number: int) -> DoorAnswer:
    return DoorAnswer(WAITLISTED, number)


def test_a_full_class_with_a_queue_passes() -> None:
    tally = check_answers([("a", _seat(2)), ("b", _place(2)), ("c", _seat(1)), ("d", _place(1))], 4, 2)
    assert (tally.seated, tally.waiting) == (2, 2)


def test_a_class_with_free_seats_passes() -> None:
    assert check_answers([("a", _seat(1))], 1, 5).seated == 1


def test_the_same_answer_again_counts_once() -> None:
    tally = Tally(1)
    tally.note("a", _seat(1))
    tally.note("a", _seat(1))
    tally.close(1)
    assert tally.seated == 1


@pytest.mark.parametrize(
    ("answers", "capacity", "sentence"),
    [
        ([("a", _seat(1)), ("b", _seat(1))], 2, "Seat 1 was given to a and to b"),
        ([("a", _seat(3))], 2, "Seat 3 was given, but there are 2"),
        ([("a", _seat(0))], 2, "Seat 0 was given; they count from 1"),
        ([("a", _seat(1)), ("b", _place(1)), ("c", _place(1))], 1, "Place 1 was given to b and to c"),
        ([("a", _seat(1)), ("b", _place(2)), ("c", _place(3))], 1, "Nobody has place 1 of 1..2"),
        ([("a", _seat(1)), ("a", _seat(2))], 2, "a was told"),
        ([("a", _seat(1)), ("b", _place(1))], 2, "1 students are seated; it must be 2"),
        ([("a", DoorAnswer(REFUSED, 0, "class_full"))], 1, "class_full"),
    ],
)
def test_a_broken_promise_is_named(answers: list[tuple[str, DoorAnswer]], capacity: int, sentence: str) -> None:
    with pytest.raises(BrokenPromise, match=sentence):
        check_answers(answers, len(answers), capacity)


def test_a_student_without_an_answer_is_missed() -> None:
    with pytest.raises(BrokenPromise, match="1 of 2 students have no answer"):
        check_answers([("a", _seat(1))], 2, 2)
