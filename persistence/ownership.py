"""Who owns the shards: the table that makes a stale owner harmless."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from persistence.live_pool import borrow


@dataclass(frozen=True)
class Owner:
    """`host` owns `shard_id` since it claimed it as its `epoch`-th ownership."""

    shard_id: int
    host: str
    epoch: int


class Ownership(Protocol):
    """Claims shards. Raises StoreAway when Postgres is away."""

    async def claim(self, host: str, shard_ids: Sequence[int]) -> dict[int, int]:
        """Make `host` the owner of the shards; their new epochs. Waits for commits of the former owners that are under
        way; when this returns, they can write nothing any more."""
        ...

    async def take(self, host: str, epochs: Mapping[int, int]) -> dict[int, int]:
        """`claim` those of the shards whose epoch is still the given one, 0 for a shard that nobody ever claimed; the new
        epochs of those that were taken: none, when commits of former owners are under way for longer than the connection
        waits for locks."""
        ...

    async def owners(self) -> Sequence[Owner]:
        """Every shard that was ever claimed, by shard."""
        ...


# In the order of the shards, as a commit's fence locks them.
_CLAIM = """
    INSERT INTO actor_shards (shard_id, host, epoch)
    SELECT DISTINCT shard_id, $1, 1 FROM unnest($2::smallint[]) AS w(shard_id) ORDER BY shard_id
    ON CONFLICT (shard_id) DO UPDATE SET host = excluded.host, epoch = actor_shards.epoch + 1
    RETURNING shard_id, epoch
"""


_TAKE = """
    INSERT INTO actor_shards (shard_id, host, epoch)
    SELECT shard_id, $1, epoch + 1 FROM unnest($2::smallint[], $3::bigint[]) AS w(shard_id, epoch) ORDER BY shard_id
    ON CONFLICT (shard_id) DO UPDATE SET host = excluded.host, epoch = excluded.epoch
    WHERE actor_shards.epoch = excluded.epoch - 1
    RETURNING shard_id, epoch
"""


class PostgresOwnership:
    """An `Ownership` on the table `actor_shards`."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def claim(self, host: str, shard_ids: Sequence[int]) -> dict[int, int]:
        """See `Ownership.claim`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_CLAIM, host, list(shard_ids))
        return {row["shard_id"]: row["epoch"] for row in rows}

    async def take(self, host: str, epochs: Mapping[int, int]) -> dict[int, int]:
        """See `Ownership.take`."""
        try:
            async with borrow(self._pool) as connection:
                rows = await connection.fetch(_TAKE, host, list(epochs), list(epochs.values()))
        except asyncpg.LockNotAvailableError:
            return {}
        return {row["shard_id"]: row["epoch"] for row in rows}

    async def owners(self) -> Sequence[Owner]:
        """See `Ownership.owners`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch("SELECT shard_id, host, epoch FROM actor_shards ORDER BY shard_id")
        return [Owner(row["shard_id"], row["host"], row["epoch"]) for row in rows]
