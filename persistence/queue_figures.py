"""What operators see of the queue of jobs: how long it is, and what was given up. Plain asyncpg, so that it starts fast."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import asyncpg

from persistence.errors import reaching_store

SECONDS = 5.0
_SIZES = """
SELECT count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS waiting,
    count(*) FILTER (WHERE status = 'queued' AND execute_after > now()) AS later,
    count(*) FILTER (WHERE status = 'picked') AS running,
    count(*) FILTER (WHERE status = 'failed') AS dead
FROM jobs.pgqueuer
"""
_DEAD = """
SELECT job.id, job.entrypoint, job.payload, job.attempts, job.updated, last.traceback
FROM jobs.pgqueuer AS job LEFT JOIN LATERAL (
    SELECT traceback FROM jobs.pgqueuer_log WHERE job_id = job.id AND traceback IS NOT NULL ORDER BY created DESC LIMIT 1
) AS last ON true
WHERE job.status = 'failed' ORDER BY job.updated DESC, job.id DESC LIMIT $1
"""


@dataclass(frozen=True)
class DeadJob:
    """A job that was given up, with the last reason; `since` in ISO 8601."""

    id: int
    kind: str
    payload: dict[str, Any]
    tries: int
    since: str
    reason: str


@dataclass(frozen=True)
class QueueSizes:
    """How many jobs wait, wait for their time, run and were given up."""

    waiting: int
    later: int
    running: int
    dead: int


async def look_at_queue(database_url: str, most: int) -> tuple[QueueSizes, list[DeadJob]]:
    """How long the queue is, and up to `most` dead letters, the latest first. Raises StoreAway within five seconds."""
    with reaching_store():
        async with asyncio.timeout(SECONDS):
            connection: asyncpg.Connection[Any] = await asyncpg.connect(
                database_url.replace("postgresql+asyncpg://", "postgresql://", 1), timeout=SECONDS
            )
            try:
                (sizes,) = await connection.fetch(_SIZES)
                return QueueSizes(**sizes), [_dead(row) for row in await connection.fetch(_DEAD, most)]
            finally:
                connection.terminate()


def _dead(row: Any) -> DeadJob:
    reason = json.loads(row["traceback"] or "{}").get("reason", "")
    return DeadJob(
        row["id"], row["entrypoint"], json.loads(row["payload"]), row["attempts"] + 1, row["updated"].isoformat(), reason
    )
