"""Jobs as those see them who cause them: enqueued in the transaction of their cause, and done by a JobWorker after it."""

import json
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.times import Moment
from persistence.models import MomentType

MOST_BYTES = 65_536
"""No payload is larger: what is large has a row or an object of its own, and the payload names it."""
KEY_LENGTH = 300

# The row of a key that is queued is locked until this transaction ends: the job starts after it and sees what it wrote.
# A job that runs has no key (see `JobQueue.claim`), so its cause queues it anew.
_ENQUEUE = text(
    """
    INSERT INTO jobs.pgqueuer AS job (priority, entrypoint, payload, execute_after, dedupe_key, status)
    VALUES (0, :kind, :payload, coalesce(:run_at, clock_timestamp()), :key, 'queued')
    ON CONFLICT (dedupe_key) WHERE (
        status = ANY (ARRAY[CAST('queued' AS jobs.pgqueuer_status), CAST('picked' AS jobs.pgqueuer_status)])
        AND dedupe_key IS NOT NULL
    )
    DO UPDATE SET execute_after = LEAST(job.execute_after, EXCLUDED.execute_after)
    """
).bindparams(bindparam("run_at", type_=MomentType()))


async def enqueue(
    connection: AsyncConnection,
    kind: str,
    payload: dict[str, Any],
    *,
    run_at: Moment | None = None,
    key: str | None = None,
) -> None:
    """Have a job done, at `run_at` or at once, if and after the transaction of `connection` commits.

    It is done at least once: handlers are idempotent. While a job of this kind and key waits, enqueuing it again adds none
    (the earlier `run_at` holds, and the payload of the first); it then runs after both causes have committed. Raises
    ValueError for a payload of more than 64 KB or a key of more than 300 characters.
    """
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    if len(body) > MOST_BYTES:
        raise ValueError(f"a job of kind {kind} has a payload of {len(body)} bytes, and at most {MOST_BYTES} may it have")
    if key is not None and len(key) > KEY_LENGTH:
        raise ValueError(f"a job of kind {kind} has a key of {len(key)} characters, and at most {KEY_LENGTH} may it have")
    values = {"kind": kind, "payload": body, "run_at": run_at, "key": None if key is None else f"{kind}:{key}"}
    await connection.execute(_ENQUEUE, values)
