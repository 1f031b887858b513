"""The Python servers of the media comparison: Lyceum's MediaServer and aiortc's MediaRelay, each behind three routes:
`POST /publish` and `POST /watch` take an SDP offer and give the answer, `GET /load` says how many are there."""

import asyncio
import contextlib
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from realtime.sfu.desk import MediaSettings, Participant, Shown, Verdict

LYCEUM, RELAY, JANUS = "lyceum", "relay", "janus"
"""Janus is not written here: `media_janus.py` starts it."""
CLASS = "01910000-0000-7000-8000-0000000000bb"
Answer = Callable[[str], Awaitable[str]]


class OpenDesk:
    """A class in which everybody may do everything, and which remembers what it was told."""

    def __init__(self) -> None:
        self.shown: Shown | None = None
        self.speaking: Sequence[str] = ()
        self.verdict: Verdict | None = Verdict()
        self.checks = 0

    async def check(
        self, session_id: str, origin: str | None, viewers: Sequence[str], publishers: Sequence[str]
    ) -> Verdict | None:
        """Everybody still may."""
        self.checks += 1
        return self.verdict

    async def show(self, session_id: str, shown: Shown) -> None:
        """Remember it."""
        self.shown = shown

    async def speakers(self, session_id: str, user_ids: Sequence[str]) -> None:
        """Remember them."""
        self.speaking = tuple(user_ids)


async def serve_lyceum(port: int, most_viewers: int = 1_000) -> None:
    """A MediaServer with one class; the instructor publishes."""
    from realtime.sfu.server import MediaServer

    settings = MediaSettings("127.0.0.1", "127.0.0.1", most_viewers=most_viewers)
    server = MediaServer(settings, OpenDesk(), None, time.monotonic)
    await server.start()

    async def publish(offer: str) -> str:
        who = Participant(CLASS, "instructor", "Instructor", "staff", "camera")
        return (await server.publish(who, offer)).answer

    async def watch(offer: str) -> str:
        user = f"viewer-{secrets.token_hex(6)}"
        return (await server.watch(Participant(CLASS, user, user, "viewer", "camera"), offer, None)).answer

    async def load(_: Request) -> JSONResponse:
        carried = server.load()
        return JSONResponse({"viewers": carried.viewers, "dropped": carried.dropped, "packets": carried.packets_out})

    try:
        await serve_offers(port, publish, watch, load)
    finally:
        await server.close()


async def serve_relay(port: int) -> None:
    """What aiortc's examples do: a connection for each, MediaRelay between them. It decodes once and encodes for each."""
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaRelay
    from aiortc.mediastreams import MediaStreamTrack

    relay, tracks, connections = MediaRelay(), list[MediaStreamTrack](), set[RTCPeerConnection]()

    async def answered(connection: RTCPeerConnection) -> str:
        answer = await connection.createAnswer()
        await connection.setLocalDescription(answer)
        return str(connection.localDescription.sdp)

    async def publish(offer: str) -> str:
        connection = RTCPeerConnection()
        connections.add(connection)
        connection.on("track", tracks.append)
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        return await answered(connection)

    async def watch(offer: str) -> str:
        connection = RTCPeerConnection()
        connections.add(connection)
        for track in tracks:
            connection.addTrack(relay.subscribe(track))
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        return await answered(connection)

    async def load(_: Request) -> JSONResponse:
        connected = sum(each.connectionState == "connected" for each in connections)
        return JSONResponse({"viewers": connected - 1, "dropped": 0, "packets": 0})

    await serve_offers(port, publish, watch, load)


SERVERS: dict[str, Callable[[int], Coroutine[None, None, None]]] = {LYCEUM: serve_lyceum, RELAY: serve_relay}


async def serve_offers(
    port: int, publish: Answer, watch: Answer, load: Callable[[Request], Awaitable[JSONResponse]]
) -> None:
    """The three routes on loopback, until SIGTERM or SIGINT."""

    def route(answer: Answer) -> Callable[[Request], Awaitable[PlainTextResponse]]:
        async def answered(request: Request) -> PlainTextResponse:
            sdp: str = await answer((await request.body()).decode())
            return PlainTextResponse(sdp, 201)

        return answered

    application = Starlette(
        routes=[
            Route("/publish", route(publish), methods=["POST"]),
            Route("/watch", route(watch), methods=["POST"]),
            Route("/load", load),
        ]
    )
    config = uvicorn.Config(application, host="127.0.0.1", port=port, log_level="error", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def ended() -> None:
        server.should_exit = True

    # uvicorn's own handlers raise the signal again when it has ended: nothing after it would run
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    loop.add_signal_handler(signal.SIGTERM, ended)
    loop.add_signal_handler(signal.SIGINT, ended)
    await server.serve()
