"""People with a camera or a screen, by WHIP and WHEP over HTTP: clients of aiortc, which know nothing of Lyceum."""

import asyncio
import contextlib
import re
from types import TracebackType
from typing import Any, Self

import httpx
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

AGAIN_SECONDS = 0.1
STALLED_SECONDS = 3


def offer_only(connection: RTCPeerConnection, codec: str) -> None:
    """Of all that aiortc has for pictures, the connection's next offer names only `codec`, such as "video/H264"."""
    known = RTCRtpSender.getCapabilities("video").codecs
    pictures = next(one for one in connection.getTransceivers() if one.kind == "video")
    pictures.setCodecPreferences([each for each in known if each.mimeType == codec])


class MediaPerson:
    """Who publishes a moving picture with sound (`sends`), or watches and counts what was decoded."""

    def __init__(
        self, http: httpx.AsyncClient, path: str, sends: bool, key: str | None = None, codec: str | None = None
    ) -> None:
        """`http` asks as this person; `path` is the class's, under `/api`. `key` is sent as idempotency key. Of pictures
        only `codec`, such as "video/H264", is offered; None: all that aiortc has."""
        self._codec = codec
        self._where = f"/api{path}/media"
        self._sends = sends
        self._http = http
        self._headers = {"Content-Type": "application/sdp"} | ({"Idempotency-Key": key} if key is not None else {})
        self._connection: RTCPeerConnection | None = None
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.decoded = {"audio": 0, "video": 0}
        self.location = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        await self.hang_up()

    @property
    def node(self) -> int:
        """On which media node of the machine the session is, from 0 on."""
        found = re.search(r"/media/[0-9a-f]+-(\d+)~", self.location)
        assert found is not None, self.location
        return int(found[1])

    async def ask(self) -> httpx.Response:
        """One POST with an offer of a new connection, which is the one from now on if it was answered."""
        await self.hang_up()
        connection = self._connection = RTCPeerConnection()
        connection.on("connectionstatechange", self._changed.set)
        if self._sends:
            connection.addTrack(AudioStreamTrack())
            connection.addTrack(VideoStreamTrack())
        else:
            for kind in ("audio", "video"):
                connection.addTransceiver(kind, direction="recvonly")
            connection.on("track", lambda track: self._tasks.append(asyncio.create_task(self._count(track))))
        if self._codec is not None:
            offer_only(connection, self._codec)
        await connection.setLocalDescription(await connection.createOffer())
        offer = connection.localDescription.sdp
        where = f"{self._where}/{'publish' if self._sends else 'watch'}"
        response = await self._http.post(where, content=offer, headers=self._headers)
        if response.status_code == 201:
            assert response.headers["content-type"].startswith("application/sdp")
            self.location = response.headers["location"]
            await connection.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
        return response

    async def open(self, seconds: float) -> None:
        """Ask until it is answered; while video is away, again and again."""
        async with asyncio.timeout(seconds):
            while (response := await self.ask()).status_code != 201:
                assert response.status_code == 503, response.text
                assert response.json()["errorCode"] == "media_away"
                assert response.headers["retry-after"] == "1"
                await asyncio.sleep(AGAIN_SECONDS)

    async def see(self, frames: int, seconds: float) -> None:
        """Watch until so many pictures, and any sound, have been decoded; as a page does, begin anew when the server is away
        or full, ends the connection, or sends nothing."""
        async with asyncio.timeout(seconds):
            while True:
                response = await self.ask()
                if response.status_code == 503:
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                assert response.status_code == 201, response.text
                with contextlib.suppress(TimeoutError):
                    return await self.until_decoded(frames, STALLED_SECONDS)

    async def until_decoded(self, frames: int, seconds: float) -> None:
        """Return when so many pictures, and any sound, have been decoded since the last `ask`."""
        async with asyncio.timeout(seconds):
            while self.decoded["video"] < frames or not self.decoded["audio"]:
                self._changed.clear()
                await self._changed.wait()

    async def until_closed(self, seconds: float) -> None:
        """Return when the server has ended the connection."""
        async with asyncio.timeout(seconds):
            while self._connection is not None and self._connection.connectionState != "closed":
                self._changed.clear()
                await self._changed.wait()

    async def delete(self, location: str) -> int:
        """The status of ending a media session."""
        return (await self._http.delete(location)).status_code

    async def get(self, path: str) -> Any:
        """An answer of the API."""
        response = await self._http.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    async def hang_up(self) -> None:
        """Close the connection of now, if there is one."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        if self._connection is not None:
            await self._connection.close()
        self._connection, self.decoded = None, {"audio": 0, "video": 0}

    async def _count(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                await track.recv()
                self.decoded[track.kind] += 1
                self._changed.set()
        except MediaStreamError:
            return  # the track ended
