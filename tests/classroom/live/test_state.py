"""What a class knows about itself: deadlines, remembered commands, and costs that do not grow with the class."""

import time
from collections.abc import Callable

import pytest

from classroom.ids import CommandId
from classroom.live import commands as c
from classroom.live.state import ANSWERS_KEPT, LiveClass, next_deadline
from tests.classroom.live.lines import Lines
from tests.classroom.live.room import SESSION, TEACHER, Room, started, student, students


def crowded(count: int) -> Room:
    """`count` sit and as many wait, all connected; nobody is told yet."""
    room = started(max_students=count, duration_minutes=600)
    room.careful = False
    for caller in students(2 * count):
        room.join(caller)
        room.connect(caller)
    return room


def sitting(number: int) -> str:
    return f"s{number + 1}"


MOVES: dict[str, Callable[[Room, int], object]] = {
    "coming in to wait": lambda room, n: room.join(student(f"new{n}")),
    "joining again": lambda room, n: room.join(student(sitting(n))),
    "leaving a seat to the head of the queue": lambda room, n: room.do(student(sitting(n)), c.Leave()),
    "being removed": lambda room, n: room.do(TEACHER, c.RemoveMember(student(sitting(n)).user_id)),
    "raising a hand": lambda room, n: room.do(student(sitting(n)), c.RaiseHand()),
    "losing the socket": lambda room, n: room.disconnect(student(sitting(n))),
    "saying something": lambda room, n: room.do(student(sitting(n)), c.PostChat("hello")),
    "telling the counts": lambda room, n: (room.join(student(f"new{n}")), room.wait(1), room.settle()),
    "asking for the next deadline": lambda room, n: next_deadline(room.state),
}


@pytest.mark.parametrize("move", MOVES)
def test_no_move_costs_more_than_a_logarithm_more_in_a_larger_class(move: str) -> None:
    def work(count: int) -> int:
        room = crowded(count)
        with Lines() as lines:
            for number in range(8):
                MOVES[move](room, number)
        return lines.count

    assert 0 < work(800) < 1.8 * work(50)


def test_losing_everybody_at_once_costs_each_the_same() -> None:
    """A gateway dies: the front of `lost` goes again and again, which a plain dict pays for with its square."""
    count = 60_000
    room = started(max_students=count, duration_minutes=600)
    state = room.state
    for number in range(count):
        state.lost[student(f"s{number}").user_id] = room.now
    begun = time.process_time()
    while state.lost:
        due = next_deadline(state)
        assert due is not None
        del state.lost[next(iter(state.lost))]
    assert time.process_time() - begun < 1


def test_the_latest_commands_are_remembered_and_the_oldest_forgotten() -> None:
    state = LiveClass(SESSION)
    for number in range(ANSWERS_KEPT + 3):
        state.remember(CommandId(f"c{number}"), "")
    assert len(state.answered) == ANSWERS_KEPT
    assert CommandId("c2") not in state.answered
    assert CommandId("c3") in state.answered
    state.remember(CommandId(f"c{ANSWERS_KEPT + 2}"), "again")
    assert len(state.answered) == ANSWERS_KEPT


def test_nothing_is_due_for_a_class_without_a_plan() -> None:
    assert next_deadline(LiveClass(SESSION)) is None
