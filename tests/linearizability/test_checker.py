"""The checker finds no fault in a door that is right, and finds every fault that was planted."""

import itertools
from dataclasses import replace

import pytest

from tests.linearizability.checker import check
from tests.linearizability.door import Door, DoorModel
from tests.linearizability.histories import History, Operation
from tests.linearizability.planted import PLANTED, a_history

SEEDS = range(120)
MODEL = DoorModel()


def told(*lines: tuple[str, tuple[object, ...], int, int | None, object]) -> list[Operation]:
    """A history by hand: who, what, invoked, returned, answer."""
    return [Operation("class", who, ask, start, start, end, end, heard) for who, ask, start, end, heard in lines]  # type: ignore[arg-type]


def holds(history: list[Operation], capacity: int = 1) -> bool:
    return check(history, MODEL, Door(capacity)).linearizable


def test_two_who_asked_at_once_may_come_in_either_order() -> None:
    for first, second in itertools.permutations("ab"):
        assert holds(
            told(
                (first, ("join", True), 1, 3, ("inside", ("seated", 1), 1, 1, 0)),
                (second, ("join", True), 2, 4, ("inside", ("waitlisted", 1), 1, 1, 1)),
            )
        )


def test_one_seat_for_two_is_caught() -> None:
    seated = ("inside", ("seated", 1), 1, 1, 0)
    assert not holds(told(("a", ("join", True), 1, 3, seated), ("b", ("join", True), 2, 4, seated)))


def test_who_asked_after_anothers_answer_comes_after() -> None:
    assert not holds(
        told(
            ("a", ("join", True), 1, 2, ("inside", ("waitlisted", 1), 1, 1, 1)),
            ("b", ("join", True), 3, 4, ("inside", ("seated", 1), 1, 1, 0)),
        )
    )


def test_a_read_behind_an_acknowledged_write_sees_it() -> None:
    join = ("a", ("join", True), 1, 3, ("inside", ("seated", 1), 1, 1, 0))
    stale = ("status", 1, 0, 0, None)
    assert holds(told(join, ("b", ("status",), 2, 4, stale)))
    assert not holds(told(join, ("b", ("status",), 4, 5, stale)))


def test_an_unknown_outcome_may_have_happened_later_or_never() -> None:
    lost = ("a", ("join", True), 1, None, None)
    for taken in (0, 1):
        assert holds(told(lost, ("b", ("status",), 5, 6, ("status", 1, taken, 0, None))))
    assert not holds(
        told(lost, ("b", ("status",), 5, 6, ("status", 1, 1, 0, None)), ("b", ("status",), 7, 8, ("status", 1, 0, 0, None)))
    )


def test_a_repeated_join_may_answer_later_than_it_was_done_but_is_done_once() -> None:
    done_early = (
        ("b", ("join", True), 1, 2, ("inside", ("seated", 1), 1, 1, 0)),
        ("a", ("join", True), 3, 8, ("inside", ("seated", 1), 1, 1, 0)),  # waited, answer lost; moved up; asked again
        ("c", ("join", True), 4, 5, ("inside", ("waitlisted", 2), 1, 1, 2)),
        ("b", ("leave",), 6, 7, ("done",)),
    )
    assert not holds(told(*done_early))  # c waits, too
    right = (*done_early[:1], ("a", ("join", True), 3, 8, ("inside", ("seated", 1), 1, 1, 1)), *done_early[2:])
    assert holds(told(*right))
    once = [replace(each, repeated=False) for each in told(*right)]
    assert not check(once, MODEL, Door(1)).linearizable


def test_a_seat_that_was_given_away_is_free_from_then_on() -> None:
    a = ("a", ("join", True), 1, 2, ("inside", ("seated", 1), 1, 1, 0))
    lost = ("a", ("lost",), 4, 6, ("done",))
    assert holds(told(a, ("b", ("status",), 3, 5, ("status", 1, 1, 0, None)), lost))
    assert holds(told(a, lost, ("b", ("status",), 7, 8, ("status", 1, 0, 0, None))))
    assert not holds(told(a, lost, ("b", ("status",), 7, 8, ("status", 1, 1, 0, None))))


async def test_histories_of_a_door_that_is_right_have_an_order() -> None:
    for seed in SEEDS:
        capacity, history = await a_history(seed)
        verdict = check(history.operations, MODEL, Door(capacity))
        assert verdict.linearizable, (seed, *map(str, verdict.stuck))


@pytest.mark.parametrize("fault", PLANTED)
async def test_planted_faults_are_caught(fault: str) -> None:
    caught = 0
    for seed in SEEDS:
        capacity, history = await a_history(seed, fault)
        caught += not check(history.operations, MODEL, Door(capacity)).linearizable
    # Not every history shows its fault; a checker that sees it in a quarter of them sees it in the thousand of a run.
    assert caught > len(SEEDS) / 4, caught


def test_classes_are_checked_each_for_itself() -> None:
    history = History()
    for session in ("x", "y"):
        history.hear(history.invoke(session, "a", ("join", True), 0.0), ("inside", ("seated", 1), 1, 1, 0), 0.0)
    assert all(holds(part) for part in history.by_session().values())
