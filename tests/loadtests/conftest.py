"""A class door in memory behind the real wire, with faults to order: what the generators are tested against."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from loadtests.prepared import PreparedClass, Student


@dataclass
class DoorTwin:
    """Seats and a waitlist; the faults say what goes wrong and how often a student meets it."""

    capacity: int
    oversell: bool = False
    cut_before_answer: int = 0
    unavailable_first: int = 0
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    commands: dict[str, set[str]] = field(default_factory=dict)
    _cuts: dict[str, int] = field(default_factory=dict)
    _refusals: dict[str, int] = field(default_factory=dict)
    rest_url: str = ""
    socket_url: str = ""
    log: list[str] = field(default_factory=list)
    followers: dict[ServerConnection, str] = field(default_factory=dict)
    forgets: bool = False
    epoch: int = 1
    closes_after: int = 1_000_000
    """How many sockets are let in before nobody is."""
    last_come_first: bool = False
    counts_nothing: bool = False
    skips: int = 0
    miscounts: int = 0
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Events and subscriptions go one after the other, or a follower would see them out of order."""

    async def publish(self, text: str) -> None:
        """One more event on the only topic, to who follows it now."""
        async with self.telling:
            self.log.append(text)
            if self.skips and self.followers:
                self.skips -= 1
                return
            for follower, topic in list(self.followers.items()):
                with suppress(ConnectionClosed):
                    await follower.send(self._events(topic, len(self.log)))

    async def enter(self, student: str, command: str) -> dict[str, Any] | None:
        """`join`, and whoever follows is told of somebody new."""
        known = student in self.answers
        result = self.join(student, command)
        if result is not None and not known:
            await self.publish(student)
        return result

    async def subscribe(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        """Missed events after `since`, or a snapshot for who is new or, when the door `forgets`, for everybody."""
        async with self.telling:
            await self._subscribe(connection, frame)

    async def _subscribe(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        since = frame.get("since")
        recovered = since is not None and not self.forgets
        said = {"type": "subscribed", "id": frame["id"], "topic": frame["topic"], "offset": len(self.log)}
        await connection.send(
            json.dumps({**said, "epoch": self.epoch, "recovered": recovered, "snapshot": None if recovered else {}})
        )
        if recovered and since["offset"] < len(self.log):
            await connection.send(self._events(frame["topic"], since["offset"] + 1))
        self.followers[connection] = frame["topic"]

    def _events(self, topic: str, first: int) -> str:
        events = [{"offset": n, "type": "said", "data": self.log[n - 1]} for n in range(first, len(self.log) + 1)]
        return json.dumps({"type": "events", "topic": topic, "epoch": self.epoch, "events": events})

    def join(self, student: str, command: str) -> dict[str, Any] | None:
        """The result; None when this time the part behind the door is away."""
        self.commands.setdefault(student, set()).add(command)
        if self._refusals.setdefault(student, self.unavailable_first) > 0:
            self._refusals[student] -= 1
            return None
        if student not in self.answers:
            entered = len(self.answers)
            if self.last_come_first:
                self.answers[student] = self._behind(entered)
            elif self.oversell or entered < self.capacity:
                self.answers[student] = {"outcome": "seated", "seat": {"number": entered + 1}}
            else:
                self.answers[student] = {"outcome": "waitlisted", "position": entered - self.capacity + 1}
        return self.answers[student]

    def _behind(self, entered: int) -> dict[str, Any]:
        """All numbers are given once, but the other way round."""
        if entered < self.capacity:
            return {"outcome": "seated", "seat": {"number": self.capacity - entered}}
        return {"outcome": "waitlisted", "position": 40 - entered}

    def counts(self) -> dict[str, int]:
        """The class as `GET /api/live-sessions/{id}` shows it."""
        if self.counts_nothing and self.answers:
            return {"maxStudents": self.capacity}
        seated = sum(answer["outcome"] == "seated" for answer in self.answers.values())
        seated -= min(seated, self.miscounts)
        return {"maxStudents": self.capacity, "currentStudents": seated, "waitlisted": len(self.answers) - seated}

    def cuts(self, student: str) -> bool:
        """Whether the connection breaks before this answer."""
        left = self._cuts.setdefault(student, self.cut_before_answer)
        self._cuts[student] = left - 1
        return left > 0


async def _socket(door: DoorTwin, connection: ServerConnection) -> None:
    try:
        student = json.loads(await connection.recv())["token"]
        if student == "stranger":
            await connection.close(4500, "unauthenticated")
            return
        door.closes_after -= 1
        if door.closes_after < 0:
            connection.transport.abort()
            return
        await connection.send(json.dumps({"type": "welcome", "connectionId": "c", "heartbeatSeconds": 25}))
        async for text in connection:
            frame = json.loads(text)
            if frame["type"] == "subscribe":
                await door.subscribe(connection, frame)
                continue
            if frame["type"] == "unsubscribe":
                async with door.telling:
                    door.followers.pop(connection, None)
                    await connection.send(json.dumps({"type": "reply", "id": frame["id"], "ok": True, "result": None}))
                continue
            result = await door.enter(student, frame["id"])
            if door.cuts(student):
                connection.transport.abort()
                return
            reply: dict[str, Any] = {"type": "reply", "id": frame["id"], "ok": result is not None}
            if result is None:
                reply["error"] = {"errorCode": "unavailable", "message": "Later.", "details": {}, "retry": True}
            else:
                reply["result"] = result
            await connection.send(json.dumps(reply))
    except ConnectionClosed:
        return
    finally:
        door.followers.pop(connection, None)


def _respond(writer: asyncio.StreamWriter, status: int, body: dict[str, Any]) -> None:
    encoded = json.dumps(body).encode()
    writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(encoded), encoded))


async def _request(door: DoorTwin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            if head.startswith("GET /api/realtime "):
                _respond(writer, 200, {"url": door.socket_url})
                continue
            if head.startswith("GET /api/live-sessions/"):
                _respond(writer, 200, door.counts())
                continue
            await reader.readexactly(int(lines["Content-Length"]))
            student = lines["Authorization"].removeprefix("Bearer ")
            result = await door.enter(student, lines["Idempotency-Key"])
            if door.cuts(student):
                writer.transport.abort()
                return
            status = 503 if result is None else 200 if result["outcome"] == "seated" else 202
            _respond(writer, status, result or {"errorCode": "unavailable", "details": {"retry": True}})
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


OpenDoor = Callable[[DoorTwin], Awaitable[DoorTwin]]


@pytest.fixture
async def open_door() -> AsyncIterator[OpenDoor]:
    """Puts a door behind both wires, on free ports of this machine, until the test ends."""
    servers: list[Server | asyncio.Server] = []

    async def start(door: DoorTwin) -> DoorTwin:
        sockets = await serve(
            lambda connection: _socket(door, connection),
            "127.0.0.1",
            0,
            compression=None,
            subprotocols=[Subprotocol("lyceum.v1")],
        )
        rest = await asyncio.start_server(lambda r, w: _request(door, r, w), "127.0.0.1", 0)
        servers.extend((sockets, rest))
        door.socket_url = f"ws://127.0.0.1:{next(iter(sockets.sockets)).getsockname()[1]}/ws"
        door.rest_url = f"http://127.0.0.1:{rest.sockets[0].getsockname()[1]}"
        return door

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def prepared() -> PreparedClass:
    """A class with 40 students."""
    students = tuple(Student(f"0190a000-0000-7000-8000-{number:012d}", f"token-{number}") for number in range(40))
    return PreparedClass("0190a000-0000-7000-8000-000000000001", "course", "teacher", students)


@pytest.fixture
def door_twin() -> type[DoorTwin]:
    """Makes doors."""
    return DoorTwin


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def class_file(tmp_path: Path, prepared: PreparedClass) -> Path:
    """That class as `lyceum loadtest prepare` prints it."""
    file = tmp_path / "class.json"
    students = [{"id": each.id, "token": each.token} for each in prepared.students]
    body = {"sessionId": prepared.session_id, "courseId": "c", "instructorToken": "i", "students": students}
    file.write_text(json.dumps(body))
    return file
