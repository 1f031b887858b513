"""Connections for the live class: short timeouts, and one kind of error when Postgres is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from persistence.errors import reaching_store
from persistence.pools import open_pool

CONNECT_SECONDS = 2.0
STATEMENT_SECONDS = 5.0
LOCK_SECONDS = 0.4
"""A claim that waits for others' commits for longer gives up for now: a sign of life must not wait behind it."""
# Stronger than `on` (`remote_apply`) stays as it is.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
_IMPATIENT = f"SET lock_timeout = {int(LOCK_SECONDS * 1000)}"


async def open_live_pool(database_url: str, size: int = 4, impatient: bool = False) -> "asyncpg.Pool[Any]":
    """A pool of at most `size` connections; a `PostgresJournal` on it keeps one of them. Where it is `impatient`, nobody
    waits for another's lock for longer than 0.4 s.

    Commits on them wait for the disk, whatever the server's default. Connecting ends after 2 s, a statement after 5 s.
    Connections that a restart of Postgres cut are replaced when next used. Raises StoreAway when Postgres is away now.
    """
    with reaching_store():
        return await open_pool(
            database_url,
            size,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            init=_wait_for_nothing_but_the_disk if impatient else _wait_for_the_disk,
            reset=_keep_as_it_is,
        )


@asynccontextmanager
async def borrow(pool: "asyncpg.Pool[Any]") -> AsyncIterator["PoolConnectionProxy[Any]"]:
    """A connection for a moment; waits for a free one as long as for a statement. Raises StoreAway."""
    with reaching_store():
        async with pool.acquire(timeout=STATEMENT_SECONDS) as connection:
            yield connection


async def _wait_for_the_disk(connection: Any) -> None:
    """Epochs, snapshots and whatever else is written beside the journal is as durable as the journal."""
    await connection.execute(_DURABLE, timeout=CONNECT_SECONDS)


async def _wait_for_nothing_but_the_disk(connection: Any) -> None:
    await _wait_for_the_disk(connection)
    await connection.execute(_IMPATIENT, timeout=CONNECT_SECONDS)


async def _keep_as_it_is(connection: Any) -> None:
    """Nobody here changes a connection's settings, so giving it back needs no round trip."""
