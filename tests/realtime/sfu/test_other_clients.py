"""Clients that are not ours, aiortc's, publish and watch: what was encoded is decoded."""

import asyncio
import fractions
import time
from collections.abc import AsyncIterator

import aioice.ice
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from av import VideoFrame

from realtime.sfu.reports import SenderReport, read_reports
from realtime.sfu.server import MediaServer
from tests.realtime.sfu.media_clients import SETTINGS, Desk, Watcher, who
from tests.realtime.sfu.raw_client import until

WIDTH, HEIGHT, RATE = 160, 128, 15


class Bars(MediaStreamTrack):
    """Pictures whose brightness is the given one."""

    kind = "video"

    def __init__(self, brightness: int) -> None:
        super().__init__()
        self._brightness = brightness
        self._number = 0
        self._began = time.monotonic()

    async def recv(self) -> VideoFrame:
        self._number += 1
        await asyncio.sleep(max(0.0, self._began + self._number / RATE - time.monotonic()))
        plane = np.full((HEIGHT * 3 // 2, WIDTH), 128, dtype=np.uint8)
        plane[:HEIGHT] = self._brightness + self._number % 8
        frame = VideoFrame.from_ndarray(plane, format="yuv420p")
        frame.pts, frame.time_base = self._number * 90_000 // RATE, fractions.Fraction(1, 90_000)
        return frame


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MediaServer]:
    # aioice leaves loopback out, and the machine that tests run on may have nothing else
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    media = MediaServer(SETTINGS, Desk(), None, time.monotonic)
    await media.start()
    yield media
    await media.close()


async def publish(server: MediaServer, user_id: str, brightness: int, part: str = "staff") -> RTCPeerConnection:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
    connection.addTransceiver(Bars(brightness), direction="sendonly")
    await connection.setLocalDescription(await connection.createOffer())
    opened = await server.publish(who(user_id, part), connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription(opened.answer, "answer"))
    await until(lambda: connection.connectionState == "connected")
    return connection


async def watch(server: MediaServer, user_id: str, kinds: tuple[str, ...] = ("audio", "video")) -> RTCPeerConnection:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in kinds:
        connection.addTransceiver(kind, direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    opened = await server.watch(who(user_id, "viewer"), connection.localDescription.sdp, None)
    await connection.setRemoteDescription(RTCSessionDescription(opened.answer, "answer"))
    await until(lambda: connection.connectionState == "connected")
    return connection


async def brightness_of(track: MediaStreamTrack) -> int:
    async with asyncio.timeout(20):
        frame = await track.recv()
    assert isinstance(frame, VideoFrame)
    assert (frame.width, frame.height) == (WIDTH, HEIGHT)
    return int(frame.to_ndarray(format="yuv420p")[:HEIGHT].mean())


async def test_what_aiortc_publishes_aiortc_shows(server: MediaServer) -> None:
    publisher = await publish(server, "teacher", 100)
    viewer = await watch(server, "student")
    sound, pictures = (receiver.track for receiver in viewer.getReceivers())
    for _ in range(20):
        assert 95 <= await brightness_of(pictures) <= 115
    async with asyncio.timeout(10):
        for _ in range(10):
            await sound.recv()
    stats = await viewer.getStats()
    lost = [entry.packetsLost for entry in stats.values() if entry.type == "inbound-rtp"]
    assert lost
    assert all(packets == 0 for packets in lost)
    await viewer.close()
    await publisher.close()
    await until(lambda: server.load().viewers == 0 and server.load().publishers == 0)


async def test_another_publisher_in_the_same_slot_is_decoded_on(server: MediaServer) -> None:
    first = await publish(server, "teacher", 60)
    viewer = await watch(server, "student", ("video",))
    (pictures,) = (receiver.track for receiver in viewer.getReceivers())
    assert await brightness_of(pictures) < 80
    second = await publish(server, "teacher", 180)
    async with asyncio.timeout(20):
        while await brightness_of(pictures) < 170:
            pass
    for _ in range(10):
        assert await brightness_of(pictures) > 170
    for connection in (viewer, second, first):
        await connection.close()


async def test_the_senders_clock_is_carried_over(server: MediaServer) -> None:
    publisher = await publish(server, "teacher", 100)
    async with Watcher() as watcher:
        await watcher.watch(server, who("student", "viewer"))

        def told() -> list[SenderReport]:
            found = [report for raw in watcher.rtcp for report in read_reports(raw)]
            return [report for report in found if isinstance(report, SenderReport)]

        await until(lambda: len({report.ssrc for report in told()}) == 2)
        newest = watcher.of("main")[-1]
        report = next(report for report in told() if report.ssrc == int.from_bytes(newest[8:12], "big"))
        apart = (int.from_bytes(newest[4:8], "big") - report.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        assert abs(apart) < 90_000 * 10
        assert report.packets <= len(watcher.of("main"))
    await publisher.close()
