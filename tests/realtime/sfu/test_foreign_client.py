"""Clients that are not ours publish and watch: aiortc's own RTCPeerConnection, which decodes what comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import AudioFrame, VideoFrame

from loadtests.benchmarks.media_clip import Clip
from loadtests.benchmarks.media_publisher import Publisher
from loadtests.benchmarks.media_viewer import Viewer
from tests.end_to_end.media_people import offer_only
from tests.sfu_class import MediaClass, media_class

FRAMES = 25


class Foreign:
    """aiortc as an application would use it: it publishes a green picture and silence, or counts decoded frames."""

    def __init__(self, *, sends: bool, codec: str | None = None) -> None:
        self.connection = RTCPeerConnection()
        self.frames = {"audio": 0, "video": 0}
        self.size = (0, 0)
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        if sends:
            self.connection.addTrack(AudioStreamTrack())
            self.connection.addTrack(VideoStreamTrack())
        else:
            for kind in ("audio", "video"):
                self.connection.addTransceiver(kind, direction="recvonly")
            self.connection.on("track", lambda track: self._tasks.append(asyncio.create_task(self._count(track))))
        if codec is not None:
            offer_only(self.connection, codec)

    async def connect(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def offer(self) -> str:
        return str(self.connection.localDescription.sdp)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.connection.close()

    async def until_decoded(self, count: int, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while min(self.frames.values()) < count:
                self._changed.clear()
                await self._changed.wait()

    async def _count(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                self.frames[track.kind] += 1
                if isinstance(frame, VideoFrame):
                    self.size = frame.width, frame.height
                else:
                    assert isinstance(frame, AudioFrame)
                self._changed.set()
        except MediaStreamError:
            return  # the track ended


@asynccontextmanager
async def foreign(*, sends: bool, codec: str | None = None) -> AsyncIterator[Foreign]:
    """With its offer made; of pictures only `codec`, such as "video/H264", is offered, None: all that aiortc has."""
    made = Foreign(sends=sends, codec=codec)
    await made.connection.setLocalDescription(await made.connection.createOffer())
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def room() -> AsyncIterator[MediaClass]:
    async with media_class() as made:
        yield made


async def test_a_foreign_viewer_decodes_what_a_light_publisher_sends(room: MediaClass, clip: Clip) -> None:
    async with foreign(sends=False) as viewer:
        await room.publish(Publisher(clip))
        await room.watch(viewer, "student")

        await viewer.until_decoded(FRAMES)

        assert viewer.size == (640, 360)


async def test_a_foreign_publisher_is_watched_by_a_foreign_viewer(room: MediaClass) -> None:
    async with foreign(sends=True) as publisher, foreign(sends=False) as viewer:
        await room.publish(publisher)
        await room.watch(viewer, "student")

        await viewer.until_decoded(FRAMES)

        assert viewer.size == (640, 480)


async def test_a_foreign_publisher_is_watched_by_a_light_viewer(room: MediaClass) -> None:
    async with foreign(sends=True) as publisher:
        viewer = Viewer()
        await room.publish(publisher)
        await room.watch(viewer, "student")

        await viewer.until(
            lambda: {each.kind for each in viewer.streams.values()} == {"audio", "video"}, 30, "sound and picture"
        )
