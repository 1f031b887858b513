"""Ownership's twin."""

from collections.abc import Mapping, Sequence

from persistence.memory.live_tables import LiveTables
from persistence.ownership import Owner


class MemoryOwnership:
    """An `Ownership` in dictionaries."""

    def __init__(self, tables: LiveTables) -> None:
        self._tables = tables

    async def claim(self, host: str, shard_ids: Sequence[int]) -> dict[int, int]:
        """See `Ownership.claim`."""
        self._tables.reach()
        shards = self._tables.shards
        for shard_id in set(shard_ids):
            shards[shard_id] = (host, shards.get(shard_id, ("", 0))[1] + 1)
        self._tables.owners = None
        return {shard_id: shards[shard_id][1] for shard_id in shard_ids}

    async def take(self, host: str, epochs: Mapping[int, int]) -> dict[int, int]:
        """See `Ownership.take`."""
        self._tables.reach()
        shards = self._tables.shards
        return await self.claim(host, [each for each, epoch in epochs.items() if shards.get(each, ("", 0))[1] == epoch])

    async def owners(self) -> Sequence[Owner]:
        """See `Ownership.owners`."""
        self._tables.reach()
        tables = self._tables
        if tables.owners is None:  # every host reads them every second
            tables.owners = [Owner(shard_id, host, epoch) for shard_id, (host, epoch) in sorted(tables.shards.items())]
        return tables.owners
