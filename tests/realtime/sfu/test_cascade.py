"""Which origin a class is taken from when several ask for it at once, and what becomes of links that fail."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from realtime.sfu.cascade import Cascade
from realtime.sfu.desk import LinkFrom, LinkOpened, LinkRefused, MediaFull, MediaSettings
from realtime.sfu.gates import Gates
from realtime.sfu.link import KEY_BYTES
from realtime.sfu.mux import Mux
from realtime.sfu.room import Room
from realtime.sfu.server import MediaServer
from realtime.tasks import Tasks
from tests.realtime.sfu.media_clients import CLASS, SETTINGS, Desk, Watcher, who
from tests.realtime.sfu.raw_client import until


class Origin:
    """The way to an origin that answers when it is told to, with what it is told to; it holds a screen of its own name."""

    def __init__(self, name: str) -> None:
        self.node = f"{name}@1"
        self.asked = 0
        self.answers = asyncio.Event()
        self.fault: Exception | None = None

    async def open_link(self, session_id: str, edge: LinkFrom) -> LinkOpened:
        self.asked += 1
        await self.answers.wait()
        if self.fault is not None:
            raise self.fault
        return LinkOpened("127.0.0.1", 9, bytes(range(KEY_BYTES)), (), (("screen", self.node, "screen"),))


class Edge:
    def __init__(self, mux: Mux) -> None:
        self.tasks = Tasks()
        self.cascade = Cascade(Gates(mux), "127.0.0.1", time.monotonic, self.tasks)
        self.room = Room(CLASS, mux.egress, time.time, lambda _room, _member, _why: None, 0.0)

    async def waiting(self, *origins: Origin) -> list[asyncio.Task[bool]]:
        """One who waits for each, one after the other."""
        tasks = []
        for origin in origins:
            tasks.append(asyncio.create_task(self.cascade.follow(self.room, origin)))
            await until(lambda origin=origin: origin.asked > 0)
        return tasks


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    mux = Mux("127.0.0.1", 0, 1 << 16, 1 << 16)
    edge = Edge(mux)
    yield edge
    edge.cascade.end(edge.room)
    await edge.tasks.finish(0.0)
    mux.close()


@pytest.mark.parametrize(
    "fault", [ConnectionError("It is away."), TimeoutError("It is slow."), LinkRefused("It is an edge itself.")]
)
async def test_everybody_who_waited_for_a_link_that_failed_is_told(edge: Edge, fault: Exception) -> None:
    origin = Origin("one")
    both = await edge.waiting(origin, origin)
    origin.fault = fault
    origin.answers.set()
    for ended in await asyncio.gather(*both, return_exceptions=True):
        assert (type(ended), str(ended)) == (type(fault), str(fault))
    assert origin.asked == 1
    assert edge.cascade.origin_of(CLASS) is None
    assert not edge.room.is_edge
    origin.fault = None
    assert await edge.cascade.follow(edge.room, origin)
    assert edge.cascade.origin_of(CLASS) == origin.node


async def test_who_stops_waiting_takes_nobody_along(edge: Edge) -> None:
    origin = Origin("one")
    first, second = await edge.waiting(origin, origin)
    first.cancel()
    await asyncio.wait([first])
    origin.answers.set()
    assert await second
    assert edge.room.holds == {"screen": (origin.node, "screen")}


@pytest.mark.parametrize("fails", [True, False])
async def test_an_origin_that_answers_late_disturbs_nothing_of_the_one_that_came_after_it(edge: Edge, fails: bool) -> None:
    old, new = Origin("old"), Origin("new")
    late, in_time = await edge.waiting(old, new)
    new.answers.set()
    assert await in_time
    old.fault = ConnectionError("It is away.") if fails else None
    old.answers.set()
    [ended] = await asyncio.gather(late, return_exceptions=True)
    assert isinstance(ended, ConnectionError) if fails else ended is False
    assert edge.cascade.origin_of(CLASS) == new.node
    assert edge.room.holds == {"screen": (new.node, "screen")}


async def test_a_link_is_asked_for_again_until_it_is_left(edge: Edge) -> None:
    origin = Origin("one")
    origin.answers.set()
    assert await edge.cascade.follow(edge.room, origin)
    await until(lambda: origin.asked > 1)
    edge.cascade.leave(edge.room)
    assert edge.cascade.origin_of(CLASS) is None
    assert not edge.room.is_edge
    await edge.tasks.finish(5.0)  # it notices


async def test_a_node_that_lost_its_origin_speaks_for_itself_and_can_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.sfu.cascade.KEPT_SECONDS", 0.5)
    desk, origin, third = Desk(), Origin("one"), LinkFrom("third", "127.0.0.1", 9, bytes(KEY_BYTES), 7)
    server = MediaServer(SETTINGS, desk, None, time.monotonic)
    await server.start()
    try:
        async with Watcher() as student:
            origin.answers.set()
            await student.watch(server, who("student", "viewer"), origin=origin)
            await until(lambda: bool(desk.checks) and desk.checks[-1][0] == origin.node)
            with pytest.raises(LinkRefused, match="edge"):
                await server.open_link(CLASS, third)
            origin.fault = ConnectionError("It is away.")
            await until(lambda: desk.checks[-1][0] is None)
            assert (await server.open_link(CLASS, third)).sources == ()
    finally:
        await server.close()


async def test_those_who_wait_for_an_origin_together_do_not_overfill_the_node() -> None:
    origin = Origin("one")
    server = MediaServer(MediaSettings("127.0.0.1", "127.0.0.1", most_viewers=2), Desk(), None, time.monotonic)
    await server.start()
    try:
        async with AsyncExitStack() as stack:
            students = [await stack.enter_async_context(Watcher()) for _ in range(3)]
            coming = [
                asyncio.create_task(each.watch(server, who(f"student-{number}", "viewer"), origin=origin))
                for number, each in enumerate(students)
            ]
            await until(lambda: origin.asked > 0)
            origin.answers.set()
            ended = await asyncio.gather(*coming, return_exceptions=True)
            assert [type(each) for each in ended if isinstance(each, Exception)] == [MediaFull]
            assert server.load().viewers == 2
    finally:
        await server.close()
