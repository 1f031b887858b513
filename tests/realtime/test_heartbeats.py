"""The wheel gives everything back in its second; sockets are pinged, and who stays silent is found out."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.callers import Caller
from classroom.ids import SessionId
from realtime.heartbeats import Wheel
from realtime.sockets import Socket

People = Callable[..., Caller]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]
World = Any  # `tests/realtime/conftest.py`


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0.1, 9.0)), max_size=40))
def test_each_thing_comes_round_once_and_never_early(puts: list[tuple[int, float]]) -> None:
    wheel: Wheel[int] = Wheel(11)
    due: dict[int, float] = {}
    seen: dict[int, int] = {}
    for second in range(40):
        for index, (at, after) in enumerate(puts):
            if at == second:
                wheel.put(index, after)
                due[index] = second + after
        for thing in wheel.turn():
            assert thing not in seen
            seen[thing] = second + 1
    assert seen.keys() == due.keys()
    assert all(due[thing] <= seen[thing] < due[thing] + 1.0 for thing in seen)


def test_what_is_too_far_comes_at_the_wheels_end() -> None:
    wheel: Wheel[str] = Wheel(4)
    wheel.put("x", 100.0)
    assert [wheel.turn() for _ in range(3)] == [[], [], ["x"]]


async def test_silent_peer_is_found_out(world: World, people: People, class_id: SessionId, eventually: Until) -> None:
    await world.start_gateway(heartbeat_seconds=2, pong_seconds=1.0, hello_seconds=1.0, closing_seconds=0.5)
    room = world.host.open_class(class_id, people(9).user_id, 5)
    peer = await world.enter(people(1))
    await peer.command("session.join", class_id)
    peer.socket.transport.pause_reading()
    await eventually(lambda: not room.present[people(1).user_id], "two pings went unanswered")
    await eventually(lambda: world.gateway.stats()["connections"] == 0, "and the socket was dropped")
    assert world.gateway.stats()["closed_4003"] == 1


async def test_answering_peer_stays(world: World, people: People, eventually: Until) -> None:
    await world.start_gateway(heartbeat_seconds=2, pong_seconds=1.0, hello_seconds=1.0)
    pings = 0
    peer = await world.enter(people(1))
    answered = peer.socket.protocol.recv_frame

    def count(frame: Any) -> None:
        nonlocal pings
        pings += frame.opcode.name == "PING"
        answered(frame)

    peer.socket.protocol.recv_frame = count
    await eventually(lambda: pings >= 3, "pings keep coming")
    await peer.send(type="ping")
    assert await peer.receive() == {"type": "pong"}


async def test_a_fault_at_one_socket_ends_nobody_elses_heartbeats(
    world: World, people: People, eventually: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start_gateway(hello_seconds=1.0, heartbeat_seconds=2, pong_seconds=1)
    await world.enter(people(1))
    await world.enter(people(2))
    _, healthy = world.gateway._roster.everybody()
    pings: list[Socket] = []

    def ping(socket: Socket) -> None:
        if socket is not healthy:
            raise RuntimeError("this one is broken")
        pings.append(socket)

    monkeypatch.setattr(Socket, "ping", ping)
    await eventually(lambda: len(pings) >= 2, "the other is pinged again and again")
