"""A crowd asks once each, insists after cuts with the same command id, and says so when nobody answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from loadtests.crowd import Crowd, Journey, OnAnswer, RestCrowd, SocketCrowd, Unanswered
from loadtests.prepared import PreparedClass
from loadtests.promises import BrokenPromise, check_answers

OpenDoor = Callable[[Any], Awaitable[Any]]


@pytest.fixture(params=["socket", "rest", "rest over 8 connections"])
def make_crowd(request: pytest.FixtureRequest) -> Callable[..., Crowd]:
    def make(door: Any, prepared: PreparedClass, on_answer: OnAnswer | None = None) -> Crowd:
        if request.param == "socket":
            return SocketCrowd(door.socket_url, prepared.students, on_answer)
        connections = 8 if "8" in request.param else None
        return RestCrowd(door.rest_url, prepared.students, connections, on_answer)

    return make


async def _stampede(crowd: Crowd, session_id: str, patience: float = 30, spread: float = 0) -> list[Journey]:
    await crowd.open()
    try:
        return await crowd.join(session_id, patience, spread)
    finally:
        await crowd.close()


async def test_everybody_is_answered_once(
    door_twin: Any, open_door: OpenDoor, prepared: PreparedClass, make_crowd: Callable[..., Crowd]
) -> None:
    door = await open_door(door_twin(capacity=10))
    heard: list[Journey] = []
    journeys = await _stampede(make_crowd(door, prepared, heard.append), prepared.session_id)
    tally = check_answers([(each.student_id, each.answer) for each in journeys], 40, 10)
    assert (tally.seated, tally.waiting) == (10, 30)
    assert {each.student_id for each in heard} == {each.id for each in prepared.students}
    assert all(each.attempts == 1 and each.seconds > 0 for each in journeys)


async def test_a_cut_before_the_answer_is_repeated_with_the_same_command(
    door_twin: Any, open_door: OpenDoor, prepared: PreparedClass, make_crowd: Callable[..., Crowd]
) -> None:
    door = await open_door(door_twin(capacity=10, cut_before_answer=2))
    journeys = await _stampede(make_crowd(door, prepared), prepared.session_id)
    check_answers([(each.student_id, each.answer) for each in journeys], 40, 10)
    assert {each.attempts for each in journeys} == {3}
    assert {len(commands) for commands in door.commands.values()} == {1}


async def test_an_answer_that_says_again_is_not_taken_for_a_refusal(
    door_twin: Any, open_door: OpenDoor, prepared: PreparedClass, make_crowd: Callable[..., Crowd]
) -> None:
    door = await open_door(door_twin(capacity=40, unavailable_first=1))
    journeys = await _stampede(make_crowd(door, prepared), prepared.session_id)
    assert {(each.answer.outcome, each.attempts) for each in journeys} == {("seated", 2)}


async def test_a_door_that_never_answers_is_reported(
    door_twin: Any, open_door: OpenDoor, prepared: PreparedClass, make_crowd: Callable[..., Crowd]
) -> None:
    door = await open_door(door_twin(capacity=10, unavailable_first=1_000_000))
    with pytest.raises(Unanswered, match="40 of 40"):
        await _stampede(make_crowd(door, prepared), prepared.session_id, patience=0.5)


async def test_a_door_that_oversells_is_caught(
    door_twin: Any, open_door: OpenDoor, prepared: PreparedClass, make_crowd: Callable[..., Crowd]
) -> None:
    door = await open_door(door_twin(capacity=10, oversell=True))
    journeys = await _stampede(make_crowd(door, prepared), prepared.session_id)
    with pytest.raises(BrokenPromise, match=r"Seat \d+ was given, but there are 10"):
        check_answers([(each.student_id, each.answer) for each in journeys], 40, 10)


async def test_arrivals_are_spread_over_the_given_time(
    door_twin: Any, open_door: OpenDoor, prepared: PreparedClass, make_crowd: Callable[..., Crowd]
) -> None:
    door = await open_door(door_twin(capacity=40))
    journeys = await _stampede(make_crowd(door, prepared), prepared.session_id, spread=0.4)
    asked = sorted(each.asked_at for each in journeys)
    assert asked[-1] - asked[0] == pytest.approx(0.39, abs=0.001)


async def test_nobody_listening_is_an_error_at_once(prepared: PreparedClass, free_port: int) -> None:
    with pytest.raises(OSError, match=str(free_port)):
        await SocketCrowd(f"ws://127.0.0.1:{free_port}/ws", prepared.students).open()
    with pytest.raises(OSError, match=str(free_port)):
        await RestCrowd(f"http://127.0.0.1:{free_port}", prepared.students).open()
