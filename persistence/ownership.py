"""Who owns the shards: the table that makes a stale owner harmless."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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

    async def owners(self) -> Sequence[Owner]:
        """Every shard that was ever claimed, by shard."""
        ...
