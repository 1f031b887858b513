"""A real gateway on a real port before a host in memory, and clients that speak with the `websockets` library."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from classroom.callers import Caller, Role
from classroom.ids import SessionId, UserId
from classroom.ports import Batch
from persistence.memory.tickets import MemoryGatewayDirectory, MemoryTickets
from realtime.gateway import Gateway
from realtime.memory import MemoryHost
from realtime.settings import GatewaySettings

DEADLINE = 10.0


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that Ray gives an actor."""
    return {"uvloop": uvloop.new_event_loop}


def person(number: int, role: Role = Role.STUDENT) -> Caller:
    return Caller(UserId(f"01910000-0000-7000-8000-{number:012d}"), f"Person {number}", role)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that no message tells."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE
    while not condition():
        assert loop.time() < deadline, f"not within {DEADLINE} s: {what}"
        await asyncio.sleep(0.005)


class Peer:
    """A client: what it sends is JSON, what it expects comes within a deadline."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._ids = itertools.count(1)

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        return frame

    async def expect(self, kind: str) -> dict[str, Any]:
        """The next frame of this type; others are passed over."""
        while True:
            frame = await self.receive()
            if frame["type"] == kind:
                return frame

    async def hello(self, token: str) -> dict[str, Any]:
        await self.send(type="hello", token=token)
        return await self.expect("welcome")

    async def command(self, name: str, session_id: str, *, id: str | None = None, **args: Any) -> dict[str, Any]:
        request = id or f"c{next(self._ids)}"
        await self.send(type="command", id=request, name=name, args={"sessionId": session_id, **args})
        reply = await self.expect("reply")
        assert reply["id"] == request
        return reply

    async def subscribe(self, topic: str, since: tuple[int, int] | None = None) -> dict[str, Any]:
        request = f"s{next(self._ids)}"
        frame: dict[str, Any] = {"type": "subscribe", "id": request, "topic": topic}
        if since is not None:
            frame["since"] = {"epoch": since[0], "offset": since[1]}
        await self.send(**frame)
        while True:
            answer = await self.receive()
            if answer.get("id") == request:
                return answer

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next `count` events, whatever frames they come in."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += (await self.expect("events"))["events"]
        assert len(found) == count
        return found

    async def until_closed(self) -> tuple[list[dict[str, Any]], tuple[int, str]]:
        """What still comes, and the code and the reason with which the server closed."""
        taken: list[dict[str, Any]] = []
        try:
            while True:
                taken.append(await self.receive())
        except ConnectionClosed as end:
            close = end.rcvd
        if close is None:
            pytest.fail("the server went away without a close frame")
        return taken, (close.code, close.reason)

    async def closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closed."""
        return (await self.until_closed())[1]


class World:
    """A host, a gateway before it, and as many peers as a test wants."""

    def __init__(self) -> None:
        self.tickets = MemoryTickets()
        self.directory = MemoryGatewayDirectory()
        self.people: dict[str, Caller] = {}
        self.host = MemoryHost(self._deliver)
        self._sockets: list[ClientConnection] = []
        self._gateways: list[Gateway] = []
        self.gateway: Gateway

    def _deliver(self, batches: Sequence[Batch]) -> None:
        self.gateway.deliver(batches)

    async def start_gateway(self, **limits: Any) -> Gateway:
        """A (further) gateway; the host tells the newest one."""
        port = limits.pop("port", 0)
        settings = GatewaySettings("g1", "127.0.0.1", port, "ws://127.0.0.1:1/ws", **limits)
        self.gateway = Gateway(settings, self.people.get, self.tickets, self.host, self.host, self.directory)
        self._gateways.append(self.gateway)
        await self.gateway.start()
        return self.gateway

    async def open(
        self,
        *,
        origin: str | None = None,
        subprotocols: tuple[str, ...] = ("lyceum.v1",),
        path: str = "/ws",
        **options: Any,
    ) -> Peer:
        """A socket that has not said hello."""
        socket = await connect(
            f"ws://127.0.0.1:{self.gateway.port}{path}",
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            origin=None if origin is None else Origin(origin),
            compression=None,
            **options,
        )
        self._sockets.append(socket)
        return Peer(socket)

    async def enter(self, caller: Caller, **options: Any) -> Peer:
        """A socket of this person that has said hello."""
        token = f"token of {caller.user_id}"
        self.people[token] = caller
        peer = await self.open(**options)
        await peer.hello(token)
        return peer

    async def close(self) -> None:
        for socket in self._sockets:
            socket.transport.abort()
        for gateway in self._gateways:
            await gateway.drain(2.0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.close()


@pytest.fixture
def people() -> Callable[..., Caller]:
    return person


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool], str], Awaitable[None]]:
    return until


@pytest.fixture
def class_id() -> SessionId:
    return SessionId("01910000-0000-7000-8000-0000000000aa")
