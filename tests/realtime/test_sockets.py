"""Bad input and bad readers over real sockets: each meets its named close, and nobody else notices."""

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from classroom.callers import Caller, Role
from classroom.ids import SessionId, Topic

People = Callable[..., Caller]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]
World = Any  # `tests/realtime/conftest.py`


@pytest.fixture
async def bystander(world: World, people: People, class_id: SessionId) -> AsyncIterator[Any]:
    """A subscriber who must not notice anything, and proves it at the end."""
    await world.start_gateway()
    world.host.open_class(class_id, people(9).user_id, 5)
    peer = await world.enter(people(9, Role.INSTRUCTOR))
    topic = Topic(f"live:{class_id}")
    await peer.subscribe(topic)
    yield peer
    world.host.publish(topic, "chat.posted", {})
    assert (await peer.events(1))[0]["offset"] == 1


@pytest.mark.parametrize(
    ("message", "close"),
    [
        ("{", (4505, "malformed: this is not a JSON object")),
        ("[]", (4505, "malformed: Expected `object`, got `array`")),
        ("17", (4505, "malformed: Expected `object`, got `int`")),
        ('{"type":"shout"}', (4505, "malformed: Invalid value 'shout' - at `$.type`")),
        ('{"no":"type"}', (4505, "malformed: Object missing required field `type`")),
        ('{"type":"command","id":5,"name":"x"}', (4505, "malformed: Expected `str`, got `int` - at `$.id`")),
        ('{"type":"hello","token":"again"}', (4505, "malformed: hello comes once")),
        (b'{"type":"ping"}', (4505, "malformed: only text frames are spoken here")),
        ("x" * 65_537, (1009, "too_big")),
        ("x" * 10_000_000, (1009, "too_big")),
        (["x" * 30_000] * 3, (1009, "too_big")),
        ("[" * 60_000, (4505, "malformed")),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str | bytes) else None,
)
async def test_bad_message_closes_its_own_socket_only(
    world: World, people: People, bystander: Any, message: Any, close: tuple[int, str]
) -> None:
    peer = await world.enter(people(1))
    await peer.socket.send(message)
    code, reason = await peer.closed()
    assert code == close[0]
    assert reason.startswith(close[1]) or code == 1009


async def test_well_formed_frame_before_hello_is_unauthenticated(world: World, bystander: Any) -> None:
    for frame in ({"type": "ping"}, {"type": "command", "id": "1", "name": "session.join", "args": {}}):
        peer = await world.open()
        await peer.send(**frame)
        assert await peer.closed() == (4500, "unauthenticated: hello comes first")


async def test_fragments_are_put_together(world: World, people: People, bystander: Any) -> None:
    peer = await world.enter(people(1))
    frame = json.dumps({"type": "ping", "padding": "é" * 20_000}, ensure_ascii=False)
    parts = [frame[start : start + 999] for start in range(0, len(frame), 999)]
    await peer.socket.send(parts)
    assert await peer.receive() == {"type": "pong"}


async def test_message_of_64_kib_is_taken(world: World, people: People, bystander: Any) -> None:
    peer = await world.enter(people(1))
    empty = len(json.dumps({"type": "ping", "padding": ""}))
    await peer.send(type="ping", padding="x" * (65_536 - empty))
    assert await peer.receive() == {"type": "pong"}


async def test_pings_are_answered(world: World, people: People, bystander: Any) -> None:
    peer = await world.enter(people(1))
    async with asyncio.timeout(5):
        await (await peer.socket.ping(b"here"))


async def test_flood_is_first_refused_then_closed(world: World, people: People, bystander: Any, class_id: SessionId) -> None:
    peer = await world.enter(people(1))
    for number in range(1_000):
        await peer.send(type="command", id=str(number), name="chat.post", args={"sessionId": class_id, "text": "x"})
    replies, end = await peer.until_closed()
    assert end == (4506, "flooded")
    codes = [reply["error"]["errorCode"] for reply in replies]
    assert codes.count("rate_limited") >= 200, "what is within the allowance may or may not be decided by then"
    assert set(codes) <= {"rate_limited", "not_seated", "not_found"}


async def test_flood_of_pings_is_closed(world: World, people: People, bystander: Any) -> None:
    peer = await world.enter(people(1))
    for _ in range(1_000):
        peer.socket.transport.write(_frame(0x9, b"x"))
    assert (await peer.closed())[0] == 4506


async def test_reader_that_stops_is_cut_and_can_resume(
    world: World, people: People, class_id: SessionId, eventually: Until
) -> None:
    await world.start_gateway(outbox_bytes=200_000, window_seconds=0.0)
    world.host.open_class(class_id, people(9).user_id, 5)
    topic = Topic(f"live:{class_id}")
    slow, quick = await world.enter(people(9, Role.INSTRUCTOR)), await world.enter(people(9, Role.INSTRUCTOR))
    await slow.subscribe(topic)
    await quick.subscribe(topic)
    slow.socket.transport.pause_reading()
    published = 0
    while "closed_4000" not in world.gateway.stats():
        assert published < 5_000, "never cut"
        world.host.publish(topic, "chat.posted", {"text": "x" * 40_000})
        published += 1
        await quick.events(1)
    slow.socket.transport.resume_reading()
    taken, end = await slow.until_closed()
    seen = [event["offset"] for frame in taken for event in frame["events"]]
    assert end == (4000, "slow_consumer")
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) < published
    back = await world.enter(people(9, Role.INSTRUCTOR))
    assert (await back.subscribe(topic, since=(1, len(seen))))["recovered"]
    assert [event["offset"] for event in await back.events(published - len(seen))] == list(
        range(len(seen) + 1, published + 1)
    )


async def test_commands_whose_replies_are_never_read_are_bounded(
    world: World, people: People, class_id: SessionId, eventually: Until
) -> None:
    await world.start_gateway(outbox_bytes=10_000, frames_burst=100_000, commands_burst=100_000, closing_seconds=0.2)
    world.host.open_class(class_id, people(9).user_id, 0)
    peer = await world.enter(people(1))
    peer.socket.transport.pause_reading()

    async def pour() -> None:
        number = 0
        while True:
            number += 1
            await peer.send(type="command", id=f"{number:0128}", name="x" * 100, args={})

    pouring = asyncio.ensure_future(pour())
    try:
        await eventually(lambda: "closed_4000" in world.gateway.stats(), "cut for not reading its replies")
        await eventually(lambda: world.gateway.stats()["connections"] == 0, "and dropped, though it never answers")
    finally:
        pouring.cancel()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x81\x02hi", 1002),  # a client must mask
        (struct.pack("!BB", 0xC1, 0x80) + b"\0\0\0\0", 1002),  # a reserved bit without an extension
        (struct.pack("!BB", 0x80, 0x80) + b"\0\0\0\0", 1002),  # a continuation of nothing
        (struct.pack("!BB", 0x81, 0x82) + b"\0\0\0\0" + b"\xff\xfe", 1007),
        (struct.pack("!BB", 0x83, 0x80) + b"\0\0\0\0", 1002),  # no such opcode
    ],
    ids=["unmasked", "reserved bit", "continuation", "not UTF-8", "opcode"],
)
async def test_broken_framing(world: World, people: People, bystander: Any, raw: bytes, code: int) -> None:
    peer = await world.enter(people(1))
    peer.socket.transport.write(raw)
    assert (await peer.closed())[0] == code


async def test_peer_that_closes_is_answered(world: World, people: People, bystander: Any, eventually: Until) -> None:
    peer = await world.enter(people(1))
    await asyncio.wait_for(peer.socket.close(1001, "bye"), 5)
    assert peer.socket.close_code == 1001
    await eventually(lambda: world.gateway.stats().get("closed_1001") == 1, "logged under the peer's own code")


async def test_peer_that_closes_without_a_code_is_answered(
    world: World, people: People, bystander: Any, eventually: Until
) -> None:
    peer = await world.enter(people(1))
    peer.socket.transport.write(_frame(0x8, b""))
    await eventually(lambda: world.gateway.stats().get("closed_1000") == 1, "an orderly end")


def _frame(opcode: int, payload: bytes) -> bytes:
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return struct.pack("!BB", 0x80 | opcode, 0x80 | len(payload)) + mask + masked
