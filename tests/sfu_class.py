"""A class on a MediaServer of this process, with light clients that come straight or through a bad network."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from loadtests.benchmarks.media_servers import CLASS, OpenDesk
from realtime.sfu.desk import MediaSettings, Part, Participant, Source
from realtime.sfu.server import MediaServer
from tests.sfu_proxy import Proxy, Weather


class Client(Protocol):
    """A light publisher or viewer."""

    def offer(self) -> str: ...

    async def connect(self, answer: str) -> None: ...

    async def close(self) -> None: ...


class MediaClass:
    """One class. Who comes in by `publish` and `watch` leaves when it ends."""

    def __init__(self, server: MediaServer, desk: OpenDesk, stack: AsyncExitStack) -> None:
        self.server, self.desk, self._stack = server, desk, stack

    async def publish(
        self,
        client: Client,
        user: str = "instructor",
        part: Part = "staff",
        source: Source = "camera",
        proxy: Proxy | None = None,
    ) -> str:
        """Its media id, once it is connected."""
        opened = await self.server.publish(Participant(CLASS, user, user.title(), part, source), client.offer())
        return await self._connected(client, opened.media_id, opened.answer, proxy)

    async def watch(self, client: Client, user: str, proxy: Proxy | None = None) -> str:
        """Its media id, once it is connected."""
        opened = await self.server.watch(Participant(CLASS, user, user.title(), "viewer"), client.offer(), None)
        return await self._connected(client, opened.media_id, opened.answer, proxy)

    async def _connected(self, client: Client, media_id: str, answer: str, proxy: Proxy | None) -> str:
        await client.connect(answer if proxy is None else proxy.through(answer))
        self._stack.push_async_callback(client.close)
        return media_id

    def weather(self, seed: int, up: Weather, down: Weather) -> Proxy:
        """A bad network before this server."""
        proxy = Proxy(("127.0.0.1", self.server.port), seed, up=up, down=down)
        self._stack.callback(proxy.close)
        return proxy


@asynccontextmanager
async def media_class() -> AsyncIterator[MediaClass]:
    """From the server's start to its end."""
    desk = OpenDesk()
    server = MediaServer(MediaSettings("127.0.0.1", "127.0.0.1"), desk, None, time.monotonic)
    await server.start()
    try:
        async with AsyncExitStack() as stack:
            yield MediaClass(server, desk, stack)
    finally:
        await server.close()
