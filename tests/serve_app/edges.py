"""The HTTP edge as tests open it: a Postgres of its own, real grains on stores in memory, and nothing listens anywhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncConnection

from actors.config import JobValues
from actors.jobs.handlers import CARE, HANDLERS
from actors.jobs.running import Runner
from actors.jobs.tools import JobTools, Mail
from actors.local import LocalLyceum
from actors.logs import configure_logs
from actors.media_nodes import LivingNodes
from actors.media_streams import MediaStreams
from classroom.answers import Accepted
from classroom.callers import Caller, Role
from classroom.ids import CourseId, SessionId, UserId
from classroom.live.commands import Command
from classroom.times import Moment, to_datetime
from persistence.accounts import NewAccount, PostgresAccounts
from persistence.courses import PostgresCourses
from persistence.database import Database, open_engine
from persistence.enrollments import EnrollmentRow, PostgresEnrollments
from persistence.errors import StoreAway
from persistence.idempotency import PostgresIdempotencyKeys
from persistence.ids import new_id
from persistence.job_queue import JobQueue
from persistence.memory.command_keys import MemoryCommandKeys
from persistence.memory.denied import MemoryDenied
from persistence.memory.live_records import MemoryLiveRecords
from persistence.memory.live_tables import LiveTables
from persistence.memory.tickets import MemoryGatewayDirectory, MemoryTickets
from persistence.migrate import upgrade
from persistence.object_store import open_object_store
from persistence.pools import open_pool
from persistence.queue_figures import DeadJob, look_at_queue
from persistence.rate_limits import memory_rate_limits
from persistence.sign_in_throttle import memory_sign_in_throttle
from persistence.sign_ins import PostgresSignIns
from persistence.tokens import AccessTokens
from serve_app.access_log import AccessLog
from serve_app.app import create_edge
from serve_app.composition import EdgeConfig, Parts
from serve_app.opening import system_clock
from serve_app.passwords import Passwords
from serve_app.sealing import Seal
from serve_app.stores import open_stores
from tests.serve_app.local_media import LocalMedia
from tests.serve_app.lyceums import EdgeLyceum

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
    database: "OwnDatabase"
    tables: LiveTables
    lyceum: LocalLyceum
    media: LocalMedia
    """The media node; it is away unless a test revives it."""
    app: FastAPI
    transport: httpx.ASGITransport
    visitor: httpx.AsyncClient
    logged: list[bytes]
    mails: list[Mail] = field(default_factory=list)
    """What `run_jobs` has sent, the first one first."""
    mail_refusals: int = 0
    """So many mails to come are refused for now."""
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

    async def do(self, lesson: "LiveClass", who: Person, command: Command, role: Role | None = None) -> None:
        """A command to a class, as its person's socket would bring it; it must be accepted."""
        caller = Caller(who.id, who.name, role or (Role.INSTRUCTOR if who is lesson.teacher else Role.STUDENT))
        answer = await self.parts.live.execute(SessionId(lesson.id), caller, command)
        assert isinstance(answer, Accepted), answer

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

    async def run_jobs(self, until: Moment | None = None) -> int:
        """Do every job that is due, and what it makes due, in this process; how many were tried. With `until` that moment is
        taken for now: jobs for times before it are due, and handlers read it from their clock. Failed jobs wait for their
        next time: call with a later `until`. Raises nothing of what handlers raise (see `dead_jobs`)."""
        url = self.database.url
        async with await open_pool(url, 2) as pool:
            if until is not None:
                waiting = "UPDATE jobs.pgqueuer SET execute_after = now() WHERE status = 'queued' AND execute_after <= $1"
                await pool.execute(waiting, to_datetime(until))
            clock = self.parts.clock if until is None else lambda: until
            values = JobValues(self.config.http_url, self.config.web_dist.parent)
            objects = self.parts.stores.objects
            tools = JobTools(self.database, Sent(self), values, clock, new_id, self.lyceum.dispatcher, objects)
            return await Runner(JobQueue(pool), tools, HANDLERS, CARE).run_due()

    async def dead_jobs(self) -> list[DeadJob]:
        """The dead letters, the latest first."""
        return (await look_at_queue(self.database.url, 100))[1]

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


class Sent:
    """A mailer that keeps what it is given."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def send(self, mail: Mail, message_id: str) -> None:
        """See `Mailer.send`."""
        if self._edge.mail_refusals > 0:
            self._edge.mail_refusals -= 1
            raise ConnectionError("the test says that the mail server is away")
        self._edge.mails.append(mail)


class OwnDatabase(Database):
    """The database of one edge at `url`. While `away` is set nobody reaches it."""

    away = False

    def __init__(self, url: str) -> None:
        super().__init__(open_engine(url))
        self.url = url

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """See `Database.reading`."""
        self._reach()
        async with super().reading() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """See `Database.writing`."""
        self._reach()
        async with super().writing() as connection:
            yield connection

    def _reach(self) -> None:
        if self.away:
            raise StoreAway("the test says that Postgres is away")


class Databases:
    """Makes databases with the newest schema, as copies of one."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._numbers = iter(range(1_000_000))
        self._ready = asyncio.Lock()
        self._has_template = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OwnDatabase]:
        """A database that nobody else uses, for as long as the block lasts."""
        name = f"edge_{next(self._numbers)}"
        server = await asyncpg.connect(self._server_url)
        try:
            async with self._ready:
                if not self._has_template:
                    # Nothing here has to survive anything.
                    await server.execute("ALTER SYSTEM SET fsync = off")
                    await server.execute("SELECT pg_reload_conf()")
                    await server.execute("CREATE DATABASE template_of_edges")
                    await asyncio.to_thread(upgrade, self._url("template_of_edges"))
                    self._has_template = True
            await server.execute(f"CREATE DATABASE {name} TEMPLATE template_of_edges")
            database = OwnDatabase(self._url(name))
            try:
                yield database
            finally:
                await database.close()
                await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await server.close()

    def _url(self, name: str) -> str:
        parts = urlsplit(self._server_url)
        return urlunsplit(parts._replace(path=f"/{name}"))


class Enrolling(PostgresEnrollments):
    """Enrolments that the classes of `LocalLyceum`, which live in memory, hear of."""

    def __init__(self, database: Database, tables: LiveTables) -> None:
        super().__init__(database)
        self._tables = tables

    async def enroll(
        self, enrollment_id: str, course_id: CourseId, user_id: UserId, now: Moment
    ) -> tuple[EnrollmentRow, bool]:
        """See `Enrollments.enroll`."""
        row, new = await super().enroll(enrollment_id, course_id, user_id, now)
        self._tables.enroll(course_id, user_id, row.user_name, row.user_email)
        return row, new

    async def leave(self, course_id: CourseId, user_id: UserId, now: Moment) -> bool:
        """See `Enrollments.leave`."""
        left = await super().leave(course_id, user_id, now)
        if left:
            self._tables.enroll(course_id, user_id, "", "", active=False)
        return left


@asynccontextmanager
async def open_edge(database: OwnDatabase, web_dist: Path, object_store_url: str = "", **config: Any) -> AsyncIterator[Edge]:
    """An edge over this database."""
    values = EdgeConfig("http://lyceum.test", "ws://lyceum.test:8001/ws", SECRET, web_dist=web_dist)
    values = replace(values, **config)
    tables = LiveTables()
    lyceum = EdgeLyceum(tables, database.url)
    passwords = Passwords(QUICK)

    media = LocalMedia(lyceum.live)

    async def well() -> None:
        tables.reach()

    parts = Parts(
        accounts=PostgresAccounts(database),
        sign_ins=PostgresSignIns(database),
        courses=PostgresCourses(database),
        enrollments=Enrolling(database, tables),
        idempotency=PostgresIdempotencyKeys(database),
        command_keys=MemoryCommandKeys(),
        live_records=MemoryLiveRecords(tables),
        live=lyceum.live,
        progress=lyceum.progress,
        streams=MediaStreams(lyceum.live, media, LivingNodes(media, media.names)),
        tickets=MemoryTickets(),
        gateways=MemoryGatewayDirectory(),
        limits=memory_rate_limits(values.rate_limit_per_minute, values.live_rate_limit_per_minute),
        denied=MemoryDenied(),
        throttle=memory_sign_in_throttle(values.sign_in_tries_per_account, values.sign_in_tries_per_address),
        tokens=AccessTokens(SECRET),
        passwords=passwords,
        seal=Seal(SECRET, b"idempotency"),
        checks={"postgres": database.check, "redis": well, "actors": well, "gateway": well},
        stores=open_stores(database, open_object_store(object_store_url or (web_dist.parent / "objects").as_uri())),
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
            edge = Edge(values, parts, database, tables, lyceum, media, app, transport, visitor, logged)
            yield edge
            await edge.close()
    await media.close()
    await lyceum.close()
    await parts.limits.close()
    passwords.close()
