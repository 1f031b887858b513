"""The doors of `door.py`: who makes a class, asks for its seats and looks up what became durable."""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from redis.asyncio import Redis

from classroom.callers import Caller, Role
from classroom.ids import UserId, uuid7
from classroom.times import Moment
from loadtests.benchmarks.redis_door import capacity_key, seats_key
from loadtests.benchmarks.servers import (
    SECRET_KEY,
    LyceumService,
    Service,
    ServiceFailed,
    running,
    running_uvicorn,
)
from loadtests.crowd import Crowd, Journey, RestCrowd, SocketCrowd, pauses
from loadtests.http_client import HttpConnection, post_request
from loadtests.prepared import PreparedClass, Student
from loadtests.record import NotOnRecord
from loadtests.storm import check_postgres
from persistence.tokens import AccessTokens

SCHEMA = """
CREATE TABLE IF NOT EXISTS classes (id uuid PRIMARY KEY, capacity int NOT NULL, taken int NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS seats (
    class_id uuid NOT NULL REFERENCES classes, user_id uuid NOT NULL, number int NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (class_id, user_id)
);
"""
_SHARED = """
SELECT count(*)::float / count(DISTINCT xmin::text) FROM live_events WHERE session_id = $1 AND type = 'seat.taken'
"""

_PATIENCE_SECONDS = 20


class Contender(Protocol):
    """A door under test."""

    @property
    def pids(self) -> Sequence[int]:
        """The processes that it consists of, without those below them and without Postgres."""
        ...

    @property
    def postgres(self) -> Sequence[int]:
        """Postgres, if that is where it keeps its seats."""
        ...

    async def prepare(self, students: int) -> PreparedClass:
        """A class with a seat for each of its students; not on the clock."""
        ...

    def crowd(self, prepared: PreparedClass) -> Crowd:
        """Its students, not connected yet."""
        ...

    async def check(self, prepared: PreparedClass, journeys: Sequence[Journey]) -> float:
        """Every acknowledged seat is where it was promised to be, or NotOnRecord is raised. How many decisions shared a
        commit, 0 when that cannot be told."""
        ...

    async def clear(self, prepared: PreparedClass) -> None:
        """Leave nothing of the class that would work on during the turns of others."""
        ...


@dataclass(frozen=True)
class Plain:
    """The plain service on Postgres."""

    service: Service
    database_url: str
    connections: int | None
    postgres: tuple[int, ...]

    @property
    def pids(self) -> Sequence[int]:
        """See `Contender.pids`."""
        return self.service.pids

    async def prepare(self, students: int) -> PreparedClass:
        """See `Contender.prepare`."""
        prepared = invented_class(students)
        async with connected(self.database_url) as connection:
            await connection.execute(
                "INSERT INTO classes (id, capacity) VALUES ($1, $2)", UUID(prepared.session_id), students
            )
        return prepared

    def crowd(self, prepared: PreparedClass) -> Crowd:
        """See `Contender.crowd`."""
        return RestCrowd(self.service.url, prepared.students, self.connections, keyed=False)

    async def check(self, prepared: PreparedClass, journeys: Sequence[Journey]) -> float:
        """See `Contender.check`."""
        async with connected(self.database_url) as connection:
            rows = await connection.fetch(
                "SELECT user_id::text, number FROM seats WHERE class_id = $1", UUID(prepared.session_id)
            )
        _same({row["user_id"]: row["number"] for row in rows}, journeys, "The plain service's table")
        return 1

    async def clear(self, prepared: PreparedClass) -> None:
        """See `Contender.clear`."""


@dataclass(frozen=True)
class RedisDoor:
    """The Lua script behind its bare edge."""

    edge: Service
    redis: Service
    postgres: tuple[int, ...] = ()

    @property
    def pids(self) -> Sequence[int]:
        """See `Contender.pids`."""
        return (*self.edge.pids, *self.redis.pids)

    async def prepare(self, students: int) -> PreparedClass:
        """See `Contender.prepare`."""
        prepared = invented_class(students)
        async with Redis(unix_socket_path=self.redis.url) as redis:
            await redis.set(capacity_key(prepared.session_id), students)
        return prepared

    def crowd(self, prepared: PreparedClass) -> Crowd:
        """See `Contender.crowd`."""
        return SocketCrowd(self.edge.url, prepared.students)

    async def check(self, prepared: PreparedClass, journeys: Sequence[Journey]) -> float:
        """See `Contender.check`."""
        async with Redis(unix_socket_path=self.redis.url, decode_responses=True) as redis:
            found: dict[Any, Any] = await redis.hgetall(seats_key(prepared.session_id))
        _same({str(student): int(number) for student, number in found.items()}, journeys, "Redis")
        return 0

    async def clear(self, prepared: PreparedClass) -> None:
        """See `Contender.clear`."""


@dataclass(frozen=True)
class Lyceum:
    """Our door, over the socket when `socket_url` is given, otherwise over REST."""

    service: LyceumService
    database_url: str
    socket_url: str | None
    connections: int | None
    postgres: tuple[int, ...]

    @property
    def pids(self) -> Sequence[int]:
        """See `Contender.pids`."""
        return self.service.pids

    async def prepare(self, students: int) -> PreparedClass:
        """See `Contender.prepare`."""
        return await self.service.prepare(students, students)

    async def another(self, prepared: PreparedClass, seats: int) -> str:
        """Another class of the prepared course, started; its id. Raises ServiceFailed."""
        body = {
            "courseId": prepared.course_id,
            "title": "Another class",
            "startTime": datetime.now(UTC).isoformat(),
            "durationMinutes": 240,
            "maxStudents": seats,
        }
        path, token = "/api/live-sessions", prepared.instructor_token
        made = await post_patiently(self.service.rest_url, path, token, 201, json.dumps(body).encode())
        session_id = str(json.loads(made)["id"])
        await post_patiently(self.service.rest_url, f"{path}/{session_id}/start", token, 200)
        return session_id

    def crowd(self, prepared: PreparedClass) -> Crowd:
        """See `Contender.crowd`."""
        if self.socket_url is not None:
            return SocketCrowd(self.socket_url, prepared.students)
        return RestCrowd(self.service.rest_url, prepared.students, self.connections, keyed=False)

    async def check(self, prepared: PreparedClass, journeys: Sequence[Journey]) -> float:
        """See `Contender.check`."""
        await check_postgres(self.database_url, prepared.session_id, journeys)
        return await decisions_a_commit(self.database_url, prepared.session_id)

    async def clear(self, prepared: PreparedClass) -> None:
        """End the class: otherwise every seat's grace period would run out in somebody else's turn."""
        path = f"/api/live-sessions/{prepared.session_id}/end"
        await post_patiently(self.service.rest_url, path, prepared.instructor_token, 200)


async def post_patiently(url: str, path: str, token: str, expected: int, body: bytes = b"{}") -> bytes:
    """What a POST answers, which is sent again with the same Idempotency-Key, as people's clients do, while it is cut off
    or answered 503: HAProxy is reloaded whenever Serve learns of a replica, and closes what it had. Raises ServiceFailed."""
    parts = urlsplit(url)
    request = post_request(parts.netloc, path, token, body, str(uuid4()))
    deadline, said = time.monotonic() + _PATIENCE_SECONDS, ""
    for pause in pauses():
        try:
            connection = await HttpConnection.open(parts.hostname or "", parts.port or 80)
            try:
                status, answer = await connection.ask(request)
            finally:
                connection.close()
            if status == expected:
                return answer
            said = f"{status} {answer[:200]!r}"
            if status != 503:
                break
        except OSError as fault:
            said = str(fault) or type(fault).__name__
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(pause)
    raise ServiceFailed(f"POST {path} was not done: {said}")


@asynccontextmanager
async def running_plain(folder: Path, database_url: str, port: int, way: str) -> AsyncIterator[Service]:
    """The plain service on this Postgres with 2 uvicorn workers."""
    environment = {"PLAIN_DATABASE_URL": database_url, "PLAIN_SECRET_KEY": SECRET_KEY, "PLAIN_WAY": way}
    log = folder / f"plain-{port}.log"
    async with running_uvicorn("loadtests.benchmarks.plain_service:app", environment, port, log) as service:
        yield service


@asynccontextmanager
async def running_redis_door(folder: Path, redis_socket: str, port: int) -> AsyncIterator[Service]:
    """The bare edge before a Redis; its URL is that of its sockets."""
    command = [sys.executable, "-m", "loadtests.benchmarks.redis_door", "--socket", redis_socket, "--port", str(port)]
    log, secret = folder / f"redis-door-{port}.log", {"REDIS_DOOR_SECRET_KEY": SECRET_KEY}
    async with running(command, secret, f"http://127.0.0.1:{port}/health", log) as pid:
        yield Service(f"ws://127.0.0.1:{port}/ws", (pid,))


def invented_class(students: int) -> PreparedClass:
    """A class that no Lyceum knows, whose students have real tokens."""
    now = time.time_ns() // 1_000
    tokens = AccessTokens(SECRET_KEY)
    ids = [uuid7(now // 1_000, random.getrandbits(74)) for _ in range(students + 1)]
    people = tuple(
        Student(each, tokens.make(Caller(UserId(each), "Student", Role.STUDENT), Moment(now), 3_600, "family"))
        for each in ids[1:]
    )
    return PreparedClass(ids[0], "", "", people)


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection for a moment."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def decisions_a_commit(database_url: str, session_id: str) -> float:
    """How many of the class's seats were given in one commit, on average: rows of one transaction share their `xmin`."""
    async with connected(database_url) as connection:
        shared: float | None = await connection.fetchval(_SHARED, UUID(session_id))
    return shared or 0


def _same(found: dict[str, int], journeys: Sequence[Journey], whose: str) -> None:
    told = {each.student_id: each.answer.number for each in journeys}
    if found != told:
        wrong = sorted(found.items() ^ told.items())[:3]
        raise NotOnRecord(f"{whose} differs from the answers, for example {json.dumps(wrong)}.")
