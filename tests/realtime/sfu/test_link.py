"""Two media servers on one machine: what is published to the origin reaches those who watch at the edge."""

import asyncio
import contextlib
import secrets
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from pylibsrtp import Error as SrtpError

from realtime.sfu.desk import LinkFrom, LinkOpened, LinkRefused, Verdict
from realtime.sfu.gates import Gates
from realtime.sfu.link import KEY_BYTES, OriginEnd
from realtime.sfu.mux import Mux
from realtime.sfu.packets import parse_header
from realtime.sfu.publisher import Publisher
from realtime.sfu.room import Room
from realtime.sfu.sdp import TakenLine
from realtime.sfu.server import MediaServer
from tests.realtime.sfu.media_clients import CLASS, SETTINGS, Camera, Desk, Watcher, who
from tests.realtime.sfu.raw_client import until


class Way:
    """The way to an origin, without Ray; `is_away` cuts it."""

    node = "origin@1"

    def __init__(self, origin: MediaServer) -> None:
        self._origin = origin
        self.is_away = False

    async def open_link(self, session_id: str, edge: LinkFrom) -> LinkOpened:
        if self.is_away:
            raise ConnectionError("away")
        return await self._origin.open_link(session_id, edge)


class Node:
    def __init__(self) -> None:
        self.desk = Desk()
        self.server = MediaServer(SETTINGS, self.desk, None, time.monotonic)


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Node, Node]]:
    origin, edge = Node(), Node()
    await origin.server.start()
    await edge.server.start()
    yield origin, edge
    await edge.server.close()
    await origin.server.close()


async def watch(watcher: Watcher, edge: MediaServer, way: Way, kinds: tuple[str, ...] = ("audio", "video")) -> None:
    await watcher.watch(edge, who("student", "viewer"), kinds, origin=way)


async def test_an_edge_shows_what_its_origin_has_in_the_same_slots(
    nodes: tuple[Node, Node], clients: AsyncExitStack
) -> None:
    origin, edge = nodes
    ada, teacher = Camera(ssrc_offset=100), Camera()
    near, far, another = Watcher(), Watcher(), Watcher()
    for client in (ada, teacher, near, far, another):
        await clients.enter_async_context(client)
    way = Way(origin.server)
    page = ("video",) * 5 + ("audio",) * 6
    await ada.publish(origin.server, who("ada", "stage"))
    await teacher.publish(origin.server, who("teacher"))
    await near.watch(origin.server, who("near", "viewer"), page)
    await far.watch(edge.server, who("far", "viewer"), page, origin=way)
    await another.watch(edge.server, who("another", "viewer"), origin=way)
    for watcher in (near, far):
        for slot in ("camera-0", "camera-1", "microphone-0", "microphone-1"):
            await until(lambda watcher=watcher, slot=slot: len(watcher.of(slot)) > 10)
    await until(lambda: len(another.of("main")) > 10 and len(another.of("loudest")) > 10)
    assert origin.server.load().viewers == 1
    assert edge.server.load().viewers == 2
    assert not edge.desk.shown
    frames = {picture[3] for picture in near.pictures("camera-0")}
    assert {picture[3] for picture in far.pictures("camera-0")} & frames


async def test_what_is_lost_before_the_origin_or_asked_for_at_the_edge_comes(
    nodes: tuple[Node, Node], clients: AsyncExitStack
) -> None:
    origin, edge = nodes
    camera, far = Camera(), Watcher()
    camera.drop = lambda sequence: sequence % 10 == 3
    await clients.enter_async_context(camera)
    await clients.enter_async_context(far)
    await camera.publish(origin.server, who("teacher"))
    await watch(far, edge.server, Way(origin.server))
    await until(lambda: len(far.of("main")) > 200)
    first = far.pictures()[0][0]
    sequences = sorted((picture[0] - first) & 0xFFFF for picture in far.pictures())
    assert sequences[:150] == list(range(150))


async def test_a_publisher_that_comes_and_goes_does_so_at_the_edge(
    nodes: tuple[Node, Node], clients: AsyncExitStack
) -> None:
    origin, edge = nodes
    first, second, far = Camera(), Camera(ssrc_offset=100), Watcher()
    for client in (first, second, far):
        await clients.enter_async_context(client)
    way = Way(origin.server)
    await watch(far, edge.server, way)
    await first.publish(origin.server, who("teacher"))
    await until(lambda: len(far.of("main")) > 20)
    end = edge.server._up().cascade._following[CLASS].end
    before = set(end._by_ssrc)
    second.frame = 20_000
    await second.publish(origin.server, who("teacher"))
    await until(lambda: far.pictures()[-1][3] > 20_000)
    assert far.pictures()[0][4] == 0
    assert edge.server.load().viewers == 1
    await until(lambda: before.isdisjoint(end._by_ssrc))
    for ssrc in before:
        with pytest.raises(SrtpError):  # SRTP has forgotten it: it looks through all that it knows for each packet
            end._receiver.remove_stream(ssrc)


async def test_a_link_that_nobody_asks_for_ends_on_both_sides(
    nodes: tuple[Node, Node], clients: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.sfu.cascade.KEPT_SECONDS", 0.5)
    origin, edge = nodes
    camera, far = Camera(), Watcher()
    await clients.enter_async_context(camera)
    await clients.enter_async_context(far)
    way = Way(origin.server)
    await camera.publish(origin.server, who("teacher"))
    await watch(far, edge.server, way)
    await until(lambda: len(far.of("main")) > 10)
    room = origin.server._rooms[CLASS]
    way.is_away = True
    await until(lambda: not room.links)
    await until(lambda: not edge.server._rooms[CLASS].publishers)
    assert edge.server.load().viewers == 1
    way.is_away = False
    before = len(far.of("main"))
    again = Watcher()
    await clients.enter_async_context(again)
    await watch(again, edge.server, way)
    await until(lambda: len(far.of("main")) > before + 10)


async def test_an_edge_is_no_origin_and_a_link_needs_an_address(nodes: tuple[Node, Node], clients: AsyncExitStack) -> None:
    origin, edge = nodes
    far = Watcher()
    await clients.enter_async_context(far)
    await watch(far, edge.server, Way(origin.server))
    ask = LinkFrom("third", "127.0.0.1", 9, bytes(28), 7)
    with pytest.raises(LinkRefused, match="edge"):
        await edge.server.open_link(CLASS, ask)
    with pytest.raises(LinkRefused, match="address"):
        await origin.server.open_link(CLASS, LinkFrom("third", "nowhere", 9, bytes(28), 7))
    with pytest.raises(LinkRefused, match="key"):
        await origin.server.open_link(CLASS, LinkFrom("third", "127.0.0.1", 9, b"short", 7))


class SlowWay(Way):
    """The origin answers when it is told to."""

    def __init__(self, origin: MediaServer) -> None:
        super().__init__(origin)
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    async def open_link(self, session_id: str, edge: LinkFrom) -> LinkOpened:
        self.asked.set()
        await self.answers.wait()
        return await super().open_link(session_id, edge)


async def test_who_comes_while_the_class_leaves_this_node_gets_it_from_where_it_is(
    nodes: tuple[Node, Node], clients: AsyncExitStack
) -> None:
    origin, edge = nodes
    teacher, before, student = Camera(), Camera(), Watcher()
    for client in (teacher, before, student):
        await clients.enter_async_context(client)
    await before.publish(edge.server, who("teacher"))
    await teacher.publish(origin.server, who("teacher"))
    way = SlowWay(origin.server)
    coming = asyncio.create_task(watch(student, edge.server, way))
    async with asyncio.timeout(10):
        await way.asked.wait()
        edge.desk.verdict = Verdict(moved=True)
        await until(lambda: not edge.server.load().classes)
        edge.desk.verdict = Verdict()
        way.answers.set()
        await coming
    assert edge.server.load().classes == (CLASS,)
    await until(lambda: len(student.of("main")) > 10)


def test_what_comes_twice_or_too_late_goes_over_a_link_once() -> None:
    mux = Mux("127.0.0.1", 0, 1 << 16, 1 << 16)
    edge = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    edge.bind(("127.0.0.1", 0))
    edge.settimeout(0.0)
    try:
        room = Room(CLASS, mux.egress, time.time, lambda _room, _member, _why: None, 0.0)
        label = LinkFrom("edge@1", "127.0.0.1", edge.getsockname()[1], bytes(range(KEY_BYTES)), 7)
        end = OriginEnd(Gates(mux), room, label, lambda: 0.0)
        line = TakenLine("0", "video", "", {"vp8": 96}, {}, {}, ())
        encoding = Publisher("m", who("somebody"), [line], room, mux.faults, 0.0).encodings[0]
        got: list[int] = []
        for place in (*range(4), 2, 2, *range(4, 1100), 1, 50_000, 1100):
            head = struct.pack("!BBHII", 0x80, 96, (60_000 + place) & 0xFFFF, 3000 * place, 9)
            data = head + secrets.token_bytes(20)
            header = parse_header(data)
            assert header is not None
            end.forward(encoding, data, header, None)
            with contextlib.suppress(BlockingIOError):
                got.append(int.from_bytes(edge.recv(2048)[2:4], "big"))
        assert got == list(range(got[0], got[0] + 1101))
    finally:
        edge.close()
        mux.close()


async def test_packets_as_large_as_a_datagram_carries_reach_those_here_and_those_beyond_a_link(
    nodes: tuple[Node, Node], clients: AsyncExitStack
) -> None:
    """GStreamer's default is 1,400 bytes of RTP; browsers send less."""
    origin, edge = nodes
    camera, near, far = Camera(size=1400), Watcher(), Watcher()
    for client in (camera, near, far):
        await clients.enter_async_context(client)
    await camera.publish(origin.server, who("teacher"))
    await watch(far, edge.server, Way(origin.server))
    await near.watch(origin.server, who("near", "viewer"))
    for watcher in (near, far):
        await until(lambda watcher=watcher: len(watcher.of("main")) > 30)
