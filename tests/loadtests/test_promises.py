"""The tally lets a true class pass and names each way in which a door can break its promises."""

import pytest

from loadtests.answers import REFUSED, SEATED, WAITLISTED, DoorAnswer
from loadtests.promises import Asked, BrokenPromise, Tally, check_answers


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
        ([("a", DoorAnswer(REFUSED, 0, "class_full")), ("a", _seat(1))], 2, "a was told"),
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


_Stay = tuple[str, DoorAnswer, Asked]


def _in_turn(capacity: int, stays: list[_Stay], clocks_apart: float = 0.0) -> None:
    tally = Tally(capacity, clocks_apart)
    for student, answer, asked in stays:
        tally.note(student, answer, asked)
    tally.close(len({student for student, _, _ in stays}))


def test_who_asked_while_another_waited_for_the_answer_may_stand_on_either_side() -> None:
    _in_turn(1, [("a", _seat(1), Asked(2.0, 4.0)), ("b", _place(1), Asked(1.0, 3.0)), ("c", _place(2), Asked(1.5, 9.0))])


@pytest.mark.parametrize(
    ("stays", "sentence"),
    [
        ([("a", _seat(1), Asked(5.0, 6.0)), ("b", _place(1), Asked(1.0, 2.0))], "seat 1 before place 1"),
        ([("a", _seat(1), Asked(5.0, 6.0)), ("b", _seat(2), Asked(1.0, 2.0))], "seat 1 before seat 2"),
        (
            [
                ("a", _seat(1), Asked(1.0, 2.0)),
                ("b", _seat(2), Asked(1.0, 2.0)),
                ("c", _place(1), Asked(9.0, 9.1)),
                ("d", _place(2), Asked(3.0, 3.1)),
            ],
            "c asked 5.900 s after d had been answered",
        ),
    ],
)
def test_a_later_comer_who_stands_before_is_named(stays: list[_Stay], sentence: str) -> None:
    with pytest.raises(BrokenPromise, match=sentence):
        _in_turn(2 if len(stays) > 2 or stays[1][1].outcome == SEATED else 1, stays)


def test_the_first_question_and_the_first_answer_count() -> None:
    again = [("b", _place(1), Asked(1.0, 9.0)), ("a", _seat(1), Asked(8.0, 9.0)), ("a", _seat(1), Asked(2.0, 9.5))]
    _in_turn(1, again)


def test_clocks_of_several_machines_may_differ_a_little() -> None:
    stays = [("a", _seat(1), Asked(2.04, 3.0)), ("b", _place(1), Asked(1.0, 2.0))]
    _in_turn(1, stays, clocks_apart=0.05)
    with pytest.raises(BrokenPromise, match=r"0\.040 s after"):
        _in_turn(1, stays)
