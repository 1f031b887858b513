"""Who means ill, or is broken, is refused by name and costs little; somebody else in the class notices nothing."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from aioice import stun
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket, RtcpRtpfbPacket

from loadtests.benchmarks.media_clip import Clip
from loadtests.benchmarks.media_publisher import Publisher
from loadtests.benchmarks.media_servers import CLASS
from loadtests.benchmarks.media_transport import NotConnected
from loadtests.benchmarks.media_viewer import Viewer, keyframe_request
from realtime.sfu.desk import Participant
from realtime.sfu.offers import BadOffer
from tests.sfu_class import MediaClass, media_class

AFTERWARDS = 60
"""Packets of video that the bystander must get after the attack: about a second."""
NACKS_A_SECOND = 1_000
"""Packets that a viewer may have sent again in one second, whatever it asks for."""


class Scene:
    """A class in which the instructor publishes and a bystander watches."""

    def __init__(self, room: MediaClass, publisher: Publisher, bystander: Viewer) -> None:
        self.room, self.publisher, self.bystander = room, publisher, bystander
        self.server = "127.0.0.1", room.server.port

    def seen(self) -> int:
        stream = self.bystander.stream()
        return 0 if stream is None else stream.received

    async def goes_on(self) -> None:
        """The bystander gets new packets, and misses none."""
        before = self.seen()
        await self.bystander.until(lambda: self.seen() >= before + AFTERWARDS, 20, "what follows the attack")
        stream = self.bystander.stream()
        assert stream is not None
        assert len(self.bystander.streams) == 2, "the bystander's streams were changed"
        assert stream.lost == 0


@pytest.fixture
async def scene(clip: Clip) -> AsyncIterator[Scene]:
    async with media_class() as room:
        publisher, bystander = Publisher(clip), Viewer()
        await room.publish(publisher)
        await room.watch(bystander, "bystander")
        await bystander.until(
            lambda: len(bystander.streams) == 2 and bystander.stream() is not None, 20, "sound and picture"
        )
        yield Scene(room, publisher, bystander)


@asynccontextmanager
async def stranger() -> AsyncIterator[socket.socket]:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(0)
    made.bind(("127.0.0.1", 0))
    try:
        yield made
    finally:
        made.close()


def drained(made: socket.socket) -> list[bytes]:
    got = []
    while True:
        try:
            got.append(made.recv(2048))
        except BlockingIOError:
            return got


def request(user: str, password: str) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = user
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    message.add_fingerprint()
    return bytes(message)


def lines(offer: str, number: int) -> str:
    """An offer with its second line so many times."""
    head, audio, video = offer.replace("\r\n", "\n").split("\nm=")
    mids = " ".join(str(mid) for mid in range(number + 1))
    body = [video.replace("a=mid:1\n", f"a=mid:{mid}\n") for mid in range(1, number + 1)]
    head = head.replace("a=group:BUNDLE 0 1", f"a=group:BUNDLE {mids}")
    return "\nm=".join([head, audio, *body]).replace("\n", "\r\n")


BAD_OFFERS = {
    "nothing": lambda offer: "",
    "garbage": lambda offer: os.urandom(4_000).decode("latin-1"),
    "only zeros": lambda offer: "\0" * 10_000,
    "no m-lines": lambda offer: offer.partition("m=")[0],
    "unknown codecs": lambda offer: offer.replace("opus", "speex").replace("VP8", "theora"),
    "a thousand m-lines": lambda offer: lines(offer, 1_000),
    "four megabytes": lambda offer: offer + "a=x:y\r\n" * 600_000,
    "one line of four megabytes": lambda offer: offer + "a=" + "x" * 4_000_000,
    "a hundred thousand candidates": lambda offer: offer + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * 100_000,
    "no fingerprint": lambda offer: offer.replace("a=fingerprint:", "a=x-fingerprint:"),
    "no password": lambda offer: offer.replace("a=ice-pwd:", "a=x-ice-pwd:"),
}


@pytest.mark.parametrize("name", BAD_OFFERS)
@pytest.mark.parametrize("way", ["publish", "watch"])
async def test_an_offer_that_cannot_be_is_refused_by_name_and_at_once(name: str, way: str, clip: Clip) -> None:
    async with media_class() as room:
        client = Publisher(clip) if way == "publish" else Viewer()
        who = Participant(CLASS, "somebody", "Somebody", "staff")
        offer = BAD_OFFERS[name](client.offer())
        before = room.server.load()
        began = time.process_time()
        with pytest.raises(BadOffer) as refused:
            await (room.server.publish(who, offer) if way == "publish" else room.server.watch(who, offer, None))
        took = time.process_time() - began
        client.transport.vanish()

        assert str(refused.value).endswith(".")
        assert len(str(refused.value)) < 500
        assert took < 0.25, f"refusing it took {took:.3f} s of processor"
        assert room.server.load() == before


async def test_a_binding_request_with_a_wrong_password_is_not_answered_and_moves_nobody(scene: Scene) -> None:
    remote, own = scene.bystander.transport.remote, scene.bystander.transport
    async with stranger() as attacker:
        for user in (f"{remote.ufrag}:{own.ufrag}", f"{remote.ufrag}:x", "nobody:here", ":", "", "x" * 500):
            for password in ("", "wrong", own.password):
                attacker.sendto(request(user, password), scene.server)
        for size in (1, 3, 19, 20, 24, 200, 1_400):
            attacker.sendto(b"\0\1" + os.urandom(size), scene.server)
            attacker.sendto(request(f"{remote.ufrag}:x", "wrong")[:size], scene.server)

        await scene.goes_on()

        assert drained(attacker) == []


async def test_an_authentic_request_from_a_new_port_moves_the_session_there(scene: Scene) -> None:
    before = scene.bystander.transport.address

    scene.bystander.transport.move()
    scene.bystander.transport.check()
    stream = scene.bystander.stream()
    assert stream is not None
    received = stream.received
    await scene.bystander.until(lambda: stream.received > received + AFTERWARDS, 20, "what comes to the new port")

    assert scene.bystander.transport.address != before


async def test_media_handshakes_and_garbage_of_strangers_change_nothing(scene: Scene) -> None:
    async with stranger() as attacker:
        for first in range(0, 256, 5):
            for size in (0, 1, 11, 12, 60, 1_300):
                attacker.sendto(bytes((first,)) + os.urandom(size), scene.server)

        await scene.goes_on()

        assert drained(attacker) == []


async def test_dtls_garbage_of_a_viewer_ends_nobody_else(scene: Scene) -> None:
    broken = Viewer()
    await scene.room.watch(broken, "broken")
    for size in (1, 12, 13, 100, 1_400):
        for kind in (20, 21, 22, 23, 63):
            broken.transport.send_datagram(bytes((kind, 254, 253)) + os.urandom(size))

    await scene.goes_on()


async def test_who_never_ends_the_handshake_keeps_nobody_waiting(scene: Scene) -> None:
    stuck = Viewer()
    opened = await scene.room.server.watch(Participant(CLASS, "stuck", "Stuck", "viewer"), stuck.offer(), None)
    forged = opened.answer.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 00:")

    with pytest.raises(NotConnected):
        await stuck.connect(forged)
    stuck.transport.vanish()

    await scene.goes_on()


async def test_rtp_of_unknown_streams_is_forwarded_to_nobody(scene: Scene) -> None:
    for number in range(500):
        ssrc = 0x1000_0000 + number
        packet = struct.pack("!BBHII", 0x80, (0, 77, 96, 127)[number % 4], number, number, ssrc) + b"\x10" + os.urandom(50)
        if number % 4 != 2:  # without a mid, VP8 would be the publisher's own
            scene.publisher.transport.send(packet)

    await scene.goes_on()


async def test_ever_new_streams_of_a_publisher_stay_bounded(scene: Scene) -> None:
    """A publisher may spoil its own picture, but not the sound of the class, nor the server's memory."""
    sound = scene.bystander.stream("audio")
    assert sound is not None
    for number in range(2_000):
        packet = struct.pack("!BBHII", 0x80, 96, number, number, 0x2000_0000 + number) + b"\x10\x01" + os.urandom(50)
        scene.publisher.transport.send(packet)
        if number % 50 == 49:
            await asyncio.sleep(0)  # as the network would: not more at once than a socket's buffer holds
    before = sound.received

    await scene.bystander.until(lambda: sound.received > before + 50, 20, "sound after the attack")

    assert sound.lost == 0
    assert len(scene.bystander.streams) == 2


async def test_truncated_and_senseless_reports_change_nothing(scene: Scene) -> None:
    broken = Viewer()
    await scene.room.watch(broken, "broken")
    nack = bytes(RtcpRtpfbPacket(1, 1, 1, lost=[1, 2, 3, 90]))
    report = bytes(RtcpRrPacket(1, [RtcpReceiverInfo(number, 255, 9, 9, 9, 9, 9) for number in range(31)]))
    for whole in (nack, report, report + nack, keyframe_request(1)):
        for size in range(8, len(whole), 3):
            broken.send_rtcp(whole[:size])
    for kind in range(192, 224):
        broken.send_rtcp(struct.pack("!BBHI", 0x9F, kind, 0xFFFF, 1) + os.urandom(40))
        broken.send_rtcp(struct.pack("!BBHI", 0x81, kind, 0, 1) * 100)

    await scene.goes_on()


async def test_a_viewer_who_only_asks_again_gets_so_much_and_no_more(scene: Scene) -> None:
    greedy = Viewer()
    await scene.room.watch(greedy, "greedy")
    await greedy.until(lambda: greedy.stream() is not None, 20, "a picture")
    stream = greedy.stream()
    assert stream is not None
    numbers, began = count(1), time.monotonic()

    def asked() -> bool:
        """With each packet that comes it asks ten times for the last 250; 500 times are enough to prove something."""
        for _ in range(10):
            times = next(numbers)
            last = [number & 0xFFFF for number in range(stream.highest - 250, stream.highest)]
            greedy.send_rtcp(bytes(RtcpRtpfbPacket(1, 1, stream.ssrc, lost=last)))
        return times > 500 and time.monotonic() - began > 2

    await greedy.until(asked, 60, "500 times and two seconds of asking")
    seconds = time.monotonic() - began

    await scene.goes_on()

    assert stream.repeated > 0, "nothing was sent again at all"
    assert stream.repeated / seconds < NACKS_A_SECOND


async def test_a_viewer_who_only_wants_keyframes_costs_the_publisher_one_a_second(scene: Scene) -> None:
    greedy, loop = Viewer(), asyncio.get_running_loop()
    await scene.room.watch(greedy, "greedy")
    await greedy.until(lambda: greedy.stream() is not None, 20, "a picture")
    stream, began, before = greedy.stream(), loop.time(), len(scene.publisher.keyframes_asked)
    assert stream is not None

    def asked() -> bool:
        for _ in range(5):
            greedy.send_rtcp(keyframe_request(stream.ssrc))
        return loop.time() - began > 3

    await greedy.until(asked, 20, "three seconds of asking")

    await scene.goes_on()

    seconds = loop.time() - began
    assert 1 <= len(scene.publisher.keyframes_asked) - before <= seconds + 1
