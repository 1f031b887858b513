"""The HTTP edge over twins: everything in this process, real grains included, nothing listens anywhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from actors.local import LocalLyceum
from actors.logs import configure_logs
from classroom.callers import Caller, Role
from classroom.ids import UserId
from persistence.accounts import NewAccount
from persistence.ids import new_id
from persistence.memory.accounts import MemoryAccounts, MemorySignIns
from persistence.memory.courses import MemoryCourses
from persistence.memory.enrollments import MemoryEnrollments
from persistence.memory.idempotency import MemoryCommandKeys, MemoryIdempotencyKeys
from persistence.memory.live_records import MemoryLiveRecords
from persistence.memory.platform import PlatformTables
from persistence.memory.tickets import MemoryGatewayDirectory, MemoryTickets
from persistence.rate_limits import memory_rate_limits
from persistence.tokens import AccessTokens
from serve_app.access_log import AccessLog
from serve_app.app import create_edge
from serve_app.composition import EdgeConfig, Parts
from serve_app.opening import system_clock
from serve_app.passwords import Passwords
from serve_app.sealing import Seal

SECRET = "a secret key that only the tests know"
PASSWORD = "correct horse"
configure_logs()
QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


@dataclass
class Person:
    """Somebody signed in."""

    id: UserId
    name: str
    email: str
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, expect: int, body: Any = None, **headers: str) -> Any:
        """One request under `/api`; the decoded answer (None for none). `headers` are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {} if body is None else {"json": body}
        response = await self.client.request(method, f"/api{path}", headers=sent, **content)
        assert response.status_code == expect, response.text
        return response.json() if response.content else None


@dataclass
class Edge:
    """The application with its parts, and words to bring about a situation."""

    config: EdgeConfig
    parts: Parts
    tables: PlatformTables
    lyceum: LocalLyceum
    app: FastAPI
    transport: httpx.ASGITransport
    visitor: httpx.AsyncClient
    logged: list[bytes]
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def person(self, role: Role = Role.STUDENT, name: str = "Sam") -> Person:
        """A new person of this role, signed in."""
        user_id = UserId(new_id())
        email = f"{user_id}@example.org"
        hashed = await self.parts.passwords.hash(PASSWORD)
        now = self.parts.clock()
        assert await self.parts.accounts.create(NewAccount(user_id, email, name, role, hashed, now, now)) is not None
        token = self.parts.tokens.make(Caller(user_id, name, role), now, 3_600, new_id())
        client = self.client(token)
        return Person(user_id, name, email, client)

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """A browser, without its own sign-in unless a token is given."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        client = httpx.AsyncClient(transport=self.transport, base_url="http://lyceum.test", headers=headers)
        self._clients.append(client)
        return client

    async def course(self, teacher: Person, **text: Any) -> str:
        """A published course."""
        course = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Tides", **text})
        await teacher.ask("POST", f"/instructor/courses/{course['id']}/submit", 200)
        admin = await self.person(Role.ADMIN, "Ada")
        await admin.ask("PATCH", f"/admin/courses/{course['id']}/approve", 200)
        return str(course["id"])

    async def live_class(self, seats: int = 2, students: int = 0, start: bool = True, **words: Any) -> "LiveClass":
        """A class in a new course with enrolled students."""
        teacher = await self.person(Role.INSTRUCTOR, "Ina")
        course_id = await self.course(teacher)
        session = await teacher.ask("POST", "/live-sessions", 201, self.schedule(course_id, maxStudents=seats, **words))
        enrolled = [await self.person(name=f"Student {number}") for number in range(students)]
        for student in enrolled:
            await student.ask("POST", f"/courses/{course_id}/enroll", 201)
        if start:
            await teacher.ask("POST", f"/live-sessions/{session['id']}/start", 200)
        return LiveClass(session["id"], course_id, teacher, enrolled)

    @staticmethod
    def soon(**delta: float) -> str:
        """A moment from now as the wire writes it; in a minute if nothing else is said."""
        return (datetime.now(UTC) + timedelta(**(delta or {"minutes": 1}))).isoformat().replace("+00:00", "Z")

    @staticmethod
    def schedule(course_id: str, **words: Any) -> dict[str, Any]:
        """What schedules a class."""
        return {
            "courseId": course_id,
            "title": "High tide",
            "startTime": Edge.soon(),
            "durationMinutes": 60,
            "maxStudents": 2,
            **words,
        }

    async def access_log(self) -> list[dict[str, Any]]:
        """Every request so far, as it was logged."""
        await asyncio.sleep(0)  # lines are written at the end of a turn
        return [json.loads(line) for lines in self.logged for line in lines.splitlines()]

    async def close(self) -> None:
        """Close every browser."""
        for client in self._clients:
            await client.aclose()


@dataclass
class LiveClass:
    """A class, who teaches it and who is enrolled."""

    id: str
    course_id: str
    teacher: Person
    students: list[Person]

    @property
    def path(self) -> str:
        """Where it is under `/api`."""
        return f"/live-sessions/{self.id}"


def app_of(server: Any) -> FastAPI:
    """The routes inside the layers around them."""
    while not isinstance(server, FastAPI):
        server = getattr(server, "app", None) or server._app
    return server


@asynccontextmanager
async def open_edge(web_dist: Path, **config: Any) -> AsyncIterator[Edge]:
    """An edge over new twins."""
    values = EdgeConfig("http://lyceum.test", "ws://lyceum.test:8001/ws", SECRET, web_dist=web_dist)
    values = replace(values, **config)
    tables = PlatformTables()
    lyceum = LocalLyceum(tables.live)
    passwords = Passwords(QUICK)

    async def well() -> None:
        tables.reach()

    parts = Parts(
        accounts=MemoryAccounts(tables),
        sign_ins=MemorySignIns(tables),
        courses=MemoryCourses(tables),
        enrollments=MemoryEnrollments(tables),
        idempotency=MemoryIdempotencyKeys(tables),
        command_keys=MemoryCommandKeys(),
        live_records=MemoryLiveRecords(tables.live),
        live=lyceum.live,
        tickets=MemoryTickets(),
        gateways=MemoryGatewayDirectory(),
        limits=memory_rate_limits(values.rate_limit_per_minute, values.live_rate_limit_per_minute),
        tokens=AccessTokens(SECRET),
        passwords=passwords,
        seal=Seal(SECRET, b"idempotency"),
        checks={"postgres": well, "redis": well, "actors": well, "gateway": well},
        clock=system_clock,
        new_id=new_id,
    )

    @asynccontextmanager
    async def opened() -> AsyncIterator[Parts]:
        yield parts

    logged: list[bytes] = []
    server = create_edge(values, opened, AccessLog(logged.append))
    app = app_of(server)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(server, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://lyceum.test") as visitor:
            edge = Edge(values, parts, tables, lyceum, app, transport, visitor, logged)
            yield edge
            await edge.close()
    await lyceum.close()
    await parts.limits.close()
    passwords.close()


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """The edge with limits that no test meets by accident."""
    async with open_edge(tmp_path / "dist", rate_limit_per_minute=100_000, live_rate_limit_per_minute=100_000) as edge:
        yield edge


@pytest.fixture
def make_edge(tmp_path: Path) -> Any:
    """Opens an edge with values of the test's own: `async with make_edge(rate_limit_per_minute=3) as edge`."""
    return lambda **config: open_edge(tmp_path / "dist", **config)
