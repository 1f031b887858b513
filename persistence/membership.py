"""Which hosts live: each notes it twice a second or so, and hears who else does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from persistence.live_pool import borrow


@dataclass(frozen=True)
class Member:
    """A host as the table knows it. `seen` is another value each time the host has noted that it lives; `silent_seconds` is
    how long ago that was, by the clock of the store alone; `has_left` says that it ended in order."""

    host: str
    run: str
    seen: int
    silent_seconds: float
    has_left: bool


class Membership(Protocol):
    """The table of hosts. Raises StoreAway when Postgres is away."""

    async def enter(self, host: str, run: str) -> Sequence[Member]:
        """Begin to live under this name: an earlier run of it is known no more. All members, oneself as before this."""
        ...

    async def note(self, host: str, run: str) -> Sequence[Member] | None:
        """Live on. All members, oneself as before this; None when a later run has the name."""
        ...

    async def leave(self, host: str, run: str) -> None:
        """End in order, so that others need not wait until the silence is long enough."""
        ...


_SEEN = "(extract(epoch FROM seen_at) * 1000000)::bigint"
_NOTED = f"""
    SELECT name, run, {_SEEN} AS seen, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent, has_left
    FROM grain_hosts ORDER BY name
"""  # noqa: S608 - our own columns
_ENTER = f"""
    WITH noted AS (
        INSERT INTO grain_hosts (name, run, seen_at, has_left) VALUES ($1, $2, clock_timestamp(), false)
        ON CONFLICT (name) DO UPDATE SET run = excluded.run, seen_at = excluded.seen_at, has_left = false
    ), forgotten AS (
        DELETE FROM grain_hosts WHERE name <> $1 AND seen_at < clock_timestamp() - interval '1 day'
    )
    {_NOTED}
"""  # noqa: S608 - our own columns
# `held` is true unless the name has a row and that is of another run.
_NOTE = f"""
    WITH noted AS (
        INSERT INTO grain_hosts AS known (name, run, seen_at, has_left) VALUES ($1, $2, clock_timestamp(), false)
        ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, has_left = false WHERE known.run = excluded.run
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM noted) AS held, members.*
    FROM (VALUES (true)) AS once LEFT JOIN ({_NOTED}) AS members ON true
"""  # noqa: S608 - our own columns


class PostgresMembership:
    """A `Membership` on the table `grain_hosts`, which outlives no crash of Postgres and costs no flush to disk."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def enter(self, host: str, run: str) -> Sequence[Member]:
        """See `Membership.enter`."""
        async with borrow(self._pool) as connection:
            return _members(await connection.fetch(_ENTER, host, run))

    async def note(self, host: str, run: str) -> Sequence[Member] | None:
        """See `Membership.note`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_NOTE, host, run)
        return _members(rows) if rows[0]["held"] else None

    async def leave(self, host: str, run: str) -> None:
        """See `Membership.leave`."""
        async with borrow(self._pool) as connection:
            await connection.execute("UPDATE grain_hosts SET has_left = true WHERE name = $1 AND run = $2", host, run)


def _members(rows: Sequence[Any]) -> list[Member]:
    return [Member(row["name"], row["run"], row["seen"], row["silent"], row["has_left"]) for row in rows if row["name"]]
