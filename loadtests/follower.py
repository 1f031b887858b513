"""A subscriber that comes back after every cut, as a browser does, and watches its topic for gaps and repeats."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from loadtests.answers import Frame
from loadtests.crowd import pauses
from loadtests.promises import BrokenPromise
from loadtests.socket_client import SocketClient, SocketClosed
from loadtests.topic_watch import TopicWatch


class TopicBroken(AssertionError):
    """The topic skipped or repeated an offset, or went back."""


class Follower:
    """Follows one topic from `start` until `stop`. `find_url` says where the sockets are now; they may move."""

    def __init__(self, find_url: Callable[[], Awaitable[str]], token: str, topic: str) -> None:
        self._find_url = find_url
        self._token = token
        self._watch = TopicWatch(topic, self._on_event)
        self._client: SocketClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.events: list[tuple[int, str, Any]] = []
        """Offset, type and data of every event seen, in order."""
        self.broken: TopicBroken | None = None

    @property
    def resumed(self) -> int:
        """How often missed events followed a subscription."""
        return self._watch.resumed

    @property
    def snapshots(self) -> int:
        """How often the whole state came instead."""
        return self._watch.snapshots

    @property
    def offset(self) -> int:
        """Of the last that is known here, from a whole state or an event; -1 before anything came."""
        return self._watch.position[1] if self._watch.position is not None else -1

    async def start(self, timeout_seconds: float = 30) -> None:
        """Subscribed for the first time. Raises TimeoutError."""
        self._task = asyncio.create_task(self._follow())
        await self.wait_until(lambda: self._watch.position is not None, timeout_seconds)

    async def stop(self) -> None:
        """Hang up for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()  # `wait_until` has told it to whoever wanted to know
        if self._client is not None:
            self._client.cut()

    def cut(self) -> None:
        """Lose the connection now; it comes back by itself."""
        if self._client is not None:
            self._client.cut()

    async def wait_until(self, holds: Callable[[], bool], timeout_seconds: float = 30) -> None:
        """Return when `holds()` does. Raises TimeoutError, TopicBroken, or what ended the following."""
        async with asyncio.timeout(timeout_seconds):
            while not holds():
                self._check()
                self._news.clear()
                await self._news.wait()
        self._check()

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self._task is not None and self._task.done():
            self._task.result()

    async def _follow(self) -> None:
        try:
            while True:
                client = await self._come_back()
                self._news.set()
                await asyncio.shield(client.closed)
        finally:
            self._news.set()

    async def _come_back(self) -> SocketClient:
        for pause in pauses():
            with suppress(OSError):  # away or cut again: the pause gives it time
                return await self._subscribe()
            await asyncio.sleep(pause)
        raise AssertionError("Pauses have no end.")

    async def _subscribe(self) -> SocketClient:
        try:
            client = self._client = await SocketClient.open(await self._find_url(), self._token, self._on_topic)
            said = await client.subscribe(self._watch.topic, self._watch.position)
        except SocketClosed as closed:
            if closed.is_final:
                raise TopicBroken(f"The gateway sent the follower away for good with {closed.code}.") from closed
            raise
        if said.type == "subscribed":
            return client
        client.cut()
        if said.error is not None and said.error.retry:
            raise ConnectionResetError("The topic cannot be followed yet.")
        raise TopicBroken(f"The subscription was refused: {said.error}")

    def _on_topic(self, frame: Frame) -> None:
        if self.broken is None:
            try:
                self._watch.take(frame)
            except BrokenPromise as broken:
                self.broken = TopicBroken(str(broken))
        self._news.set()

    def _on_event(self, kind: str, data: Any) -> None:
        assert self._watch.position is not None
        self.events.append((self._watch.position[1], kind, data))
