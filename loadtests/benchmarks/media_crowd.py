"""The light clients of the media comparison as processes: one publisher, any viewers. They speak in lines of JSON."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from loadtests.benchmarks.media_clip import clip_in
from loadtests.benchmarks.media_janus import JanusSession
from loadtests.benchmarks.media_publisher import STAMP, STAMPED, Publisher
from loadtests.benchmarks.media_sdp import read_description, viewer_answer
from loadtests.benchmarks.media_servers import JANUS, RELAY
from loadtests.benchmarks.media_transport import TIMESTAMPS, Address, NotConnected
from loadtests.benchmarks.media_viewer import Viewer
from loadtests.benchmarks.servers import REPOSITORY, ServiceFailed
from loadtests.http_client import HttpConnection, post_request

PUBLISH, VIEW = "publish", "view"
_AT_ONCE = 8
"""Viewers that join at the same time."""
USUAL_BITS, RELAY_BITS = 5_000_000, 700_000
"""What viewers say they can take. MediaRelay would encode up to 1.5 Mbit/s, and be charged for it."""


@dataclass(frozen=True)
class Place:
    """Where a server of the comparison is: its kind, its port for offers, the address of its media, and Janus's feed."""

    kind: str
    port: int
    host: str
    feed: int = 0


async def _post(place: Place, path: str, offer: str) -> str:
    connection = await HttpConnection.open("127.0.0.1", place.port)
    try:
        status, body = await connection.ask(post_request("127.0.0.1", path, "", offer.encode()))
    finally:
        connection.close()
    if status != 201:
        raise ServiceFailed(f"{place.kind} answered {path} with {status}: {body.decode(errors='replace')[:200]}")
    return body.decode()


async def run_publisher(place: Place, folder: Path, mirror: Address | None) -> None:
    """Publish until the input ends. Answers `tell`. No stamps for who decodes: they would spoil what it encodes again."""
    async with contextlib.AsyncExitStack() as stack:
        publisher = Publisher(clip_in(folder), place.host, stamped=place.kind != RELAY, mirror=mirror)
        feed = 0
        if place.kind == JANUS:
            session = await stack.enter_async_context(JanusSession(place.port))
            answer, feed = await session.publish(publisher.offer())
        else:
            answer = await _post(place, "/publish", publisher.offer())
        await publisher.connect(answer)
        stack.push_async_callback(publisher.close)
        _say({"connected": 1, "feed": feed, "profile": publisher.transport.profile})
        async for _ in _commands():
            asked = publisher.keyframes_asked
            apart = min((after - before for before, after in itertools.pairwise(asked)), default=None)
            _say({"sent": publisher.sent, "heard": publisher.heard, "keyframes_asked": len(asked), "apart": apart})


class Crowd:
    """The viewers of one process, and what reaches its mirror straight from the publisher."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._viewers: deque[Viewer] = deque()
        self._janus: JanusSession | None = None
        self._mirror = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._mirror.settimeout(0)
        self._mirror.setsockopt(socket.SOL_SOCKET, TIMESTAMPS, 1)
        self._mirror.bind(("127.0.0.1", 0))
        self._straight: list[float] = []
        self._began, self._cpu = time.monotonic(), time.process_time()

    async def run(self) -> None:
        """Until the input ends. Answers `open`, `rush` (all at once), `close`, `begin` and `tell`."""
        asyncio.get_running_loop().add_reader(self._mirror.fileno(), self._read_mirror)
        commands: dict[str, Callable[[int], Awaitable[dict[str, Any]]]] = {
            "open": self._open, "rush": self._rush, "close": self._close, "begin": self._begin, "tell": self._tell,
        }  # fmt: skip
        async with contextlib.AsyncExitStack() as stack:
            if self._place.kind == JANUS:
                self._janus = await stack.enter_async_context(JanusSession(self._place.port))
            _say({"mirror": self._mirror.getsockname()[1]})
            async for command, number in _commands():
                _say(await commands[command](number))
            await self._close(len(self._viewers))

    async def _rush(self, count: int) -> dict[str, Any]:
        return await self._open(count, at_once=count)

    async def _open(self, count: int, at_once: int = _AT_ONCE) -> dict[str, Any]:
        gate, began = asyncio.Semaphore(at_once), time.monotonic()
        bits = RELAY_BITS if self._place.kind == RELAY else USUAL_BITS
        failed: list[str] = []

        async def join() -> None:
            viewer = Viewer(self._place.host, kernel_times=True, bits=bits)
            try:
                async with gate:
                    await self._join(viewer)
            except NotConnected as fault:
                failed.append(str(fault))
            else:
                self._viewers.append(viewer)

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(join())
        profile = self._viewers[-1].transport.profile if self._viewers else ""
        return {
            "connected": len(self._viewers),
            "seconds": time.monotonic() - began,
            "profile": profile,
            "failed": failed,
        }

    async def _join(self, viewer: Viewer) -> None:
        if self._janus is None:
            await viewer.connect(await _post(self._place, "/watch", viewer.offer()))
            return
        handle, offer = await self._janus.offered(self._place.feed)
        answering = asyncio.create_task(self._janus.begin(handle, viewer_answer(viewer.transport, read_description(offer))))
        await viewer.connect(offer)
        await answering

    async def _close(self, count: int) -> dict[str, Any]:
        for _ in range(min(count, len(self._viewers))):
            await self._viewers.popleft().close()
        return {"connected": len(self._viewers)}

    async def _begin(self, _: int) -> dict[str, Any]:
        for viewer in self._viewers:
            viewer.begin_anew()
        self._straight.clear()
        self._began, self._cpu = time.monotonic(), time.process_time()
        return {}

    async def _tell(self, _: int) -> dict[str, Any]:
        seconds = time.monotonic() - self._began
        counts: Counter[str] = Counter()
        for viewer in self._viewers:
            counts["undecipherable"] += viewer.transport.undecipherable
            for stream in viewer.streams.values():
                counts["received"] += stream.received
                counts[f"{stream.kind} received"] += stream.received
                counts["expected"] += stream.expected
                counts["lost"] += stream.lost
                counts["bytes"] += stream.bytes
                counts["freezes"] += stream.freezes
        waits = [wait for viewer in self._viewers for wait in viewer.waits]
        pictures = [sum(stream.frames for stream in viewer.streams.values()) / seconds for viewer in self._viewers]
        return {
            **counts,
            "seconds": seconds,
            "silent": sum(each == 0 for each in pictures),
            "pictures": sum(pictures) / max(1, len(pictures)),
            "generator": (time.process_time() - self._cpu) / seconds,
            "waits": _hundredths(waits),
            "straight": _hundredths(self._straight),
        }

    def _read_mirror(self) -> None:
        for _ in range(64):
            try:
                data, ancillary, _, _ = self._mirror.recvmsg(2048, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            if data[-STAMP.size :].startswith(STAMPED):
                self._straight.append(seconds + nanoseconds / 1e9 - STAMP.unpack(data[-STAMP.size :])[1])


def _hundredths(waits: list[float]) -> dict[str, float]:
    """Milliseconds within which half, 99 % and all were there."""
    if len(waits) < 100:
        return {}
    cut = quantiles(waits, n=100)
    return {"half": cut[49] * 1_000, "most": cut[98] * 1_000, "all": max(waits) * 1_000}


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


async def _commands() -> AsyncIterator[tuple[str, int]]:
    """Lines `word number` from the input, until it ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().split():
        yield line[0], int(line[1]) if len(line) > 1 else 0


class CrowdProcess:
    """One of these processes, from its parent's side."""

    def __init__(self, process: asyncio.subprocess.Process, said: dict[str, Any]) -> None:
        self._process, self.said = process, said

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, part: str, place: Place, folder: Path, mirror: int = 0) -> AsyncIterator["CrowdProcess"]:
        """From its first word until it has ended. Raises ServiceFailed."""
        words = [part, place.kind, str(place.port), place.host, str(place.feed), str(folder), str(mirror)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "loadtests.benchmarks.media_crowd", *words,
            cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=dict(os.environ),
        )  # fmt: skip
        try:
            yield cls(process, await _heard(process, 60))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(20):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    @property
    def pid(self) -> int:
        """The process's."""
        return self._process.pid

    async def ask(self, command: str, number: int = 0, seconds: float = 60) -> dict[str, Any]:
        """Its answer. Raises ServiceFailed when it ended or does not answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command} {number}\n".encode())
        await self._process.stdin.drain()
        return await _heard(self._process, seconds)


async def _heard(process: asyncio.subprocess.Process, seconds: float) -> dict[str, Any]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(seconds):
            line = await process.stdout.readline()
    except TimeoutError:
        raise ServiceFailed(f"A light client did not answer within {seconds:g} s.") from None
    if not line:
        raise ServiceFailed("A light client ended early.")
    heard: dict[str, Any] = json.loads(line)
    return heard


def main(arguments: list[str]) -> None:
    """`part kind port host feed folder mirror`, as `CrowdProcess` says them."""
    part, kind, port, host, feed, folder, mirror = arguments
    place = Place(kind, int(port), host, int(feed))
    if part == PUBLISH:
        aside = ("127.0.0.1", int(mirror)) if int(mirror) else None
        asyncio.run(run_publisher(place, Path(folder), aside))
    else:
        asyncio.run(Crowd(place).run())


if __name__ == "__main__":
    main(sys.argv[1:])
