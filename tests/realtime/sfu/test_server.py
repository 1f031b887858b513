"""A media server on loopback: packets of made-up cameras reach those who watch, whole and in order."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from realtime.sfu.packets import from_retransmission, parse_header
from realtime.sfu.reports import Block, write_lost, write_picture_loss, write_receiver_report
from realtime.sfu.server import MediaServer
from tests.realtime.sfu.media_clients import (
    CLASS,
    RTX,
    VP8,
    Camera,
    Desk,
    Watcher,
    assert_continuous,
    join,
    offer_of,
    who,
)
from tests.realtime.sfu.raw_client import until


def assert_spliced(pictures: Sequence[tuple[int, int, int, int, int]]) -> None:
    """The same over switches of the source, each of which may cut a picture short."""
    for before, after in pairwise(pictures):
        assert (after[0] - before[0]) & 0xFFFF == 1
        assert (after[1] - before[1]) & 0xFFFFFFFF < 90_000 * 3
        assert (after[2] - before[2]) & 0x7FFF <= 1
        if after[3] != before[3] + 1 and after[3] != before[3]:
            assert after[4] == 0


async def test_pictures_and_sound_reach_a_viewer(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, watcher = await clients.enter_async_context(Camera()), await clients.enter_async_context(Watcher())
    await camera.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: len(watcher.of("main")) > 60 and len(watcher.of("loudest")) > 20)
    pictures = watcher.pictures()
    assert_continuous(pictures)
    assert pictures[0][4] == 0
    load = server.load()
    assert (load.viewers, load.publishers, load.classes) == (1, 1, (CLASS,))
    assert load.packets_out >= 80


async def test_a_class_page_has_a_line_for_each_slot(server: MediaServer, desk: Desk, clients: AsyncExitStack) -> None:
    teacher, student, screen = [await clients.enter_async_context(Camera(ssrc_offset=100 * n)) for n in range(3)]
    watcher = await clients.enter_async_context(Watcher())
    await teacher.publish(server, who("teacher"))
    await student.publish(server, who("ada", "stage"))
    await screen.publish(server, who("teacher", "staff", "screen"), ("video",))
    await watcher.watch(server, who("bob", "viewer"), ("video",) * 5 + ("audio",) * 6)
    await until(lambda: all(len(watcher.of(slot)) > 20 for slot in ("screen", "camera-0", "camera-1")))
    await until(lambda: all(len(watcher.of(slot)) > 10 for slot in ("microphone-0", "microphone-1")))
    for slot in ("screen", "camera-0", "camera-1"):
        assert_continuous(watcher.pictures(slot))
    assert not watcher.of("camera-2")
    await until(lambda: desk.shown and desk.shown[-1].screen is not None)
    shown = desk.shown[-1]
    assert [None if person is None else person.user_id for person in shown.cameras] == ["teacher", "ada", None, None]
    assert shown.screen is not None
    assert shown.screen.user_id == "teacher"


async def test_nobody_is_sent_their_own(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, student = [await clients.enter_async_context(Camera(ssrc_offset=100 * n)) for n in range(2)]
    watcher = await clients.enter_async_context(Watcher())
    await camera.publish(server, who("teacher"))
    await student.publish(server, who("ada", "stage"))
    await watcher.watch(server, who("teacher"), ("video",) * 5 + ("audio",) * 6)
    await until(lambda: len(watcher.of("camera-1")) > 30 and len(watcher.of("microphone-1")) > 10)
    assert not watcher.of("camera-0")
    assert not watcher.of("microphone-0")


async def test_who_is_sent_nothing_else_is_shown_that_the_way_is_there(server: MediaServer, clients: AsyncExitStack) -> None:
    watcher = await clients.enter_async_context(Watcher())
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: len(watcher.rtcp) > 3)
    assert not watcher.rtp


@pytest.mark.parametrize("rtx", [False, True])
async def test_what_a_viewer_misses_is_sent_again(server: MediaServer, clients: AsyncExitStack, rtx: bool) -> None:
    camera, watcher = await clients.enter_async_context(Camera()), await clients.enter_async_context(Watcher(rtx=rtx))
    await camera.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: len(watcher.of("main")) > 30)
    newest = watcher.of("main")[-1]
    ssrc, lost = int.from_bytes(newest[8:12], "big"), (int.from_bytes(newest[2:4], "big") + 30) & 0xFFFF
    watcher.lose = lambda sequence: sequence == lost
    await until(lambda: any(int.from_bytes(packet[2:4], "big") == lost + 3 for packet in watcher.of("main")))
    assert not any(int.from_bytes(packet[2:4], "big") == lost for packet in watcher.of("main"))
    watcher.lose = lambda _sequence: False
    watcher.send_rtcp(write_lost(1, ssrc, [lost]))
    if rtx:
        again = (ssrc + 1).to_bytes(4, "big")
        await until(lambda: any(packet[8:12] == again for packet in watcher.rtp))
        packet = next(packet for packet in watcher.rtp if packet[8:12] == again)
        assert packet[1] & 0x7F == RTX
        header = parse_header(packet)
        assert header is not None
        restored = from_retransmission(packet, header, VP8, ssrc)
        assert restored is not None
        watcher.rtp.append(restored)
    else:
        await until(lambda: any(int.from_bytes(packet[2:4], "big") == lost for packet in watcher.of("main")))
    first = watcher.pictures()[0][0]
    pictures = sorted(watcher.pictures(), key=lambda picture: (picture[0] - first) & 0xFFFF)
    assert_continuous(pictures)


async def test_what_the_publisher_loses_is_asked_for(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, watcher = await clients.enter_async_context(Camera()), await clients.enter_async_context(Watcher())
    camera.drop = lambda sequence: sequence % 10 == 3
    await camera.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: len(watcher.of("main")) > 200)
    sequences = sorted(
        (int.from_bytes(p[2:4], "big") - int.from_bytes(watcher.of("main")[0][2:4], "big")) & 0xFFFF
        for p in watcher.of("main")
    )
    assert sequences[:150] == list(range(150))


async def test_many_requests_for_a_keyframe_are_one_a_second(server: MediaServer, clients: AsyncExitStack) -> None:
    camera = await clients.enter_async_context(Camera())
    await camera.publish(server, who("teacher"))
    watchers = [await clients.enter_async_context(Watcher()) for _ in range(8)]
    began = time.monotonic()
    await asyncio.gather(*(watcher.watch(server, who(f"s{n}", "viewer")) for n, watcher in enumerate(watchers)))
    await until(lambda: all(len(watcher.of("main")) > 10 for watcher in watchers))
    ssrc = int.from_bytes(watchers[0].of("main")[0][8:12], "big")
    for watcher in watchers:
        for _ in range(20):
            watcher.send_rtcp(write_picture_loss(1, ssrc))
    more = len(watchers[0].of("main")) + 150
    await until(lambda: len(watchers[0].of("main")) > more)
    assert camera.requests <= time.monotonic() - began + 1
    for watcher in watchers:
        assert_continuous(watcher.pictures())


async def test_the_keyframe_for_who_comes_is_there_when_they_are(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, near, far = Camera(), Watcher(), Watcher()
    for client in (camera, near, far):
        await clients.enter_async_context(client)
    await camera.publish(server, who("teacher"))
    opened = await server.watch(who("student", "viewer"), offer_of(near, ("audio", "video"), "recvonly"), None)
    await until(lambda: camera.requests == 1)
    main = server._rooms[CLASS].stream("main")
    await until(lambda: main.newest.sequence > 5)
    near.answer = opened.answer
    await join(server, near, opened)
    await until(lambda: len(near.of("main")) > 5)
    assert near.pictures()[0][4] == 0
    assert_continuous(near.pictures())
    assert not main.taps
    never = await server.watch(who("other", "viewer"), offer_of(far, ("video",), "recvonly"), None)
    assert len(main.taps) == 1
    assert await server.close_session(CLASS, never.media_id, "other")
    assert not main.taps


async def test_a_publisher_that_comes_again_goes_on_in_the_same_slots(
    server: MediaServer, desk: Desk, clients: AsyncExitStack
) -> None:
    first, second = [await clients.enter_async_context(Camera(ssrc_offset=100 * n)) for n in range(2)]
    watcher = await clients.enter_async_context(Watcher())
    await first.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: len(watcher.of("main")) > 30)
    second.frame = 20_000
    await second.publish(server, who("teacher"))
    await until(lambda: any(picture[3] > 20_000 for picture in watcher.pictures()))
    await until(lambda: first.ended)
    more = len(watcher.of("main")) + 60
    await until(lambda: len(watcher.of("main")) > more)
    pictures = watcher.pictures()
    for before, after in pairwise(pictures):
        assert (after[0] - before[0]) & 0xFFFF == 1
        assert 0 <= (after[2] - before[2]) & 0x7FFF <= 1
        assert (after[1] - before[1]) & 0xFFFFFFFF < 90_000 * 5
    assert server.load().publishers == 1
    assert all(shown.cameras[0] is not None for shown in desk.shown[1:])


async def test_layers_of_simulcast_are_one_picture(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, watcher = Camera(rids=("low", "high")), Watcher()
    await clients.enter_async_context(camera)
    await clients.enter_async_context(watcher)
    await camera.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: len(watcher.of("main")) > 100)
    assert_continuous(watcher.pictures())
    assert layers_of(watcher) == ["high"]
    ssrc = int.from_bytes(watcher.of("main")[0][8:12], "big")
    deadline = time.monotonic() + 15
    while layers_of(watcher)[-1] != "low":
        assert time.monotonic() < deadline
        watcher.send_rtcp(write_receiver_report(1, [Block(ssrc, 100, 10, 0, 0, 0, 0)]))
        await asyncio.sleep(0.2)
    more = len(watcher.of("main")) + 60
    await until(lambda: len(watcher.of("main")) > more)
    assert layers_of(watcher) == ["high", "low"]
    assert_spliced(watcher.pictures())


async def test_a_layer_that_stops_gives_way_to_the_other(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, watcher = Camera(rids=("low", "high")), Watcher()
    await clients.enter_async_context(camera)
    await clients.enter_async_context(watcher)
    await camera.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: len(watcher.of("main")) > 50)
    camera.paused = {"high"}
    await until(lambda: layers_of(watcher)[-1] == "low")
    camera.paused = set()
    await until(lambda: layers_of(watcher) == ["high", "low", "high"])
    assert_spliced(watcher.pictures())


async def test_main_follows_who_speaks_and_the_screen(server: MediaServer, desk: Desk, clients: AsyncExitStack) -> None:
    teacher, student = Camera(level=90), Camera(ssrc_offset=100, level=20)
    screen, watcher = Camera(ssrc_offset=200), Watcher()
    for client in (teacher, student, screen, watcher):
        await clients.enter_async_context(client)
    student.frame, screen.frame = 100_000, 200_000
    await teacher.publish(server, who("teacher"))
    await watcher.watch(server, who("bob", "viewer"))
    await until(lambda: watcher.of("main"))
    await student.publish(server, who("ada", "stage"))
    await until(lambda: watcher.pictures()[-1][3] // 100_000 == 1)
    await until(lambda: desk.spoke and desk.spoke[-1] == ("ada",))
    await screen.publish(server, who("teacher", "staff", "screen"), ("video",))
    await until(lambda: watcher.pictures()[-1][3] // 100_000 == 2)
    await screen.close()
    await until(lambda: watcher.pictures()[-1][3] // 100_000 == 1)
    student.level = 127
    teacher.level = 10
    await until(lambda: watcher.pictures()[-1][3] // 100_000 == 0)
    assert_spliced(watcher.pictures())


def layers_of(watcher: Watcher) -> list[str]:
    """The layers that came in `main`, one after the other."""
    names = ["high" if b"high" in packet else "low" for packet in watcher.of("main")]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]
