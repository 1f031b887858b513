"""A media server on loopback: packets of made-up cameras reach those who watch, whole and in order."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

from realtime.sfu.cascade import Cascade
from realtime.sfu.desk import MediaClosed, MediaFull, MediaSettings, Verdict
from realtime.sfu.dtls import Dtls
from realtime.sfu.packets import from_retransmission, parse_header
from realtime.sfu.reports import Block, write_lost, write_picture_loss, write_receiver_report
from realtime.sfu.sdp import BadOffer
from realtime.sfu.server import MediaServer
from tests.realtime.sfu.media_clients import CLASS, RTX, VP8, Camera, Desk, Watcher, join, offer_of, who
from tests.realtime.sfu.raw_client import until

SETTINGS = MediaSettings("127.0.0.1", "127.0.0.1", check_seconds=0.2)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def server(desk: Desk) -> AsyncIterator[MediaServer]:
    media = MediaServer(SETTINGS, desk, None, time.monotonic)
    await media.start()
    yield media
    await media.close()


@pytest.fixture
async def clients() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def assert_continuous(pictures: Sequence[tuple[int, int, int, int, int]]) -> None:
    """Sequences without a hole, timestamps and picture ids that only grow, by one a frame."""
    for before, after in pairwise(pictures):
        assert (after[0] - before[0]) & 0xFFFF == 1
        assert (after[1] - before[1]) & 0xFFFFFFFF < 1 << 31
        assert (after[2] - before[2]) & 0x7FFF == (0 if after[4] else 1)
        assert after[4] == (before[4] + 1) % 3


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
    media = MediaServer(replace(SETTINGS, silence_seconds=0.5, connect_seconds=0.3), desk, None, time.monotonic)
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
