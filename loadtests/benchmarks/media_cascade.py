"""One class on two media nodes of a running system: what is lost, what crosses the link between them, and how often the
publisher is asked for a keyframe. Linux and root only: datagrams of the link are counted on the loopback.

lyceum loadtest prepare --students 350 --capacity 350 | python -m loadtests.benchmarks.media_cascade
"""

import argparse
import asyncio
import contextlib
import json
import re
import socket
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from ctypes import addressof, create_string_buffer
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse

from loadtests.benchmarks.machine import cpu_of
from loadtests.benchmarks.media_clip import clip_in
from loadtests.benchmarks.media_crowd import PUBLISH, VIEW, CrowdProcess, Place
from loadtests.benchmarks.media_servers import LYCEUM, serve_offers
from loadtests.crowd import SocketCrowd, allow_many_connections
from loadtests.prepared import PreparedClass, read_prepared

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER
_ANY_PROTOCOL = 3  # ETH_P_ALL
_RTP_AT = 14 + 20 + 8


class Door:
    """The media routes of the class, for clients that know nothing of tokens: each viewer is the next student."""

    def __init__(self, site: str, prepared: PreparedClass) -> None:
        self._http = httpx.AsyncClient(base_url=site, timeout=30, limits=httpx.Limits(max_connections=32))
        self._path = f"/api/live-sessions/{prepared.session_id}/media"
        self._prepared = prepared
        self._tokens = iter([student.token for student in prepared.students])
        self.origin = -1
        self.viewers: Counter[int] = Counter()
        """On each node."""

    async def publish(self, offer: str) -> str:
        """The instructor's camera."""
        self.origin, answer = await self._ask("publish", self._prepared.instructor_token, offer)
        return answer

    async def watch(self, offer: str) -> str:
        """The next student's page."""
        node, answer = await self._ask("watch", next(self._tokens), offer)
        self.viewers[node] += 1
        return answer

    async def load(self, _: Request) -> JSONResponse:
        """Viewers by node."""
        return JSONResponse({str(node): count for node, count in self.viewers.items()})

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()

    async def _ask(self, what: str, token: str, offer: str) -> tuple[int, str]:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
        response = await self._http.post(f"{self._path}/{what}", content=offer, headers=headers)
        response.raise_for_status()
        found = re.search(r"/media/[0-9a-f]+-(\d+)~", response.headers["location"])
        return int(found[1]) if found is not None else -1, response.text


class LinkTap:
    """Counts RTP datagrams of the loopback from one UDP port to another, by SSRC."""

    def __init__(self, source: int, target: int) -> None:
        self.packets: Counter[int] = Counter()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ANY_PROTOCOL))
        lines = (
            (0x28, 0, 0, 34),  # the source port; addresses have 20 bytes of header before them
            (0x15, 0, 3, source),
            (0x28, 0, 0, 36),
            (0x15, 0, 1, target),
            (0x06, 0, 0, 0xFFFF),
            (0x06, 0, 0, 0),
        )
        program = create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(lines), addressof(program)))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Count nothing more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                data, (_, _, direction, *_) = self._socket.recvfrom(2048)
                is_rtcp = 192 <= data[_RTP_AT + 1] <= 223  # RFC 5761, 4
                if direction != socket.PACKET_OUTGOING and not is_rtcp:  # each is seen twice
                    self.packets[int.from_bytes(data[_RTP_AT + 8 : _RTP_AT + 12], "big")] += 1


@contextlib.contextmanager
def _tapped(source: int, target: int) -> Iterator[LinkTap]:
    tap = LinkTap(source, target)
    try:
        yield tap
    finally:
        tap.close()


@contextlib.asynccontextmanager
async def _doors(options: argparse.Namespace, prepared: PreparedClass) -> AsyncIterator[Door]:
    door = Door(options.site, prepared)
    serving = asyncio.create_task(serve_offers(options.port, door.publish, door.watch, door.load))
    try:
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", options.port), timeout=1).close()
                break
            await asyncio.sleep(0.05)
        yield door
    finally:
        serving.cancel()
        await asyncio.wait([serving])
        await door.close()


async def measure(options: argparse.Namespace, prepared: PreparedClass, folder: Path) -> dict[str, Any]:
    """Everybody comes, and is counted for some seconds."""
    await asyncio.to_thread(clip_in, folder)
    async with contextlib.AsyncExitStack() as stack:
        seats = SocketCrowd(options.sockets, prepared.students)
        await seats.open()
        stack.push_async_callback(seats.close)
        outcomes = Counter(journey.answer.outcome for journey in await seats.join(prepared.session_id))
        door = await stack.enter_async_context(_doors(options, prepared))
        place = Place(LYCEUM, options.port, "127.0.0.1")
        publisher = await stack.enter_async_context(CrowdProcess.running(PUBLISH, place, folder))
        half = len(prepared.students) // 2
        counts = (half, len(prepared.students) - half)
        crowds = [await stack.enter_async_context(CrowdProcess.running(VIEW, place, folder)) for _ in counts]
        opened = [await crowd.ask("open", count, 300) for crowd, count in zip(crowds, counts, strict=True)]
        await asyncio.sleep(2)
        tap = stack.enter_context(_tapped(options.udp + door.origin, options.udp + 1 - door.origin))
        before, used = await publisher.ask("tell"), cpu_of(options.pids)
        for crowd in crowds:
            await crowd.ask("begin")
        await asyncio.sleep(options.seconds)
        told, after = [await crowd.ask("tell") for crowd in crowds], await publisher.ask("tell")
        sent = {kind: count - before["sent"][kind] for kind, count in after["sent"].items()}
        return {
            "seats": outcomes,
            "viewers by node": {"origin": door.viewers[door.origin], "edge": door.viewers[1 - door.origin]},
            "failed": [fault for each in opened for fault in each["failed"]],
            "seconds to join": [round(each["seconds"], 1) for each in opened],
            "expected": sum(each["expected"] for each in told),
            "lost": sum(each["lost"] for each in told),
            "saw nothing": sum(each["silent"] for each in told),
            "pictures a second": [round(each["pictures"], 1) for each in told],
            "milliseconds": [each["waits"] for each in told],
            "published meanwhile": sent,
            "over the link, by SSRC": sorted(tap.packets.values(), reverse=True),
            "keyframes asked of the publisher": after["keyframes_asked"],
            "least seconds between two": after["apart"],
            "of a core": round((cpu_of(options.pids) - used) / options.seconds, 2),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.benchmarks.media_cascade", description=__doc__)
    parser.add_argument("--site", default="http://127.0.0.1:8000")
    parser.add_argument("--sockets", default="ws://127.0.0.1:8001/ws")
    parser.add_argument("--udp", type=int, default=8002, help="the first node's port")
    parser.add_argument("--port", type=int, default=9_940)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pids", type=int, nargs="*", default=[], help="processes whose processor time is wanted")
    options = parser.parse_args(arguments)
    allow_many_connections()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(options, read_prepared(sys.stdin.read()), Path(folder)))
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
