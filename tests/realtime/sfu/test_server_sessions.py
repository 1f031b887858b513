"""Who may be in a media server, for how long, and what neither a hostile client nor a fault of ours does to the others."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

from realtime.sfu.cascade import Cascade
from realtime.sfu.desk import MediaClosed, MediaFull, Verdict
from realtime.sfu.dtls import Dtls
from realtime.sfu.reports import write_lost
from realtime.sfu.sdp import BadOffer
from realtime.sfu.server import MediaServer
from tests.realtime.sfu.media_clients import (
    CLASS,
    SETTINGS,
    Camera,
    Desk,
    Watcher,
    assert_continuous,
    join,
    offer_of,
    who,
)
from tests.realtime.sfu.raw_client import until


async def test_who_may_no_longer_be_here_is_ended(server: MediaServer, desk: Desk, clients: AsyncExitStack) -> None:
    camera, watcher, other = await clients.enter_async_context(Camera()), Watcher(), Watcher()
    await clients.enter_async_context(watcher)
    await clients.enter_async_context(other)
    await camera.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await other.watch(server, who("other", "viewer"))
    await until(lambda: watcher.of("main") and other.of("main"))
    desk.verdict = None
    checks = len(desk.checks)
    await until(lambda: len(desk.checks) > checks + 2)
    assert server.load().viewers == 2
    desk.verdict = Verdict(viewers_gone=frozenset({"student"}))
    await until(lambda: watcher.ended)
    assert server.load().viewers == 1
    desk.verdict = Verdict(over=True)
    await until(lambda: other.ended and camera.ended)
    await until(lambda: not server.load().rooms)


async def test_who_is_turned_away_is_ended_in_every_class_staff_too(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, elsewhere, watcher = await clients.enter_async_context(Camera()), Watcher(), Watcher()
    await clients.enter_async_context(elsewhere)
    await clients.enter_async_context(watcher)
    await camera.publish(server, who("teacher"))
    await elsewhere.watch(server, replace(who("teacher", "staff"), session_id="another class"))
    await watcher.watch(server, who("student", "viewer"))
    await until(lambda: watcher.of("main"))
    await server.dismiss({"teacher", "nobody"})
    await until(lambda: camera.ended and elsewhere.ended)
    load = server.load()
    assert (load.publishers, load.viewers, watcher.ended) == (0, 1, False)


async def test_a_class_in_which_much_changes_is_asked_as_often(clients: AsyncExitStack) -> None:
    class Restless(Desk):
        def __init__(self) -> None:
            super().__init__()
            self.asked_at: list[float] = []

        async def check(
            self, session_id: str, origin: str | None, viewers: Sequence[str], publishers: Sequence[str]
        ) -> Verdict | None:
            self.asked_at.append(time.monotonic())
            asyncio.get_running_loop().call_later(0.4, media._rooms[session_id].changed.set)
            return await super().check(session_id, origin, viewers, publishers)

    desk = Restless()
    media = MediaServer(replace(SETTINGS, check_seconds=0.5), desk, None, time.monotonic)
    await media.start()
    watcher = await clients.enter_async_context(Watcher())
    await watcher.watch(media, who("student", "viewer"))
    await until(lambda: len(desk.asked_at) > 5)
    await media.close()
    assert min(after - before for before, after in pairwise(desk.asked_at)) < 0.7


async def test_silence_ends_a_session(desk: Desk, clients: AsyncExitStack) -> None:
    media = MediaServer(replace(SETTINGS, silence_seconds=1.5, connect_seconds=1.0), desk, None, time.monotonic)
    await media.start()
    camera, watcher = await clients.enter_async_context(Camera()), await clients.enter_async_context(Watcher())
    await camera.publish(media, who("teacher"))
    await watcher.watch(media, who("student", "viewer"))
    never = Watcher()
    await clients.enter_async_context(never)
    await media.watch(who("never", "viewer"), offer_of(never, ("video",), "recvonly"), None)
    await until(lambda: watcher.ended)
    await until(lambda: media.load().viewers == 0)
    assert media.load().publishers == 1
    await media.close()
    await until(lambda: camera.ended)


async def test_a_full_server_and_a_person_with_too_many_are_refused(desk: Desk, clients: AsyncExitStack) -> None:
    media = MediaServer(replace(SETTINGS, most_viewers=3, sessions_a_person=2), desk, None, time.monotonic)
    with pytest.raises(MediaClosed):
        await media.watch(who("a", "viewer"), offer_of(Watcher(), ("video",), "recvonly"), None)
    await media.start()
    watchers = [await clients.enter_async_context(Watcher()) for _ in range(4)]
    await watchers[0].watch(media, who("a", "viewer"))
    await watchers[1].watch(media, who("a", "viewer"))
    with pytest.raises(MediaFull, match="2 media sessions"):
        await media.watch(who("a", "viewer"), offer_of(watchers[2], ("video",), "recvonly"), None)
    await watchers[2].watch(media, who("b", "viewer"))
    with pytest.raises(MediaFull, match="carries 3"):
        await media.watch(who("c", "viewer"), offer_of(watchers[3], ("video",), "recvonly"), None)
    opened = watchers[2].opened
    assert opened is not None
    assert not await media.close_session(CLASS, opened.media_id, "a")
    assert not await media.close_session("another", opened.media_id, "b")
    assert await media.close_session(CLASS, opened.media_id, "b")
    assert not await media.close_session(CLASS, opened.media_id, "b")
    await watchers[3].watch(media, who("c", "viewer"))
    await media.close()


async def test_hostile_clients_disturb_nobody(server: MediaServer, clients: AsyncExitStack) -> None:
    camera, watcher, hostile = Camera(), Watcher(), Watcher()
    for client in (camera, watcher, hostile):
        await clients.enter_async_context(client)
    await camera.publish(server, who("teacher"))
    await watcher.watch(server, who("student", "viewer"))
    await hostile.watch(server, who("mallory", "viewer"))
    await until(lambda: len(watcher.of("main")) > 10 and len(hostile.of("main")) > 10)
    newest = hostile.of("main")[-1]
    ssrc, sequence = int.from_bytes(newest[8:12], "big"), int.from_bytes(newest[2:4], "big")
    for round_ in range(300):
        hostile.send_rtcp(write_lost(1, ssrc, [(sequence - n) & 0xFFFF for n in range(200)]))
        hostile.send_rtcp(write_lost(1, 77, [1, 2, 3]))
        hostile.send_noise(bytes((round_ & 255,)) * 60)
        camera.send_rtp(newest[:8] + b"\x00\x00\x12" + bytes((round_ & 255,)) + newest[12:])
    mux = server._up().mux
    await until(lambda: mux.faults.counts.get("nack_flood", 0) and mux.faults.counts.get("unknown_ssrc", 0) > 100)
    await until(lambda: mux.faults.counts.get("too_many_ssrcs", 0) > 100)
    before = len(watcher.of("main"))
    await until(lambda: len(watcher.of("main")) > before + 100)
    assert_continuous(watcher.pictures())
    assert len(hostile.rtp) < 4000
    with pytest.raises(BadOffer):
        await server.watch(who("mallory", "viewer"), "v=0\r\n" + "m=video 9 X 96\r\n" * 1000, None)


@pytest.mark.parametrize("breaks", ["tick", "expire"])
async def test_a_class_that_a_fault_breaks_ends_and_the_others_go_on(
    server: MediaServer, clients: AsyncExitStack, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    """Nobody may stay where nobody asks any more who may; and who begins anew finds everything as it should be."""
    broken, well, again = Camera(), Watcher(), Watcher()
    for client in (broken, well, again):
        await clients.enter_async_context(client)
    await broken.publish(server, who("teacher"))
    room, other = server._rooms[CLASS], Camera(ssrc_offset=100)
    await clients.enter_async_context(other)
    await other.publish(server, replace(who("teacher"), session_id="another"))
    await well.watch(server, replace(who("student", "viewer"), session_id="another"))

    def fail(_given: object) -> bool:
        raise ArithmeticError("a fault of ours")

    if breaks == "tick":
        monkeypatch.setattr(room, "tick", fail)
    else:
        expire = Cascade.expire
        monkeypatch.setattr(Cascade, "expire", lambda self, kept: (fail if kept is room else partial(expire, self))(kept))
    await until(lambda: broken.ended)
    seen = len(well.of("main"))
    await until(lambda: len(well.of("main")) > seen + 30)
    assert server.load().classes == ("another",)
    await again.watch(server, who("student", "viewer"))
    await until(lambda: server.load().viewers == 2)
    assert server._rooms[CLASS] is not room


async def test_a_handshake_that_a_fault_breaks_leaves_no_session(
    server: MediaServer, clients: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_dtls: object, _fingerprints: object, *, server: bool) -> None:
        raise ArithmeticError("a fault of ours")

    watcher = await clients.enter_async_context(Watcher())
    opened = await server.watch(who("student", "viewer"), offer_of(watcher, ["video"], "recvonly"), None)
    monkeypatch.setattr(Dtls, "connect", fail)
    with pytest.raises(ArithmeticError):
        await join(server, watcher, opened)
    await until(lambda: not server.load().viewers)
