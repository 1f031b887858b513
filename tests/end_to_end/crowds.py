"""Classes and crowds of the running system, and a witness that looks into Postgres while they storm."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from loadtests.answers import REFUSED
from loadtests.crowd import Crowd, Journey, OnAnswer, RestCrowd, SocketCrowd, allow_many_connections
from loadtests.http_client import HttpConnection, get_request
from loadtests.prepared import PreparedClass, read_prepared
from loadtests.record import is_on_record

_DECIDED_AFTER = """
SELECT payload->>'userId' AS student_id FROM live_events
WHERE session_id = $1 AND at > $2 AND type IN ('seat.taken', 'waitlist.joined')
"""


async def prepare(lyceum: Any, students: int, capacity: int) -> PreparedClass:
    """A started class, made by the command that load testers use."""
    allow_many_connections()
    words = ("loadtest", "prepare", "--students", str(students), "--capacity", str(capacity))
    done = await asyncio.to_thread(lyceum.command, *words, timeout=120)
    assert done.returncode == 0, done.stderr
    return read_prepared(done.stdout)


@asynccontextmanager
async def crowd_at(
    lyceum: Any, prepared: PreparedClass, over: str, on_answer: OnAnswer | None = None
) -> AsyncIterator[Crowd]:
    """All students of the class before the door, connected."""
    crowd: Crowd
    if over == "socket":
        crowd = SocketCrowd(lyceum.realtime_url, prepared.students, on_answer)
    else:
        crowd = RestCrowd(lyceum.http_url, prepared.students, on_answer=on_answer)
    await crowd.open()
    try:
        yield crowd
    finally:
        await crowd.close()


class Witness:
    """Looks into Postgres for every `each`-th answer in the moment in which it came."""

    def __init__(self, pool: "asyncpg.Pool[Any]", session_id: str, each: int) -> None:
        self._pool = pool
        self._session_id = session_id
        self._each = each
        self._heard = 0
        self._looks: list[asyncio.Task[bool]] = []

    def hear(self, journey: Journey) -> None:
        """An answer came."""
        self._heard += 1
        if self._heard % self._each == 0:
            self._looks.append(asyncio.create_task(self._look(journey)))

    async def verdict(self) -> tuple[int, int]:
        """How many answers were looked up, and how many of them Postgres held."""
        found = await asyncio.gather(*self._looks)
        return len(found), sum(found)

    async def _look(self, journey: Journey) -> bool:
        async with self._pool.acquire() as connection:
            return await is_on_record(connection, self._session_id, journey.student_id, journey.answer)


@asynccontextmanager
async def witness(lyceum: Any, prepared: PreparedClass, each: int) -> AsyncIterator[Witness]:
    """A witness with connections of its own, opened beforehand."""
    async with asyncpg.create_pool(lyceum.database_url, min_size=4, max_size=4) as pool:
        yield Witness(pool, prepared.session_id, each)


class Progress:
    """Counts answers; lets a test act in the middle of a stampede."""

    def __init__(self) -> None:
        self._count = 0
        self._news = asyncio.Event()

    def hear(self, journey: Journey) -> None:
        """An answer came."""
        assert journey.answer.outcome != REFUSED, journey
        self._count += 1
        self._news.set()

    async def reached(self, count: int, timeout_seconds: float = 60) -> None:
        """Return when so many answers have come."""
        async with asyncio.timeout(timeout_seconds):
            while self._count < count:
                self._news.clear()
                await self._news.wait()


async def healthy(lyceum: Any, timeout_seconds: float = 60) -> None:
    """Return when every part of the system says that it is well."""
    parts = urlsplit(lyceum.http_url)
    async with asyncio.timeout(timeout_seconds):
        while True:
            try:
                connection = await HttpConnection.open(parts.hostname or "", parts.port or 80)
                try:
                    status, _ = await connection.ask(get_request(parts.netloc, "/api/health"), timeout_seconds=10)
                finally:
                    connection.close()
                if status == 200:
                    return
            except OSError:
                status = 0
            await asyncio.sleep(0.1)


async def next_answer(lyceum: Any, prepared: PreparedClass, journeys: Sequence[Journey], struck_at: float) -> float:
    """Seconds until the first answer that a new host decided: those of dead ones may still be on their way."""
    wall = datetime.now(UTC) - timedelta(seconds=perf_counter() - struck_at)
    connection: asyncpg.Connection[Any] = await asyncpg.connect(lyceum.database_url)
    try:
        decided = await connection.fetch(_DECIDED_AFTER, prepared.session_id, wall)
    finally:
        await connection.close()
    students = {row["student_id"] for row in decided}
    return min(each.answered_at for each in journeys if each.student_id in students) - struck_at
