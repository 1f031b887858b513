"""The queue of jobs as workers see it: pgqueuer's tables and statements on asyncpg, in the schema `jobs`."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
from pgqueuer.adapters.persistence import qb
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel, QueueEntrypoint, QueueManagerId

from persistence.errors import AWAY
from persistence.live_pool import borrow

STALE_SECONDS = 10.0
"""Who has claimed a job and given no sign of life for so long has lost it to whoever asks next."""
KEEP_LOG = timedelta(days=1)
KEEP_DEAD = timedelta(days=30)
DEAD_AT_MOST = 10_000
_TIDY_ROWS = 10_000

# Every name that pgqueuer would otherwise look for in the environment, which only `serve_app/settings.py` reads.
_SETTINGS = DBSettings(
    prefix="",
    db_schema="jobs",
    channel=Channel("lyceum_jobs"),
    function="fn_pgqueuer_changed",
    statistics_table="pgqueuer_statistics",
    queue_status_type="pgqueuer_status",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    trigger="tg_pgqueuer_changed",
    schedules_table="pgqueuer_schedules",
    durability=Durability.durable,
)
INSTALL = qb.QueryBuilderEnvironment(_SETTINGS).build_install_query()
"""What makes the tables; pgqueuer's own upgrades (`Queries.plan_upgrade`) belong into a migration of their release."""

_BEAT = """
UPDATE jobs.pgqueuer SET heartbeat = now()
WHERE id = ANY($1::bigint[]) AND queue_manager_id = $2 AND status = 'picked' RETURNING id
"""
# Whoever enqueues the same key from now on has a job of its own: this one may have looked already. Beginnings are counted
# here because pgqueuer counts the failures that a worker lived to tell, and not those that killed it.
_BEGIN = """
UPDATE jobs.pgqueuer SET dedupe_key = NULL,
    headers = jsonb_build_object('begun', coalesce((headers ->> 'begun')::int, 0) + 1)
WHERE id = ANY($1::bigint[]) RETURNING id, (headers ->> 'begun')::int AS begun
"""
_PUT_BACK = """
UPDATE jobs.pgqueuer SET status = 'queued', execute_after = now(), updated = now(), attempts = 0, headers = NULL
WHERE id = ANY($1::bigint[]) AND status = 'failed'
"""
_TIDY_LOG = """
DELETE FROM jobs.pgqueuer_log WHERE id IN (
    SELECT id FROM jobs.pgqueuer_log WHERE created < now() - $1::interval ORDER BY created LIMIT $2
)
"""
_TIDY_DEAD = """
DELETE FROM jobs.pgqueuer WHERE status = 'failed' AND (
    updated < now() - $1::interval
    OR id IN (SELECT id FROM jobs.pgqueuer WHERE status = 'failed' ORDER BY updated DESC, id DESC OFFSET $2)
)
"""


@dataclass(frozen=True)
class Job:
    """Something to do. `tries` have failed before, or have ended with their worker."""

    id: int
    kind: str
    payload: dict[str, Any]
    tries: int


class JobQueue:
    """The queue, for one worker. Every call raises StoreAway when Postgres is away.

    What a worker has claimed is nobody else's until it is settled, or until the worker has not called `beat` for ten
    seconds. Connections of the pool are borrowed for a moment; `listening` keeps one.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._worker = QueueManagerId(uuid4())
        self._sql = qb.QueryQueueBuilder(_SETTINGS)

    async def claim(self, kinds: Mapping[str, int], most: int) -> list[Job]:
        """Up to `most` jobs of these kinds that are due, the oldest first; of a kind at most so many run at once, over all
        workers, as its number says (0: any number)."""
        query = self._sql.build_dequeue_query(
            batch_size=most,
            entrypoints=[QueueEntrypoint(kind) for kind in kinds],
            concurrency_limits=list(kinds.values()),
            queue_manager_id=self._worker,
            global_concurrency_limit=None,
            heartbeat_timeout=timedelta(seconds=STALE_SECONDS),
        )
        async with borrow(self._pool) as connection:
            try:
                async with connection.transaction():
                    rows = await connection.fetch(query.sql, *query.args)
                    begun = dict(await connection.fetch(_BEGIN, [row["id"] for row in rows]) if rows else [])
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
                return []  # another worker took the last place of a limited kind in the same moment
        return [Job(row["id"], row["entrypoint"], json.loads(row["payload"] or b"{}"), begun[row["id"]] - 1) for row in rows]

    async def finish(self, job: Job) -> None:
        """The job is done."""
        await self._execute(self._sql.build_log_job_query(), [job.id], ["successful"], [None])

    async def retry(self, job: Job, seconds: float, reason: str) -> None:
        """The job failed and is due again in so many seconds."""
        await self._execute(self._sql.build_retry_job_query(), job.id, timedelta(seconds=seconds), _why(reason))

    async def give_up(self, job: Job, reason: str) -> None:
        """The job failed for good: a dead letter."""
        await self._execute(self._sql.build_log_job_query(), [job.id], ["failed"], [_why(reason)])

    async def beat(self, ids: Collection[int]) -> set[int]:
        """A sign of life for what this worker has claimed; the ids that are still its own."""
        async with borrow(self._pool) as connection:
            return {row["id"] for row in await connection.fetch(_BEAT, list(ids), self._worker)}

    async def seconds_until_due(self, kinds: Collection[str]) -> float | None:
        """How long until the next job that waits for its time; None when there is none."""
        async with borrow(self._pool) as connection:
            eta = await connection.fetchval(self._sql.build_next_deferred_eta_query(), list(kinds))
        return None if eta is None else float(eta.total_seconds())

    @asynccontextmanager
    async def listening(self, heard: Callable[[], None]) -> AsyncIterator[Callable[[], bool]]:
        """Call `heard` whenever something changed in the queue, and when the connection that listens is lost; what is
        yielded says whether it is."""

        lost = asyncio.Event()

        def notice(*_: object) -> None:
            heard()

        def lose(_: object) -> None:
            lost.set()
            heard()

        async with borrow(self._pool) as connection:
            connection.add_termination_listener(lose)
            await connection.add_listener(_SETTINGS.channel, notice)
            try:
                yield lost.is_set
            finally:
                # Lost, there is nothing to take back; who is cancelled here must not hear of a lost connection instead.
                with suppress(*AWAY):
                    connection.remove_termination_listener(lose)
                    await connection.remove_listener(_SETTINGS.channel, notice)

    async def put_back(self, ids: Collection[int]) -> None:
        """Have dead letters done again, with all their tries."""
        await self._execute(_PUT_BACK, list(ids))

    async def tidy(self) -> bool:
        """Drop what is old: what was logged of jobs a day ago, of which there may be more than one call takes (then True),
        and dead letters of a month ago or beyond 10,000."""
        done = await self._execute(_TIDY_LOG, KEEP_LOG, _TIDY_ROWS)
        await self._execute(_TIDY_DEAD, KEEP_DEAD, DEAD_AT_MOST)
        return done == f"DELETE {_TIDY_ROWS}"

    async def _execute(self, sql: str, *arguments: object) -> str:
        async with borrow(self._pool) as connection:
            return str(await connection.execute(sql, *arguments))


def _why(reason: str) -> str:
    return json.dumps({"reason": reason[:2_000].replace("\x00", "")})
