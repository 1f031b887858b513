"""The hosts behind an edge in a test: classes on stores in memory, courses on the edge's Postgres."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg

from actors.archive import Stores
from actors.local import LocalLyceum
from persistence.journal import PostgresJournal
from persistence.learning import PostgresLearningLog
from persistence.memory.live_ownership import MemoryOwnership
from persistence.memory.live_tables import LiveTables
from persistence.pools import SESSION

CONNECTIONS = 8
_MIRROR = """
    INSERT INTO actor_shards (shard_id, host, epoch) SELECT * FROM unnest($1::smallint[], $2::text[], $3::bigint[])
    ON CONFLICT (shard_id) DO UPDATE SET host = excluded.host, epoch = excluded.epoch
"""


class EdgeLyceum(LocalLyceum):
    """Connects when its hosts are first asked for something."""

    def __init__(self, tables: LiveTables, database_url: str) -> None:
        super().__init__(tables)
        url = database_url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._pool: Any = asyncpg.create_pool(url, min_size=0, max_size=CONNECTIONS, server_settings=dict(SESSION))

    def stores(self) -> Stores:
        """See `LocalLyceum.stores`."""
        return replace(
            super().stores(),
            course_journal=PostgresJournal(self._pool),
            learning=PostgresLearningLog(self._pool),
            ownership=_Mirrored(self.tables, self._pool),
        )

    async def close(self) -> None:
        """See `LocalLyceum.close`."""
        await super().close()
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await super().close()  # a host that was killed and called meanwhile has come back
        await self._pool
        await self._pool.close()


class _Mirrored(MemoryOwnership):
    """Claims are known to Postgres as well, for the fence of the courses' journal."""

    def __init__(self, tables: LiveTables, pool: Any) -> None:
        super().__init__(tables)
        self._pool = pool

    async def claim(self, host: str, shard_ids: Sequence[int]) -> dict[int, int]:
        """See `Ownership.claim`."""
        epochs = await super().claim(host, shard_ids)
        if epochs:
            await self._pool
            await self._pool.execute(_MIRROR, list(epochs), [host] * len(epochs), list(epochs.values()))
        return epochs
